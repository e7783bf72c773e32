"""The network path to the owners' name server, honest until the attacker on it answers in the server's place."""

import contextlib
import socket
import struct
import threading

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

from .internet import OWNERS
from .servers import Listener

SERVFAIL, NODATA = "SERVFAIL", "no data"


class DnsPath(Listener):
    """Owns the address that the delegation names; the server itself listens behind it. `forged` maps (name, type) to
    SERVFAIL, NODATA or a list of record data. He has no DNSSEC key: what he forges is unsigned."""

    def __init__(self, lab, address: str, behind: str = OWNERS):
        self.behind = behind
        self.forged = {}
        self.asked = []  # (name, type) of every question, as it came
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.bind((address, 53))
        lab.at_end(f"the path at {address} closes", self._udp.close)
        threading.Thread(target=self._serve_udp, daemon=True).start()
        super().__init__(lab, address, 53)

    def count(self, name: str, kind: str, since: int = 0) -> int:
        return self.asked[since:].count((name, kind))

    def _serve_udp(self):
        onward = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        onward.settimeout(2)
        onward.connect((self.behind, 53))
        while True:
            try:
                query, client = self._udp.recvfrom(65536)
            except OSError:
                return
            with contextlib.suppress(OSError, dns.exception.DNSException):
                answer = self._forge(query)
                if answer is None:
                    onward.send(query)
                    while (answer := onward.recv(65536))[:2] != query[:2]:
                        pass  # the answer to a question that was given up
                self._udp.sendto(answer, client)

    def serve(self, conn):
        client = conn.makefile("rwb")
        with socket.create_connection((self.behind, 53), timeout=10) as onward:
            server = onward.makefile("rwb")
            while length := client.read(2):
                query = client.read(struct.unpack("!H", length)[0])
                answer = self._forge(query)
                if answer is None:
                    server.write(length + query)
                    server.flush()
                    answer = server.read(struct.unpack("!H", server.read(2))[0])
                client.write(struct.pack("!H", len(answer)) + answer)
                client.flush()

    def _forge(self, wire: bytes):
        query = dns.message.from_wire(wire)
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind))
        what = self.forged.get((name, kind))
        if what is None:
            return None
        answer = dns.message.make_response(query)
        if what == SERVFAIL:
            answer.set_rcode(dns.rcode.SERVFAIL)
            return answer.to_wire()
        answer.flags |= dns.flags.AA
        if what == NODATA:
            zone = ".".join(name.split(".")[-2:]) + "."
            answer.authority.append(dns.rrset.from_text(zone, 1, "IN", "SOA", f"ns.{zone} hostmaster.{zone} 1 3600 600 86400 1"))
        else:
            answer.answer.append(dns.rrset.from_text(question.name, 1, "IN", kind, *what))
        return answer.to_wire()
