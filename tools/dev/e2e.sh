# ./dev e2e: the scenes of tests/ alone, with the ASan+UBSan program.
# shellcheck shell=bash

verb_e2e() {
    [ -x tests/run ] || die "there are no scenes yet (tests/run is missing)"
    is_root || die "scenes need root: they run in network namespaces"
    set_up build run test
    build_web
    build_preset asan postseal || exit 1
    mkdir -p "$artefacts/e2e"
    POSTSEAL="$root/build/asan/postseal" POSTSEAL_CACHE="$cache" POSTSEAL_ARTEFACTS="$artefacts/e2e" tests/run "$@"
}
