"""Programs that a benchmark runs: started, waited for, measured, ended."""

import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

BENCH = Path(os.environ.get("POSTSEAL_BENCH", "build/release/bench"))
POSTSEAL = Path(os.environ.get("POSTSEAL", "build/release/postseal"))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Program:
    """A process that says on its standard output when it is ready; `first_line` is what it said."""

    def __init__(self, *argv, log=None):
        self.started = time.monotonic()
        self._log = open(log, "ab") if log else subprocess.DEVNULL
        self.process = subprocess.Popen([str(word) for word in argv], stdout=subprocess.PIPE, stderr=self._log)
        self.first_line = self.process.stdout.readline().decode().strip()
        self.ready_after_s = time.monotonic() - self.started
        if not self.first_line:
            raise RuntimeError(f"{argv[0]} ended with {self.process.wait()}" + (f", see {log}" if log else ""))

    @property
    def pid(self):
        return self.process.pid

    def rss_bytes(self):
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise RuntimeError("no VmRSS")

    def cpu_s(self):
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=30)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.stop()


def load(port, domains, server, **options):
    """One run of the load generator: what it printed."""
    words = [f"{key}={value}" for key, value in options.items()]
    done = subprocess.run([BENCH / "socketmap_load", str(port), f"domains={domains}", f"pid={server.pid}", *words],
                          stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def tool(name, *argv):
    done = subprocess.run([BENCH / name, *[str(word) for word in argv]], stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)
