"""A person at the panel: Debian's Chromium, driven by a script on playwright-core (tests/browser)."""

import json
import os
import shutil
import subprocess
from pathlib import Path

from .process import run
from .scene import expect

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


def play(lab, script: str, within_s: float = 120, **values) -> dict:
    """Runs tests/browser/<script>. It gets `values` as JSON, leaves its screenshots in the artefacts and prints one JSON
    object: what it saw."""
    log = lab.log(f"browser-{Path(script).stem}")
    values = dict(values, artefacts=str(lab.artefacts), chromium=chromium())
    done = run(["node", BROWSER_DIR / script], input=json.dumps(values), within_s=within_s, ok=None)
    log.path.write_text(done.stdout + done.stderr)
    expect(done.returncode == 0, f"browser script {script}: {done.stderr.strip()[-800:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])
