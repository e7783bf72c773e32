# What every verb of ./dev uses: words to the person, folders, a number of jobs. Sourced by ./dev.
# shellcheck shell=bash

artefacts=$root/build/artefacts
cache=${POSTSEAL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/postseal} # lint results, debootstrap roots: outside the clone
jobs=${POSTSEAL_JOBS:-$(nproc)}
in_ci=false
[ "${CI:-}" != true ] || in_ci=true

usage() {
    cat <<'HELP'
Usage: ./dev VERB

  run                      set up, build, start the product on loopback with an internet of its own: the panel's address
  test [--long]            everything CI runs: check, unit tests and corpora (ASan+UBSan), release, scenes
  build [PRESET]           build/release/postseal, or another preset: dev, asan, tsan, release
  check                    format, lint, layers, RFC index, scripts
  e2e [t-NN]               the scenes of tests/, or one of them (root, network namespaces)
  bench [NAME]             the goals of the design, measured beside floor and peer
  fuzz [TARGET|all] [SEC]  libFuzzer targets, SEC seconds each (default: all, 30)
  package [OPTION]         build/package/postseal_VERSION_ARCH.deb, the Debian package (package --help)
  help                     this

Missing Debian packages are installed first (tools/packages.txt; apt only, with sudo if you are not root).
Artefacts: build/artefacts/.  Environment: POSTSEAL_JOBS, POSTSEAL_CACHE (default ~/.cache/postseal).
HELP
}

# One line about what happens now, with the seconds since start.
say() { printf '\n== [%4ds] %s\n' "$SECONDS" "$*"; }

die() { # a usage error, or something that could not run
    printf './dev: %s\n' "$*" >&2
    exit 2
}

is_root() { [ "$(id -u)" -eq 0 ]; }
