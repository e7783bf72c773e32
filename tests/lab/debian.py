"""Debian root folders, for the programs that this machine has not, or cannot have: Postfix 3.10 with libtlsrpt (Debian 13),
and Exim, which cannot be installed beside Postfix (Debian 12).

Each is made once by debootstrap, outside the clone, and found again by the hash of what is in it. A scene never writes
into it: it works in an overlay of its own (`overlay`), so that scenes may run side by side.
"""

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


class RootError(Exception):
    """Why there is no such folder, in words for the person who runs the scenes."""


def cache_dir() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(os.environ.get("POSTSEAL_CACHE") or f"{base}/postseal") / "roots"


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


class Root:
    """A folder that holds Debian's base system and `packages`."""

    def __init__(self, release: int, suite: str, packages: list):
        self.release = release
        self.suite = suite
        self.packages = packages

    def path(self) -> Path:
        # The hash names the content, so a changed package list makes a new folder instead of patching an old one.
        key = hashlib.sha256(" ".join([self.suite, *sorted(self.packages)]).encode()).hexdigest()[:16]
        return cache_dir() / key

    def ensure(self, say=lambda text: None) -> Path:
        """The folder, made first if it is not there (some minutes, needs root and the mirror)."""
        root = self.path()
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
            say(f"making the Debian {self.release} folder {root} (once, one to three minutes)")
            with open(log, "w") as out:
                done = subprocess.run(
                    ["debootstrap", "--variant=minbase", f"--include={','.join(self.packages)}", f"--keyring={KEYRING}",
                     self.suite, str(part), mirror()],
                    stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=_environment())
            if done.returncode != 0:
                shutil.rmtree(part, ignore_errors=True)
                tail = "".join(open(log).readlines()[-3:]).strip()
                raise RootError(f"debootstrap failed ({log}): {tail}")
            shutil.rmtree(part / "var/cache/apt/archives", ignore_errors=True)
            part.rename(root)  # last, so that a folder under its final name is a whole one
        return root

    def overlay(self, scratch: Path) -> Path:
        """A private, writable view of the folder inside the calling scene's mount namespace."""
        lower = self.path()
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


DEBIAN_13 = Root(13, "trixie", ["postfix", "libtlsrpt0", "openssl"])
DEBIAN_12_EXIM = Root(12, "bookworm", ["exim4-daemon-light", "ca-certificates"])
# What the Debian package depends on, as packaging/build finds it; dpkg in the scene says when one is missing here. It is
# installed where it was built: on this machine's release.
_PACKAGE_DEPENDS = {
    12: ["libarchive13", "libboost-json1.81.0", "libboost-url1.81.0", "libcurl4", "libfmt9", "libgmime-3.0-0", "libpsl5",
         "libsimdjson14", "libspdlog1.10", "libssl3", "libtomlplusplus3", "libyaml-cpp0.7"],
    13: ["libarchive13t64", "libboost-json1.83.0", "libboost-url1.83.0", "libcurl4t64", "libfmt10", "libgmime-3.0-0t64", "libpsl5t64",
         "libsimdjson25", "libspdlog1.15", "libssl3t64", "libtomlplusplus3t64", "libyaml-cpp0.8"],
}
_PACKAGE_DEPENDS_BOTH = ["libidn2-0", "libopendkim11", "libpq5", "libsqlite3-0", "libstdc++6", "libunbound8", "ca-certificates",
                         "dns-root-data", "systemd", "netcat-openbsd"]


def package_root(mail_server: str = "postfix") -> Root:
    """A clean machine for the Debian package: what it depends on, and a mail server."""
    release = int(platform.freedesktop_os_release()["VERSION_ID"])
    if release not in _PACKAGE_DEPENDS:
        raise RootError(f"the package is for Debian 12 and 13, not for {release}")
    return Root(release, {12: "bookworm", 13: "trixie"}[release], [*_PACKAGE_DEPENDS[release], *_PACKAGE_DEPENDS_BOTH, mail_server])


if __name__ == "__main__":
    try:
        for each in (DEBIAN_13, DEBIAN_12_EXIM, package_root()):
            print(each.ensure(print))
    except RootError as error:
        sys.exit(f"debian: {error}")
