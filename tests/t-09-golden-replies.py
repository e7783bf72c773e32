"""Replies as real Postfix reads them: each is asked for with `postmap -q` of Postfix 3.7 and 3.10, byte by byte what it was
when it was last looked at, and what Postfix makes of it is seen in its mail log. One attribute that Postfix does not
understand would defer all mail to a domain (design rule 13).
STS-013, STS-026, STS-034, STS-035, STS-060, STS-068, DANE-037
"""

import re

from lab.attacker import Sink
from lab.ca import Ca
from lab.dns_tap import SERVFAIL
from lab.internet import Internet
from lab.policy_host import PolicyHost, Site
from lab.postfix import Postfix, System
from lab.postseal import Postseal
from lab.process import run
from lab.scene import expect, wait_for
from lab.socketmap import ask

LIMIT_S = 240
NEEDS = ("debian13",)

POLICY_HOST, MX, OLD, NEW, ELSEWHERE, NAMED = (
    "127.0.0.30", "127.0.0.21", "127.0.0.25", "127.0.0.26", "127.0.0.67", "127.0.0.68")
MAP = "socketmap:inet:127.0.0.1:8461:"
MANY = [f"mx{number}.filler.of.a.long.name.many.test" for number in range(900)]


def text(*lines: str) -> str:
    return "".join(f"{line}\r\n" for line in ("version: STSv1", *lines))


def attributes(domain: str, patterns: list, lines: list) -> str:
    """What follows `servername=hostname` for QUERYwithTLSRPT; `lines` without those that Postfix could not read."""
    return (f" policy_type=sts policy_domain={domain}" + "".join(f" mx_host_pattern={pattern}" for pattern in patterns)
            + "".join(f" {{ policy_string = {line} }}" for line in lines))


def policies() -> dict:
    """Domain → (its policy, the reply to QUERY, what QUERYwithTLSRPT has more)."""
    rows = {}

    def row(label, lines, match, patterns, strings=None):
        domain = f"{label}.test"
        rows[domain] = (text(*lines), f"OK secure match={match} servername=hostname",
                        attributes(domain, patterns, ["version: STSv1", *(lines if strings is None else strings)]))

    row("plain", ["mode: enforce", "mx: mx.plain.test", "max_age: 86400"], "mx.plain.test", ["mx.plain.test"])
    row("wild", ["mode: enforce", "mx: *.wild.test", "mx: MX2.Wild.Test", "max_age: 86400"], ".wild.test:mx2.wild.test",
        ["*.wild.test", "mx2.wild.test"])
    row("odd", ["mode: enforce", "mx: mx.odd.test", "max_age: 86400", "x-open: {", "x-shut: }}", "x-pair: {a}", "x-list: a, b = c; \"d\"",
                "x-text: г\u00fc \u20ac", "x-match: match=attacker.test tafile=/etc/passwd"],
        "mx.odd.test", ["mx.odd.test"],
        ["mode: enforce", "mx: mx.odd.test", "max_age: 86400", "x-list: a, b = c; \"d\"", "x-text: г\u00fc \u20ac",
         "x-match: match=attacker.test tafile=/etc/passwd"])
    row("twice", ["mode: enforce", "mode: none", "mx: mx.twice.test", "max_age: 86400", "max_age: 1"], "mx.twice.test", ["mx.twice.test"])
    row("blanks", ["mode:  enforce \t", "mx:\tmx.blanks.test  ", "max_age: 0086400"], "mx.blanks.test", ["mx.blanks.test"],
        ["mode:  enforce", "mx:\tmx.blanks.test", "max_age: 0086400"])
    row("address", ["mode: enforce", "mx: 192.0.2.1", "mx: mx.address.test", "max_age: 86400"], "mx.address.test", ["mx.address.test"])
    row("idn", ["mode: enforce", "mx: xn--80a1acny.idn.test", "mx: mx.idn.test", "max_age: 86400"], "xn--80a1acny.idn.test:mx.idn.test",
        ["xn--80a1acny.idn.test", "mx.idn.test"])
    return rows


class Stage:
    def __init__(self, lab):
        self.lab = lab
        self.ca = Ca(lab)
        self.internet = Internet(lab, tapped=True)
        self.web = PolicyHost(lab, POLICY_HOST)
        self.zones = {}
        self.replies = {}  # key → (payload for QUERY, payload for QUERYwithTLSRPT)

    def domain(self, domain: str, body: str = "", signed: bool = False, host: str = ""):
        zone = self.zones[domain] = self.internet.domain(domain, signed)
        zone.set("@", "MX", f"10 {host or 'mx'}.{domain}.")
        zone.set("mx", "A", MX)
        if body:
            zone.set("_mta-sts", "TXT", '"v=STSv1; id=1;"')
            zone.set("mta-sts", "A", POLICY_HOST)
            self.web.sites[f"mta-sts.{domain}"] = Site(self.ca.leaf(f"mta-sts.{domain}"), body)
        return zone


def postmap(system: System, config, key: str, name: str):
    """What `postmap -q` prints, its exit status, and what it complains of."""
    done = run(system.command("postmap", "-c", config, "-q", key, MAP + name), ok=(0, 1))
    return done.stdout.rstrip("\n"), done.returncode, done.stderr


def play(lab):
    with lab.step("the peers stand: every kind of answer, Postfix 3.7 and 3.10 as senders"):
        stage = Stage(lab)
        rows = policies()
        for domain, (body, plain, more) in rows.items():
            stage.domain(domain, body)
            stage.replies[domain] = (plain, plain + more)
        # The names of one host, a thousand times: too long for the attributes, and still a policy.
        body = text("mode: enforce", *(f"mx: {name}" for name in ["mx.many.test", *MANY]), "max_age: 86400")
        stage.domain("many.test", body)
        names = ["mx.many.test", *MANY]
        plain = f"OK secure match={':'.join(names)} servername=hostname"
        stage.replies["many.test"] = (plain, None)
        stage.domain("testing.test", text("mode: testing", "mx: mx.testing.test", "max_age: 86400"))
        stage.domain("off.test", text("mode: none", "max_age: 86400"))
        stage.domain("bare.test")
        stage.domain("broken.test", text("mode: enforce", "max_age: 86400"))  # no mx: no policy
        for domain in ("testing.test", "off.test", "bare.test", "broken.test", "nowhere.test"):
            stage.replies[domain] = ("NOTFOUND ", "NOTFOUND ")
        stage.domain("numbers.test", text("mode: enforce", "mx: 192.0.2.1", "max_age: 86400"))
        reason = "TEMP no mx pattern of the enforced MTA-STS policy can match a host name"
        stage.replies["numbers.test"] = (reason, reason)
        stage.domain("over.test").set("defer", "MX", "10 mx.over.test.")
        stage.domain("silent.test")
        stage.internet.tap.faults[("silent.test", "MX")] = SERVFAIL
        certificate = stage.ca.leaf(*(f"mx.{domain}" for domain in [*stage.replies, "signed.test", "partial.test"]))
        stage.domain("signed.test", signed=True).set("_25._tcp.mx", "TLSA", certificate.tlsa())
        zone = stage.domain("partial.test", signed=True)
        zone.set("@", "MX", "10 mx.partial.test.", "20 mx2.partial.test.")
        zone.set("mx2", "A", MX)
        zone.set("_25._tcp.mx", "TLSA", certificate.tlsa())
        stage.replies.update({"signed.test": ("OK dane-only", "OK dane-only"), "partial.test": ("OK dane", "OK dane")})
        # An MX host that is an alias; TLSA and certificate are those of the name behind it.
        sink = Sink(lab, ELSEWHERE, "base.alias.test", stage.ca.self_signed("base.alias.test"))
        zone = stage.domain("alias.test", signed=True)
        zone.set("mx", "CNAME", "base.alias.test.")
        zone.drop("mx", "A")
        zone.set("base", "A", ELSEWHERE)
        zone.set("_25._tcp.base", "TLSA", sink.certificate.tlsa())
        stage.replies["alias.test"] = ("OK dane-only", "OK dane-only")
        # The same under MTA-STS, without an alias.
        named = Sink(lab, NAMED, "mx.sni.test", stage.ca.leaf("mx.sni.test"))
        stage.domain("sni.test", text("mode: enforce", "mx: *.sni.test", "max_age: 86400")).set("mx", "A", NAMED)
        # MX hosts: one outside the policy, the sender itself, one in the policy.
        zone = stage.domain("loop.test", text("mode: enforce", "mx: last.loop.test", "max_age: 86400"))
        zone.set("@", "MX", "10 mx.loop.test.", "20 self.loop.test.", "30 last.loop.test.")
        zone.set("self", "A", NEW)
        zone.set("last", "A", ELSEWHERE)
        overrides = {level: f"{level}.over.test" for level in ("none", "may", "encrypt", "dane", "dane-only", "secure", "defer")}
        stage.internet.start()
        Postseal(lab, stage.internet, stage.ca.file, {"policyd": {
            "listen": ["127.0.0.1:8461"],
            "override": [{"domain": domain, "level": level, **({"match": ["a.over.test", ".b.over.test"]} if level == "secure" else {})}
                         for level, domain in overrides.items()]}}, verb="policyd").start()
        for level, domain in overrides.items():
            payload = {"none": "NOTFOUND ", "defer": "TEMP the operator defers mail to defer.over.test (override)",
                       "secure": "OK secure match=a.over.test:.b.over.test servername=hostname"}.get(level, f"OK {level}")
            stage.replies[domain] = (payload, payload)
        old_system, new_system = System.debian12(lab), System.debian13(lab)
        mx = Postfix(lab, old_system, "mx", MX, "mx.plain.test").receives([d for d in stage.replies if d.endswith(".test")], certificate).start()
        senders = {}
        for name, system, address, table in (("old", old_system, OLD, "QUERY"), ("new", new_system, NEW, "QUERYwithTLSRPT")):
            senders[name] = Postfix(lab, system, name, address, f"{name}.test", smtp_tls_security_level="may",
                                    smtp_tls_CAfile=stage.ca.file, smtp_tls_policy_maps=MAP + table).start()
        expect(new_system.version().startswith("3.10"), f"Postfix {new_system.version()}")

    with lab.step(f"{len(stage.replies) + 1} keys × 2 map names over the bare socket: the golden replies"):
        for key, payloads in stage.replies.items():
            for name, payload in zip(("QUERY", "QUERYwithTLSRPT"), payloads):
                reply = ask(key, name)
                if payload is not None:
                    expect(reply == payload, f"{name} {key}: {reply[:3000]!r}, not {payload[:3000]!r}")
        long = ask("many.test", "QUERYwithTLSRPT")
        expect(long == stage.replies["many.test"][0] + attributes("many.test", names, []) and len(long) <= 100_000,
               f"901 hosts: {len(long)} bytes; the policy's own lines are left out, its patterns are not")
        silent = ask("silent.test")
        expect(silent == "TEMP the MX records of silent.test could not be looked up: SERVFAIL", silent)

    with lab.step("postmap -q of both versions reads the same"):
        for name, sender in senders.items():
            for key, payloads in stage.replies.items():
                for table, payload in zip(("QUERY", "QUERYwithTLSRPT"), payloads):
                    payload = payload or long
                    value, status, complaint = postmap(sender.system, sender.config, key, table)
                    if payload.startswith("OK "):
                        expect((value, status) == (payload[3:], 0) and not complaint, f"{name} {table} {key}: {value[:300]!r} {complaint}")
                    elif payload.startswith("TEMP "):
                        expect(status == 1 and payload[5:][:200] in complaint, f"{name} {table} {key}: {complaint}")
                    else:
                        expect((value, status, complaint) == ("", 1, ""), f"{name} {table} {key}: {value!r} {status} {complaint}")

    with lab.step("letters: Postfix of both versions accepts every attribute, and verifies"):
        for name, sender in senders.items():
            letters = {domain: sender.send("a@sender.test", f"b@{domain}", f"{name} to {domain} here") for domain in [*rows, "many.test", "signed.test", "partial.test"]}
            for domain, letter in letters.items():
                done = sender.outcome(letter)
                expect(done.status == "sent" and done.tls.startswith("Verified TLS connection"), f"{name}, {domain}: {done}")
                wait_for(lambda name=name, domain=domain: mx.mail_with(f"{name} to {domain} here"), f"{name}, {domain}: in the mailbox")
            bad = sender.log.lines("invalid attribute|invalid policy|configuration problem|malformed|warning: TLS policy")
            expect(not bad, f"{name} complains: {bad[:3]}")

    with lab.step("the reason of a TEMP is what Postfix logs, and the letter waits"):
        for name, sender in senders.items():
            for domain, reason in (("silent.test", "the MX records of silent.test could not be looked up: SERVFAIL"),
                                   ("numbers.test", "no mx pattern of the enforced MTA-STS policy can match a host name"),
                                   ("defer.over.test", "the operator defers mail to defer.over.test")):
                done = sender.outcome(sender.send("a@sender.test", f"b@{domain}", "waits"))
                expect(done.status == "deferred", f"{name}, {domain}: {done}")
                if domain != "silent.test":  # where Postfix asks DNS first, and gets no answer either
                    expect(sender.log.lines(re.escape(reason)), f"{name}, {domain}: the reason in the log")

    with lab.step("SNI is the TLSA base domain behind an alias (DANE-037), and the MX host's name under MTA-STS (STS-060)"):
        for name, sender in senders.items():
            for domain, server, host in (("alias.test", sink, "base.alias.test"), ("sni.test", named, "mx.sni.test")):
                done = sender.outcome(sender.send("a@sender.test", f"b@{domain}", f"{name} to {domain}"))
                expect(done.status == "sent" and done.tls.startswith("Verified"), f"{name}, {domain}: {done}")
                expect(server.sessions[-1].sni == host, f"{name}, {domain}: SNI {server.sessions[-1].sni!r}")

    with lab.step("no MX behind the sender itself is tried, though it alone is in the policy (STS-068)"):
        seen = len(sink.sessions)
        done = senders["new"].outcome(senders["new"].send("a@sender.test", "b@loop.test", "no loop"))
        expect(done.status == "deferred" and len(sink.sessions) == seen, f"{done}, {len(sink.sessions) - seen} sessions at the last MX")
