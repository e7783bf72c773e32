#!/usr/bin/env python3
"""Which requirements of the conformance table have a test that names their id.

The table (../shared/conformance.tsv: id, rfc, section, level, party, requirement, how to test) lies beside the clone, not
in it; without it there is nothing to report. A test that names an id which the table lacks is an error; so is a requirement on
senders (party `sender`, `report-generator` or `any`) that neither a test nor docs/deviations.md names.
Usage: conformance.py [--list FILE]      writes the ids without a test, with their requirement
"""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
TABLE = ROOT.parent / "shared/conformance.tsv"
DEVIATIONS = ROOT / "docs/deviations.md"


def main():
    if not TABLE.is_file():
        print("no ../shared/conformance.tsv: nothing to compare with")
        return 0
    rows = [line.split("\t") for line in TABLE.read_text(encoding="utf-8").splitlines()[1:] if line.strip()]
    table = {row[0]: row for row in rows}
    prefixes = sorted({row[0].rsplit("-", 1)[0] for row in rows})
    citation = re.compile(r"\b(?:" + "|".join(map(re.escape, prefixes)) + r")-\d{3}\b")

    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "--", "src", "tests", "fuzz", "web"],
                            cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    problems, tested = [], {}
    for path in sorted(set(listed)):
        if not (path.startswith("tests/") or re.search(r"(_test|_fuzz|\.test|\.spec)\.[a-z]+$", path)):
            continue
        if not (ROOT / path).is_file():
            continue
        for number, line in enumerate((ROOT / path).read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            for name in citation.findall(line):
                if name in table:
                    tested.setdefault(name, set()).add(path)
                else:
                    problems.append(f"{path}:{number}: {name} is not in the conformance table")
    missing = [row for row in rows if row[0] not in tested]
    chosen = set(citation.findall(DEVIATIONS.read_text(encoding="utf-8"))) if DEVIATIONS.is_file() else set()
    problems += [f"{DEVIATIONS.relative_to(ROOT)}: {name} is not in the conformance table" for name in sorted(chosen - set(table))]
    problems += [f"{row[0]} ({row[1]} §{row[2]}, {row[4]}): neither a test nor {DEVIATIONS.relative_to(ROOT)} names it: {row[5]}"
                 for row in missing if row[4] in ("sender", "report-generator", "any") and row[0] not in chosen]
    if "--list" in sys.argv[1:]:
        out = pathlib.Path(sys.argv[sys.argv.index("--list") + 1])
        if out.resolve() == TABLE.resolve():
            print("--list FILE: this is the table itself; name another file")
            return 2
        out.write_text("".join("\t".join(row[:6]) + "\n" for row in missing), encoding="utf-8")
    for problem in problems:
        print(problem)
    print(f"{len(tested)} of {len(rows)} requirements have a test that names them")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
