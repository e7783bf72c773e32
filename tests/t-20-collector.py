"""The collector in an operator's hands: killed in the middle, a socket that systemd holds, who may write to it."""

import json
import socket
import sqlite3
import urllib.request

from lab.ca import Ca
from lab.internet import Internet
from lab.postseal import Postseal
from lab.process import Daemon
from lab.scene import PATIENCE, expect, wait_for

LIMIT_S = 120

BEFORE, AFTER = 500, 50


def datagram(domain: str) -> bytes:
    """As libtlsrpt writes it."""
    return json.dumps({"dpv": "1", "d": domain, "pr": "v=TLSRPTv1;rua=mailto:r@example.test", "policies": [
        {"policy-type": 2, "policy-domain": domain, "policy-string": ["version: STSv1", "mode: enforce"], "t": 0, "f": 0}]}).encode()


def tell(path, domain: str, times: int):
    """Waits for room in the kernel's queue, unlike Postfix, so that nothing is lost on the way."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as mta:
        mta.connect(str(path))
        for _ in range(times):
            mta.send(datagram(domain))


def metrics() -> dict:
    with urllib.request.urlopen("http://127.0.0.1:9464/metrics", timeout=30 * PATIENCE) as answer:
        lines = answer.read().decode().splitlines()
    return {sample: float(value) for sample, _, value in (line.rpartition(" ") for line in lines if not line.startswith("#"))}


def play(lab):
    ca, internet = Ca(lab), Internet(lab)
    state = lab.place("postseal")
    path = lab.place("spool") / "tlsrpt.sock"
    config = {"roles": ["collector"], "resolver": {"trust_anchor_file": "", "root_hints": ""},
              "collector": {"socket": path, "socket_mode": "0620", "socket_group": "nogroup"},
              "metrics": {"listen": ["127.0.0.1:9464"]}}
    collector = Postseal(lab, internet, ca.file, config, verb="policyd").start()

    def stored(domain: str) -> int:
        with sqlite3.connect(f"file:{state / 'postseal.db'}?mode=ro", uri=True) as connection:
            found = connection.execute("SELECT SUM(successful) FROM session_count WHERE domain = ?", (domain,)).fetchone()[0]
        connection.close()
        return found or 0

    with lab.step("the socket has the mode and the group that only Postfix writes with; a short queue is said"):
        status = path.stat()
        expect(status.st_mode & 0o777 == 0o620 and path.group() == "nogroup", f"mode {status.st_mode:o}, group {path.group()}")
        collector.log.wait(r"net.unix.max_dgram_qlen is 10: .* set it to 512")

    with lab.step("what was told more than a second before kill -9 is in the store"):
        tell(path, "before.test", BEFORE)
        wait_for(lambda: stored("before.test") == BEFORE, "every session is in the store, without a clean end")
        tell(path, "after.test", AFTER)
        collector.kill()

    with lab.step("the next start takes over the socket that was left, and says once what may be missing"):
        expect(path.exists(), "the killed one left its socket")
        mark = collector.log.mark()
        collector.start()
        collector.log.wait(r"the last run did not end cleanly: sessions of its last 500 ms, after 20..-..-..T..:..:..Z, may be missing",
                           after=mark)
        expect(metrics()["postseal_collector_unclean_end"] == 1, "the metric says so as well")
        expect(stored("before.test") == BEFORE, "nothing is counted twice")
        expect(stored("after.test") in range(AFTER + 1), "of the last half second some may be there")

    with lab.step("a clean end stores what it has, and leaves nothing to say"):
        tell(path, "clean.test", 20)
        collector.stop()
        expect(stored("clean.test") == 20, f"{stored('clean.test')} of 20")
        expect(not path.exists() and not (state / "collector.running").exists(), "socket and mark are gone")
        collector.start()
        expect(metrics()["postseal_collector_unclean_end"] == 0, "a new leaf")
        collector.stop()

    with lab.step("systemd's socket: what comes before the start is counted, and the socket outlives the process"):
        collector.config.pop("collector")
        collector.configure()
        held = Daemon(lab, "activated", ["systemd-socket-activate", "--datagram", "-l", path, lab.binary, "policyd", "--config",
                                         collector.config_file]).start()
        wait_for(path.exists, "systemd's socket")
        tell(path, "held.test", 30)
        wait_for(lambda: stored("held.test") == 30, "each is counted, those in front of the start too")
        expect(held.stop() == 0, "it ends")
        expect(path.exists(), "the socket is systemd's")

    with lab.step("another path in the configuration than systemd holds is refused"):
        path.unlink()
        collector.config["collector"] = {"socket": path.with_name("other.sock")}
        collector.configure()
        held = Daemon(lab, "refused", ["systemd-socket-activate", "--datagram", "-l", path, lab.binary, "policyd", "--config",
                                       collector.config_file]).start()
        wait_for(path.exists, "systemd's socket")
        tell(path, "held.test", 1)
        held.log.wait(r"LISTEN_FDS: unix:.*tlsrpt.sock: \[collector\] socket names .*other.sock")
        expect(held.process.wait(30 * PATIENCE) == 2, "and it does not start")
        held.process = None
