"""DKIM signatures judged by dkimpy, which shares no code with Postseal, by what the lab's DNS shows."""

import re

import dkim

from .dns import ask, values


def look_up(name, timeout=5):
    """The TXT record that dkimpy asks for, from the lab's validating resolver."""
    found = values(ask(name.decode() if isinstance(name, bytes) else name, "TXT", timeout_s=timeout), "TXT")
    return found[0].encode() if found else None


def verdicts(raw: bytes) -> list:
    """What dkimpy says about each signature, from the top; 'strict' wants a key that names the service tlsrpt."""
    found = []
    for index in range(len(re.findall(rb"(?mi)^DKIM-Signature:", raw))):
        try:
            good = dkim.DKIM(raw, tlsrpt="strict").verify(idx=index, dnsfunc=look_up)
        except dkim.DKIMException:
            good = False
        found.append("good" if good else "bad")
    return found


def publish_keys(printed: str, zone):
    """What an operator does with what `postseal dkim-keys` printed: into the zone file, line by line."""
    for line in printed.splitlines():
        name, value = re.fullmatch(r"(\S+) IN TXT (\(.*\))", line).groups()
        zone.set(name, "TXT", value)
