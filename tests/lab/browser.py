"""A person at the panel: Debian's Chromium, driven by a script on playwright-core (tests/browser)."""

import json
import shutil
import subprocess
import threading
from pathlib import Path

from .scene import PATIENCE, expect

BROWSER_DIR = Path(__file__).resolve().parent.parent / "browser"


class BrowserError(Exception):
    """Why no browser can be driven here."""


def chromium() -> str:
    found = shutil.which("chromium")
    if not found:
        raise BrowserError("missing Debian package: chromium")
    return found


def ensure(say=lambda text: None):
    """Installs the browser driver if the lock file has changed since the last time. The driver is a plain npm package:
    it brings no browser of its own."""
    chromium()
    node = shutil.which("node")
    if not node or not shutil.which("npm"):
        raise BrowserError("missing: node and npm")
    lock = (BROWSER_DIR / "package-lock.json").read_bytes()
    stamp = BROWSER_DIR / "node_modules" / ".postseal-lock"
    if stamp.exists() and stamp.read_bytes() == lock:
        return
    say("installing the browser driver (npm ci)")
    done = subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=BROWSER_DIR,
                          capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise BrowserError(f"npm ci failed: {done.stderr.strip()[-400:]}")
    stamp.write_bytes(lock)


def play(lab, script: str, answers: dict = None, within_s: float = 180, **values) -> dict:
    """Runs tests/browser/<script> with `values` and returns what it saw. When it asks the scene for something (`askScene`),
    the function of that name in `answers` is called with its value. Screenshots go to the artefacts."""
    name = f"browser-{Path(script).stem}"
    values.update(artefacts=str(lab.artefacts), chromium=chromium(), patience_s=60 * PATIENCE)
    with open(lab.artefacts / f"{name}.log", "w") as errors:
        node = subprocess.Popen(["node", str(BROWSER_DIR / script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                stderr=errors, text=True)
    timer = threading.Timer(within_s * PATIENCE, node.kill)
    timer.start()
    seen = None
    try:
        def tell(message):
            node.stdin.write(json.dumps(message) + "\n")
            node.stdin.flush()

        tell(values)
        for line in node.stdout:
            message = json.loads(line)
            if "ask" in message:
                tell(answers[message["ask"]](message["value"]))
            else:
                seen = message["seen"]
        node.wait()
    finally:
        timer.cancel()
        node.kill()
        node.wait()
    expect(node.returncode == 0 and seen is not None, f"browser script {script}: {lab.log(name).text()[:800]}")
    return seen
