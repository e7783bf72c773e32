"""The collector: what a datagram costs, what is lost beside the floor, a million keys in memory; and reports built.

Everything but the building of reports is measured on the real process, over its socket.
"""

import json
import os
import socket
import sqlite3
import statistics
import tempfile
import time
from pathlib import Path

from processes import POSTSEAL, Program, tool

MIB = 1024 * 1024
RATE = 50_000


def say(text):
    print(text, flush=True)


def cpu_s(pid):
    """To the microsecond, unlike /proc: the process's CPU clock (clock_getcpuclockid(3))."""
    return time.clock_gettime(~pid << 3 | 2)


def with_queue(length, *argv):
    """The kernel reads net.unix.max_dgram_qlen when a socket is made, in each network namespace its own."""
    return ["unshare", "--net", "sh", "-c", f'echo {length} >/proc/sys/net/unix/max_dgram_qlen && exec "$@"', "sh",
            *argv]


class Floor(Program):
    def __init__(self, folder, queue):
        self.path = folder / f"floor-{queue}.sock"
        super().__init__(*with_queue(queue, BENCH_FLOOR, self.path))


class Collector(Program):
    """postseal policyd with the collector alone."""

    def __init__(self, folder, queue=10):
        folder.mkdir(exist_ok=True)
        self.path = folder / "tlsrpt.sock"
        self.metrics_path = folder / "metrics.sock"
        self.database = folder / "postseal.db"
        config = folder / "collector.toml"
        config.write_text(f"""state_dir = "{folder}"
roles = ["collector"]
log_level = "error"
[collector]
socket = "{self.path}"
[metrics]
listen = "unix:{self.metrics_path}"
""")
        super().__init__(*with_queue(queue, POSTSEAL, "policyd", "--config", config), log=folder / "collector.log")

    def metrics(self):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(self.metrics_path))
            connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            answer = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
        return {line.split()[0]: int(float(line.split()[1])) for line in answer.splitlines()
                if line.startswith("postseal_collector_")}

    def wait_for_sessions(self, count):
        """Until so many sessions are in the store."""
        while True:
            metrics = self.metrics()
            if metrics["postseal_collector_sessions_total"] >= count and \
                    metrics.get("postseal_collector_unflushed_sessions", 0) == 0:
                return metrics
            time.sleep(0.02)

    def sessions_in_store(self):
        with sqlite3.connect(f"file:{self.database}?mode=ro", uri=True) as connection:
            found = connection.execute("SELECT COALESCE(SUM(successful + failed), 0) FROM session_count").fetchone()[0]
        connection.close()
        return found

    def peak_bytes(self):
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
        raise RuntimeError("no VmHWM")


def send(path, **options):
    return tool("datagram_load", path, *(f"{key}={value}" for key, value in options.items()))


def cost(goals, figures, folder, rounds, count):
    """CPU of a datagram from the socket to the store: what the process used, all threads, over what it counted."""
    say(f"{count} datagrams of 1,000 domains, every tenth failed, as fast as they are taken; then the same at {RATE}/s")
    floods, paced, floors = [], [], []
    with Collector(folder / "cost") as collector, Floor(folder, 10) as floor:
        counted = 0
        # The first round fills the tables.
        for turn in range(rounds + 1):
            runs = []
            for rate in (0, RATE):
                before = cpu_s(collector.pid)
                run = send(collector.path, count=count, rate=rate)
                counted += run["sent"]
                collector.wait_for_sessions(counted)
                runs.append((cpu_s(collector.pid) - before) / run["sent"] * 1e6)
            before = cpu_s(floor.pid)
            run = send(floor.path, count=count)
            floor_us = (cpu_s(floor.pid) - before) / run["sent"] * 1e6
            if turn:
                floods.append(runs[0])
                paced.append(runs[1])
                floors.append(floor_us)
        if (stored := collector.sessions_in_store()) != counted:
            raise RuntimeError(f"{counted} sessions were sent and {stored} are in the store")
    for name, values in (("floor, receiving only", floors), ("as fast as taken", floods), (f"at {RATE}/s", paced)):
        say(f"  {name:24} {statistics.median(values):6.2f} us CPU per datagram")
    figures["cpu_us"] = {"floor": floors, "flood": floods, "paced": paced}
    goals.at_most("datagram-cpu", statistics.median(floods), 6, " us")


def losses(goals, figures, folder, rounds, count):
    """As Postfix sends: a socket for each event, and what the kernel's queue does not take is gone."""
    for queue in (10, 512):
        say(f"{count} datagrams at {RATE}/s that nobody waits for, a kernel queue of {queue}")
        ours, floors = [], []
        with Collector(folder / f"loss-{queue}", queue) as collector, Floor(folder, queue) as floor:
            counted = send(collector.path, count=20_000)["sent"]  # every domain is known
            for turn in range(rounds):
                pair = [(floors, floor.path), (ours, collector.path)]
                for results, path in pair if turn % 2 == 0 else reversed(pair):
                    run = send(path, count=count, rate=RATE)
                    results.append(run["lost"])
                    counted += run["sent"] if results is ours else 0
            metrics = collector.wait_for_sessions(counted)
        total = rounds * count
        say(f"  floor lost {sum(floors)}, postseal lost {sum(ours)} of {total}; the queue was read full "
            f"{metrics.get('postseal_collector_queue_full_total', 0)} times")
        figures[f"lost-{queue}"] = {"floor": floors, "postseal": ours, "of": total}
        if queue == 10:
            # Alike within what a busy machine does to either: one in a thousand.
            goals.at_most("lost-with-queue-10", sum(ours) / total, max(sum(floors) / total, 0.001), " of all")
        elif sum(floors) == 0 or sum(ours) == 0:
            goals.at_most("lost-with-queue-512", sum(ours), 0, " datagrams")
        else:
            goals.at_most("lost-with-queue-512", sum(ours), sum(floors), " datagrams (the floor lost some, too)")


def many_keys(goals, figures, folder, count):
    say(f"{count} sessions, each of a domain, a policy and a failure of its own")
    with Collector(folder / "keys", 512) as collector:
        empty = collector.rss_bytes()
        before = cpu_s(collector.pid)
        # Slowly enough for the database: rows that nobody wrote before cost it most.
        run = send(collector.path, count=count, distinct=1, rate=12_000)
        metrics = collector.wait_for_sessions(run["sent"])
        used = cpu_s(collector.pid) - before
        peak = collector.peak_bytes()
        dropped = metrics["postseal_collector_dropped_total"]
        if dropped or collector.sessions_in_store() != run["sent"]:
            raise RuntimeError(f"{dropped} datagrams were dropped, {collector.sessions_in_store()} sessions stored")
    say(f"  {empty / MIB:.0f} MiB empty, at most {peak / MIB:.0f} MiB; {used / run['sent'] * 1e6:.0f} us CPU each; "
        f"database {os.path.getsize(collector.database) / MIB:.0f} MiB; {run['lost']} lost")
    figures["keys"] = {"count": run["sent"], "empty": empty, "peak": peak, "cpu_s": used, "lost": run["lost"]}
    goals.at_most(f"memory-of-{count}-keys", peak / MIB, 1024, " MiB")


def reports(goals, figures, folder, count):
    say(f"{count} reports: read from the store, built, compressed")
    run = tool("report_build", folder / "reports.db", count)
    say(f"  {run['seconds']:.1f} s; {run['bytes'] / count:.0f} bytes each; reading the day took {run['read_seconds']:.1f} s")
    figures["reports"] = run
    goals.at_most(f"building-{count}-reports", run["seconds"], 60 * count / 100_000, " s")


BENCH_FLOOR = Path(os.environ.get("POSTSEAL_BENCH", "build/release/bench")) / "datagram_floor"


def run(goals, quick):
    if os.geteuid() != 0:
        raise SystemExit("bench: the collector's goals want root, for the length of the kernel's queue")
    figures = {}
    with tempfile.TemporaryDirectory(prefix="postseal-bench-") as name:
        folder = Path(name)
        cost(goals, figures, folder, 3 if quick else 5, 100_000 if quick else 300_000)
        losses(goals, figures, folder, 3 if quick else 6, 50_000 if quick else 150_000)
        many_keys(goals, figures, folder, 100_000 if quick else 1_000_000)
        reports(goals, figures, folder, 10_000 if quick else 100_000)
    return figures
