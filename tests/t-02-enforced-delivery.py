"""Postfix of Debian 12 asks policyd and sends to a second Postfix, with and without an attacker on the way.

What must hold: with an enforced policy a letter goes out over a verified connection or stays in the queue; in testing it
is always delivered; when the attack is over everything that waited is delivered.
"""

from lab.attacker import Path, Sink
from lab.ca import Ca
from lab.internet import Internet
from lab.letters import Letters
from lab.policy_host import PATH, PolicyHost, Site, policy
from lab.postfix import Postfix, System
from lab.postseal import Postseal
from lab.scene import expect, wait_for

LIMIT_S = 240

POLICY_HOST, MX_PATH, MX, SENDER, ATTACKER = "127.0.0.30", "127.0.0.20", "127.0.0.21", "127.0.0.25", "127.0.0.66"
ENFORCED, TESTED, DANE = "kestrel.test", "plover.test", "avocet.test"
MX_NAMES = [f"mx.{domain}" for domain in (ENFORCED, TESTED, DANE)]
MAP = "socketmap:inet:127.0.0.1:8461:QUERY"
CERTIFICATE = "Server certificate not"  # … trusted, or … verified: Postfix's word depends on what is wrong first


class Stage(Letters):
    """The peers."""

    def __init__(self, lab):
        super().__init__()
        self.lab = lab
        self.ca = Ca(lab)
        self.internet = Internet(lab)
        self.zones = {}
        self.policies = PolicyHost(lab, POLICY_HOST)
        self.certificate = self.ca.leaf(*MX_NAMES)
        for domain, mode in ((ENFORCED, "enforce"), (TESTED, "testing"), (DANE, None)):
            # The DANE domain is signed; the others are not, as the attack on the MX record needs.
            zone = self.zones[domain] = self.internet.domain(domain, signed=mode is None)
            zone.set("@", "MX", f"10 mx.{domain}.")
            zone.set("mx", "A", MX_PATH)
            if mode:
                zone.set("_mta-sts", "TXT", '"v=STSv1; id=1;"')
                zone.set("mta-sts", "A", POLICY_HOST)
                host = f"mta-sts.{domain}"
                self.policies.sites[host] = Site(self.ca.leaf(host), policy(mode, f"mx.{domain}"))
            else:
                zone.set("_25._tcp.mx", "TLSA", self.certificate.tlsa())
        self.internet.domain("attacker.test", signed=False).set("mx", "A", ATTACKER)
        self.internet.start()
        self.path = Path(lab, MX_PATH, MX)
        self.sink = Sink(lab, ATTACKER, "mx.attacker.test", self.ca.leaf("mx.attacker.test"))
        system = System.debian12(lab)
        self.mx = Postfix(lab, system, "mx", MX, "mx.plover.test").receives([ENFORCED, TESTED, DANE], self.certificate).start()
        self.sender = Postfix(lab, system, "sender", SENDER, "sender.test", smtp_tls_security_level="may",
                              smtp_tls_CAfile=self.ca.file, smtp_tls_policy_maps=MAP).start()

    def spoof_mx(self, domain: str, host: str):
        self.zones[domain].set("@", "MX", f"10 {host}.")
        self.internet.publish(self.zones[domain])


def play(lab):
    with lab.step("the peers stand: signed root, policy host, path, MX, sender, attacker"):
        stage = Stage(lab)
        daemon = Postseal(lab, stage.internet, stage.ca.file,
                          {"policyd": {"listen": ["127.0.0.1:8461"], "id_recheck_min_s": 1}}, verb="policyd").start()

    with lab.step("query says what an MTA is told, and why"):
        answer = daemon.json("query", ENFORCED)
        expect(answer["decision"]["level"] == "secure" and answer["decision"]["source"] == "sts"
               and answer["decision"]["match"] == ["mx.kestrel.test"], f"{answer}")
        expect(answer["reply"] == "OK secure match=mx.kestrel.test servername=hostname", f"reply: {answer['reply']}")
        expect("policy_type=sts" in answer["reply_tlsrpt"], f"reply_tlsrpt: {answer['reply_tlsrpt']}")
        answer = daemon.json("query", TESTED)
        expect(answer["decision"]["mode"] == "testing" and answer["reply"] == "NOTFOUND ", f"{answer}")
        answer = daemon.json("query", DANE)
        expect(answer["decision"]["level"] == "dane-only", "a signed domain with TLSA")
        [host] = answer["evidence"]["hosts"]
        expect(answer["evidence"]["mx"]["secure"] and host["a"]["secure"] and host["tlsa"][0]["lookup"]["records"], f"{answer['evidence']}")
        shown = daemon.command("query", DANE, "--config", daemon.config_file).stdout
        expect(f"  TLSA       _25._tcp.{host['name']}: 3 1 1 " in shown and " (signed)" in shown, shown)
        expect(daemon.json("query", "attacker.test")["decision"]["level"] == "none", "a domain without a policy")

    with lab.step("nothing is wrong: enforce and DANE are delivered over a verified connection, testing over TLS"):
        stage.delivered(ENFORCED, "Verified")
        stage.delivered(DANE, "Verified")
        stage.delivered(TESTED, "Trusted")

    with lab.step("STARTTLS is stripped: enforce and DANE wait, testing is delivered in clear"):
        stage.path.strip = True
        stage.refused(ENFORCED, "TLS is required")
        stage.refused(DANE, "TLS is required")
        text = stage.delivered(TESTED, "")
        expect(any(text.encode() in session.clear for session in stage.path.sessions), "the wire tap works: it read that letter")
        stage.path.strip = False

    with lab.step("a self-signed certificate: enforce and DANE wait, testing is delivered"):
        stage.show(stage.ca.self_signed(*MX_NAMES))
        stage.refused(ENFORCED, CERTIFICATE)
        stage.refused(DANE, CERTIFICATE)
        stage.delivered(TESTED, "Untrusted")

    with lab.step("an expired certificate, and one for another name: enforce waits"):
        stage.show(stage.ca.expired(*MX_NAMES))
        stage.refused(ENFORCED, CERTIFICATE)
        stage.show(stage.ca.leaf("mx.attacker.test"))
        stage.refused(ENFORCED, CERTIFICATE)
        stage.show(stage.certificate)

    with lab.step("a spoofed MX record: enforce waits, the attacker's server gets no letter; testing is delivered to him"):
        stage.spoof_mx(ENFORCED, "mx.attacker.test")
        stage.refused(ENFORCED, CERTIFICATE)
        expect(stage.sink.sessions and not stage.sink.messages(), "he was asked, and got nothing")
        stage.spoof_mx(TESTED, "mx.attacker.test")
        text, _, done = stage.send(TESTED)
        expect(done.status == "sent" and any(text.encode() in message for message in stage.sink.messages()), f"to the attacker: {done}")
        stage.spoof_mx(TESTED, "mx.plover.test")

    with lab.step("a new id whose policy cannot be fetched, then no record at all: the cached policy holds"):
        zone = stage.zones[ENFORCED]
        site = stage.policies.sites[f"mta-sts.{ENFORCED}"]
        site.status = 503
        zone.set("_mta-sts", "TXT", '"v=STSv1; id=2;"')
        stage.internet.publish(zone)
        before = stage.policies.requests.count((f"mta-sts.{ENFORCED}", PATH))

        def refetched():  # a request makes the daemon look at the id again, in the background
            stage.refused(ENFORCED, CERTIFICATE)
            return stage.policies.requests.count((f"mta-sts.{ENFORCED}", PATH)) > before

        wait_for(refetched, "the daemon tries to fetch the policy of the new id")
        stage.refused(ENFORCED, CERTIFICATE)
        zone.drop("_mta-sts", "TXT")
        stage.internet.publish(zone)
        for _ in range(3):
            stage.refused(ENFORCED, CERTIFICATE)

    with lab.step("it holds over a restart, and over a lost process"):
        daemon.stop()
        daemon.start()
        stage.refused(ENFORCED, CERTIFICATE)
        daemon.kill()
        daemon.start()
        expect(daemon.json("query", ENFORCED)["decision"]["level"] == "secure", "still enforced after SIGKILL")
        stage.refused(ENFORCED, CERTIFICATE)

    with lab.step("the attack is over: every letter that waited is delivered over a verified connection"):
        stage.spoof_mx(ENFORCED, "mx.kestrel.test")
        for queue_id, text in stage.waiting.items():
            done = stage.sender.retry(queue_id)
            expect(done.status == "sent" and done.tls.startswith("Verified"), f"{text}: {done}")
            wait_for(lambda text=text: stage.mx.mail_with(text), f"{text} in the mailbox")
        expect(not stage.sender.queue(), "the queue is empty")

    with lab.step("without policyd the same attacks succeed (so the steps above can fail)"):
        stage.sender.reload(smtp_tls_policy_maps="")
        stage.path.strip = True
        text = stage.delivered(ENFORCED, "")
        expect(any(text.encode() in session.clear for session in stage.path.sessions), "read on the wire")
        stage.path.strip = False
        stage.spoof_mx(ENFORCED, "mx.attacker.test")
        text, _, done = stage.send(ENFORCED)
        expect(any(text.encode() in message for message in stage.sink.messages()), f"handed to the attacker: {done}")
