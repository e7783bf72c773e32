"""Domains to send to whose MX hosts show certificates of every kind, with MTA-STS, with DANE and with neither."""

from .attacker import Sink
from .ca import Ca
from .internet import Internet
from .policy_host import PolicyHost, Site, policy

STS, DANE, PLAIN = "sts.test", "dane.test", "plain.test"  # enforced policies; signed, with TLSA; nothing
ZONES = (STS, DANE, PLAIN)
KINDS = {"ok": "127.0.0.41", "strip": "127.0.0.42", "self": "127.0.0.43", "expired": "127.0.0.44", "wrong": "127.0.0.45"}
POLICY_HOST = "127.0.0.30"


def report_host(domain: str) -> str:
    """Where a domain wants its reports, if a scene does not say otherwise: the path tells the domain."""
    return f"https://reports.test/{domain}"


class Destinations:
    """Made before the internet starts. `sinks` are the mail servers, by kind."""

    def __init__(self, lab, ca: Ca, internet: Internet, rua=report_host):
        """`rua`: domain → what its TLS-RPT record says; None: no record."""
        self.lab = lab
        self.ca = ca
        self.rua = rua
        self.zones = {zone: internet.domain(zone, signed=zone == DANE) for zone in ZONES}
        self.policies = PolicyHost(lab, POLICY_HOST)
        self.sinks = {}
        self.host("ok", KINDS["ok"], ca.leaf, tlsa=True)
        self.host("strip", KINDS["strip"], None)
        self.host("self", KINDS["self"], ca.self_signed)
        self.host("expired", KINDS["expired"], ca.expired)
        self.host("wrong", KINDS["wrong"], lambda *_: ca.leaf("mx.elsewhere.test"))

    def host(self, kind: str, address: str, certificate, tlsa: bool = False, server=Sink) -> Sink:
        """The host mx.KIND in each zone, one mail server. `certificate` makes what it shows for these names; `tlsa`: the TLSA
        record matches it."""
        names = [f"mx.{kind}.{zone}" for zone in ZONES]
        shown = certificate(*names) if certificate else None
        self.sinks[kind] = server(self.lab, address, names[0], shown)
        for records in self.zones.values():
            records.set(f"mx.{kind}", "A", address)
        promised = shown if tlsa else self.ca.leaf(f"mx.{kind}.{DANE}")
        self.zones[DANE].set(f"_25._tcp.mx.{kind}", "TLSA", promised.tlsa())
        return self.sinks[kind]

    def domain(self, label: str, zone: str, *hosts: str) -> str:
        """LABEL.ZONE with these MX hosts, in this order; in the zone STS they are its enforced policy as well."""
        records, name = self.zones[zone], f"{label}.{zone}"
        records.set(label, "MX", *(f"{10 * (i + 1)} {host}." for i, host in enumerate(hosts)))
        if self.rua:
            self.asks_for_reports(name, self.rua(name))
        if zone == STS:
            records.set(f"_mta-sts.{label}", "TXT", '"v=STSv1; id=1;"')
            records.set(f"mta-sts.{label}", "A", POLICY_HOST)
            self.policies.sites[f"mta-sts.{name}"] = Site(self.ca.leaf(f"mta-sts.{name}"), policy("enforce", *hosts))
        return name

    def site(self, domain: str) -> Site:
        return self.policies.sites[f"mta-sts.{domain}"]

    def asks_for_reports(self, domain: str, rua: str):
        label, _, zone = domain.partition(".")
        self.zones[zone].set(f"_smtp._tls.{label}", "TXT", f'"v=TLSRPTv1; rua={rua}"')
