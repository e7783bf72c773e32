"""The first process inside a scene's namespaces: prepares them, plays the scene in a child, and reaps.

It is process 1 of a process namespace, so that when it ends (or is killed) every daemon of the scene ends with it, and
the scene's network and mounts are gone: nothing is left to clean up outside.
"""

import argparse
import importlib.util
import json
import os
import signal
import subprocess
import sys
import traceback
from pathlib import Path

from .scene import Scene

LAB = Path("/run/lab")  # short, because socket paths end at 107 bytes; private, because /run is the scene's own mount


def prepare_namespaces(artefacts: Path):
    def sh(*argv):
        subprocess.run(argv, check=True)

    sh("ip", "link", "set", "lo", "up")
    # Postfix binds only to an address that an interface really has, though all of 127/8 answers.
    addresses = "".join(f"addr add 127.0.0.{last}/8 dev lo\n" for last in range(2, 100))
    subprocess.run(["ip", "-batch", "-"], input=addresses, text=True, check=True)
    sh("hostname", "lab.invalid")
    sh("mount", "-t", "tmpfs", "-o", "mode=755", "lab", "/run")
    for part in ("state", "artefacts", "tmp", "etc"):
        (LAB / part).mkdir(parents=True)
    os.chmod(LAB / "tmp", 0o1777)
    sh("mount", "--bind", str(artefacts), str(LAB / "artefacts"))
    # Every program asks the lab's resolver and knows no other name.
    (LAB / "etc/resolv.conf").write_text("nameserver 127.0.0.53\noptions edns0 trust-ad timeout:5\n")
    (LAB / "etc/hosts").write_text("127.0.0.1 localhost lab.invalid\n")
    for name in ("resolv.conf", "hosts"):
        sh("mount", "--bind", str(LAB / "etc" / name), f"/etc/{name}")
    os.environ.update(TMPDIR=str(LAB / "tmp"), HOME=str(LAB / "tmp"), LC_ALL="C.UTF-8", TZ="UTC")
    for proxy in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
        os.environ.pop(proxy, None)


def load(path: Path):
    spec = importlib.util.spec_from_file_location("scene_" + path.stem.replace("-", "_"), path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def play(args) -> int:
    scene = Scene(args.name, LAB / "state", LAB / "artefacts", args.binary, lambda text: print(text, flush=True))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        load(args.scene).play(scene)
    except Exception as error:
        if scene.passed() or not scene.steps:  # it broke between steps
            scene.steps.append({"title": "the scene itself", "passed": False, "seconds": 0, "detail": repr(error)})
            print(f"FAIL  the scene itself\n{traceback.format_exc()}", flush=True)
        if args.keep:
            print("kept alive; press Ctrl-C to end it", flush=True)
            signal.pause()
    finally:
        scene.end()
        scene.check_sanitizers()
    (LAB / "artefacts" / "result.json").write_text(
        json.dumps({"scene": scene.name, "passed": scene.passed(), "steps": scene.steps}, indent=1, ensure_ascii=False))
    return 0 if scene.passed() else 1


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("scene", type=Path)
    parser.add_argument("--artefacts", type=Path, required=True)
    parser.add_argument("--binary", type=Path)
    parser.add_argument("--keep", action="store_true")
    args = parser.parse_args()
    prepare_namespaces(args.artefacts)
    child = os.fork()
    if child == 0:
        sys.exit(play(args))
    while True:  # process 1 reaps whatever daemons leave behind
        pid, status = os.wait()
        if pid == child:
            return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main())
