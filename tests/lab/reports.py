"""The TLS reports of a day: who takes them, what they say, and how a scene gets past midnight."""

import datetime
import gzip
import json
import ssl
from collections import Counter

from .scene import expect, wait_for
from .servers import Listener

DAY_S = 86400


class ReportHost(Listener):
    """Takes TLS reports by HTTPS POST: path → report."""

    def __init__(self, lab, address: str, certificate):
        self.reports = {}
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate.chain, certificate.key)
        super().__init__(lab, address, 443)

    def serve(self, conn):
        with self._context.wrap_socket(conn, server_side=True) as tls, tls.makefile("rb") as file:
            path = file.readline().split()[1].decode()
            length = 0
            while (line := file.readline().strip()):
                name, _, value = line.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            expect(path not in self.reports, f"one report to {path}")
            self.reports[path] = json.loads(gzip.decompress(file.read(length)))
            tls.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    def expect_exactly(self, expected: dict):
        """`expected`: domain → what its report says, as `told` has it. The path is the domain."""
        got = {path.lstrip("/"): told(report) for path, report in self.reports.items()}
        for domain in sorted(expected.keys() | got.keys()):
            expect(got.get(domain) == expected.get(domain), f"{domain}: {got.get(domain)}, not {expected.get(domain)}")


def told(report: dict) -> list:
    """What a report says: (policy type, policy domain, successful, failed, {(result type, MX host): sessions})."""
    out = []
    for entry in report["policies"]:
        failures = Counter()
        for detail in entry.get("failure-details", []):
            failures[(detail["result-type"], detail.get("receiving-mx-hostname"))] += detail["failed-session-count"]
        out.append((entry["policy"]["policy-type"], entry["policy"]["policy-domain"], entry["summary"]["total-successful-session-count"],
                    entry["summary"]["total-failure-session-count"], dict(failures)))
    return out


def today() -> datetime.date:
    return datetime.datetime.now(datetime.timezone.utc).date()


def run_after_midnight(postseal, day: datetime.date, within_s: float = 60) -> dict:
    """Sends the reports of `day`, which is today, with the clock a day ahead; what became of them. The clock moves at SIGHUP; until
    it has, the day is unfinished (exit 2)."""
    expect(today() == day, "the scene ran across midnight UTC; run it again")
    postseal.config["lab"]["clock_offset_s"] = DAY_S
    postseal.reload()

    def ran():
        done = postseal.command("reporter", "run", "--day", str(day), "--config", postseal.config_file, "--json", ok=(0, 1, 2),
                                within_s=within_s)
        return done.returncode == 0 and json.loads(done.stdout)

    outcome = wait_for(ran, "the day can be reported")
    expect(all(entry["result"] in ("sent", "already-sent") for entry in outcome["reports"]), f"{outcome}")
    return outcome
