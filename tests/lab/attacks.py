"""The attack lab's town: domains by the hundred in two zones, the mail and policy hosts behind them, and an attacker who
sits on every path at once.

Each attack has an address of its own, with an MX and a policy host behind it, so that all attacks begin at one moment and
every domain meets exactly one of them. Nothing is told apart by anything that a real network would not have.
"""

import re
import socket
from dataclasses import dataclass, field

from .attacker import Sink
from .ca import Ca
from .dns_path import NODATA, SERVFAIL, DnsPath
from .internet import Internet
from .policy_host import PolicyHost, Site, policy

NAME_SERVER, ATTACKER = "127.0.0.12", "127.0.0.66"
RECORD = '"v=STSv1; id=1;"'
FORGED = ['"v=STSv1; id=forged;"']


@dataclass
class Domain:
    """A destination. What it publishes is in the zone; this is what the scene must remember."""
    name: str
    place: "Place"

    @property
    def record_name(self) -> str:
        return f"_mta-sts.{self.name}"


@dataclass
class Place:
    """One address, on which the domains of one attack have their MX and their policy host."""
    key: str
    address: str
    sites: dict = field(default_factory=dict)
    names: list = field(default_factory=list)     # MX host names that the certificate must hold
    domains: list = field(default_factory=list)
    sink: Sink = None
    policies: PolicyHost = None
    certificate: object = None


class Town:
    def __init__(self, lab):
        self.lab = lab
        self.ca = Ca(lab)
        self.internet = Internet(lab)
        self.path = DnsPath(lab, NAME_SERVER)
        self.zones = {signed: self.internet.domain("signed.test" if signed else "plain.test", signed, NAME_SERVER)
                      for signed in (False, True)}
        self.internet.domain("attacker.test", signed=False).set("mx", "A", ATTACKER)
        self.places = {}
        self.always = {}  # what is broken from the beginning to the end, by nobody's ill will

    # Before the start

    def place(self, key: str) -> Place:
        if key not in self.places:
            place = self.places[key] = Place(key, f"127.0.1.{10 + len(self.places)}")
            for zone in self.zones.values():
                host = f"mx-{key}.{zone.origin.rstrip('.')}"
                zone.set(f"mx-{key}", "A", place.address)
                place.names.append(host)
        return self.places[key]

    def domain(self, label: str, place: str, signed: bool = False, txt=(), body: str = None, mx=None, **site) -> Domain:
        """`mx`: the MX records where they are not simply the place's host; `txt` and `body`: record and policy;
        `site`: how the policy host answers."""
        zone = self.zones[signed]
        origin = zone.origin.rstrip(".")
        domain = Domain(f"{label}.{origin}", self.place(place))
        zone.set(label, "MX", *(mx or [f"10 {self.mx(place, signed)}."]))
        if txt:
            zone.set(f"_mta-sts.{label}", "TXT", *txt)
        if body is not None:
            zone.set(f"mta-sts.{label}", "A", domain.place.address)
            domain.place.sites[f"mta-sts.{domain.name}"] = Site(None, body, **site)
        domain.place.domains.append(domain)
        return domain

    @staticmethod
    def mx(place: str, signed: bool = False) -> str:
        return f"mx-{place}.{'signed' if signed else 'plain'}.test"

    def sts(self, label: str, place: str, mode: str = "enforce", signed: bool = False, **more) -> Domain:
        """A domain with a policy that names its MX."""
        return self.domain(label, place, signed, txt=[RECORD], body=policy(mode, self.mx(place, signed)), **more)

    def start(self):
        for place in self.places.values():
            place.certificate = self.ca.leaf(*place.names)
            self.zones[True].records.setdefault((f"_25._tcp.mx-{place.key}", "TLSA"), [place.certificate.tlsa()])
            place.sink = Sink(self.lab, place.address, place.names[0], place.certificate)
            place.sink.hostile = False
            place.policies = PolicyHost(self.lab, place.address)
            place.policies.sites = place.sites
            if place.sites:
                certificate = self.ca.leaf(*place.sites)
                for site in place.sites.values():
                    site.certificate = certificate
        self.attacker = Sink(self.lab, ATTACKER, "mx.attacker.test", self.ca.leaf("mx.attacker.test"))
        self.path.forged = dict(self.always)
        self.internet.start()

    # The attacks

    def attack(self):
        """Everything at once; each place meets the attack that it is named after."""
        forged = dict(self.always)
        for place in self.places.values():
            attack = place.key.removeprefix("unusable-")
            if begin := getattr(self, "_attack_" + attack.replace("-", "_"), None):
                begin(place, forged)
        self.path.forged = forged
        self.internet.flush()

    def relent(self):
        """The attacker goes away."""
        self.path.forged = dict(self.always)
        for place in self.places.values():
            place.sink.certificate = place.certificate
            place.sink.refuses_starttls = place.sink.hostile = False
            place.policies.way = "open"
        self.internet.flush()

    @staticmethod
    def _attack_strip(place, _forged):
        place.sink.hostile = True
        place.sink.certificate = None

    @staticmethod
    def _attack_refuse(place, _forged):
        place.sink.hostile = True
        place.sink.refuses_starttls = True

    @staticmethod
    def _show(place, certificate):
        place.sink.hostile = True
        place.sink.certificate = certificate

    def _attack_self_signed(self, place, _forged):
        self._show(place, self.ca.self_signed(*place.names))

    def _attack_other_name(self, place, _forged):
        self._show(place, self.ca.leaf("mx.attacker.test"))

    def _attack_expired(self, place, _forged):
        self._show(place, self.ca.expired(*place.names))

    def _attack_tlsa(self, place, _forged):
        self._show(place, self.ca.leaf(*place.names))  # right in every way, but not the key that the record names

    def _attack_tlsa_unsigned(self, place, forged):
        # Nobody signs here, so that he may say what he likes: it must not count (RFC 7672 §2.1.1), nor cost a letter.
        forged[(f"_25._tcp.{self.mx(place.key)}", "TLSA")] = ["3 1 1 " + "00" * 32]

    @staticmethod
    def _attack_mx_spoofed(place, forged):
        forged.update({(domain.name, "MX"): ["10 mx.attacker.test."] for domain in place.domains})

    def _attack_txt_removed(self, place, forged):
        forged.update({(domain.record_name, "TXT"): NODATA for domain in place.domains})
        self._attack_strip(place, forged)

    def _attack_forged_blocked(self, place, forged):
        forged.update({(domain.record_name, "TXT"): FORGED for domain in place.domains})
        place.policies.way = "reset"
        self._attack_strip(place, forged)

    def _attack_forged_cert(self, place, forged):
        # His own policy names his own MX, which has a valid certificate; only the policy host's is not to be had.
        forged.update({(domain.record_name, "TXT"): FORGED for domain in place.domains})
        forged.update({(f"mta-sts.{domain.name}", "A"): [place.address] for domain in place.domains})
        certificate = self.ca.self_signed(*[f"mta-sts.{domain.name}" for domain in place.domains])
        for domain in place.domains:
            place.sites[f"mta-sts.{domain.name}"] = Site(certificate, policy("enforce", "mx.attacker.test"))
        self._attack_mx_spoofed(place, forged)

    def _attack_servfail(self, place, forged):
        forged.update({(domain.record_name, "TXT"): SERVFAIL for domain in place.domains})
        forged[(f"_25._tcp.{self.mx(place.key, signed=True)}", "TLSA")] = SERVFAIL
        self._attack_strip(place, forged)

    # What was seen

    def sightings(self) -> dict:
        """Tag of a letter (`secret of TAG here` in its text) → {(by an attacker?, "clear" or "tls")}."""
        found = {}
        for sink in [self.attacker, *(place.sink for place in self.places.values())]:
            for session in list(sink.sessions):
                for how, data in (("clear", session.clear), ("tls", session.under_tls)):
                    for tag in re.findall(rb"secret of (\S+) here", data):
                        found.setdefault(tag.decode(), set()).add((session.hostile, how))
        return found


def ask(names: list, map_name: str = "QUERY", port: int = 8461) -> dict:
    """policyd's reply for each name, asked as Postfix asks."""
    replies = {}
    with socket.create_connection(("127.0.0.1", port), timeout=60) as conn:
        stream = conn.makefile("rwb")
        for name in names:
            payload = f"{map_name} {name}".encode()
            stream.write(b"%d:%s," % (len(payload), payload))
            stream.flush()
            length = b""
            while (byte := stream.read(1)) != b":":
                length += byte
            replies[name] = stream.read(int(length)).decode()
            stream.read(1)
    return replies
