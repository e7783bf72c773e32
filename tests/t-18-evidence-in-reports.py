"""What only the policy daemon saw is in the reports that go out, and the report mail itself is not: Postfix 3.10 sends to domains
whose policy cannot be had, is in testing mode, or is enforced against a server that is not the right one. (Postfix 3.10.13 tells
nothing of a message with TLS-Required: No.)

RPT-039; RFC 8461 §5; RFC 8460 §3, §4.3.2.2
"""

import datetime
import email
import gzip
import json
import urllib.request

from lab.attacker import Sink
from lab.ca import Ca
from lab.internet import Internet
from lab.policy_host import PolicyHost, Site, policy
from lab.postfix import Postfix, System
from lab.postseal import Postseal
from lab.reports import ReportHost, told
from lab.scene import expect, wait_for

LIMIT_S = 180
NEEDS = ("debian13",)

POLICY_HOST, REPORTS, SENDER, GOOD, BAD = "127.0.0.30", "127.0.0.31", "127.0.0.25", "127.0.0.41", "127.0.0.42"
ZONE = "dest.test"
# Label → the mode of its policy, its MX. "gone", "broken" and "forged" are what is wrong with the way to the policy.
DESTINATIONS = {"gone": ("enforce", GOOD), "broken": ("enforce", GOOD), "forged": ("enforce", GOOD),
                "weak": ("testing", BAD), "fine": ("testing", GOOD), "kept": ("enforce", GOOD), "hijacked": ("enforce", BAD)}
DAY_S = 86400


class Stage:
    def __init__(self, lab):
        self.ca = Ca(lab)
        self.internet = Internet(lab)
        self.zone = self.internet.domain(ZONE, signed=False)
        self.internet.domain("reports.test", signed=False).set("@", "A", REPORTS)
        self.policies = PolicyHost(lab, POLICY_HOST)
        self.reports = ReportHost(lab, REPORTS, self.ca.leaf("reports.test"))
        names = {address: [f"mx.{label}.{ZONE}" for label, (_, at) in DESTINATIONS.items() if at == address] for address in (GOOD, BAD)}
        Sink(lab, GOOD, "mx.good.test", self.ca.leaf(*names[GOOD]))
        self.bad = Sink(lab, BAD, "mx.bad.test", self.ca.self_signed(*names[BAD]))
        for label, (mode, address) in DESTINATIONS.items():
            self.zone.set(label, "MX", f"10 mx.{label}.{ZONE}.")
            self.zone.set(f"mx.{label}", "A", address)
            self.zone.set(f"_mta-sts.{label}", "TXT", '"v=STSv1; id=1;"')
            self.zone.set(f"mta-sts.{label}", "A", POLICY_HOST)
            rua = f"mailto:r@{label}.{ZONE}" if label == "hijacked" else f"https://reports.test/{label}"
            self.zone.set(f"_smtp._tls.{label}", "TXT", f'"v=TLSRPTv1; rua={rua}"')
            self.site(label, Site(self.ca.leaf(f"mta-sts.{label}.{ZONE}"), policy(mode, f"mx.{label}.{ZONE}")))
        self.site("gone").status = 404
        self.site("broken").body = "version: STSv1\r\nmode: enforce\r\nmax_age: 86400\r\n"  # no mx
        self.site("forged").certificate = self.ca.self_signed(f"mta-sts.forged.{ZONE}")
        self.internet.start()
        self.sender = Postfix(lab, System.debian13(lab), "sender", SENDER, "sender.test", smtp_tls_security_level="may",
                              smtp_tls_CAfile=self.ca.file, smtp_tls_policy_maps="socketmap:inet:127.0.0.1:8461:QUERYwithTLSRPT",
                              smtp_tlsrpt_enable="yes", smtp_tlsrpt_socket_name="tlsrpt.sock")
        self.postseal = Postseal(lab, self.internet, self.ca.file, {
            "policyd": {"listen": ["127.0.0.1:8461"], "id_recheck_min_s": 1}, "metrics": {"listen": ["127.0.0.1:9464"]},
            "collector": {"socket": f"{self.sender.queue_dir}/tlsrpt.sock"},
            "reporter": {"organization_name": "Sender", "contact": "tls@sender.test", "submission": f"smtp://{SENDER}",
                         "spread_s": DAY_S}}, verb="policyd").start()
        self.sender.start()

    def site(self, label: str, site: Site = None) -> Site:
        return self.policies.sites.setdefault(f"mta-sts.{label}.{ZONE}", site)

    def send(self, *labels: str) -> dict:
        """A letter to each, all at once; label → what came of it."""
        ids = self.sender.send_all("a@sender.test", [(f"b@{label}.{ZONE}", f"letter to {label}") for label in labels])
        return {label: self.sender.outcome(queue_id).status for label, queue_id in zip(labels, ids)}


def metric(name: str) -> int:
    with urllib.request.urlopen("http://127.0.0.1:9464/metrics", timeout=30) as answer:
        return next((int(line.split()[1]) for line in answer.read().decode().splitlines() if line.split()[0] == name), 0)


def play(lab):
    with lab.step("the peers stand"):
        stage = Stage(lab)
        version = stage.sender.system.version()
        expect(tuple(int(part) for part in version.split(".")[:2]) >= (3, 10), f"Postfix {version}")
        postseal = stage.postseal
    day = datetime.datetime.now(datetime.timezone.utc).date()
    morrow = day + datetime.timedelta(days=1)

    with lab.step("letters: only where an enforced policy is not met do they wait"):
        results = stage.send(*DESTINATIONS)
        expect(results == {label: "deferred" if label == "hijacked" else "sent" for label in DESTINATIONS}, f"{results}")
        wait_for(lambda: metric("postseal_policyd_testing_probes_total") == 2, "both hosts of testing-mode domains are looked at")

    with lab.step("a new id whose policy cannot be had: the cached one holds, and that is told"):
        stage.site("kept").status = 404
        stage.zone.set("_mta-sts.kept", "TXT", '"v=STSv1; id=2;"')
        stage.internet.publish(stage.zone)
        before = metric("postseal_policyd_policy_failures_total")

        def failed_again():
            stage.send("kept")
            return metric("postseal_policyd_policy_failures_total") > before
        wait_for(failed_again, "the new id is seen, and its fetch has failed", every_s=0.5)
    letters = len(stage.sender.log.lines(rf"to=<b@kept\.{ZONE}>.*status=sent"))

    expect(datetime.datetime.now(datetime.timezone.utc).date() == day, "the scene ran across midnight UTC; run it again")

    with lab.step("after midnight the reports that arrive say what was seen, with the right counts"):
        postseal.config["lab"]["clock_offset_s"] = DAY_S
        postseal.reload()
        ran = wait_for(lambda: reported(postseal, day), "the day can be reported")
        expect({entry["result"] for entry in ran["reports"]} <= {"sent", "already-sent"} and len(ran["reports"]) == len(DESTINATIONS), f"{ran}")

        def plain(label: str):
            return ("no-policy-found", f"{label}.{ZONE}", 1, 0, {})
        expected = {
            "gone": [("sts", f"gone.{ZONE}", 0, 1, {("sts-policy-fetch-error", None): 1}), plain("gone")],
            "broken": [("sts", f"broken.{ZONE}", 0, 1, {("sts-policy-invalid", None): 1}), plain("broken")],
            "forged": [("sts", f"forged.{ZONE}", 0, 1, {("sts-webpki-invalid", None): 1}), plain("forged")],
            "weak": [("sts", f"weak.{ZONE}", 0, 1, {("certificate-not-trusted", f"mx.weak.{ZONE}"): 1})],
            "fine": [("sts", f"fine.{ZONE}", 1, 0, {})],
            "kept": [("sts", f"kept.{ZONE}", letters, 0, {("sts-policy-fetch-error", None): 1})],
        }
        for label, policies in expected.items():
            got = told(stage.reports.reports[f"/{label}"])
            expect(got == policies, f"{label}: {got}, not {policies}")
        weak = stage.reports.reports["/weak"]["policies"][0]
        expect("mode: testing" in weak["policy"]["policy-string"], f"{weak}")
        expect(weak["failure-details"][0]["failure-reason-code"].startswith("testing-mode probe: "), f"{weak}")

    with lab.step("a report reaches the domain although its server is not the right one"):
        message = wait_for(lambda: mailed(stage.bad), "the report at the MX")
        expect(message["TLS-Report-Domain"] == f"hijacked.{ZONE}", f"{message.items()}")
        report = json.loads(gzip.decompress(message.get_payload()[1].get_payload(decode=True)))
        expect(told(report) == [("sts", f"hijacked.{ZONE}", 0, 1, {("validation-failure", f"mx.hijacked.{ZONE}"): 1})], f"{told(report)}")

    with lab.step("there is no report about the report; everybody else's sessions are counted"):
        sent = stage.sender.log.wait(rf"to=<r@hijacked\.{ZONE}>.*status=sent")
        process = sent.partition("]: ")[0].rpartition("[")[2]
        expect(stage.sender.log.lines(rf"smtp\[{process}\]: Untrusted TLS connection established to mx\.hijacked"), "it went by TLS")
        stage.send("fine")
        counted = wait_for(lambda: postseal.command("reporter", "show", morrow, f"fine.{ZONE}", "--config", postseal.config_file, "--json",
                                                    ok=None).stdout, "an ordinary letter is counted")
        expect(told(json.loads(counted)["report"])[0][2] == 1, counted)
        stage.reports.reports.clear()
        postseal.config["lab"]["clock_offset_s"] = 2 * DAY_S
        postseal.reload()
        ran = wait_for(lambda: reported(postseal, morrow), "the next day can be reported")
        expect([entry["domain"] for entry in ran["reports"]] == [f"fine.{ZONE}"], f"{ran}")


def mailed(sink: Sink):
    """The first TLS report among what a mail server took."""
    return next((email.message_from_bytes(message) for message in sink.messages() if b"TLS-Report-Domain:" in message), None)


def reported(postseal, day):
    """The clock moves at SIGHUP; until it has, the day is unfinished (exit 2)."""
    done = postseal.command("reporter", "run", "--day", str(day), "--config", postseal.config_file, "--json", ok=(0, 1, 2))
    return done.returncode == 0 and json.loads(done.stdout)
