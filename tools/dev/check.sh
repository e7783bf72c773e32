# ./dev check: every check prints one line; the output of one that fails comes before its line.
# shellcheck shell=bash

checks_passed=0 checks_failed=0 checks_skipped=0

# check NAME FUNCTION: exit 0 = ok, 77 = cannot run here (the last line says why), else failed.
check() {
    local name=$1 log=$artefacts/check/$1.log code=0
    shift
    ("$@") >"$log" || code=$? # progress goes to stderr, findings and the last line to stdout
    local last
    last=$(tail -n 1 "$log")
    case $code in
        0)
            printf 'ok    %-12s %s\n' "$name" "$last"
            checks_passed=$((checks_passed + 1))
            ;;
        77)
            printf 'skip  %-12s %s\n' "$name" "$last"
            checks_skipped=$((checks_skipped + 1))
            ;;
        *)
            head -n -1 "$log"
            printf 'FAIL  %-12s %s\n' "$name" "$last"
            checks_failed=$((checks_failed + 1))
            ;;
    esac
}

# Files of these patterns that git knows, or would add.
project_files() {
    git ls-files -co --exclude-standard -- "$@" | while read -r file; do
        [ ! -f "$file" ] || echo "$file"
    done
}

check_format() {
    local tool=clang-format-14 files
    if ! command -v $tool >/dev/null; then
        echo "$tool is not in this Debian release; versions differ in their output, so Debian 12 is the judge"
        return 77
    fi
    mapfile -t files < <(project_files 'src/*.cpp' 'src/*.h' 'fuzz/*.cpp' 'bench/*.cpp' 'bench/*.h')
    if ! printf '%s\0' "${files[@]}" | xargs -0 -P "$jobs" -n 20 $tool --dry-run -Werror 2>&1; then
        echo "mend with: clang-format-14 -i FILE"
        return 1
    fi
    echo "${#files[@]} files"
}

check_tidy() {
    if ! command -v clang-tidy-14 >/dev/null; then
        echo "clang-tidy-14 is not in this Debian release; versions differ in their checks, so Debian 12 is the judge"
        return 77
    fi
    if ! cmake --preset dev >"$artefacts/configure-dev.log" 2>&1; then
        cat "$artefacts/configure-dev.log"
        return 1
    fi
    tools/tidy.py --build build/dev --cache "$cache/tidy" --jobs "$jobs" "$@"
}

check_rfc_index() {
    if $in_ci; then
        tools/rfc_index.py --only-compare
    else
        tools/rfc_index.py
    fi
}

check_conformance() { tools/conformance.py --list "$artefacts/check/conformance-missing.tsv"; }

check_shell() {
    local files bad=0
    mapfile -t files < <(
        project_files | while read -r file; do
            case $file in
                *.sh) echo "$file" ;;
                *.*) ;;
                *) ! head -n 1 "$file" | grep -qE '^#!.*\b(ba)?sh\b' || echo "$file" ;;
            esac
        done
    )
    for file in "${files[@]}"; do
        bash -n "$file" 2>&1 || bad=1
    done
    # Warnings and errors; what a sourced file uses of the sourcing one is not followed.
    shellcheck -S warning -e SC1090,SC1091,SC2034,SC2154 -- "${files[@]}" 2>&1 || bad=1
    echo "${#files[@]} scripts"
    return $bad
}

check_python() {
    local files
    mapfile -t files < <(project_files '*.py')
    python3 - "${files[@]}" <<'PY' 2>&1 || return 1
import ast, sys
bad = 0
for name in sys.argv[1:]:
    try:
        ast.parse(open(name, encoding="utf-8").read(), name)
    except SyntaxError as error:
        print(f"{name}:{error.lineno}: {error.msg}")
        bad += 1
print(f"{len(sys.argv) - 1} files")
sys.exit(1 if bad else 0)
PY
}

check_web() {
    web_dependencies >&2
    if ! (cd web && npm run --silent check) 2>&1; then
        echo "npm run check"
        return 1
    fi
    echo "npm run check"
}

run_checks() {
    mkdir -p "$artefacts/check"
    rm -f "$artefacts"/check/*
    check format check_format
    check layers tools/check_layers.py
    check rfc-index check_rfc_index
    check conformance check_conformance
    check shell check_shell
    check python check_python
    if grep -q '"check"' web/package.json 2>/dev/null; then
        check web check_web
    fi
    check clang-tidy check_tidy
}

verb_check() {
    set_up build lint
    run_checks
    [ $checks_failed -eq 0 ]
}
