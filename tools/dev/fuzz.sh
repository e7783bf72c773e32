# ./dev fuzz: libFuzzer over the parsers. Ends with "fuzz: N targets, N executions, N crashes".
# shellcheck shell=bash

# fuzz_one TARGET SECONDS: runs it and leaves its executions and crashes in build/artefacts/fuzz/TARGET/result.
fuzz_one() {
    local target=$1 seconds=$2 folder=$artefacts/fuzz/$1 code=0
    rm -rf "$folder"
    mkdir -p "$folder/corpus" # inputs that reached new code; worth a place in fuzz/corpus/ when they teach something
    UBSAN_OPTIONS=print_stacktrace=1 "build/fuzz/fuzz/${target}_fuzz" -max_total_time="$seconds" -print_final_stats=1 \
        -timeout=10 -rss_limit_mb=2048 -artifact_prefix="$folder/" "$folder/corpus" "fuzz/corpus/$target" \
        >"$folder/log" 2>&1 || code=$?
    local executions
    executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$folder/log")
    if [ -z "$executions" ]; then # a crash prints no statistics; the last progress line has the number
        executions=$(sed -n 's/^#\([0-9][0-9]*\).*/\1/p' "$folder/log" | tail -n 1)
    fi
    echo "${executions:-0} $((code == 0 ? 0 : 1))" >"$folder/result"
    if [ $code -eq 0 ]; then
        printf 'ok    %-20s %12s executions\n' "$target" "$executions"
    else
        printf 'CRASH %-20s %12s executions: %s\n' "$target" "${executions:-0}" \
            "$(grep -m 1 -E 'ERROR|runtime error|SUMMARY' "$folder/log" || tail -n 1 "$folder/log")"
        find "$folder" -maxdepth 1 -type f \( -name 'crash-*' -o -name 'timeout-*' -o -name 'oom-*' -o -name 'leak-*' \) \
            -printf "      input: build/artefacts/fuzz/$target/%f\n"
    fi
}

verb_fuzz() {
    local wanted=${1:-all} seconds=${2:-30} targets=() target
    [[ $seconds =~ ^[1-9][0-9]*$ ]] || die "fuzz: SECONDS is a number, not \"$seconds\""
    for target in fuzz/*_fuzz.cpp; do
        [ -f "$target" ] || continue
        target=$(basename "$target" _fuzz.cpp)
        if [ "$wanted" = all ] || [ "$wanted" = "$target" ]; then
            targets+=("$target")
        fi
    done
    [ ${#targets[@]} -gt 0 ] || die "fuzz: no target \"$wanted\" (there are: $(cd fuzz && printf '%s ' *_fuzz.cpp | sed 's/_fuzz\.cpp//g'))"
    set_up build fuzz
    build_preset fuzz "${targets[@]/%/_fuzz}" || exit 1

    say "fuzzing ${#targets[@]} targets, $seconds s each, $jobs at a time"
    for target in "${targets[@]}"; do
        while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do
            wait -n || true
        done
        fuzz_one "$target" "$seconds" &
    done
    wait
    local executions=0 crashes=0 e c
    for target in "${targets[@]}"; do
        read -r e c <"$artefacts/fuzz/$target/result"
        executions=$((executions + e))
        crashes=$((crashes + c))
    done
    echo "fuzz: ${#targets[@]} targets, $executions executions, $crashes crashes"
    [ $crashes -eq 0 ]
}
