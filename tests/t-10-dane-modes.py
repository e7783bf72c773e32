"""DANE as policyd decides it from signed zones (RFC 7672 §2), with each way of asking: iterating from the root, forwarding
to a resolver, stub zones. What one table row says must come out of all of them; the name server is listened to.

DANE-001, DANE-002, DANE-003, DANE-004, DANE-006, DANE-007, DANE-008, DANE-010, DANE-015, DANE-018, DANE-020, DANE-021,
DANE-022, DANE-023, DANE-024, DANE-025, DANE-047, DANE-048, MX-001, MX-004, MX-006, STS-001
"""

import time
import urllib.request

from lab.ca import Ca
from lab.dns_tap import SERVFAIL, STRIPPED
from lab.internet import REGISTRY, RESOLVER, Internet
from lab.policy_host import PolicyHost, Site, policy
from lab.postseal import Postseal
from lab.scene import expect, wait_for
from lab.socketmap import ask, ask_all

LIMIT_S = 180

POLICY_HOST, MX = "127.0.0.30", "127.0.0.21"
NOBODY, DANE, DANE_ONLY, TEMP = "NOTFOUND ", "OK dane", "OK dane-only", "TEMP "
GOOD = f"3 1 1 {'ab' * 32}"
SIGNED, UNSIGNED = "signed.test", "unsigned.test"


class Stage:
    def __init__(self, lab):
        self.lab = lab
        self.ca = Ca(lab)
        self.internet = Internet(lab, tapped=True)
        self.tap = self.internet.tap
        self.policies = PolicyHost(lab, POLICY_HOST)
        self.zones = {name: self.internet.domain(name, signed=name != UNSIGNED) for name in (SIGNED, UNSIGNED, "island.test", "dark.test")}
        self.rows = {}  # key → (reply or its beginning, why)

    def expects(self, key: str, reply: str, why: str):
        self.rows[key] = (reply, why)

    def domain(self, label: str, hosts: list, zone: str = SIGNED, sts: bool = False) -> str:
        """`hosts`: (preference, host name, its TLSA or ""); a name without a final dot is made in the zone, with an address."""
        domain = f"{label}.{zone}" if label else zone
        records = self.zones[zone]
        records.set(label or "@", "MX", *(f"{preference} {host if host.endswith('.') else f'{host}.{zone}.'}" for preference, host, _ in hosts))
        for _, host, tlsa in hosts:
            if host.endswith("."):
                continue
            records.set(host, "A", MX)
            if tlsa:
                records.set(f"_25._tcp.{host}", "TLSA", tlsa)
        if sts:
            names = [host.rstrip(".") if host.endswith(".") else f"{host}.{zone}" for _, host, _ in hosts]
            records.set(f"_mta-sts.{label}", "TXT", '"v=STSv1; id=1;"')
            records.set(f"mta-sts.{label}", "A", POLICY_HOST)
            self.policies.sites[f"mta-sts.{domain}"] = Site(self.ca.leaf(f"mta-sts.{domain}"), policy("enforce", *names))
        return domain

    def secure(self, *hosts: str) -> str:
        return f"OK secure match={':'.join(hosts)} servername=hostname"


def table(stage: Stage):
    """Design rule 12, row by row; rule 11; RFC 7672's own rules."""
    signed, unsigned, tap = stage.zones[SIGNED], stage.zones[UNSIGNED], stage.tap

    def row(label, hosts, reply, why, **more):
        domain = stage.domain(label, hosts, **more)
        stage.expects(domain, reply, why)
        return domain

    def fails(name: str, kind=None, fault=SERVFAIL):
        tap.faults[(name, kind) if kind else name] = fault

    # The MX records are signed.
    row("all", [(10, "mx.all", GOOD)], DANE_ONLY, "every host has usable TLSA")
    row("all-sts", [(10, "mx.all-sts", GOOD)], DANE_ONLY, "whatever MTA-STS says: STS-001", sts=True)
    outside = row("outside-sts", [(10, "mx.outside-sts", GOOD)], DANE_ONLY, "DANE wins (STS-002)", sts=True)
    stage.policies.sites[f"mta-sts.{outside}"].body = policy("enforce", "mx.elsewhere.test")
    row("best", [(10, "a.best", GOOD), (20, "b.best", "")], DANE, "some hosts have it")
    row("best-sts", [(10, "a.best-sts", GOOD), (20, "b.best-sts", "")], DANE_ONLY, "the best hosts have it", sts=True)
    row("worse-sts", [(10, "a.worse-sts", ""), (20, "b.worse-sts", GOOD)], DANE_ONLY, "partial_dane = dane-only", sts=True)
    row("unusable", [(10, "mx.unusable", f"1 1 1 {'ab' * 32}")], DANE, "PKIX-EE is not usable: TLS, no more (DANE-012)")
    row("short", [(10, "mx.short", "3 1 1 abcd")], DANE, "DANE-047: present, not usable")
    row("unusable-sts", [(10, "mx.unusable-sts", f"1 1 1 {'ab' * 32}")], stage.secure(f"mx.unusable-sts.{SIGNED}"), "STS authenticates", sts=True)
    row("none", [(10, "mx.none", "")], NOBODY, "no TLSA (DANE-005)")
    row("none-sts", [(10, "mx.none-sts", "")], stage.secure(f"mx.none-sts.{SIGNED}"), "no TLSA, so MTA-STS", sts=True)
    # They are not.
    row("own", [(10, "mx.own", GOOD)], NOBODY, "nothing is signed: TLSA is not even asked for (DANE-002, DANE-021)", zone=UNSIGNED)
    row("hosted", [(10, f"mx.all.{SIGNED}.", "")], DANE, "the host's zone is signed (DANE-018)", zone=UNSIGNED)
    row("hosted-sts", [(10, f"mx.all.{SIGNED}.", "")], stage.secure(f"mx.all.{SIGNED}"), "MTA-STS is enforced", zone=UNSIGNED, sts=True)
    # Aliases (RFC 7672 §2.1.3, §2.2.2, §2.2.3).
    row("alias", [(10, "mx.alias", "")], DANE_ONLY, "TLSA at the expanded name (DANE-022)")
    signed.drop("mx.alias", "A")
    signed.set("mx.alias", "CNAME", f"mx.all.{SIGNED}.")
    row("alias-own", [(10, "mx.alias-own", GOOD)], DANE_ONLY, "TLSA only at the original name (DANE-022)")
    signed.drop("mx.alias-own", "A")
    signed.set("mx.alias-own", "CNAME", f"mx.none.{SIGNED}.")
    row("alias-out", [(10, "mx.alias-out", GOOD)], DANE_ONLY, "the alias is signed, where it leads is not (DANE-010)")
    signed.drop("mx.alias-out", "A")
    signed.set("mx.alias-out", "CNAME", f"mx.own.{UNSIGNED}.")
    row("alias-two", [(10, "mx.alias-two", "")], NOBODY, "TLSA only at the name between (DANE-023)")
    signed.drop("mx.alias-two", "A")
    signed.set("mx.alias-two", "CNAME", f"between.alias-two.{SIGNED}.")
    signed.set("between.alias-two", "CNAME", f"mx.none.{SIGNED}.")
    signed.set("_25._tcp.between.alias-two", "TLSA", GOOD)
    row("tlsa-alias", [(10, "mx.tlsa-alias", "")], DANE_ONLY, "a CNAME at the TLSA name (DANE-025)")
    signed.set("_25._tcp.mx.tlsa-alias", "CNAME", f"t._dane.{SIGNED}.")
    signed.set("t._dane", "TLSA", GOOD)
    row("tlsa-alias-out", [(10, "mx.tlsa-alias-out", "")], NOBODY, "it leads into an unsigned zone (DANE-025, DANE-048)")
    signed.set("_25._tcp.mx.tlsa-alias-out", "CNAME", f"t._dane.{UNSIGNED}.")
    unsigned.set("t._dane", "TLSA", GOOD)
    # The mail domain itself is an alias: every step to the MX must be signed (RFC 7672 §2.2.1, RFC 5321 §5.1).
    signed.set("mx-alias", "CNAME", f"all.{SIGNED}.")
    stage.expects(f"mx-alias.{SIGNED}", DANE_ONLY, "a signed alias to a signed domain")
    signed.set("mx-alias-out", "CNAME", f"hosted.{UNSIGNED}.")
    stage.expects(f"mx-alias-out.{SIGNED}", DANE, "the alias is signed, the MX records behind it are not (DANE-018)")
    unsigned.set("mx-alias-in", "CNAME", f"all.{SIGNED}.")
    stage.expects(f"mx-alias-in.{UNSIGNED}", DANE, "the MX records are signed, the alias to them is not (DANE-018)")
    # No MX, a null MX, an address for an MX.
    signed.set("implicit", "A", MX)
    signed.set("_25._tcp.implicit", "TLSA", GOOD)
    stage.expects(f"implicit.{SIGNED}", DANE_ONLY, "the domain is its own host (MX-001, MX-004)")
    signed.set("null", "MX", "0 .")
    signed.set("null", "A", MX)
    signed.set("_25._tcp.null", "TLSA", GOOD)
    stage.expects(f"null.{SIGNED}", NOBODY, "it takes no mail (MX-006)")
    row("address", [(10, "192.0.2.1.", "")], NOBODY, "an MX that is an address (DANE-015)")
    stage.expects(f"nowhere.{SIGNED}", NOBODY, "no such domain")
    # Lookups that fail (design rule 11, RFC 7672 §2.1.2).
    row("tlsa-servfail", [(10, "mx.tlsa-servfail", GOOD)], f"TEMP no MX host can be used: mx.tlsa-servfail.{SIGNED}: its TLSA records could not be looked up", "DANE-007")
    fails(f"_25._tcp.mx.tlsa-servfail.{SIGNED}")
    row("tlsa-bogus", [(10, "mx.tlsa-bogus", GOOD)], f"TEMP no MX host can be used: mx.tlsa-bogus.{SIGNED}", "signatures stripped (DANE-007)")
    fails(f"_25._tcp.mx.tlsa-bogus.{SIGNED}", fault=STRIPPED)
    row("tlsa-one", [(10, "a.tlsa-one", GOOD), (20, "b.tlsa-one", GOOD)], DANE_ONLY, "the other host remains (DANE-007)")
    fails(f"_25._tcp.a.tlsa-one.{SIGNED}")
    row("tlsa-one-sts", [(10, "a.tlsa-one-sts", GOOD), (20, "b.tlsa-one-sts", "")], stage.secure(f"b.tlsa-one-sts.{SIGNED}"),
        "only the host that remains is named (STS-001)", sts=True)
    fails(f"_25._tcp.a.tlsa-one-sts.{SIGNED}")
    row("address-one", [(10, "a.address-one", GOOD), (20, "b.address-one", GOOD)], DANE_ONLY, "DANE-008")
    fails(f"a.address-one.{SIGNED}", "A")
    fails(f"a.address-one.{SIGNED}", "AAAA")
    row("family-one", [(10, "mx.family-one", GOOD)], DANE_ONLY, "one family is enough")
    fails(f"mx.family-one.{SIGNED}", "AAAA")
    row("mx-servfail", [(10, "mx.mx-servfail", GOOD)], f"TEMP the MX records of mx-servfail.{SIGNED} could not be looked up", "DANE-006")
    fails(f"mx-servfail.{SIGNED}", "MX")
    row("mx-bogus", [(10, "mx.mx-bogus", GOOD)], f"TEMP the MX records of mx-bogus.{SIGNED} could not be looked up", "DANE-006")
    fails(f"mx-bogus.{SIGNED}", "MX", STRIPPED)
    row("mx-servfail-sts", [(10, "mx.mx-servfail-sts", "")], stage.secure(f"mx.mx-servfail-sts.{SIGNED}"), "MTA-STS answers", sts=True)
    fails(f"mx-servfail-sts.{SIGNED}", "MX")
    # Ports: the TLSA name follows the transport's (DANE-024).
    signed.set("_2525._tcp.mx.all", "TLSA", GOOD)
    stage.expects(f"[mx.all.{SIGNED}]:2525", DANE_ONLY, "TLSA of that port (DANE-024)")
    stage.expects(f"[mx.all.{SIGNED}]:587", NOBODY, "none for this one")
    stage.expects(f"[mx.all.{SIGNED}]", DANE_ONLY, "port 25")
    # Two zones more, where the ways of asking may differ.
    stage.domain("", [(10, "mx", GOOD)], zone="island.test")
    stage.domain("", [(10, "mx", GOOD)], zone="dark.test")
    fails("dark.test", "DNSKEY")


def negative_zone(stage: Stage, origin: str, seconds: int) -> str:
    zone = stage.internet.domain(origin, signed=False)
    zone.ttl = seconds
    zone.set("@", "SOA", f"ns.{origin}. hostmaster.{origin}. 1 3600 600 86400 {seconds}")
    zone.set("@", "MX", f"10 mx.{origin}.")
    zone.set("mx", "A", MX)
    return origin


def validates(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        return "".join(line for line in answer.read().decode().splitlines() if line.startswith("postseal_dnssec_validation_ok"))


def play(lab):
    with lab.step("the peers stand: signed and unsigned zones, an ear on their name server"):
        stage = Stage(lab)
        table(stage)
        short, long = negative_zone(stage, "short.test", 2), negative_zone(stage, "long.test", 3600)
        internet = stage.internet.start()
        anchor = lab.place("anchors") / "signed.key"
        anchor.write_text("".join(f"{SIGNED}. 3600 IN DS {ds}\n" for ds in internet.owners.ds(stage.zones[SIGNED])))
        wrong = lab.place("anchors") / "wrong.key"
        wrong.write_text("".join(f". 3600 IN DS {ds}\n" for ds in internet.owners.ds(stage.zones[SIGNED])))
        iterating = {"root_hints": internet.root_hints, "trust_anchor_file": internet.trust_anchor}
        modes = {
            "iterating": iterating,
            "forwarding": {**iterating, "servers": [f"{RESOLVER}:53"]},
            # No root at all, and one anchor below it: the other zones are signed for nobody (RFC 4033's indeterminate).
            "stub": {"root_hints": "", "trust_anchor_file": anchor, "stub_zones": [{"zone": "test.", "servers": [f"{REGISTRY}@53"]}]},
            "misled": {"root_hints": internet.root_hints, "trust_anchor_file": wrong},
            "believing": {"root_hints": internet.root_hints, "trust_anchor_file": wrong, "servers": [f"{RESOLVER}:53"]},
        }
        ports = {mode: 8461 + number for number, mode in enumerate(modes)}
        daemons = {mode: Postseal(lab, internet, stage.ca.file, {
            "resolver": resolver, "policyd": {"listen": [f"127.0.0.1:{ports[mode]}"], "id_recheck_min_s": 1},
            "metrics": {"listen": [f"127.0.0.1:{ports[mode] + 100}"]}}, name=f"postseal-{mode}", verb="policyd").start()
            for mode, resolver in modes.items()}

    for mode in ("iterating", "forwarding", "stub"):
        with lab.step(f"{mode}: {len(stage.rows)} rows of RFC 7672 and of the precedence of DANE and MTA-STS"):
            replies = ask_all(stage.rows, address=("127.0.0.1", ports[mode]))
            wrong_rows = {key: (replies[key], f"not {reply!r}: {why}") for key, (reply, why) in stage.rows.items()
                          if not (replies[key].startswith(reply) if reply.startswith(TEMP) else replies[key] == reply)}
            expect(not wrong_rows, f"{len(wrong_rows)} of {len(replies)}: {wrong_rows}")

    with lab.step("DANE that wins over a policy is said in the log (STS-002)"):
        daemons["iterating"].log.wait(rf"outside-sts\.{SIGNED}: DANE wins over the MTA-STS policy, which does not list mx\.outside-sts")

    with lab.step("zones that are signed for nobody count as unsigned; DNSSEC data that does not come is an error (DANE-003, DANE-004)"):
        for mode, want in (("iterating", DANE_ONLY), ("forwarding", DANE_ONLY), ("stub", NOBODY)):
            reply = ask("island.test", address=("127.0.0.1", ports[mode]))
            expect(reply == want, f"{mode}, island.test: {reply}")
            reply = ask("dark.test", address=("127.0.0.1", ports[mode]))
            expect(reply.startswith(TEMP) if want == DANE_ONLY else reply == NOBODY, f"{mode}, dark.test: {reply}")

    with lab.step("what the name server was asked: no TLSA for unsigned hosts, none for names between, none behind a null MX"):
        never = [f"_tcp.mx.own.{UNSIGNED}", f"_tcp.between.alias-two.{SIGNED}", f"_tcp.null.{SIGNED}", f"_tcp.nowhere.{SIGNED}"]
        asked = {name: count for name in never if (count := stage.tap.questions_below(name))}
        expect(not asked, f"asked for {asked}")
        expect(stage.tap.questions(f"_25._tcp.mx.all.{SIGNED}", "TLSA") >= 1, "and it was listened to")
        expect(stage.tap.questions(f"_2525._tcp.mx.all.{SIGNED}", "TLSA") >= 1, "the port's own name (DANE-024)")
        first = stage.tap.asked.index((f"mx.unusable.{SIGNED}", "A"))
        tlsa = stage.tap.asked.index((f"_25._tcp.mx.unusable.{SIGNED}", "TLSA"))
        expect(first < tlsa, "addresses before TLSA (DANE-020)")

    with lab.step("a wrong trust anchor is said at the start, in the metrics, and defers: nothing is taken for secure, nor for unsigned (DANE-001)"):
        daemons["misled"].log.wait("until this is mended no DANE can be decided")
        for mode in ("iterating", "forwarding", "stub"):
            wait_for(lambda mode=mode: validates(ports[mode] + 100) == "postseal_dnssec_validation_ok 1", f"{mode} validates")
            expect(not daemons[mode].log.lines("until this is mended no DANE can be decided"), mode)
        wait_for(lambda: validates(ports["misled"] + 100) == "postseal_dnssec_validation_ok 0", "the metric")
        for mode in ("misled", "believing"):  # the forwarder sets AD; without a proof of our own that is worth nothing
            for key in (f"all.{SIGNED}", f"own.{UNSIGNED}"):
                reply = ask(key, address=("127.0.0.1", ports[mode]))
                expect(reply.startswith(TEMP), f"{mode}, {key}: {reply}")

    with lab.step("a negative answer lives as long as the zone's SOA says (RFC 2308 §5)"):
        def questions(domain):
            return stage.tap.questions(f"_mta-sts.{domain}")
        began = time.monotonic()
        expect(ask(short) == NOBODY and ask(long) == NOBODY, "no policy")
        seen = {domain: questions(domain) for domain in (short, long)}
        wait_for(lambda: ask(short) == NOBODY and questions(short) > seen[short], f"{short} is looked up again")
        expect(time.monotonic() - began >= 1, "not before its two seconds have passed")
        expect(ask(long) == NOBODY and questions(long) == seen[long], f"{long} is not")

    with lab.step("partial_dane: what the operator wants where only the worse host has TLSA and MTA-STS enforces (design rule 12)"):
        daemon, address = daemons["forwarding"], ("127.0.0.1", ports["forwarding"])
        held = {key: stage.rows[key][0] for key in (f"best-sts.{SIGNED}", f"best.{SIGNED}", f"all-sts.{SIGNED}", f"none-sts.{SIGNED}")}
        domain = f"worse-sts.{SIGNED}"
        only_the_other = stage.secure(f"a.{domain}")  # STS-001: MTA-STS must not let a host in whose TLSA nobody checks
        for wish, reply in (("secure", only_the_other), ("dane", DANE), ("dane-only", DANE_ONLY)):
            daemon.config["policyd"]["partial_dane"] = wish
            daemon.reload()
            wait_for(lambda: ask(domain, address=address) == reply, f"{wish}: {reply}")
            replies = ask_all(held, address=address)
            expect(replies == held, f"{wish} changes nothing else: {replies}")
