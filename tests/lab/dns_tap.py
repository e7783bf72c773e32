"""What passes between resolvers and an authoritative server: every question is written down, and some go wrong on demand."""

import contextlib
import socket
import struct
import threading

import dns.exception
import dns.message
import dns.rcode
import dns.rdatatype

from .servers import Listener

SERVFAIL, SILENT, STRIPPED = "servfail", "silent", "stripped"


class DnsTap:
    """Answers on `address` what `upstream` says. `asked` lists (name, type) as they came, names in lower case without the
    final dot. `faults` maps a name, or (name, type), to what becomes of its questions: SERVFAIL, SILENT (no answer), or
    STRIPPED (the answer without its signatures, as somebody on the way would have it)."""

    def __init__(self, lab, address: str, upstream: str):
        self.upstream = upstream
        self.asked = []
        self.faults = {}
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.bind((address, 53))
        lab.at_end(f"DNS tap {address} closes", self._udp.close)
        threading.Thread(target=self._serve_udp, daemon=True).start()
        self._tcp = _TcpSide(lab, address, 53)
        self._tcp.tap = self

    def questions(self, name: str, kind: str = None) -> int:
        return sum(1 for asked, its_kind in list(self.asked) if asked == name and kind in (None, its_kind))

    def questions_below(self, name: str) -> int:
        """About the name and everything under it, whatever the type: a resolver that minimises asks step by step."""
        return sum(1 for asked, _ in list(self.asked) if asked == name or asked.endswith("." + name))

    def _serve_udp(self):
        with contextlib.suppress(OSError):
            while True:
                wire, peer = self._udp.recvfrom(65535)
                threading.Thread(target=self._one_udp, args=(wire, peer), daemon=True).start()

    def _one_udp(self, wire: bytes, peer):
        with contextlib.suppress(OSError, dns.exception.DNSException):
            if (answer := self.answer(wire, tcp=False)) is not None:
                self._udp.sendto(answer, peer)

    def forge(self, wire: bytes, name: str, kind: str):
        """For whoever answers in the server's place; None: the question goes on."""
        return None

    def answer(self, wire: bytes, tcp: bool):
        """The bytes to send back, or None for silence."""
        question = dns.message.from_wire(wire, question_only=True).question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind))
        if (forged := self.forge(wire, name, kind)) is not None:
            return forged
        fault = self.faults.get((name, kind)) or self.faults.get(name)
        if fault == SILENT:
            return None
        if fault == SERVFAIL:
            reply = dns.message.make_response(dns.message.from_wire(wire))
            reply.set_rcode(dns.rcode.SERVFAIL)
            return reply.to_wire()
        answer = self._ask_upstream(wire, tcp)
        if fault == STRIPPED and answer is not None:
            reply = dns.message.from_wire(answer)
            for section in (reply.answer, reply.authority):
                section[:] = [rrset for rrset in section if rrset.rdtype != dns.rdatatype.RRSIG]
            return reply.to_wire()
        return answer

    def _ask_upstream(self, wire: bytes, tcp: bool):
        if tcp:
            with socket.create_connection((self.upstream, 53), timeout=10) as conn:
                conn.sendall(struct.pack("!H", len(wire)) + wire)
                return read_message(conn)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.settimeout(10)
            udp.connect((self.upstream, 53))
            udp.send(wire)
            return udp.recv(65535)


class _TcpSide(Listener):
    tap = None

    def serve(self, conn):
        while (wire := read_message(conn)) is not None:
            if (answer := self.tap.answer(wire, tcp=True)) is not None:
                conn.sendall(struct.pack("!H", len(answer)) + answer)


def read_message(conn):
    """One length-prefixed message (RFC 1035 §4.2.2), or None at the end of the stream."""
    def exactly(count: int):
        data = b""
        while len(data) < count:
            more = conn.recv(count - len(data))
            if not more:
                return None
            data += more
        return data

    length = exactly(2)
    return exactly(struct.unpack("!H", length)[0]) if length else None
