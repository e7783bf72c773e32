# The web panel and the CMake presets.
# shellcheck shell=bash

# npm ci in web/, only when the lock file changed.
web_dependencies() {
    local lock stamp=build/web.lock
    mkdir -p build
    lock=$(sha256sum web/package-lock.json | cut -d' ' -f1)
    if [ ! -d web/node_modules ] || [ "$(cat $stamp 2>/dev/null)" != "$lock" ]; then
        say "web: npm ci"
        (cd web && npm ci --no-audit --no-fund) || die "npm ci failed"
        echo "$lock" >$stamp
    fi
}

# Builds web/dist when web/ is there and has changed since.
build_web() {
    [ -f web/package.json ] || return 0
    local inputs stamp=build/web.inputs
    web_dependencies
    # What the bundle is made of: everything in web/ but its products, and the shared message catalogues.
    inputs=$(find web messages \( -name node_modules -o -name dist \) -prune -o -type f -print0 |
        sort -z | xargs -0 sha256sum | sha256sum | cut -d' ' -f1)
    if [ ! -d web/dist ] || [ "$(cat $stamp 2>/dev/null)" != "$inputs" ]; then
        say "web: npm run build"
        (cd web && npm run build) || die "the web panel does not build"
        echo "$inputs" >$stamp
    fi
}

# build_preset PRESET [TARGET...]: configure (CMake skips what is unchanged) and build.
build_preset() {
    local preset=$1
    shift
    say "building preset $preset"
    mkdir -p "$artefacts"
    if ! cmake --preset "$preset" >"$artefacts/configure-$preset.log" 2>&1; then
        cat "$artefacts/configure-$preset.log" >&2
        return 1
    fi
    cmake --build "build/$preset" -j "$jobs" ${1:+--target "$@"}
}

verb_build() {
    local preset=${1:-release}
    [ $# -le 1 ] || die "build takes one preset at most"
    set_up build
    [ "$preset" != fuzz ] || set_up build fuzz
    build_web
    build_preset "$preset" || exit 1
    [ ! -x "build/$preset/postseal" ] || say "built build/$preset/postseal"
}
