#!/usr/bin/env python3
"""clang-tidy over every translation unit, with results cached by content.

A unit's key is the hash of: clang-tidy's version, .clang-tidy, the unit's compiler flags, the unit itself, every project
header that it includes (transitively), and the versions of the Debian packages that hold the other headers. Only clean
results are cached, so a finding shows until it is mended. The cache lives outside the clone and does not know where the
clone is: a fresh clone of the same commit is quick.

Usage: tidy.py --build build/dev --cache FOLDER [--jobs N] [--slow] [FILE...]        (FILE: only these units)
"""

import argparse
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
TIDY = "clang-tidy-14"
SLOW = "clang-analyzer-core.*,clang-analyzer-cplusplus.*,clang-analyzer-deadcode.*,clang-analyzer-unix.*,performance-unnecessary-value-param"
INCLUDE = re.compile(rb'^[ \t]*#[ \t]*include[ \t]*"([^"]+)"', re.MULTILINE)


def sources():
    """Every .cpp and .h that git knows or would add."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "--", "src", "fuzz", "bench"],
        cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    return sorted(f for f in listed if f.endswith((".cpp", ".h")) and (ROOT / f).is_file())


def package_versions():
    names = []
    for line in (ROOT / "tools/packages.txt").read_text().splitlines():
        for word in line.split("#")[0].split()[1:]:
            names.append(word.split(":")[-1])
    done = subprocess.run(["dpkg-query", "-W", "-f", "${Package}=${Version}\n", "libstdc++-12-dev", "libc6-dev", TIDY, *names],
                          capture_output=True, text=True)
    return done.stdout


class Closure:
    """Hashes of files together with the project headers that they include."""

    def __init__(self):
        self.content = {}

    def read(self, path):
        if path not in self.content:
            data = path.read_bytes()
            includes = []
            for name in INCLUDE.findall(data):
                for folder in (ROOT / "src", path.parent):
                    candidate = folder / name.decode()
                    if candidate.is_file():
                        includes.append(candidate)
                        break
            self.content[path] = (hashlib.sha256(data).hexdigest(), includes)
        return self.content[path]

    def hash_of(self, path):
        seen, todo, lines = set(), [path], []
        while todo:
            file = todo.pop()
            if file in seen:
                continue
            seen.add(file)
            digest, includes = self.read(file)
            lines.append(f"{file.relative_to(ROOT)} {digest}")
            todo += includes
        return "\n".join(sorted(lines))


def flags_of(command, build):
    """The flags that matter for the meaning of the code, without this clone's folder."""
    words = shlex.split(command)
    kept = [w for w in words if w.startswith(("-D", "-I", "-isystem", "-std", "-f", "-m"))]
    return " ".join(kept).replace(str(build), "BUILD").replace(str(ROOT), "ROOT")


def split_findings(output):
    """clang-tidy's text as one string per error, with its notes and source lines."""
    starts = [m.start() for m in re.finditer(r"^\S+:\d+(:\d+)?: (error|warning): ", output, re.MULTILINE)]
    if not starts:
        return [output]
    return [output[a:b].rstrip() for a, b in zip(starts, starts[1:] + [len(output)])]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--cache", required=True)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--slow", action="store_true", help="also the static analyzer and other checks that double the time")
    parser.add_argument("files", nargs="*")
    args = parser.parse_args()
    build = (ROOT / args.build).resolve()
    cache = pathlib.Path(args.cache)
    cache.mkdir(parents=True, exist_ok=True)

    failures = []
    all_sources = sources()
    for file in all_sources:
        for number, line in enumerate((ROOT / file).read_text(errors="replace").splitlines(), 1):
            if "NOLINT" in line:
                failures.append(f"{file}:{number}: NOLINT: there are no exemptions; change the code, or .clang-tidy for all")

    commands = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        path = (pathlib.Path(entry["directory"]) / entry["file"]).resolve()
        if path.is_relative_to(ROOT) and not path.is_relative_to(build):
            commands[str(path.relative_to(ROOT))] = entry["command"]
    units = [f for f in all_sources if f.endswith(".cpp")]
    if args.files:
        units = [f for f in units if f in args.files]
    for file in [u for u in units if u not in commands]:
        if not file.startswith("bench/"):
            failures.append(f"{file}: not part of the build, so it cannot be checked")
    units = [u for u in units if u in commands]

    version = subprocess.run([TIDY, "--version"], check=True, capture_output=True, text=True).stdout
    common = "\n".join([version, (ROOT / ".clang-tidy").read_text(), package_versions()]
                       + ([SLOW] if args.slow else []))
    closure = Closure()
    todo, keys = [], {}
    for unit in units:
        text = "\n".join([common, flags_of(commands[unit], build), closure.hash_of(ROOT / unit)])
        keys[unit] = hashlib.sha256(text.encode()).hexdigest()
        if not (cache / keys[unit]).exists():
            todo.append(unit)
        else:
            os.utime(cache / keys[unit])

    def run(unit):
        started = time.monotonic()
        # g++'s flags name warnings that clang does not have.
        done = subprocess.run([TIDY, "--quiet", "--extra-arg=-Wno-unknown-warning-option",
                               *([f"--checks={SLOW}"] if args.slow else []), "-p", str(build), str(ROOT / unit)],
                              cwd=ROOT, capture_output=True, text=True)
        if done.returncode == 0:
            (cache / keys[unit]).touch()
        return unit, done, time.monotonic() - started

    started = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        futures = [pool.submit(run, unit) for unit in todo]
        for count, future in enumerate(concurrent.futures.as_completed(futures), 1):
            unit, done, seconds = future.result()
            print(f"  [{count}/{len(todo)}] {unit} {seconds:.0f} s", file=sys.stderr, flush=True)
            if done.returncode != 0:
                output = done.stdout.replace(str(ROOT) + "/", "").strip()
                failures.append(output or done.stderr.replace(str(ROOT) + "/", "").strip())

    # A header's finding comes with every unit that includes it; print it once.
    if failures:
        print("\n".join(dict.fromkeys(finding for output in failures for finding in split_findings(output))))
    # Forget results nobody asked for in sixty days.
    if todo:
        for old in cache.iterdir():
            if time.time() - old.stat().st_mtime > 60 * 86400:
                old.unlink(missing_ok=True)
    print(f"{len(units)} files, {len(units) - len(todo)} of them unchanged since an earlier run"
          + (f", {time.monotonic() - started:.0f} s" if todo else "")
          + (f", {len(failures)} with findings" if failures else ""))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
