"""The network path to the owners' name server, honest until the attacker on it answers in the server's place."""

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

from .dns_tap import DnsTap
from .internet import OWNERS

SERVFAIL, NODATA = "SERVFAIL", "no data"


class DnsPath(DnsTap):
    """Owns the address that the delegation names; the server itself listens behind it. `forged` maps (name, type) to
    SERVFAIL, NODATA or a list of record data. He has no DNSSEC key: what he forges is unsigned."""

    def __init__(self, lab, address: str, behind: str = OWNERS):
        self.forged = {}
        super().__init__(lab, address, behind)

    def count(self, name: str, kind: str, since: int = 0) -> int:
        return self.asked[since:].count((name, kind))

    def forge(self, wire: bytes, name: str, kind: str):
        what = self.forged.get((name, kind))
        if what is None:
            return None
        query = dns.message.from_wire(wire)
        answer = dns.message.make_response(query)
        if what == SERVFAIL:
            answer.set_rcode(dns.rcode.SERVFAIL)
            return answer.to_wire()
        answer.flags |= dns.flags.AA
        if what == NODATA:
            zone = ".".join(name.split(".")[-2:]) + "."
            answer.authority.append(dns.rrset.from_text(zone, 1, "IN", "SOA", f"ns.{zone} hostmaster.{zone} 1 3600 600 86400 1"))
        else:
            answer.answer.append(dns.rrset.from_text(query.question[0].name, 1, "IN", kind, *what))
        return answer.to_wire()
