"""The hosting zone's name server, as DNS experts look at it: dig's questions about every corner of the protocol, a signed zone
that unbound and delv validate, a denial for every kind of absence, and the roll-over of both keys while validators watch.
"""

import socket
import struct

from lab.dns import ask, is_secure, rcode, values
from lab.installation import DNS, ZONE, Customer, Installation
from lab.process import run
from lab.scene import expect, wait_for

LIMIT_S = 300

MX = "127.0.0.21"


def dig(*words) -> str:
    return run(["dig", f"@{DNS}", "+norecurse", "+tries=1", "+time=5", *words], ok=None).stdout


def has(text: str, *wanted: str) -> bool:
    return all(one in text for one in wanted)


def raw(packet: bytes) -> bytes:
    """One datagram as it is; b"" when nothing comes back before a question asked behind it is answered."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(10)
        sock.connect((DNS, 53))
        sock.send(packet)
        after = struct.pack(">6H", 0xfffe, 0, 1, 0, 0, 0) + b"\0" + struct.pack(">2H", 6, 1)
        sock.send(after)
        first = sock.recv(4096)
        return b"" if first[:2] == b"\xff\xfe" else first


def header(packet: bytes) -> tuple:
    flags = struct.unpack(">H", packet[2:4])[0]
    return flags & 0xf, flags


def question(name: str, kind: int = 16) -> bytes:
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0" + struct.pack(">2H", kind, 1)


def delv(place, *words) -> str:
    return run(["delv", f"@{DNS}", "-a", place.delv_anchor, f"+root={ZONE}", *words], ok=None).stdout


def chain_is_secure(name: str, kind: str, code: str = "NOERROR") -> bool:
    answer = ask(name, kind, tcp=True)
    return is_secure(answer) and rcode(answer) == code


def publish_ds(place, records: list):
    place.operator.set("sts", "DS", *records)
    place.internet.publish(place.operator)


def dnskeys() -> list:
    return sorted(values(ask(ZONE, "DNSKEY", DNS, tcp=True), "DNSKEY"))


def play(lab):
    with lab.step("a signed installation takes a domain in"):
        place = Installation(lab)
        customer = Customer(place.internet, "signed.test", MX)
        place.start(dns={"listen": [f"{DNS}:53"], "dnssec": True, "dnskey_ttl_s": 1, "propagation_s": 1, "ds_ttl_s": 1},
                    metrics={"listen": ["127.0.0.50:9464"]})
        label = place.move_in(customer)["label"]
        txt, host = f"_mta-sts.{label}.{ZONE}", f"mta-sts.{label}.{ZONE}"

    with lab.step("dig finds every corner of the protocol as it must be"):
        edns = dig(txt, "TXT", "+dnssec")
        expect(has(edns, "status: NOERROR", " aa", "udp: 1232", "flags: do", "RRSIG"), f"an answer with EDNS and DO: {edns}")
        plain = dig(txt, "TXT", "+noedns")
        expect(has(plain, "status: NOERROR") and "OPT PSEUDOSECTION" not in plain, "no OPT without one (RFC 6891 §7)")
        expect("RRSIG" not in plain, "no signatures without DO (RFC 3225 §3)")
        expect(has(dig(txt, "TXT", "+tcp"), "v=STSv1"), "TCP (RFC 7766)")
        expect(has(dig(txt, "TXT", "+edns=1", "+noednsnegotiation"), "status: BADVERS", "version: 0"), "RFC 6891 §6.1.3")
        expect(has(dig(txt, "TXT", "+ednsopt=65001:abcd"), "status: NOERROR"), "an unknown option is ignored (RFC 6891 §6.1.2)")
        long = (f"a.b.c.{ZONE}", "A", "+dnssec", "+bufsize=512")
        expect(has(dig(*long, "+ignore"), " tc", "AUTHORITY: 0"), "truncation says so and cuts no set (RFC 2181 §9)")
        expect(has(dig(*long), "NSEC3", "RRSIG"), "and dig comes again over TCP")
        expect(has(dig(f"_smtp.{label}.{ZONE}", "A"), "status: NXDOMAIN"), "a name that is not there")
        empty = dig(f"_tls.{label}.{ZONE}", "A")
        expect(has(empty, "status: NOERROR", "ANSWER: 0", "SOA"), "an empty non-terminal is NODATA (RFC 8020)")
        absent = dig(f"x.{label}.{ZONE}", "TXT")
        ttl = next(line.split()[1] for line in absent.splitlines() if "\tSOA\t" in line and not line.startswith(";"))
        expect(int(ttl) <= 60, f"an absence is remembered for the SOA's minimum (RFC 2308 §5): {ttl}")
        expect(has(dig(txt, "TYPE65280"), "status: NOERROR", "ANSWER: 0"), "an unknown type (RFC 3597)")
        expect(has(dig(txt, "ANY", "+notcp"), "status: NOERROR", "ANSWER: 1"), "ANY gets one set (RFC 8482)")
        expect(has(dig("version.bind", "TXT", "CH"), "status: REFUSED"), "CHAOS")
        expect(has(dig("example.com", "A"), "status: REFUSED"), "another zone")
        expect(has(dig("sts.posthost.test.evil.example", "A"), "status: REFUSED"), "a name that only looks like ours")
        expect(has(dig(txt.upper(), "TXT"), txt.upper(), "v=STSv1"), "the asker's case comes back (draft 0x20)")
        for opcode in ("IQUERY", "STATUS", "UPDATE"):
            expect(has(dig(f"+opcode={opcode}", txt, "TXT"), "status: NOTIMP"), f"opcode {opcode}")
        expect(has(dig(ZONE, "SOA", "+dnssec"), "SOA", "RRSIG"), "the apex")
        expect(has(dig(ZONE, "NS"), "ns1.posthost.test."), "its name servers")

    with lab.step("malformed packets get FORMERR or nothing, and nothing ends the server"):
        two = struct.pack(">6H", 1, 0, 2, 0, 0, 0) + question(txt) + question(txt)
        expect(header(raw(two))[0] == 1, "two questions (RFC 9619)")
        expect(header(raw(struct.pack(">6H", 1, 0, 0, 0, 0, 0)))[0] == 1, "no question")
        expect(header(raw(struct.pack(">6H", 1, 0, 1, 0, 0, 0) + b"\x3fshort"))[0] == 1, "a label that passes the end")
        opt = b"\0" + struct.pack(">HHIH", 41, 1232, 0, 0)
        expect(header(raw(struct.pack(">6H", 1, 0, 1, 0, 0, 2) + question(txt) + opt + opt))[0] == 1, "two OPT (RFC 6891 §6.1.1)")
        expect(raw(struct.pack(">6H", 1, 0x8000, 1, 0, 0, 0) + question(txt)) == b"", "a response is never answered")
        expect(raw(b"\0\1\0") == b"", "less than a header")

    with lab.step("with its DS at the parent the zone is secure for unbound, in all that is and all that is not"):
        shown = place.postseal.json("dns-keys", "show")
        expect([key["state"] for key in shown["keys"]] == ["ds-wanted", "active"], f"a KSK and a ZSK: {shown}")
        publish_ds(place, shown["ds"])
        wait_for(lambda: place.internet.flush() or chain_is_secure(txt, "TXT"), "the TXT is secure", ignore=(OSError,))
        for name, kind, code in ((host, "A", "NOERROR"), (host, "CAA", "NOERROR"), (txt, "MX", "NOERROR"),
                                 (f"_tls.{label}.{ZONE}", "TXT", "NOERROR"), (f"x.{label}.{ZONE}", "TXT", "NXDOMAIN"),
                                 (f"a.b.c.{ZONE}", "A", "NXDOMAIN"), (ZONE, "DNSKEY", "NOERROR"), (ZONE, "TXT", "NOERROR")):
            wait_for(lambda q=(name, kind, code): chain_is_secure(*q), f"{name} {kind} {code} is secure", ignore=(OSError,))
        expect(is_secure(ask(f"_mta-sts.{customer.name}", "TXT", tcp=True)), "through the owner's CNAME too")
        place.postseal.json("dns-keys", "ds-seen")

    with lab.step("delv validates from the zone's own DS"):
        place.delv_anchor = lab.place("delv") / "anchor"
        tag, algorithm, kind, digest = shown["ds"][0].split()
        place.delv_anchor.write_text(f'trust-anchors {{ {ZONE}. static-ds {tag} {algorithm} {kind} "{digest}"; }};\n')
        expect(has(delv(place, txt, "TXT"), "; fully validated", "v=STSv1"), delv(place, txt, "TXT"))
        expect(has(delv(place, f"x.{label}.{ZONE}", "TXT"), "; negative response, fully validated"), "a denial")
        expect(has(delv(place, txt, "AAAA"), "; negative response, fully validated"), "no data")

    with lab.step("the ZSK rolls over, and no answer is bogus on the way"):
        before = dnskeys()
        place.postseal.json("dns-keys", "roll-zsk")
        place.postseal.command("dns-keys", "roll-zsk", "--config", place.postseal.config_file, ok=(1,))  # one at a time
        wait_for(lambda: len(dnskeys()) == 3, "the new key is published before it signs")

        def rolled():
            place.internet.flush()
            expect(rcode(ask(txt, "TXT", tcp=True)) == "NOERROR", "never bogus")
            return any(key["state"] == "retired" or key["state"] == "removed" for key in place.postseal.json("dns-keys", "show")["keys"])
        wait_for(rolled, "the new key signs", ignore=(OSError,))
        wait_for(lambda: chain_is_secure(txt, "TXT"), "secure by the new key", ignore=(OSError,))
        place.postseal.config["lab"]["clock_offset_s"] = 3700  # until the old signatures, which hold an hour in caches, are gone
        place.postseal.reload()
        wait_for(lambda: len(dnskeys()) == 2, "the old key leaves the zone")

    with lab.step("the KSK rolls over: CDS names the new one, the parent follows, the old one goes"):
        old = place.postseal.json("dns-keys", "show")["ds"]
        place.postseal.json("dns-keys", "roll-ksk")

        def new_ds():
            shown = place.postseal.json("dns-keys", "show")["ds"]
            return shown != old and shown
        fresh = wait_for(new_ds, "the new DS may be published")
        cds = wait_for(lambda: [v.lower() for v in values(ask(ZONE, "CDS", DNS, tcp=True), "CDS") if v.lower() == fresh[0]],
                       "CDS shows it (RFC 7344)")
        expect(len(cds) == 1 and len(values(ask(ZONE, "CDNSKEY", DNS, tcp=True), "CDNSKEY")) == 1, "one CDS, one CDNSKEY")
        publish_ds(place, fresh)
        wait_for(lambda: place.internet.flush() or chain_is_secure(txt, "TXT"), "secure by the new KSK", ignore=(OSError,))
        place.postseal.json("dns-keys", "ds-seen")
        wait_for(lambda: len(place.postseal.json("dns-keys", "show")["keys"]) == 2, "the old keys are gone", within_s=60)
        wait_for(lambda: len(dnskeys()) == 2 and dnskeys() != before, "and left the zone")
        place.internet.flush()
        wait_for(lambda: chain_is_secure(f"x.{label}.{ZONE}", "TXT", "NXDOMAIN"), "still secure", ignore=(OSError,))

    with lab.step("a restart keeps keys and never shows an older serial"):
        def serial():
            return int(values(ask(ZONE, "SOA", DNS, tcp=True), "SOA")[0].split()[2])
        keys, seen = dnskeys(), serial()
        for _ in range(2):
            place.postseal.kill()
            place.postseal.start()
            expect(dnskeys() == keys, "the keys are those of before")
            now = serial()
            expect(now > seen, f"a serial that grows: {seen} then {now}")
            seen = now
        wait_for(lambda: place.internet.flush() or chain_is_secure(txt, "TXT"), "secure", ignore=(OSError,))
