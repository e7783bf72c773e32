#!/usr/bin/env python3
"""The layer test: walks every #include of src/ and fails on an upward or sideways one (docs/architecture.md, "Modules").

Tests obey the same rules as the code beside them. Pure modules may not reach for sockets, files, databases or Asio.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

PURE = ["base", "dns", "mtasts", "dane", "tlsrpt", "verdict"]
MAY_INCLUDE = {
    "base": [],
    "dns": ["base"],
    "mtasts": ["base", "dns"],
    "dane": ["base", "dns"],
    "tlsrpt": ["base", "dns"],
    "verdict": ["base", "dns", "mtasts", "dane", "tlsrpt"],
    "net": ["base", "dns"],
    "store": ["base", "dns", "mtasts", "tlsrpt"],
    "lookup": [*PURE, "net", "store"],
    "hosting": [*PURE, "net", "store", "lookup"],
    "intake": [*PURE, "net", "store", "lookup"],
    "sender": [*PURE, "net", "store", "lookup"],
    "console": [*PURE, "net", "store", "lookup", "hosting", "intake", "sender"],
    "app": [*PURE, "net", "store", "lookup", "hosting", "intake", "sender", "console"],
}

# What a pure module may not include, and the one use that is pure all the same.
IMPURE = re.compile(
    r"^(boost/(asio|beast)|curl/|sqlite3|libpq|unbound|openssl/ssl\.h|sys/(?!types\.h)|netinet/|netdb\.h|arpa/|unistd\.h|"
    r"fcntl\.h|poll\.h|signal\.h|pthread\.h|thread$|filesystem$|fstream$|spdlog/)")
ALLOWED = {
    ("dane", "match.cpp", "openssl/ssl.h"),  # OpenSSL's own DANE matching, on an SSL without a connection
    ("dns", "ip_address.cpp", "arpa/inet.h"),  # inet_pton, inet_ntop: text to octets and back
    ("dane", "match.cpp", "openssl/ssl.h"),  # OpenSSL keeps DANE verification behind an SSL object; no session is opened
}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def problems_of(file):
    relative = file.relative_to(ROOT / "src")
    module = relative.parts[0]
    is_test = file.stem == "testing" or file.stem.endswith("_test")
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        quoted, name = match.group(1) == '"', match.group(2)
        where = f"src/{relative}:{number}"
        if quoted:
            other = name.split("/")[0]
            if "/" not in name or other not in MAY_INCLUDE:
                yield f'{where}: "{name}": write project headers as "module/header.h"'
            elif other != module and other not in MAY_INCLUDE[module]:
                yield f"{where}: {module} may not include {other} (it may: {' '.join(MAY_INCLUDE[module]) or 'nothing'})"
        elif module in PURE and not is_test and IMPURE.match(name) and (module, relative.name, name) not in ALLOWED:
            yield f"{where}: {module} is pure and may not include <{name}>"


def main():
    problems, files, includes = [], 0, 0
    for file in sorted((ROOT / "src").rglob("*")):
        if file.suffix not in (".h", ".cpp"):
            continue
        module = file.relative_to(ROOT / "src").parts[0]
        if module not in MAY_INCLUDE:
            problems.append(f"{file.relative_to(ROOT)}: no such module in tools/check_layers.py")
            continue
        files += 1
        problems += problems_of(file)
    for problem in problems:
        print(problem)
    print(f"{files} files" + (f", {len(problems)} forbidden includes" if problems else ", every include points downwards"))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
