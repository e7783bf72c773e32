"""What Postfix asks about, as it comes over the socket: spellings of one destination, things that have no policy, and
things that are no request at all. No DNS question may be asked for what can have no policy (RFC 8461 §3.4).
STS-003, STS-037, STS-038, STS-039, STS-040, DANE-015
"""

import socket

from lab.ca import Ca
from lab.internet import Internet
from lab.policy_host import PolicyHost, Site, policy
from lab.postseal import Postseal
from lab.scene import expect, wait_for
from lab.socketmap import ADDRESS, Socketmap, ask, netstring

LIMIT_S = 120

POLICY_HOST, MX = "127.0.0.30", "127.0.0.21"
PLAIN, IDN, RELAY = "kestrel.test", "xn--80a1acny.test", "relay.test"
NOBODY = "NOTFOUND "
SOCKET = "/run/lab/state/policyd.sock"

SPELLINGS = {
    PLAIN: ["kestrel.test", "KESTREL.Test", "kestrel.test.", "Kestrel.TEST.", "kestrel.test:25", "KESTREL.test.:25", "kestrel.test:smtp",
            "inet:kestrel.test:25"],
    IDN: ["xn--80a1acny.test", "почта.test", "ПОЧТА.Test.", "XN--80A1ACNY.test", "почта.test:25"],
    RELAY: ["[relay.test]", "[Relay.TEST]", "[relay.test.]", "[relay.test]:25", "[relay.test]:587", "relay.test:587"],
}
NO_POLICY = [  # key, and why nothing is looked up for it
    (".kestrel.test", "a parent: Postfix's second question; RFC 8461 §3.4 says that policies are not inherited"),
    (".test", "a parent"),
    (".", "the root"),
    ("[192.0.2.1]", "an address literal"),
    ("[192.0.2.1]:25", "an address literal with a port"),
    ("192.0.2.1", "an address without brackets"),
    ("[2001:db8::1]", "an IPv6 address"),
    ("[IPv6:2001:db8::1]:25", "as SMTP writes it"),
    ("2001:db8::1", "an IPv6 address without brackets"),
    ("/run/lmtp.sock", "a local socket"),
    ("unix:private/lmtp", "the same"),
    ("", "nothing"),
    (" ", "a blank"),
    ("kestrel..test", "an empty label"),
    ("kestrel.test:0", "no port"),
    ("kestrel.test:65536", "no port"),
    ("kestrel.test:smtp:25", "two ports"),
    ("[kestrel.test", "half a bracket"),
    ("[kestrel.test]x", "something behind the bracket"),
    ("kestrel.test\r\nkestrel.test", "two lines"),
    ("kestrel.test kestrel.test", "two names"),
    (b"kestrel.test\0", "a NUL"),
    (b"\xff\xfe.test", "not UTF-8"),
    (b"kestrel.test%00", "no host name"),
    ("a" * 64 + ".test", "a label of 64 octets"),
    ("a." * 130 + "test", "a name that is too long"),
    ("a" * 10_000, "as long as Postfix may ask"),
    ("1.2.3.4.5.6", "a name that ends in a number"),
]
HOSTILE = [  # not netstrings: the daemon closes the connection and serves the others
    b"x", b"QUERY kestrel.test\n", b":,", b"-1:,", b"+5:abcde,", b" 5:abcde,", b"5 :abcde,", b"0x5:abcde,", b"05:QUERY,",
    b"18:QUERY kestrel.test;", b"17:QUERY kestrel.test,", b"4294967297:x,", b"18446744073709551617:x,", b"9" * 200_000, netstring(b"QUERY " + b"a" * 20_000),
    b"99999:", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"\0" * 4096,
]


def play(lab):
    with lab.step("the peers stand, with an ear on both name servers"):
        ca = Ca(lab)
        internet = Internet(lab, tapped=True)
        policies = PolicyHost(lab, POLICY_HOST)
        for domain in SPELLINGS:
            zone = internet.domain(domain, signed=False)
            host = domain if domain == RELAY else f"mx.{domain}"
            zone.set("@", "MX", f"10 {host}.")
            zone.set("@" if domain == RELAY else "mx", "A", MX)
            zone.set("mta-sts", "A", POLICY_HOST)
            zone.set("_mta-sts", "TXT", '"v=STSv1; id=1;"')
            policies.sites[f"mta-sts.{domain}"] = Site(ca.leaf(f"mta-sts.{domain}"), policy("enforce", host))
        internet.start()
        # Behind a proxy the address of a policy host could be neither checked nor pinned (design rule 20): as the environment
        # of a machine in an office names one, nobody listens there, and nothing may depend on it.
        office = {name: "http://127.0.0.98:3128" for name in ("http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")}
        # A second that is over would make a daemon look again in the middle of a step that counts questions.
        Postseal(lab, internet, ca.file, {"policyd": {"listen": ["127.0.0.1:8461", f"unix:{SOCKET}"], "id_recheck_min_s": 3600}},
                 verb="policyd", env=office).start()

        def asked():
            return len(internet.tap.asked) + len(internet.registry_tap.asked)

    with lab.step("every spelling of a destination gets the policy of that one domain"):
        for domain, keys in SPELLINGS.items():
            host = domain if domain == RELAY else f"mx.{domain}"
            for key in keys:
                for name in ("QUERY", "postfix", "some-zone"):  # other map names: as postfix-mta-sts-resolver's zones
                    reply = ask(key, name)
                    expect(reply == f"OK secure match={host} servername=hostname", f"{name} {key!r}: {reply}")
                reply = ask(key, "QUERYwithTLSRPT")
                expect(f" policy_type=sts policy_domain={domain} mx_host_pattern={host} " in reply, f"{key!r}: {reply}")
        for domain in SPELLINGS:
            expect(policies.requests.count((f"mta-sts.{domain}", "/.well-known/mta-sts.txt")) == 1, f"one GET for {domain}")
            expect(internet.tap.questions(f"_mta-sts.{domain}", "TXT") >= 1, f"the record of {domain} itself")

    with lab.step("what can have no policy is answered at once, without any question to DNS"):
        before = asked()
        for key, why in NO_POLICY:
            for name in ("QUERY", "QUERYwithTLSRPT"):
                reply = ask(key, name)
                expect(reply == NOBODY, f"{key[:80]!r} ({why}): {reply!r}")
        expect(asked() == before, f"{asked() - before} questions: {internet.tap.asked[-3:]} {internet.registry_tap.asked[-3:]}")
        for payload in ("", "QUERY", "QUERY "):
            with Socketmap() as conn:
                conn.send(netstring(payload))
                expect(conn.reply() == NOBODY, f"a request without a key: {payload!r}")
        expect(asked() == before, "nor for those")

    with lab.step("a subdomain is a domain of its own: its parent's record is not asked for"):
        before = internet.tap.questions("_mta-sts.kestrel.test")
        expect(ask("sub.kestrel.test") == NOBODY, "no policy")
        expect(internet.tap.questions("_mta-sts.kestrel.test") == before, "no climbing")

    with lab.step("a thousand requests on the way at once are answered in their order, hits and misses mixed"):
        keys = [(PLAIN, IDN, "[relay.test]", ".kestrel.test", f"n{number}.kestrel.test", "[192.0.2.1]")[number % 6] for number in range(1000)]
        with Socketmap() as conn:
            conn.send(b"".join(netstring(f"QUERY {key}") for key in keys))
            for number, key in enumerate(keys):
                reply = conn.reply()
                want = {PLAIN: "match=mx.kestrel.test ", IDN: f"match=mx.{IDN} ", "[relay.test]": "match=relay.test "}.get(key)
                expect(want in reply if want else reply == NOBODY, f"request {number}, {key}: {reply}")

    with lab.step("a request that comes byte by byte, and one over the unix socket"):
        with Socketmap() as conn:
            for byte in netstring(f"QUERY {PLAIN}"):
                conn.send(bytes([byte]))
            expect(conn.reply().startswith("OK secure"), "put together again")
        with Socketmap(SOCKET) as conn:
            expect(conn.ask(PLAIN).startswith("OK secure"), "over the unix socket")

    with lab.step("what is no netstring ends its own connection only"):
        waiting = []
        for count in range(300):  # clients that begin a request and never end it
            conn = socket.create_connection(ADDRESS)
            conn.sendall(b"18:QUERY kest"[:1 + count % 13])
            waiting.append(conn)
        with Socketmap() as beside:
            for data in HOSTILE:
                with Socketmap() as conn:
                    try:
                        conn.send(data)
                        expect(conn.reply() == "", f"{data[:40]!r} is not answered")
                    except ConnectionError:
                        pass  # closed before all of it was sent
                expect(beside.ask(PLAIN).startswith("OK secure"), f"the neighbour of {data[:40]!r} is served")
        waiting[-1].close()
        for conn in waiting:
            conn.close()
        expect(wait_for(lambda: ask(PLAIN), "an answer after all that").startswith("OK secure"), "and afterwards")
