"""A Postfix without TLSRPT (Debian 12's 3.7) is counted from its log: every way a session can end, over rotation and a lost
process, and the day's reports say exactly that.

RPT-036, RPT-037, RPT-038
"""

import re
import smtplib
import urllib.request

from lab.ca import Ca
from lab.destinations import DANE, KINDS, PLAIN, STS, ZONES, Destinations
from lab.internet import Internet
from lab.postfix import Postfix, System
from lab.postseal import Postseal, command
from lab.reports import ReportHost, run_after_midnight, today
from lab.scene import expect, wait_for

LIMIT_S = 180

REPORTS, SENDER = "127.0.0.31", "127.0.0.25"


class Stage:
    def __init__(self, lab):
        self.ca = Ca(lab)
        self.internet = Internet(lab)
        self.internet.domain("reports.test", signed=False).set("@", "A", REPORTS)
        self.reports = ReportHost(lab, REPORTS, self.ca.leaf("reports.test"))
        self.to = Destinations(lab, self.ca, self.internet)
        for kind in KINDS:
            for zone in ZONES:
                self.to.domain(kind, zone, f"mx.{kind}.{zone}")
        self.to.domain("several", STS, f"mx.self.{STS}", f"mx.ok.{STS}")
        self.to.domain("piped", PLAIN, f"mx.ok.{PLAIN}")
        self.internet.start()
        self.sender = Postfix(lab, System.debian12(lab), "sender", SENDER, "sender.test", smtp_tls_security_level="may", in_flow_delay="0",
                              smtp_tls_CAfile=self.ca.file, smtp_tls_policy_maps="socketmap:inet:127.0.0.1:8461:QUERY")
        self.postseal = Postseal(lab, self.internet, self.ca.file, {
            "policyd": {"listen": ["127.0.0.1:8461"]}, "metrics": {"listen": ["127.0.0.1:9464"]},
            "collector": {"postfix_log": self.sender.log.path},
            "reporter": {"organization_name": "Sender", "contact": "tls@sender.test", "spread_s": 0}}, verb="policyd").start()
        self.sender.start()

    def send(self, *domains: str):
        """A letter to each, all at once; waits until each has been tried."""
        ids = self.sender.send_all("a@sender.test", [(f"b@{domain}", f"letter to {domain}") for domain in domains])
        for queue_id in ids:
            self.sender.outcome(queue_id)


def play(lab):
    with lab.step("the peers stand: MX hosts of every kind, policyd that follows the log of Postfix 3.7"):
        stage = Stage(lab)
        version = stage.sender.system.version()
        expect(tuple(int(part) for part in version.split(".")[:2]) < (3, 10), f"Postfix {version}")
    day = today()

    with lab.step("letters to all of them, at once"):
        stage.send(*(f"{kind}.{zone}" for kind in KINDS for zone in ZONES), f"several.{STS}")

    with lab.step("two sessions at a time, one inside the other"):
        slow = stage.to.sinks["ok"]
        slow.answers.clear()
        mark = stage.sender.log.mark()
        held = stage.sender.send("a@sender.test", f"c@ok.{STS}", "a letter that takes its time")
        stage.sender.log.wait(rf"TLS connection established to mx\.ok\.{STS}", after=mark)
        stage.send(f"self.{PLAIN}")
        slow.answers.set()
        expect(stage.sender.outcome(held).status == "sent", "the first one ends last")

    with lab.step("the process is lost; meanwhile the log is rotated; a letter to two recipients is one session"):
        stage.postseal.kill()
        log = stage.sender.log.path
        stage.sender.rotate_log(log.with_name(log.name + ".1"))
        stage.postseal.start()
        with smtplib.SMTP(SENDER, 25, local_hostname="client.test", timeout=30) as smtp:
            smtp.sendmail("a@sender.test", [f"d@ok.{PLAIN}", f"e@ok.{PLAIN}"], "Subject: two\r\n\r\nrecipients\r\n")
        for recipient in ("d", "e"):
            stage.sender.log.wait(rf"to=<{recipient}@ok\.{PLAIN}>.*status=sent")

    with lab.step("a hostile line is skipped and counted"):
        with open(log, "ab") as file:
            file.write(b"\0" * 100 + b"\n\xff\n" + b"x" * (1 << 20) + b"\n")
        wait_for(lambda: 'postseal_collector_log_rejected_total{mta="postfix"} 3\n' in metrics(), "three lines rejected")

    with lab.step("another log by standard input, beside the process that runs"):
        lines = [re.sub(rf"ok\.{PLAIN}", f"piped.{PLAIN}", line) for line in stage.sender.log.lines(rf"ok\.{PLAIN}")]
        done = command(lab, "collector", "--config", stage.postseal.config_file, "--postfix-log", "-", input="\n".join(lines))
        expect(f"{len(lines)} lines, 1 sessions counted" in done.stdout, done.stdout)
        done = command(lab, "collector", "--config", stage.postseal.config_file, "--postfix-log", log, ok=(2,))
        expect("another postseal follows this file" in done.stderr, done.stderr)

    with lab.step("after midnight each domain's report says exactly what happened"):
        early = stage.postseal.command("reporter", "run", "--day", str(day), "--config", stage.postseal.config_file, ok=(2,))
        expect("the day is not over" in early.stderr, f"refused because the day is not over: {early.stderr}")
        run_after_midnight(stage.postseal, day)
        trust, invalid = "certificate-not-trusted", "tlsa-invalid"
        expected = {
            f"ok.{STS}": [("sts", f"ok.{STS}", 2, 0, {})],
            f"strip.{STS}": [("sts", f"strip.{STS}", 0, 1, {("starttls-not-supported", f"mx.strip.{STS}"): 1})],
            f"self.{STS}": [("sts", f"self.{STS}", 0, 1, {(trust, f"mx.self.{STS}"): 1})],
            f"expired.{STS}": [("sts", f"expired.{STS}", 0, 1, {("certificate-expired", f"mx.expired.{STS}"): 1})],
            f"wrong.{STS}": [("sts", f"wrong.{STS}", 0, 1, {("certificate-host-mismatch", f"mx.wrong.{STS}"): 1})],
            f"several.{STS}": [("sts", f"several.{STS}", 1, 1, {(trust, f"mx.self.{STS}"): 1})],
            f"ok.{DANE}": [("tlsa", f"mx.ok.{DANE}", 1, 0, {})],
            f"strip.{DANE}": [("tlsa", f"mx.strip.{DANE}", 0, 1, {("starttls-not-supported", f"mx.strip.{DANE}"): 1})],
            f"ok.{PLAIN}": [("no-policy-found", f"ok.{PLAIN}", 2, 0, {})],
            f"self.{PLAIN}": [("no-policy-found", f"self.{PLAIN}", 2, 0, {})],
            f"piped.{PLAIN}": [("no-policy-found", f"piped.{PLAIN}", 1, 0, {})],
        }
        for kind in ("self", "expired", "wrong"):
            expected[f"{kind}.{DANE}"] = [("tlsa", f"mx.{kind}.{DANE}", 0, 1, {(invalid, f"mx.{kind}.{DANE}"): 1})]
        for kind in ("expired", "wrong"):
            expected[f"{kind}.{PLAIN}"] = [("no-policy-found", f"{kind}.{PLAIN}", 1, 0, {})]
        # In clear text, since nothing asked for TLS: no session of TLS, so nothing is said of it.
        stage.reports.expect_exactly(expected)


def metrics() -> str:
    with urllib.request.urlopen("http://127.0.0.1:9464/metrics", timeout=30) as answer:
        return answer.read().decode()
