"""Exim of Debian 12 asks policyd by the line protocol and sends to a Postfix, with and without an attacker on the way.

The attacks of t-02 must fail here too, and those that only an MTA can fall for which compares no names with the policy: an
MX two labels below "*.b", an MX record that leads by an alias to a listed name. When the attack is over, everything that
waited is delivered; nothing is ever returned to the sender.
"""

from lab.attacker import Path, Sink
from lab.ca import Ca
from lab.dns_path import SERVFAIL, DnsPath
from lab.exim import Exim
from lab.internet import Internet
from lab.letters import Letters
from lab.policy_host import PATH, PolicyHost, Site, policy
from lab.postfix import Postfix, System
from lab.postseal import Postseal
from lab.scene import expect, wait_for

LIMIT_S = 240
NEEDS = ("exim",)

POLICY_HOST, MX_PATH, MX, SENDER, ATTACKER = "127.0.0.30", "127.0.0.20", "127.0.0.21", "127.0.0.25", "127.0.0.66"
NAME_SERVER = "127.0.0.12"  # where the world finds the owners' name server
ENFORCED, WILD, TESTED, DANE, PLAIN = "kestrel.test", "heron.test", "plover.test", "avocet.test", "dunlin.test"
OWN = "egret.test"  # no MX record: the domain is its own host
DOMAINS = (ENFORCED, WILD, TESTED, DANE, PLAIN, OWN)
MX_NAMES = [*(f"mx.{domain}" for domain in DOMAINS), OWN]
ATTACKER_NAMES = ("mx.attacker.test", "alias.attacker.test", "a.b.heron.test")
NO_TLS = "a TLS session is required, but the server did not offer TLS support"
CERTIFICATE = "certificate verification failed"
NOT_LISTED = "is allowed by its policy"


class Stage(Letters):
    """The peers."""

    def __init__(self, lab):
        super().__init__()
        self.lab = lab
        self.ca = Ca(lab)
        self.internet = Internet(lab)
        self.dns_path = DnsPath(lab, NAME_SERVER)
        self.zones = {}
        self.policies = PolicyHost(lab, POLICY_HOST)
        self.certificate = self.ca.leaf(*MX_NAMES)
        for domain, mode, pattern in ((ENFORCED, "enforce", "mx.kestrel.test"), (WILD, "enforce", "*.heron.test"),
                                      (TESTED, "testing", "mx.plover.test"), (OWN, "enforce", OWN), (DANE, None, None),
                                      (PLAIN, None, None)):
            zone = self.zones[domain] = self.internet.domain(domain, domain == DANE, NAME_SERVER)
            zone.set("@", "MX", f"10 mx.{domain}.")
            zone.set("mx", "A", MX_PATH)
            if mode:
                zone.set("_mta-sts", "TXT", '"v=STSv1; id=1;"')
                zone.set("mta-sts", "A", POLICY_HOST)
                host = f"mta-sts.{domain}"
                self.policies.sites[host] = Site(self.ca.leaf(host), policy(mode, pattern))
        self.zones[DANE].set("_25._tcp.mx", "TLSA", self.certificate.tlsa())
        self.zones[OWN].drop("@", "MX")
        self.zones[OWN].set("@", "A", MX_PATH)
        self.zones[WILD].set("mx", "CNAME", "mx.dunlin.test.")  # an MX that is an alias, as some are
        self.zones[WILD].drop("mx", "A")
        self.zones[WILD].set("a.b", "A", ATTACKER)
        self.zones[WILD].set("best", "A", ATTACKER)
        attacker = self.internet.domain("attacker.test", signed=False)
        attacker.set("mx", "A", ATTACKER)
        attacker.set("alias", "CNAME", "mx.kestrel.test.")
        self.internet.start()
        self.path = Path(lab, MX_PATH, MX)
        self.sink = Sink(lab, ATTACKER, "mx.attacker.test", self.ca.leaf(*ATTACKER_NAMES))
        self.mx = Postfix(lab, System.debian12(lab), "mx", MX, "mx.plover.test").receives(list(DOMAINS), self.certificate).start()
        self.sender = Exim(lab, "exim", SENDER, "sender.test", POSTSEAL_CA=self.ca.file).start()

    def taken_by_attacker(self, domain: str):
        text, _, done = self.send(domain)
        expect(any(text.encode() in message for message in self.sink.messages()), f"handed to the attacker: {done}")

    def change(self, domain: str, name: str, kind: str, *values: str):
        self.zones[domain].set(name, kind, *values)
        self.internet.publish(self.zones[domain])


def play(lab):
    with lab.step("the peers stand: signed root, policy host, path, MX, attacker, Exim"):
        stage = Stage(lab)
        sender = stage.sender
        unix_socket = lab.place("exim-socket") / "line.sock"
        daemon = Postseal(lab, stage.internet, stage.ca.file,
                          {"policyd": {"listen": [], "line_listen": ["127.0.0.1:8462", f"unix:{unix_socket}"],
                                       "id_recheck_min_s": 1}}, verb="policyd").start()
        expect(sender.version().startswith("4.96"), f"Exim {sender.version()}")

    with lab.step("nothing is wrong: enforce and DANE are verified, also by an alias and a wildcard; testing and others arrive"):
        stage.delivered(ENFORCED, "Verified")
        stage.delivered(WILD, "Verified")  # STS-042
        stage.delivered(OWN, "Verified")  # MX-001, MX-003
        stage.delivered(DANE, "Verified")
        expect(sender.log.lines("mx.avocet.test .*CV=dane"), "Exim says that DANE verified it")
        stage.delivered(TESTED, "Untrusted")
        stage.delivered(PLAIN, "Untrusted")

    with lab.step("exim -bt shows the way of a letter"):
        for domain, way in ((ENFORCED, "router = postseal_secure, transport = postseal_smtp"),
                            (DANE, "router = postseal_dane, transport = postseal_smtp"),
                            (PLAIN, "router = dnslookup, transport = remote_smtp")):
            said = sender.route(f"b@{domain}")
            expect(way in said, f"{way}: {said}")

    with lab.step("STARTTLS is stripped: enforce and DANE wait, testing is delivered in clear"):
        stage.path.strip = True
        stage.refused(ENFORCED, NO_TLS)
        stage.refused(WILD, NO_TLS)
        stage.refused(DANE, NO_TLS)
        text = stage.delivered(TESTED, "")
        expect(any(text.encode() in session.clear for session in stage.path.sessions), "the wire tap works: it read that letter")
        stage.path.strip = False

    # STS-045, STS-047
    with lab.step("a self-signed, an expired certificate, one for another name: enforce and DANE wait, testing is delivered"):
        stage.show(stage.ca.self_signed(*MX_NAMES))
        stage.refused(ENFORCED, CERTIFICATE)
        stage.refused(DANE, CERTIFICATE)
        stage.delivered(TESTED, "Untrusted")
        stage.show(stage.ca.expired(*MX_NAMES))
        stage.refused(ENFORCED, CERTIFICATE)
        stage.show(stage.ca.leaf("mx.attacker.test"))
        stage.refused(ENFORCED, CERTIFICATE)
        stage.refused(WILD, CERTIFICATE)
        stage.refused(DANE, CERTIFICATE)
        stage.show(stage.certificate)

    with lab.step("a spoofed MX record: the attacker, whose certificate is valid for his name, is not even called"):
        stage.change(ENFORCED, "@", "MX", "10 mx.attacker.test.")
        stage.refused(ENFORCED, NOT_LISTED)
        expect(not stage.sink.sessions, "nobody called him")
        stage.change(TESTED, "@", "MX", "10 mx.attacker.test.")
        stage.taken_by_attacker(TESTED)
        stage.change(TESTED, "@", "MX", "10 mx.plover.test.")

    with lab.step("a spoofed MX record beside the right one, and a listed host with a wrong certificate: the next gets the letter"):
        stage.change(ENFORCED, "@", "MX", "5 mx.attacker.test.", "20 mx.kestrel.test.")
        stage.delivered(ENFORCED, "Verified")
        calls = len(stage.sink.sessions)
        stage.change(WILD, "@", "MX", "5 best.heron.test.", "20 mx.heron.test.")
        stage.delivered(WILD, "Verified")  # STS-057, MX-002
        expect(len(stage.sink.sessions) > calls, "the better host was tried first")
        stage.change(WILD, "@", "MX", "10 mx.heron.test.")

    with lab.step("DNS does not tell the MX hosts: the letter waits; nor the addresses of the better one: the next gets it"):
        stage.dns_path.forged = {(ENFORCED, "MX"): SERVFAIL}
        stage.internet.flush()
        stage.refused(ENFORCED, f"mx={ENFORCED}")
        stage.dns_path.forged = {("lost.heron.test", kind): SERVFAIL for kind in ("A", "AAAA")}
        stage.change(WILD, "@", "MX", "5 lost.heron.test.", "20 mx.heron.test.")
        stage.delivered(WILD, "Verified")
        stage.change(WILD, "@", "MX", "5 lost.heron.test.")
        stage.refused(WILD, "lost.heron.test")
        stage.dns_path.forged = {}
        stage.change(WILD, "@", "MX", "10 mx.heron.test.")

    # STS-042: compared is the name in the MX record, not what it is an alias of.
    with lab.step("an MX record that leads by an alias to the listed name, at an address of the attacker's"):
        stage.change(ENFORCED, "@", "MX", "10 alias.attacker.test.")
        stage.change(ENFORCED, "mx", "A", ATTACKER)
        stage.refused(ENFORCED, NOT_LISTED)
        stage.change(ENFORCED, "@", "MX", "10 mx.kestrel.test.")
        stage.refused(ENFORCED, CERTIFICATE)
        stage.change(ENFORCED, "mx", "A", MX_PATH)

    # STS-043
    with lab.step("RFC 8461 §4.1: an MX two labels below the wildcard is not in the policy"):
        stage.change(WILD, "@", "MX", "10 a.b.heron.test.")
        stage.refused(WILD, NOT_LISTED)
        stage.change(WILD, "@", "MX", "10 mx.heron.test.")

    # STS-018
    with lab.step("a new id whose policy cannot be fetched, then no record at all: the cached policy holds"):
        stage.change(ENFORCED, "@", "MX", "10 mx.attacker.test.")
        stage.policies.sites[f"mta-sts.{ENFORCED}"].status = 503
        before = stage.policies.requests.count((f"mta-sts.{ENFORCED}", PATH))
        stage.change(ENFORCED, "_mta-sts", "TXT", '"v=STSv1; id=2;"')

        def refetched():  # a request makes the daemon look at the id again, in the background
            stage.refused(ENFORCED, NOT_LISTED)
            return stage.policies.requests.count((f"mta-sts.{ENFORCED}", PATH)) > before

        wait_for(refetched, "the daemon tries to fetch the policy of the new id")
        stage.refused(ENFORCED, NOT_LISTED)
        stage.zones[ENFORCED].drop("_mta-sts", "TXT")
        stage.internet.publish(stage.zones[ENFORCED])
        stage.refused(ENFORCED, NOT_LISTED)
        stage.refused(ENFORCED, NOT_LISTED)
        stage.change(ENFORCED, "@", "MX", "10 mx.kestrel.test.")

    with lab.step("the TLSA records go while the daemon still asks for DANE: the letter waits, it is not returned"):
        stage.zones[DANE].drop("_25._tcp.mx", "TLSA")
        stage.internet.publish(stage.zones[DANE])
        stage.refused(DANE, CERTIFICATE)
        stage.change(DANE, "_25._tcp.mx", "TLSA", stage.certificate.tlsa())

    with lab.step("policyd is down: everything waits, and says for what"):
        daemon.stop()
        held = [stage.refused(domain, "Postseal: the policy daemon does not answer") for domain in (ENFORCED, DANE, PLAIN)]
        expect(set(held) <= set(sender.queue()), f"in the queue: {sender.queue()}")
        daemon.start()

    # STS-054
    with lab.step("the attack is over: every letter that waited is delivered as its domain demands"):
        sender.flush()
        for queue_id, text in stage.waiting.items():
            done = sender.attempts(queue_id)[-1]
            verified = PLAIN not in text
            expect(done.status == "sent" and done.tls.startswith("Verified" if verified else "Untrusted"), f"{text}: {done}")
            wait_for(lambda text=text: stage.mx.mail_with(text), f"{text} in the mailbox")
        expect(not sender.queue(), "the queue is empty")
        expect(not [line for line in sender.log.lines(r" \*\* ")], "nothing was returned")

    with lab.step("over a unix socket, and in Debian's unsplit configuration"):
        sender.split = False
        sender.reload(POSTSEAL_SOCKET=unix_socket)
        stage.delivered(ENFORCED, "Verified")
        stage.change(ENFORCED, "@", "MX", "10 mx.attacker.test.")
        stage.refused(ENFORCED, NOT_LISTED)
        stage.change(ENFORCED, "@", "MX", "10 mx.kestrel.test.")

    with lab.step("POSTSEAL_FAIL_OPEN: with policyd down letters go out as if nobody had a policy"):
        daemon.stop()
        sender.reload(POSTSEAL_FAIL_OPEN="yes")
        stage.delivered(ENFORCED, "Untrusted")

    with lab.step("without Postseal the same attacks succeed (so the steps above can fail)"):
        sender.postseal = False
        sender.reload()
        stage.path.strip = True
        text = stage.delivered(ENFORCED, "")
        expect(any(text.encode() in session.clear for session in stage.path.sessions), "read on the wire")
        stage.path.strip = False
        stage.show(stage.ca.self_signed(*MX_NAMES))
        stage.delivered(ENFORCED, "Untrusted")
        stage.show(stage.certificate)
        stage.change(ENFORCED, "@", "MX", "10 mx.attacker.test.")
        stage.taken_by_attacker(ENFORCED)
        stage.change(WILD, "@", "MX", "10 a.b.heron.test.")
        stage.taken_by_attacker(WILD)
