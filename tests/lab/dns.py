"""Asking name servers, as a scene's eyes."""

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype


def ask(name: str, kind: str, server: str = "127.0.0.53", tcp: bool = False, timeout_s: float = 5) -> dns.message.Message:
    """One question with the DO bit set. OSError also stands for a server that does not answer."""
    query = dns.message.make_query(name, kind, want_dnssec=True)
    query.flags |= dns.flags.AD
    try:
        if tcp:
            return dns.query.tcp(query, server, timeout=timeout_s)
        answer, _ = dns.query.udp_with_fallback(query, server, timeout=timeout_s)
        return answer
    except dns.exception.DNSException as error:
        raise OSError(f"{name} {kind} at {server}: {error!r}") from None


def values(answer: dns.message.Message, kind: str) -> list:
    """The record data of one type in the answer section; TXT as its strings joined."""
    found = []
    for rrset in answer.answer:
        if rrset.rdtype == dns.rdatatype.from_text(kind):
            for data in rrset:
                found.append(b"".join(data.strings).decode() if kind == "TXT" else data.to_text())
    return found


def is_secure(answer: dns.message.Message) -> bool:
    return bool(answer.flags & dns.flags.AD)


def rcode(answer: dns.message.Message) -> str:
    return dns.rcode.to_text(answer.rcode())
