# ./dev bench: one line per goal of the design's section on performance.
# shellcheck shell=bash

verb_bench() {
    [ -x bench/run ] || die "bench: there are no benchmarks yet (bench/run is missing)"
    set_up build run test bench
    build_web
    cmake --preset release -DPOSTSEAL_BENCH=ON >/dev/null || exit 1
    build_preset release || exit 1
    mkdir -p "$artefacts/bench"
    POSTSEAL="$root/build/release/postseal" POSTSEAL_BENCH="$root/build/release/bench" \
        POSTSEAL_ARTEFACTS="$artefacts/bench" bench/run "$@"
}
