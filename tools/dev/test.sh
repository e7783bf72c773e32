# ./dev test: everything CI runs. The last line is "N passed, N failed": checks, gtest cases, corpus files and scenes.
# shellcheck shell=bash

source tools/dev/check.sh

passed=0 failed=0 not_run=()

# not_here REASON: something that this machine cannot run. In CI that is a failure.
not_here() {
    echo "not run: $1"
    not_run+=("$1")
    ! $in_ci || failed=$((failed + 1))
}

# count FILE: adds a summary.json of tools/run_tests.py.
count_units() {
    local numbers p f skips
    if ! numbers=$(python3 -c 'import json,sys; s=json.load(open(sys.argv[1])); print(s["passed"], s["failed"], s["skipped"])' "$1"); then
        echo "FAIL  no results in $1"
        failed=$((failed + 1))
        return
    fi
    read -r p f skips <<<"$numbers"
    passed=$((passed + p))
    failed=$((failed + f))
    [ "$skips" -eq 0 ] || not_here "$skips unit tests that skipped themselves (${1#"$root"/})"
}

# Builds a preset and runs its unit tests and corpora. Returns 1 when it does not build.
test_preset() {
    local preset=$1
    if ! build_preset "$preset"; then
        echo "FAIL  preset $preset does not build"
        failed=$((failed + 1))
        return 1
    fi
    say "unit tests and corpora, $preset"
    tools/run_tests.py --build "build/$preset" --out "$artefacts/unit-$preset" --jobs "$jobs" || true
    count_units "$artefacts/unit-$preset/summary.json"
}

# scenes PRESET [t-NN...]: plays them with that preset's program.
scenes() {
    local preset=$1 folder=$artefacts/scenes-$1 code=0 numbers
    shift
    say "scenes, $preset${1:+: $*}"
    rm -rf "$folder"
    mkdir -p "$folder"
    POSTSEAL="$root/build/$preset/postseal" POSTSEAL_CACHE="$cache" POSTSEAL_ARTEFACTS="$folder" tests/run "$@" || code=$?
    if numbers=$(python3 - "$folder/scenes.json" <<'PY'
import json, sys
scenes = json.load(open(sys.argv[1]))
print(sum(s["passed"] for s in scenes), sum(not s["passed"] for s in scenes))
PY
    ) 2>/dev/null; then
        passed=$((passed + ${numbers% *}))
        failed=$((failed + ${numbers#* }))
        [ $code -eq 0 ] || [ "${numbers#* }" -gt 0 ] || failed=$((failed + 1))
    else
        echo "FAIL  the scenes left no result (tests/run ended with $code)"
        failed=$((failed + 1))
    fi
}

# release_build LONG: what is packaged. Its unit tests are those of the sanitizer build over again; the long run has the time.
release_build() {
    if $1; then
        test_preset release
    elif ! build_preset release postseal; then
        echo "FAIL  preset release does not build"
        failed=$((failed + 1))
        return 1
    fi
}

verb_test() {
    local long=false
    case ${1:-} in
        --long) long=true ;;
        "") ;;
        *) die "test: what is \"$1\"? (test [--long])" ;;
    esac
    set_up build run lint fuzz package test
    build_web

    say "checks"
    run_checks
    ! $long || check clang-tidy-slow check_tidy --slow
    passed=$((passed + checks_passed))
    failed=$((failed + checks_failed))

    if test_preset asan && [ -x tests/run ] && [ -x build/asan/postseal ]; then
        if is_root; then
            scenes asan
        else
            not_here "the scenes need root (network namespaces)"
        fi
    fi
    if release_build $long && is_root && [ -x build/release/postseal ]; then
        local names
        mapfile -t names < <(grep '^t-' tests/scenes-release.txt)
        scenes release "${names[@]}"
        ! $long || scenes release --long
    fi
    if $long; then
        test_preset tsan || true
        source tools/dev/fuzz.sh
        if (verb_fuzz all 300); then
            passed=$((passed + 1))
        else
            failed=$((failed + 1))
        fi
    fi

    say "done"
    [ ${#not_run[@]} -eq 0 ] || printf 'not run: %s\n' "${not_run[@]}"
    echo "$passed passed, $failed failed"
    [ $failed -eq 0 ]
}
