"""Chooses scenes, gives each its own namespaces, prints their steps and adds up the results.

Nothing of a scene is set up in the machine's own namespaces, so a scene that is killed leaves nothing behind.
"""

import argparse
import ast
import concurrent.futures
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from . import browser, debian
from .scene import PATIENCE

TESTS = Path(__file__).resolve().parent.parent
REPOSITORY = TESTS.parent
TOOLS = {  # program → Debian package, for a message that helps
    "unshare": "util-linux", "ip": "iproute2", "hostname": "hostname", "knotd": "knot", "unbound": "unbound",
    "dig": "bind9-dnsutils", "named": "bind9", "nsd": "nsd", "ldns-verify-zone": "ldnsutils",
    "pebble": "pebble", "postconf": "postfix", "openssl": "openssl",
}
# What every program of a scene runs under. Scenes that change one of these say so themselves.
SANITIZER_ENV = {
    "ASAN_OPTIONS": "detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1:exitcode=99",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1:exitcode=99",
    "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1:exitcode=99",
}


class Unready(Exception):
    """Why the scenes cannot run on this machine."""


class SceneFile:
    """What the runner must know of a scene before it plays it, read without running the file."""

    def __init__(self, path: Path):
        self.path = path
        self.name = re.match(r"t-\d\d|[a-z]+", path.stem).group()
        constants = {}
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id.isupper():
                try:
                    constants[node.targets[0].id] = ast.literal_eval(node.value)
                except ValueError:
                    pass
        self.limit_s = constants.get("LIMIT_S", 180)
        self.long_limit_s = constants.get("LONG_LIMIT_S", 0)  # 0: the scene has one size
        self.needs = set(constants.get("NEEDS", ()))


def all_scenes() -> dict:
    files = [SceneFile(path) for path in sorted(TESTS.glob("t-[0-9][0-9]-*.py"))]
    files.append(SceneFile(TESTS / "lab" / "selftest.py"))
    return {scene.name: scene for scene in files}


def enabled(file: str = "scenes.txt") -> list:
    """tests/scenes.txt: the scenes that a run without names plays."""
    lines = (TESTS / file).read_text().splitlines()
    return [line.split("#")[0].strip() for line in lines if line.split("#")[0].strip()]


def find_binary(given) -> Path:
    candidates = [Path(given)] if given else [REPOSITORY / "build" / kind / "postseal" for kind in ("asan", "dev", "release")]
    for path in candidates:
        if os.access(path, os.X_OK) and path.is_file():
            return path.resolve()
    raise Unready(f"no postseal program at {', '.join(str(path) for path in candidates)}; build it or name it with --binary")


def prepare(scenes: list, say):
    missing = {package for tool, package in TOOLS.items() if not shutil.which(tool, path=os.environ["PATH"] + ":/usr/sbin:/sbin")}
    for module, package in (("dns", "python3-dnspython"), ("cryptography", "python3-cryptography")):
        try:
            __import__(module)
        except ImportError:
            missing.add(package)
    if missing:
        raise Unready(f"missing Debian packages: {' '.join(sorted(missing))}")
    needs = set().union(*(scene.needs for scene in scenes)) if scenes else set()
    try:
        if "debian13" in needs:
            debian.DEBIAN_13.ensure(say)
        if "exim" in needs:
            debian.DEBIAN_12_EXIM.ensure(say)
        if "package" in needs:
            debian.package_root().ensure(say)
        if "package-exim" in needs:
            debian.package_root("exim4-daemon-light").ensure(say)
        if "browser" in needs:
            browser.ensure(say)
    except (debian.RootError, browser.BrowserError) as error:
        raise Unready(str(error)) from None


class Player:
    """Plays scenes; `abort` ends every one that runs."""

    def __init__(self, args, binary):
        self.args = args
        self.binary = binary
        self.lock = threading.Lock()
        self.running = set()
        self.aborted = False

    def say(self, name: str, text: str):
        with self.lock:
            print(f"{name}  {text}", flush=True)

    def abort(self):
        self.aborted = True
        with self.lock:
            for process in self.running:
                process.kill()  # process 1 of its namespace dies with it, and so does all that the scene started

    def play(self, scene: SceneFile) -> dict:
        artefacts = self.args.artefacts / scene.name
        shutil.rmtree(artefacts, ignore_errors=True)
        artefacts.mkdir(parents=True)
        artefacts.chmod(0o755)
        begin = time.monotonic()
        argv = ["unshare", "--net", "--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child=SIGKILL", "--mount-proc",
                "--propagation", "private", sys.executable, "-m", "lab.inside", scene.name, str(scene.path),
                "--artefacts", str(artefacts)]
        if self.binary:
            argv += ["--binary", str(self.binary)]
        if self.args.keep:
            argv += ["--keep"]
        env = dict(os.environ, PYTHONPATH=str(TESTS), PYTHONDONTWRITEBYTECODE="1",
                   POSTSEAL_CACHE=str(debian.cache_dir().parent), PATH=os.environ["PATH"] + ":/usr/sbin:/sbin")
        for key, value in SANITIZER_ENV.items():
            env.setdefault(key, value)
        env["LAB_LONG"] = "1" if self.args.long else ""
        limit_s = (self.args.long and scene.long_limit_s or scene.limit_s) * PATIENCE
        with self.lock:
            if self.aborted:
                return {"scene": scene.name, "passed": False, "steps": [], "seconds": 0, "detail": "not played"}
            process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                       env=env, text=True, errors="replace", cwd=TESTS, start_new_session=True,
                                       preexec_fn=die_with_parent)
            self.running.add(process)
        if self.args.keep:
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
            while process.poll() is None and not children.read_text().strip():
                time.sleep(0.01)
            self.say(scene.name, f"to look inside: nsenter -t {children.read_text().strip()} -a")
        late = threading.Event()
        timer = threading.Timer(limit_s, lambda: (late.set(), process.kill()))
        if not self.args.keep:
            timer.start()
        for line in process.stdout:
            self.say(scene.name, line.rstrip("\n"))
        status = process.wait()
        timer.cancel()
        with self.lock:
            self.running.discard(process)
        try:
            result = json.loads((artefacts / "result.json").read_text())
        except (OSError, ValueError):
            result = {"scene": scene.name, "passed": False, "steps": [], "detail": f"it ended early (status {status})"}
        if late.is_set():
            result.update(passed=False, detail=f"stopped after {limit_s:.0f} s")
        result["seconds"] = round(time.monotonic() - begin, 1)
        if result.get("detail"):
            self.say(scene.name, f"FAIL  {result['detail']}")
        self.say(scene.name, f"{'passed' if result['passed'] else 'FAILED'} in {result['seconds']:.0f} s, artefacts in {artefacts}")
        return result


def die_with_parent():
    import ctypes
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: a killed runner takes its scenes along


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests/run", description="Runs the end-to-end scenes as root.")
    parser.add_argument("scene", nargs="*", help="t-NN, or `selftest` for the laboratory itself; none: those of tests/scenes.txt")
    parser.add_argument("--binary", default=os.environ.get("POSTSEAL"),
                        help="the postseal program (default: $POSTSEAL, build/asan, build/dev, build/release)")
    parser.add_argument("--artefacts", type=Path,
                        default=os.environ.get("POSTSEAL_ARTEFACTS") or REPOSITORY / "build" / "artefacts",
                        help="where logs and results go (default: $POSTSEAL_ARTEFACTS, build/artefacts)")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1), help="scenes at once (2)")
    parser.add_argument("--long", action="store_true", help="scenes that have a full size are played at it; none named: those alone")
    parser.add_argument("--keep", action="store_true", help="keep a failed scene alive to look at; one scene only")
    parser.add_argument("--prepare", action="store_true", help="only make what scenes need from outside (Debian 12 and 13 folders, browser driver)")
    parser.add_argument("--list", action="store_true", help="list the scenes")
    args = parser.parse_args()
    args.artefacts = args.artefacts.resolve()
    known = all_scenes()
    if args.list:
        for name, scene in known.items():
            played = name in enabled() or name in enabled("scenes-release.txt")
            print(f"{name:9} {scene.path.name}{'' if played else '  (not in the default run)'}")
        return 0
    names = args.scene or [name for name in enabled() if not args.long or known[name].long_limit_s]
    unknown = [name for name in names if name not in known]
    if unknown:
        print(f"tests/run: no such scene: {' '.join(unknown)} (there are {' '.join(known)})", file=sys.stderr)
        return 2
    scenes = [known[name] for name in names]
    if os.geteuid() != 0:
        print("scenes: not run, they need root (network namespaces)", file=sys.stderr)
        return 2
    try:
        prepare(list(known.values()) if args.prepare else scenes, lambda text: print(f"lab  {text}", flush=True))
        if args.prepare:
            return 0
        binary = find_binary(args.binary) if any(scene.name != "selftest" for scene in scenes) else None
    except Unready as reason:
        print(f"scenes: not run: {reason}", file=sys.stderr)
        return 2
    if binary:
        print(f"lab  program under test: {binary}", flush=True)
    player = Player(args, binary)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: player.abort())
    with concurrent.futures.ThreadPoolExecutor(1 if args.keep else max(1, args.jobs)) as pool:
        results = list(pool.map(player.play, scenes))
    args.artefacts.mkdir(parents=True, exist_ok=True)
    (args.artefacts / "scenes.json").write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    passed = sum(result["passed"] for result in results)
    print(f"scenes: {passed} passed, {len(results) - passed} failed")
    return 130 if player.aborted else 0 if passed == len(results) else 1
