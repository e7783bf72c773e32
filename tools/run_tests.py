#!/usr/bin/env python3
"""Runs the tests of one build tree and counts them: each gtest case, each corpus file.

The list of programs is ctest's (what CMake's add_test() says); the counting is ours, because ctest counts programs. A
program that crashes, hangs, or complains after its last case (a leak) is never lost: it is one failure, and the cases
that it had finished are counted.

Usage: run_tests.py --build build/asan --out build/artefacts/unit-asan [--jobs N] [--timeout S] [NAME...]
Writes OUT/NAME.log, OUT/NAME.json and OUT/summary.json; exit 1 when anything failed.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
SANITIZERS = {
    "ASAN_OPTIONS": "detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1:check_initialization_order=1",
    "UBSAN_OPTIONS": "print_stacktrace=1",
    "TSAN_OPTIONS": "second_deadlock_stack=1",
}


class Result:
    def __init__(self, name):
        self.name, self.passed, self.skipped, self.failures, self.seconds = name, 0, [], [], 0.0


def read_gtest(result, report):
    for suite in json.loads(report.read_text(encoding="utf-8", errors="replace"))["testsuites"]:
        for case in suite["testsuite"]:
            name = f"{suite['name']}.{case['name']}"
            if case.get("failures"):
                result.failures.append(name)
            elif case.get("result") == "SKIPPED":
                result.skipped.append(name)
            elif case.get("status") == "RUN":
                result.passed += 1


def read_gtest_log(result, text):
    """What a program that died had done: finished cases count, and the one it was in is named."""
    result.passed = len(re.findall(r"^\[       OK \] (\S+)", text, re.MULTILINE))
    result.failures += sorted(set(re.findall(r"^\[  FAILED  \] (\S+?),? \(\d+ ms\)", text, re.MULTILINE)))
    begun = re.findall(r"^\[ RUN      \] (\S+)", text, re.MULTILINE)
    ended = set(re.findall(r"\[ +(?:OK|FAILED|SKIPPED) +\] (\S+?)(?:,| \()", text))
    return next((name for name in reversed(begun) if name not in ended), None)


def run(test, out, timeout_s):
    name, command = test["name"], test["command"]
    result = Result(name)
    report = out / f"{name}.json"
    corpus = name.startswith("corpus_")
    folder = next((p["value"] for p in test.get("properties", []) if p["name"] == "WORKING_DIRECTORY"), str(out))
    extra = [] if corpus else [f"--gtest_output=json:{report}", "--gtest_color=no"]
    started = time.monotonic()
    with open(out / f"{name}.log", "wb") as log:
        try:
            status = subprocess.run([*command, *extra], stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                                    cwd=folder, env={**SANITIZERS, **os.environ}, timeout=timeout_s).returncode
            how = f"exit status {status}" if status >= 0 else f"killed by signal {-status}"
        except subprocess.TimeoutExpired:
            status, how = 1, f"still running after {timeout_s} s"
        except OSError as error:
            status, how = 1, str(error)
    result.seconds = time.monotonic() - started
    text = (out / f"{name}.log").read_text(encoding="utf-8", errors="replace")

    if corpus:
        files = re.findall(r"^replay (.*)", text, re.MULTILINE)
        result.passed = len(files) if status == 0 else max(0, len(files) - 1)
        if status != 0:
            result.failures.append(f"{files[-1] if files else 'no file read'} ({how})")
        return result

    complete = False
    if report.exists():
        try:
            read_gtest(result, report)
            complete = True
        except (ValueError, KeyError):  # cut short by a crash
            result = Result(name)
    if not complete:
        inside = read_gtest_log(result, text)
        result.failures.append(f"{inside or 'the program'} ({how})")
    elif status != 0 and not result.failures:
        result.failures.append(f"after the last case ({how})")
    elif not (result.passed or result.skipped or result.failures):
        result.failures.append("no test case in this program")
    return result


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--timeout", type=int, default=600)
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()
    out = pathlib.Path(args.out).resolve()
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)

    listed = subprocess.run(["ctest", "--show-only=json-v1"], cwd=ROOT / args.build, check=True, capture_output=True, text=True)
    tests = [t for t in json.loads(listed.stdout)["tests"] if not args.names or t["name"] in args.names]
    results = []
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        for future in concurrent.futures.as_completed([pool.submit(run, t, out, args.timeout) for t in tests if t.get("command")]):
            result = future.result()
            results.append(result)
            print(f"  {result.name:24} {result.passed:5} passed" + (f", {len(result.skipped)} skipped" if result.skipped else "")
                  + f"  {result.seconds:.1f} s", flush=True)
            for failure in result.failures:
                print(f"FAIL  {result.name}: {failure}", flush=True)
            if result.failures:
                lines = (out / f"{result.name}.log").read_text(encoding="utf-8", errors="replace").splitlines()
                first = next((i for i, l in enumerate(lines) if re.search(r"Failure$|ERROR: |runtime error|WARNING: Thread", l)), 0)
                first = first if first else max(0, len(lines) - 40)
                print("\n".join("      " + line for line in lines[first:first + 60]))
                print(f"      … all of it: {os.path.relpath(out / (result.name + '.log'), ROOT)}", flush=True)
    for test in tests:
        if not test.get("command"):  # listed by CMake, not built
            result = Result(test["name"])
            result.failures.append("the program is not there")
            print(f"FAIL  {result.name}: the program is not there")
            results.append(result)

    summary = {
        "passed": sum(r.passed for r in results),
        "failed": sum(len(r.failures) for r in results),
        "skipped": sum(len(r.skipped) for r in results),
        "failures": {r.name: r.failures for r in results if r.failures},
        "skips": {r.name: r.skipped for r in results if r.skipped},
    }
    (out / "summary.json").write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    print(f"{summary['passed']} passed, {summary['failed']} failed, {summary['skipped']} skipped")
    return 1 if summary["failed"] or not results else 0


if __name__ == "__main__":
    sys.exit(main())
