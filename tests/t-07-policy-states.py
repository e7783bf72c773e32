"""What DNS and the policy host do to a policy that policyd has in its cache: real servers, many domains, one daemon.

Rule: a cached, unexpired enforce policy holds against everything that somebody on the way can do, and gives way at once to
what its owner does (RFC 8461 §3.1, §3.3, §5.1, §10.2, §10.3).
STS-018, STS-036, STS-055, STS-070, STS-072, HTTPS-002, HTTPS-006, HTTPS-007, HTTPS-009, HTTPS-012, HTTPS-014, HTTPS-015
"""

import re
import socket
import urllib.request
from dataclasses import dataclass
from typing import Callable

from lab.ca import Ca
from lab.dns_tap import SERVFAIL, SILENT
from lab.internet import Internet
from lab.policy_host import PolicyHost, Site, policy
from lab.postseal import Postseal
from lab.scene import SceneError, expect, wait_for
from lab.socketmap import ask, ask_all

LIMIT_S = 180

POLICY_HOST, REFUSING, BLACK_HOLE, MX = "127.0.0.30", "127.0.0.31", "127.0.0.32", "127.0.0.21"
WEEK_S, DAY_S = 7 * 86400, 86400
NOBODY = "NOTFOUND "
DOWNGRADE = "version: STSv1\r\nmode: none\r\nmax_age: 86400\r\n"
FETCH, INVALID, WEBPKI = "sts-policy-fetch-error", "sts-policy-invalid", "sts-webpki-invalid"


def secure(*hosts: str) -> str:
    return f"OK secure match={':'.join(hosts)} servername=hostname"


@dataclass
class Attack:
    """`begin` is what goes wrong for one domain; `says` the log line that must tell of it; `fetches`: HTTPS is tried;
    `moved`: not where the policy host was."""
    name: str
    begin: Callable
    says: str
    fetches: bool = True
    moved: bool = False


class Stage:
    def __init__(self, lab):
        self.lab = lab
        self.ca = Ca(lab)
        self.internet = Internet(lab, tapped=True)
        self.policies = PolicyHost(lab, POLICY_HOST)
        self.zones = {}
        self.black_hole = BlackHole(lab, BLACK_HOLE)
        self.daemon = None

    def domain(self, name: str, mode: str = "enforce") -> str:
        domain = f"{name}.test"
        zone = self.zones[domain] = self.internet.domain(domain, signed=False)
        zone.set("@", "MX", f"10 mx.{domain}.")
        zone.set("mx", "A", MX)
        zone.set("mta-sts", "A", POLICY_HOST)
        if mode:
            self.policies.sites[f"mta-sts.{domain}"] = Site(self.ca.leaf(f"mta-sts.{domain}"),
                                                            policy(mode, f"mx.{domain}", max_age=WEEK_S))
            self.record(domain, "1")
        return domain

    def record(self, domain: str, *ids: str):
        self.zones[domain].set("_mta-sts", "TXT", *(f'"v=STSv1; id={an_id};"' for an_id in ids))

    def site(self, domain: str) -> Site:
        return self.policies.sites[f"mta-sts.{domain}"]

    def fetched(self, domain: str) -> int:
        return sum(1 for host, _ in list(self.policies.requests) if host == f"mta-sts.{domain}")

    def start(self):
        self.internet.start()
        self.daemon = Postseal(self.lab, self.internet, self.ca.file, {
            "policyd": {"listen": ["127.0.0.1:8461"], "id_recheck_min_s": 1, "fetch_timeout_s": 5,
                        "first_lookup_timeout_s": 4},
            "metrics": {"listen": ["127.0.0.1:9464"]}}, verb="policyd").start()

    def publish(self):
        self.internet.owners.publish(*self.zones.values())

    def clock(self, seconds: int):
        """The daemon's clock is so far ahead from now on; what it had decided before, it decides again."""
        self.daemon.config["lab"]["clock_offset_s"] = seconds
        mark = self.daemon.log.mark()
        self.daemon.reload()
        self.daemon.log.wait("configuration", after=mark)


class BlackHole:
    """Connections to it are neither taken nor refused: the queue of the socket is full, and the kernel drops what comes."""

    def __init__(self, lab, address: str):
        self._socket = socket.socket()
        self._socket.bind((address, 443))
        self._socket.listen(0)
        self._filling = []
        for _ in range(3):
            conn = socket.socket()
            conn.setblocking(False)
            conn.connect_ex((address, 443))
            self._filling.append(conn)
        lab.at_end("black hole closes", self._socket.close)


def attacks(stage: Stage) -> list:
    """RFC 8461 §3.1 and §3.3, case by case. Every body that is served under attack would end the enforcement."""
    zones, ca = stage.zones, stage.ca

    def new_id(change: Callable) -> Callable:
        """A forged record with a new id, and what then stands at the policy host."""
        def begin(domain: str):
            stage.record(domain, "2")
            stage.site(domain).body = DOWNGRADE
            change(domain)
        return begin

    def site(**fields) -> Callable:
        return new_id(lambda domain: [setattr(stage.site(domain), key, value) for key, value in fields.items()])

    def shows(issue: Callable) -> Callable:
        def change(domain: str):
            stage.site(domain).certificate = issue(f"mta-sts.{domain}")
        return new_id(change)

    def moved(change: Callable) -> Callable:
        """The policy host is elsewhere. Who still knows its address gets the owner's policy, as everybody may."""
        def begin(domain: str):
            stage.record(domain, "2")
            change(zones[domain])
        return begin

    def host_at(address: str) -> Callable:
        return moved(lambda zone: zone.set("mta-sts", "A", address))

    def txt_fails(domain: str):
        stage.internet.tap.faults[f"_mta-sts.{domain}"] = SERVFAIL

    large = DOWNGRADE + "".join(f"x{number}: {'y' * 90}\r\n" for number in range(700))
    expect(len(large) > 65536, "larger than RFC 8461 §3.3 suggests to accept")
    return [
        Attack("txt-gone", lambda domain: zones[domain].drop("_mta-sts", "TXT"), "its MTA-STS record has vanished", False),
        Attack("txt-two", lambda domain: stage.record(domain, "1", "2"), "its MTA-STS record is not valid", False),
        Attack("txt-bad", lambda domain: stage.record(domain, ""), "its MTA-STS record is not valid", False),
        Attack("txt-servfail", txt_fails, "its MTA-STS record could not be looked up", False),
        Attack("https-refused", host_at(REFUSING), f"{FETCH}: the policy host cannot be reached", moved=True),
        Attack("https-black-hole", host_at(BLACK_HOLE), f"{FETCH}: the policy host did not answer in time", moved=True),
        Attack("https-no-address", moved(lambda zone: zone.drop("mta-sts", "A")), f"{FETCH}: the policy host has no address", moved=True),
        Attack("cert-wrong-name", shows(lambda _: ca.leaf("mta-sts.attacker.test")), f"{WEBPKI}: the policy host's certificate"),
        Attack("cert-expired", shows(ca.expired), f"{WEBPKI}: the policy host's certificate"),
        Attack("cert-self-signed", shows(ca.self_signed), f"{WEBPKI}: the policy host's certificate"),
        Attack("redirect", site(redirect="https://mta-sts.attacker.test/.well-known/mta-sts.txt"), f"{FETCH}: the policy host redirects"),
        Attack("status-404", site(status=404), f"{FETCH}: the policy host answers HTTP 404"),
        Attack("type-html", site(content_type="text/html"), f"{FETCH}: the policy comes as text/html"),
        Attack("type-missing", site(content_type=""), f"{FETCH}: the policy comes without a media type"),
        Attack("large-length", site(body=large), f"{FETCH}: the policy is larger than 64 KiB"),
        Attack("large-chunked", site(body=large, chunked=True), f"{FETCH}: the policy is larger than 64 KiB"),
        Attack("garbage-body", site(body="mode: none\r\n\0\xff garbage"), f"{INVALID}: the policy is invalid"),
        Attack("garbage-http", site(raw=b"220 mx.attacker.test ESMTP\r\n"), f"{FETCH}: the policy host's answer is not HTTP"),
        Attack("no-max-age", site(body="version: STSv1\r\nmode: none\r\n"), f"{INVALID}: the policy is invalid"),
    ]


def metric(name: str) -> int:
    with urllib.request.urlopen("http://127.0.0.1:9464/metrics", timeout=30) as answer:
        text = answer.read().decode()
    return sum(int(value) for value in re.findall(rf"^{name}(?:{{[^}}]*}})? (\d+)$", text, re.M))


def play(lab):
    with lab.step("the peers stand: many domains, one policy host, nothing signed below .test"):
        stage = Stage(lab)
        cases = {stage.domain(attack.name): attack for attack in attacks(stage)}
        same_id = stage.domain("same-id")
        dead = stage.domain("dead")
        bare = stage.domain("bare", mode=None)
        fresh = stage.domain("fresh")          # asked for only when its policy host is dead
        attacker = stage.domain("attacker")
        stage.start()
        held = {domain: secure(f"mx.{domain}") for domain in [*cases, same_id, dead]}

    def all_hold(why: str):
        replies = ask_all(held)
        wrong = {domain: reply for domain, reply in replies.items() if reply != held[domain]}
        expect(not wrong, f"{why}: {wrong}")

    with lab.step("every policy is fetched once, and enforced"):
        all_hold("the first request waits for the fetch")
        expect(ask(bare) == NOBODY, "a domain without a record has no policy")
        expect(all(stage.fetched(domain) == 1 for domain in held), "one GET each")
        types = "Text/Plain; charset=UTF-8; foo=bar"  # HTTPS-002: parameters mean nothing
        stage.site(fresh).content_type = types
        expect(metric("postseal_policyd_fetch_failures_total") == 0, "nothing failed so far")

    with lab.step(f"{len(cases)} attacks at once: each is tried on the daemon, is logged with its RFC 8460 type, and changes no answer"):
        log, mark = stage.daemon.log, stage.daemon.log.mark()
        for domain, attack in cases.items():
            attack.begin(domain)
        stage.publish()

        missing, gets = [], dict.fromkeys(cases, 1)

        def all_seen():
            all_hold("under attack")
            text = log.text()[mark:]
            open_cases = {domain: attack for domain, attack in cases.items()
                          if not re.search(rf"warn\S* policyd: {domain}: {re.escape(attack.says)}.*stays in force", text)}
            missing[:] = [attack.name for attack in open_cases.values()]
            # The daemon may have known the policy host's old address for as long as its TTL: then it is made to look again.
            early = [domain for domain, attack in open_cases.items() if attack.moved and stage.fetched(domain) > gets[domain]]
            for domain in early:
                gets[domain] = stage.fetched(domain)
                stage.record(domain, f"2x{gets[domain]}")
            if early:
                stage.publish()
            return not missing
        try:
            wait_for(all_seen, "every attack in the log", within_s=40, every_s=0.3)
        except SceneError as error:
            raise SceneError(f"{error}; not there: {missing}") from None
        all_hold("after the failures")
        expect(stage.fetched(attacker) == 0, "no redirect was followed")

    with lab.step("the failures are counted, and not repeated within five minutes"):
        fetching = [domain for domain, attack in cases.items() if attack.fetches]
        counted = metric("postseal_policyd_fetch_failures_total")
        expect(counted == len(fetching), f"{len(fetching)} failed fetches, counted {counted}")
        vanished = len(cases) - len(fetching)
        expect(metric("postseal_policyd_record_failures_total") >= vanished, "records that are gone or bad")
        once = [domain for domain in fetching if stage.fetched(domain) > max(gets[domain], 2)]
        expect(not once, f"asked again: {once}")
        why = stage.daemon.json("query", "status-404.test")
        expect(why["decision"]["source"] == "sts" and why["cache"]["policy_id"] == "1", f"{why}")
        expect(any("kept although" in reason for reason in why["reasons"]), f"it says why: {why['reasons']}")

    with lab.step("kill -9, and a start in the middle of the attacks: everything holds, and no dead policy host is waited for"):
        stage.daemon.kill()
        stage.daemon.start()
        all_hold("after a restart under attack")

    with lab.step("kill -9, and a start with DNS and HTTPS dead"):
        tap = stage.internet.tap
        before = dict(tap.faults)
        # Silent, which is worse than refused: the daemon must not wait for it longer than Postfix does.
        for domain in held:
            for name in (domain, f"_mta-sts.{domain}", f"mta-sts.{domain}", f"mx.{domain}"):
                tap.faults[name] = SILENT
        stage.policies.close()
        stage.daemon.kill()
        stage.daemon.start()
        all_hold("nobody answers any question")
        wait_for(lambda: "could not be looked up" in " ".join(stage.daemon.json("query", dead)["reasons"]),
                 "query says what is wrong, when it is known", within_s=60)
        tap.faults.clear()
        tap.faults.update(before)
        stage.daemon.kill()
        stage.daemon.start()
        stage.clock(61)  # what failed is asked again after a minute
        all_hold("DNS answers again")

    with lab.step("no policy was ever fetched and the host is dead: mail goes out as if there were none (HTTPS-014)"):
        expect(ask(fresh) == NOBODY, "as RFC 8461 §3.3 says")
        stage.policies.listen_again()

    with lab.step("the attacks are over: testing, none and another MX take effect with the next look at the record"):
        changed = {}
        for number, (domain, attack) in enumerate(cases.items()):
            mode, hosts, reply = [("testing", [f"mx.{domain}"], NOBODY), ("none", [], NOBODY),
                                  ("enforce", [f"*.new.{domain}", f"mx2.{domain}"], secure(f".new.{domain}", f"mx2.{domain}"))][number % 3]
            stage.policies.sites[f"mta-sts.{domain}"] = Site(stage.ca.leaf(f"mta-sts.{domain}"), policy(mode, *hosts, max_age=WEEK_S))
            stage.zones[domain].set("mta-sts", "A", POLICY_HOST)
            stage.record(domain, "3")
            changed[domain] = reply
        stage.internet.tap.faults.clear()
        stage.publish()
        failed_lookup = "txt-servfail.test"

        def taken_over():
            replies = ask_all(domain for domain in changed if domain != failed_lookup)
            late = {domain: reply for domain, reply in replies.items() if reply != changed[domain]}
            expect(all(late[domain] == held[domain] for domain in late), f"the old answer or the new one: {late}")
            return not late
        wait_for(taken_over, "the owners' new policies", within_s=20, every_s=0.2)
        expect(log.lines(r"policyd: txt-gone\.test: its owner has changed the policy from enforce to testing"), "said in the log")
        minutes = iter(range(2, 60))

        def looked_up_again():  # a lookup that failed is repeated after a minute
            stage.clock(61 * next(minutes))
            return ask(failed_lookup) == changed[failed_lookup]
        wait_for(looked_up_again, "the record that could not be looked up", every_s=0.5)
        held.update(changed)
        all_hold("and so it stays")

    with lab.step("a body that changed without a new id is found by the daily refetch, not before"):
        stage.site(same_id).body = policy("enforce", "mx7.same-id.test", max_age=WEEK_S)
        before = stage.fetched(same_id)
        stage.clock(DAY_S // 2)
        expect(ask(same_id) == secure("mx.same-id.test") and stage.fetched(same_id) == before, "half a day later: no GET")
        expect(ask(fresh) == secure(f"mx.{fresh}"), "Text/Plain with parameters is text/plain, and five minutes have passed")
        stage.clock(DAY_S + 3600)
        wait_for(lambda: ask(same_id) == secure("mx7.same-id.test"), "the new body after a day")
        expect(stage.fetched(same_id) == before + 1, "one GET")
        held[same_id] = secure("mx7.same-id.test")
        del held[dead]

    with lab.step("max_age is the end, counted from the last fetch: not a day earlier, and without a word from DNS"):
        stage.zones[same_id].drop("_mta-sts", "TXT")
        stage.site(same_id).status = 500
        stage.publish()
        stage.clock(DAY_S + 3600 + WEEK_S - 600)
        expect(ask(same_id) == held[same_id], "ten minutes before the end")
        stage.clock(DAY_S + 3600 + WEEK_S + 600)
        reply = ask(same_id)
        expect(reply == NOBODY, f"ten minutes after it: {reply}, {stage.daemon.json('query', same_id)}")
