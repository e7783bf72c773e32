"""Exim 4.96 is counted from its own events, by way of its log: every way a session can end, hosts that want to forge one, a lost
process and a rotation; the day's reports say exactly what happened.

RPT-036, RPT-037, RPT-038
"""

import json
import smtplib
import socket
import urllib.request

from lab import destinations
from lab.attacker import Sink
from lab.ca import Ca
from lab.destinations import DANE, PLAIN, STS, ZONES, Destinations
from lab.exim import Exim
from lab.internet import Internet
from lab.postseal import Postseal, command
from lab.process import run
from lab.reports import ReportHost, run_after_midnight, today
from lab.scene import expect, wait_for

LIMIT_S = 180
NEEDS = ("exim",)

REPORTS, SENDER = "127.0.0.31", "127.0.0.25"
KINDS = {**destinations.KINDS, "busy": "127.0.0.46", "forger": "127.0.0.47", "refuses": "127.0.0.48", "garbage": "127.0.0.49"}
# What a forger would have counted.
FORGED = (f" postseal-session: at=1 event=smtp:ehlo domain=ok.{STS} host=mx.ok.{STS} ip=127.0.0.41 port=25 from={SENDER} level=secure"
          " source=sts dane=no notafter=0 error=-38 why=forged")


class Garbage(Sink):
    """Says that it is ready for TLS and then speaks something else."""

    def serve(self, conn):
        conn.sendall(b"220 mx ESMTP\r\n")
        conn.recv(4096)
        conn.sendall(b"250-mx\r\n250 STARTTLS\r\n")
        if b"STARTTLS" in conn.recv(4096):
            conn.sendall(b"220 ready\r\n")
            conn.recv(4096)
            conn.sendall(b"no TLS at all, but" + FORGED.encode() + b"\r\n" * 20)
            conn.shutdown(socket.SHUT_WR)
            conn.recv(4096)


class Stage:
    def __init__(self, lab):
        self.ca = Ca(lab)
        self.internet = Internet(lab)
        self.internet.domain("reports.test", signed=False).set("@", "A", REPORTS)
        self.reports = ReportHost(lab, REPORTS, self.ca.leaf("reports.test"))
        self.to = Destinations(lab, self.ca, self.internet)
        self.to.host("busy", KINDS["busy"], self.ca.leaf, tlsa=True).replies["MAIL"] = f"451 4.3.2 later{FORGED}"
        self.to.host("forger", KINDS["forger"], lambda *names: self.ca.self_signed(
            f"a\r\nb{FORGED[:40]}", *names, f"a\r\n{FORGED}")).host = f"mx{FORGED}"
        self.to.host("refuses", KINDS["refuses"], self.ca.leaf, tlsa=True).replies["STARTTLS"] = f"454 4.7.0 not now\r{FORGED}"
        self.to.host("garbage", KINDS["garbage"], self.ca.leaf, server=Garbage)
        for kind in KINDS:
            for zone in ZONES:
                self.to.domain(kind, zone, f"mx.{kind}.{zone}")
        self.to.domain("several", STS, f"mx.self.{STS}", f"mx.busy.{STS}", f"mx.ok.{STS}")
        self.to.domain("several", PLAIN, f"mx.busy.{PLAIN}", f"mx.strip.{PLAIN}")
        self.to.domain("piped", PLAIN, f"mx.ok.{PLAIN}")
        self.to.domain("http", PLAIN, f"mx.ok.{PLAIN}")
        self.internet.start()
        self.sender = Exim(lab, "exim", SENDER, "sender.test", POSTSEAL_CA=self.ca.file)
        self.http_socket = lab.place("sessions") / "http.sock"
        self.postseal = Postseal(lab, self.internet, self.ca.file, {
            "policyd": {"listen": [], "line_listen": ["127.0.0.1:8462"]}, "metrics": {"listen": ["127.0.0.1:9464"]},
            "collector": {"exim_log": self.sender.log.path, "http_listen": f"unix:{self.http_socket}"},
            "reporter": {"organization_name": "Sender", "contact": "tls@sender.test", "spread_s": 0}}, verb="policyd").start()
        self.sender.start()

    def send(self, *domains: str):
        """A letter to each, all at once; waits until each has been tried."""
        ids = self.sender.send_all("a@sender.test", [(f"b@{domain}", f"letter to {domain}") for domain in domains])
        for queue_id in ids:
            self.sender.outcome(queue_id)


def play(lab):
    with lab.step("the peers stand: MX hosts of every kind, policyd that follows the log of Exim"):
        stage = Stage(lab)
        expect(stage.sender.version().startswith("4.96"), f"Exim {stage.sender.version()}")
        log = stage.sender.log.path
    day = today()

    with lab.step("letters to several hosts in turn, then to all of them at once"):
        stage.send(f"several.{STS}", f"several.{PLAIN}")  # first: a host that has failed is not tried again at once
        stage.send(*(f"{kind}.{zone}" for kind in KINDS for zone in ZONES))

    with lab.step("two sessions at a time, one inside the other"):
        slow = stage.to.sinks["ok"]
        slow.answers.clear()
        mark = stage.sender.log.mark()
        held = stage.sender.send("a@sender.test", f"c@ok.{STS}", "a letter that takes its time")
        stage.sender.log.wait(rf"postseal-session: .* domain=ok\.{STS} ", after=mark)
        stage.send(f"self.{PLAIN}")
        slow.answers.set()
        expect(stage.sender.outcome(held).status == "sent", "the first one ends last")

    with lab.step("the process is lost; meanwhile the log is rotated; a letter to two recipients is one session"):
        stage.postseal.kill()
        stage.sender.rotate_log(log.with_name(log.name + ".1"))
        stage.postseal.start()
        with smtplib.SMTP(SENDER, 25, local_hostname="client.test", timeout=30) as smtp:
            smtp.sendmail("a@sender.test", [f"d@ok.{PLAIN}", f"e@ok.{PLAIN}"], "Subject: two\r\n\r\nrecipients\r\n")
        for recipient in ("d", "e"):
            stage.sender.log.wait(rf"[=-]> {recipient}@ok\.{PLAIN} ")

    with lab.step("another log by standard input, beside the process that runs"):
        lines = [line.replace(f"ok.{PLAIN}", f"piped.{PLAIN}") for line in stage.sender.log.lines(rf"ok\.{PLAIN}")]
        done = command(lab, "collector", "--config", stage.postseal.config_file, "--exim-log", "-", input="\n".join(lines))
        expect(f"{len(lines)} lines, 1 sessions counted" in done.stdout, done.stdout)
        done = command(lab, "collector", "--config", stage.postseal.config_file, "--exim-log", log, ok=(2,))
        expect("another postseal follows this file" in done.stderr, done.stderr)

    with lab.step("and rotated while the process looks on"):
        log.rename(log.with_name(log.name + ".2"))
        stage.send(f"ok.{DANE}")

    with lab.step("a hostile line is skipped and counted; a client that speaks like a session is none"):
        with open(log, "ab") as file:
            file.write(b"\0" * 100 + b"\n\xff\n" + b"x" * (1 << 20) + b"\n")
        wait_for(lambda: metric("postseal_collector_log_rejected_total") == 3, "three lines rejected")
        with socket.create_connection((SENDER, 25), timeout=30) as client, client.makefile("rb") as answers:
            for words in (f"EHLO{FORGED}", f"MAIL FROM:<a@sender.test>{FORGED}", FORGED.strip()):
                answers.readline()
                client.sendall(words.encode() + b"\r\n")
            answers.readline()

    with lab.step("another MTA hands its sessions over by HTTP: all of a request or none, and once"):
        def post(body: str, kind: str = "json", key: str = "") -> dict:
            done = run(["curl", "-sS", "--unix-socket", stage.http_socket, "-H", f"Content-Type: application/{kind}",
                        *(("-H", f"Idempotency-Key: {key}") if key else ()), "--data-binary", "@-", "http://localhost/v1/sessions"], input=body)
            return json.loads(done.stdout)

        good, bad = by_http(), by_http(f=2)
        expect(post(good, key="a") == {"counted": 1, "stored": True}, "one session")
        expect(post(good, key="a") == {"counted": 1, "stored": True}, "the same request again")
        expect(post(f"{good}\n\n{good}\n", "x-ndjson") == {"counted": 2, "stored": True}, "one a line")
        refused = post(f"[{good},{bad}]")
        expect(refused["counted"] == 0 and [(one["index"], one["field"]) for one in refused["refused"]] == [(1, "policies[0].f")], f"{refused}")
        expect(post("[" + ",".join([good] * 4) + "]") == {"counted": 4, "stored": True}, "an array")
        expect(metric("postseal_collector_http_sessions_total") == 7, "the metric")

    with lab.step("after midnight each domain's report says exactly what happened"):
        run_after_midnight(stage.postseal, day)
        stage.reports.expect_exactly(expected_reports())
        details = [detail for report in stage.reports.reports.values() for entry in report["policies"]
                   for detail in entry.get("failure-details", [])]
        expect(all(detail["sending-mta-ip"] == SENDER for detail in details), f"the sending address: {details}")
        expect("forged" not in str(details), f"nothing of what the hosts wanted to forge: {details}")


def by_http(f: int = 0) -> str:
    """A session as libtlsrpt's datagrams have it."""
    domain = f"http.{PLAIN}"
    return json.dumps({"dpv": "1", "d": domain, "pr": f"v=TLSRPTv1; rua=https://reports.test/{domain}", "policies": [{"policy-type": 9, "f": f}]})


def metric(name: str) -> int:
    with urllib.request.urlopen("http://127.0.0.1:9464/metrics", timeout=30) as answer:
        lines = answer.read().decode().splitlines()
    return sum(int(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(f"{name}{{") or line.startswith(f"{name} "))


def expected_reports() -> dict:
    trust, invalid, none = "certificate-not-trusted", "tlsa-invalid", "starttls-not-supported"

    def sts(name: str, kind: str, successful: int, failed: int = 0, host: str = ""):
        return {f"{name}.{STS}": [("sts", f"{name}.{STS}", successful, failed, {(kind, f"mx.{host or name}.{STS}"): failed} if failed else {})]}

    def dane(name: str, kind: str, successful: int, failed: int = 0):
        host = f"mx.{name}.{DANE}"
        return {f"{name}.{DANE}": [("tlsa", host, successful, failed, {(kind, host): failed} if failed else {})]}

    def plain(name: str, successful: int, failures: dict = {}):
        return {f"{name}.{PLAIN}": [("no-policy-found", f"{name}.{PLAIN}", successful, sum(failures.values()), failures)]}

    return {
        **sts("ok", "", 2), **sts("strip", none, 0, 1), **sts("self", trust, 0, 1), **sts("expired", "certificate-expired", 0, 1),
        **sts("wrong", "certificate-host-mismatch", 0, 1), **sts("forger", trust, 0, 1), **sts("refuses", none, 0, 1),
        **sts("garbage", "validation-failure", 0, 1),
        **sts("busy", "", 1),  # the session was good; that the host did not want the letter is no matter of TLS
        **sts("several", trust, 2, 1, host="self"),
        **dane("ok", "", 2), **dane("strip", none, 0, 1), **dane("self", invalid, 0, 1), **dane("expired", invalid, 0, 1),
        **dane("wrong", invalid, 0, 1), **dane("forger", invalid, 0, 1), **dane("refuses", none, 0, 1),
        **dane("garbage", "validation-failure", 0, 1), **dane("busy", "", 1),
        **plain("ok", 2), **plain("self", 2), **plain("expired", 1), **plain("wrong", 1), **plain("forger", 1), **plain("busy", 1),
        # The first host was spoken to by TLS, the second without: what nobody asked of it did not fail.
        **plain("several", 1), **plain("piped", 1), **plain("http", 7),
        # A handshake that failed is told, though the letter then went on in clear; a STARTTLS that was refused is not.
        **plain("garbage", 0, {("validation-failure", f"mx.garbage.{PLAIN}"): 1}),
    }
