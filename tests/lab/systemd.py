"""Debian's own systemd as the first process of a clean machine (package.py): units, sandboxes, sockets and restarts are what
systemd makes of them, not what a stand-in thinks.

It has process, mount, control group, host name and IPC namespaces of its own, and the scene's network, so that the scene can ask
what it started. When the scene ends, its first process is killed, and with it everything that ran there.
"""

import contextlib
import os
import subprocess
from pathlib import Path

from .process import run
from .scene import expect, wait_for

# pivot_root, because systemd wants its root to be a mount point that it can share with the services' own namespaces.
BOOT = r"""
set -e
echo $$ > "$1/cgroup.procs"
exec unshare --pid --mount --cgroup --ipc --uts --fork --kill-child=SIGKILL bash -c '
    set -e
    mount --make-rprivate /
    cd "$1"
    mkdir -p .outside sys/fs/cgroup
    mount -t proc proc proc
    mount -t sysfs sysfs sys
    mount -t cgroup2 cgroup2 sys/fs/cgroup
    mount -t tmpfs -o mode=755 run run
    pivot_root . .outside
    umount -l /.outside
    exec env -i container=lab LC_ALL=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin \
        /lib/systemd/systemd --system --log-target=console --show-status=no
' boot "$2"
"""


class Booted:
    def __init__(self, lab, root: Path):
        self.lab = lab
        self.root = root
        self.log = lab.log("systemd")
        self.hierarchy = lab.place("cgroup2")
        run(["mount", "-t", "cgroup2", "cgroup2", self.hierarchy])
        self.group = self.hierarchy / f"postseal-{lab.name}-{os.getpid()}"
        self.group.mkdir()
        with open(self.log.path, "a") as out:
            self.process = subprocess.Popen(["bash", "-c", BOOT, "boot", self.group, root], stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        lab.at_end("systemd's machine is switched off", self.stop)
        self.first = wait_for(self._first_process, "systemd is the first process", 60, ignore=(OSError, IndexError))
        # "degraded" says that some unit failed: a scene looks at those that it cares about.
        wait_for(lambda: self.run("systemctl", "is-system-running", ok=None).stdout.strip() in ("running", "degraded"), "systemd has started", 120)

    def _first_process(self) -> int:
        expect(self.process.poll() is None, f"it lives; it said: {self.log.tail()}")
        child = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()[0]
        return int(child) if Path(f"/proc/{child}/comm").read_text().strip() == "systemd" else 0

    def run(self, *argv, ok=(0,), within_s: float = 120):
        return run(["nsenter", "--target", self.first, "--pid", "--mount", "--cgroup", "--ipc", "--uts", "--wd=/", *argv], ok=ok,
                   within_s=within_s, env={"DEBIAN_FRONTEND": "noninteractive", "TMPDIR": "/tmp", "HOME": "/root"})

    def show(self, unit: str, name: str) -> str:
        return self.run("systemctl", "show", "--property", name, "--value", unit).stdout.strip()

    def journal(self, unit: str) -> str:
        return self.run("journalctl", "--no-pager", "--output=cat", "--unit", unit, ok=None).stdout

    def stop(self):
        if self.process is None:
            return
        process, self.process = self.process, None
        process.kill()  # its child, the first process there, goes with it
        process.wait()
        # Groups stay for a moment longer than their processes.
        wait_for(lambda: self._remove_groups(), "its control groups are gone")

    def _remove_groups(self) -> bool:
        for folder, _, _ in os.walk(self.group, topdown=False):
            with contextlib.suppress(OSError):
                os.rmdir(folder)
        return not self.group.exists()
