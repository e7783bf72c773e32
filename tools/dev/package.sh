# ./dev package: the Debian package.
# shellcheck shell=bash

verb_package() {
    [ -x packaging/build ] || die "package: there is no packaging yet (packaging/build is missing)"
    set_up build package
    build_web
    build_preset release postseal || exit 1
    packaging/build "$@"
}
