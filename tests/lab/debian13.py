"""A Debian 13 root folder, for the programs that Debian 12 is too old for (Postfix 3.10 with libtlsrpt).

It is made once by debootstrap, outside the clone, and found again by the hash of what is in it. A scene never writes
into it: it works in an overlay of its own (`overlay`), so that scenes may run side by side.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

SUITE = "trixie"
PACKAGES = ["postfix", "libtlsrpt0", "openssl"]
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


class RootError(Exception):
    """Why there is no Debian 13 folder, in words for the person who runs the scenes."""


def cache_dir() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(os.environ.get("POSTSEAL_CACHE") or f"{base}/postseal") / "roots"


def root_path() -> Path:
    # The hash names the content, so a changed package list makes a new folder instead of patching an old one.
    key = hashlib.sha256(" ".join([SUITE, *sorted(PACKAGES)]).encode()).hexdigest()[:16]
    return cache_dir() / key


def mirror() -> str:
    """The Debian mirror that this machine's apt uses. apt itself reads both of its source formats for us."""
    out = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI)|$(COMPONENT)|$(CREATED_BY)|$(RELEASE)"],
        capture_output=True, text=True, check=True).stdout
    for line in out.splitlines():
        uri, component, created_by, release = line.split("|")
        # "-security" and the like are other trees: debootstrap needs the one that holds every suite's base system.
        if created_by == "Packages" and component == "main" and uri.startswith("http") and "-" not in release:
            if "security" not in uri:
                return uri
    raise RootError("apt's sources name no Debian mirror (http or https, component main)")


def _environment() -> dict:
    """debootstrap fetches with wget: hand it apt's proxy, if apt has one."""
    env = dict(os.environ, LC_ALL="C.UTF-8", DEBIAN_FRONTEND="noninteractive")
    for scheme in ("http", "https"):
        got = subprocess.run(["apt-config", "shell", "P", f"Acquire::{scheme}::Proxy"], capture_output=True, text=True)
        value = got.stdout.strip().removeprefix("P=").strip("'")
        if value and value != "DIRECT":
            env.setdefault(f"{scheme}_proxy", value)
    return env


def ensure(say=lambda text: None) -> Path:
    """The folder, made first if it is not there (some minutes, needs root and the mirror)."""
    root = root_path()
    if root.is_dir():
        return root
    if not shutil.which("debootstrap"):
        raise RootError("debootstrap is not installed")
    root.parent.mkdir(parents=True, exist_ok=True)
    with open(root.parent / (root.name + ".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two runs at once: the second waits and finds the folder
        if root.is_dir():
            return root
        for stale in root.parent.glob(root.name + ".part-*"):  # left by a run that was killed; the lock says nobody uses it
            shutil.rmtree(stale, ignore_errors=True)
        part = root.parent / f"{root.name}.part-{os.getpid()}"
        log = root.parent / (root.name + ".log")
        say(f"making the Debian 13 folder {root} (once, about three minutes)")
        with open(log, "w") as out:
            done = subprocess.run(
                ["debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", f"--keyring={KEYRING}",
                 SUITE, str(part), mirror()],
                stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=_environment())
        if done.returncode != 0:
            shutil.rmtree(part, ignore_errors=True)
            tail = "".join(open(log).readlines()[-3:]).strip()
            raise RootError(f"debootstrap failed ({log}): {tail}")
        shutil.rmtree(part / "var/cache/apt/archives", ignore_errors=True)
        part.rename(root)  # last, so that a folder under its final name is a whole one
    return root


def overlay(scratch: Path) -> Path:
    """A private, writable view of the folder inside the calling scene's mount namespace."""
    lower = root_path()
    if not lower.is_dir():
        raise RootError(f"{lower} is not there: `tests/run --prepare` makes it")
    upper, work, merged = (scratch / part for part in ("upper", "work", "root"))
    for path in (upper, work, merged):
        path.mkdir(parents=True)
    subprocess.run(
        ["mount", "-t", "overlay", "overlay", "-o", f"lowerdir={lower},upperdir={upper},workdir={work}", str(merged)],
        check=True)
    for path in ("proc", "dev"):
        subprocess.run(["mount", "--rbind", f"/{path}", str(merged / path)], check=True)
    return merged


if __name__ == "__main__":
    try:
        print(ensure(print))
    except RootError as error:
        sys.exit(f"debian13: {error}")
