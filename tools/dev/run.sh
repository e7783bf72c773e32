# ./dev run: the whole product on loopback, with a small internet of its own.
# shellcheck shell=bash

verb_run() {
    set_up build run
    build_web
    build_preset release postseal || exit 1
    exec build/release/postseal demo "$@"
}
