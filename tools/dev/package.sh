# ./dev package [OPTION...]: the Debian package of the release build; the options are those of packaging/build.
# shellcheck shell=bash

verb_package() {
    local option
    for option in "$@"; do
        case $option in
            -h | --help | --binary) # nothing to build first
                [ "$option" != --binary ] || set_up package
                packaging/build "$@"
                return
                ;;
        esac
    done
    set_up build package
    build_web
    build_preset release postseal || exit 1
    say "package"
    packaging/build "$@"
}
