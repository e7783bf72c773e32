"""A day of three mail servers that count into one database: Postfix 3.10 by datagrams, Postfix 3.7 and Exim 4.96 by their logs; two
of their collectors are killed in the middle, the clock goes past midnight, and every domain's report arrives by mail and by
HTTPS, with the totals of what was sent and a signature that dkimpy finds good.

`--long`: 500 domains and 100,000 sessions. Two letters to each domain from each host are real; the other sessions are what these
MTAs said of the first one, said again: the datagrams to the socket, the lines to the logs.

Postseal takes no mail in yet. The mailed reports go to a Postfix, and `report import` reads its maildir into an installation.

RPT-011, RPT-015, RPT-033, RPT-039, RPT-045, RPT-049
"""

import email
import gzip
import json
import re
import socket
import sqlite3
import threading
import time
import urllib.request
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from lab.debian import DEBIAN_13
from lab.destinations import DANE, KINDS, PLAIN, STS, ZONES, Destinations
from lab.exim import Exim
from lab.installation import INTAKE_NAME, Installation
from lab.mta import EximMta, PostfixMta
from lab.postfix import Postfix, System
from lab.postgres import Postgres
from lab.postseal import Postseal, command
from lab.process import run
from lab.reports import DAY_S, run_after_midnight, today
from lab.scene import PATIENCE, expect, wait_for
from lab.signatures import publish_keys, verdicts

LIMIT_S = 300
LONG_LIMIT_S = 900
NEEDS = ("debian13", "exim")

HOSTS = {"new": "127.0.0.61", "old": "127.0.0.62", "exim": "127.0.0.63"}  # Postfix 3.10, Postfix 3.7, Exim 4.96
CENTRE, MAILBOXES = "127.0.0.60", "127.0.0.21"
SENDER, REPORTS = "sender.test", "reports.test"
LONG_DOMAINS, LONG_SESSIONS = 500, 100_000
BURST = 10
# What only policyd sees: the policy is not there, is none, or its host shows a certificate of its own making.
POLICY_FAILURES = {"gone": "sts-policy-fetch-error", "broken": "sts-policy-invalid", "forged": "sts-webpki-invalid"}

# (kind of MX, zone) → what a session with it is in a report: policy type, result type ("": a good one). Postfix 3.10 has its own
# words for some of them: OpenSSL's for a certificate of the host's own making, and DANE's mismatch is a want of trust.
OUTCOMES = {
    ("ok", STS): ("sts", ""), ("strip", STS): ("sts", "starttls-not-supported"), ("self", STS): ("sts", "certificate-not-trusted"),
    ("expired", STS): ("sts", "certificate-expired"), ("wrong", STS): ("sts", "certificate-host-mismatch"),
    ("ok", DANE): ("tlsa", ""), ("strip", DANE): ("tlsa", "starttls-not-supported"), ("self", DANE): ("tlsa", "tlsa-invalid"),
    ("expired", DANE): ("tlsa", "tlsa-invalid"), ("wrong", DANE): ("tlsa", "tlsa-invalid"),
    **{(kind, PLAIN): ("no-policy-found", "") for kind in ("ok", "self", "expired", "wrong")},
    ("strip", PLAIN): None,  # in clear text: nobody asked for TLS
}
OUTCOMES_NEW = {**OUTCOMES, ("self", STS): ("sts", "validation-failure"),
                **{(kind, DANE): ("tlsa", "certificate-not-trusted") for kind in ("self", "expired", "wrong")}}


@dataclass(frozen=True)
class Domain:
    name: str
    kind: str
    zone: str


class Stage:
    def __init__(self, lab):
        self.lab = lab
        Path("/proc/sys/net/unix/max_dgram_qlen").write_text("512")  # as the package's sysctl.d file
        self.place = Installation(lab)
        self.ca, self.internet = self.place.ca, self.place.internet
        self.own = self.internet.domain(SENDER, signed=True)
        mailboxes = self.internet.domain(REPORTS, signed=False)
        mailboxes.set("@", "MX", f"10 mx.{REPORTS}.")
        mailboxes.set("mx", "A", MAILBOXES)
        self.to = Destinations(lab, self.ca, self.internet, rua=None)
        self.domains = []
        count = (LONG_DOMAINS - len(POLICY_FAILURES) - 2) // len(OUTCOMES) if lab.long else 1
        for number in range(count):
            for kind, zone in OUTCOMES:
                self.domains.append(Domain(self.to.domain(f"{kind}{number}", zone, f"mx.{kind}.{zone}"), kind, zone))
        while lab.long and len(self.domains) < LONG_DOMAINS - len(POLICY_FAILURES) - 2:
            self.domains.append(Domain(self.to.domain(f"more{len(self.domains)}", PLAIN, f"mx.ok.{PLAIN}"), "ok", PLAIN))
        self.no_policy = [self.to.domain(label, STS, f"mx.ok.{STS}") for label in POLICY_FAILURES]
        gone, broken, forged = (self.to.site(domain) for domain in self.no_policy)
        gone.status, broken.body = 404, "version: STSv1\r\nmode: enforce\r\nmax_age: 86400\r\n"  # no mx
        forged.certificate = self.ca.self_signed(f"mta-sts.{self.no_policy[2]}")
        self.burst, self.after = (self.to.domain(label, PLAIN, f"mx.ok.{PLAIN}") for label in ("burst", "after"))
        self.names = [*(domain.name for domain in self.domains), *self.no_policy, self.burst, self.after]

    def take_reports(self):
        """Both receivers: the intake that each domain's record names, and a mailbox."""
        self.place.start()
        wait_for(lambda: run(["curl", "-s", "-o", "/dev/null", "--cacert", self.place.roots, f"https://{INTAKE_NAME}/"], ok=None).returncode == 0,
                 "the intake's certificate is obtained", within_s=60, every_s=0.5)
        with ThreadPoolExecutor(2) as pool:
            added = pool.map(lambda name: self.place.postseal.json("domain", "add", name), self.names)
            for name, domain in zip(self.names, added):
                self.to.asks_for_reports(name, f"mailto:{name}@{REPORTS},https://{INTAKE_NAME}/v1/tlsrpt/{domain['label']}")
        self.old_postfix = System.debian12(self.lab)
        self.mailboxes = Postfix(self.lab, self.old_postfix, "mailboxes", MAILBOXES, f"mx.{REPORTS}")
        self.mailboxes.receives([REPORTS], self.ca.leaf(f"mx.{REPORTS}")).start()
        for zone in self.to.zones.values():
            self.internet.publish(zone)

    def start_hosts(self):
        lab, common = self.lab, {"smtp_tls_security_level": "may", "smtp_tls_CAfile": self.ca.file, "in_flow_delay": "0",
                                 "smtp_destination_concurrency_failed_cohort_limit": "0"}  # nobody is given up: one letter, one session
        self.new = Postfix(lab, System.debian13(lab), "host-new", HOSTS["new"], f"new.{SENDER}", **common, smtp_tlsrpt_enable="yes",
                           smtp_tlsrpt_socket_name="tlsrpt.sock", smtp_tls_policy_maps=f"socketmap:inet:{CENTRE}:8461:QUERYwithTLSRPT")
        self.old = Postfix(lab, self.old_postfix, "host-old", HOSTS["old"], f"old.{SENDER}", **common,
                           smtp_tls_policy_maps=f"socketmap:inet:{CENTRE}:8461:QUERY")
        self.exim = Exim(lab, "host-exim", HOSTS["exim"], f"exim.{SENDER}", queue_only=True, POSTSEAL_CA=self.ca.file,
                         POSTSEAL_SOCKET=f"inet:{CENTRE}:8462")
        self.database = Postgres(lab).create().start()
        self.database.sql("CREATE DATABASE postseal", "postgres")
        # systemd's part (postseal-collector.socket): it makes the socket and keeps it while the collector is away.
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.path = f"{self.new.queue_dir}/tlsrpt.sock"
        self.socket.bind(self.path)
        Path(self.path).chmod(0o666)

        def postseal(name: str, config: dict, **more) -> Postseal:
            return Postseal(lab, self.internet, self.place.roots, {
                "store": {"url": self.database.url(), "key_file": lab.place("key") / "master.key"}, **config}, name=name, verb="policyd", **more)
        reports = {"reporter": {"organization_name": "Sender", "contact": f"tls@{SENDER}", "submission": f"smtp://{HOSTS['new']}:25",
                                "spread_s": 0, "verify_https_rua": True}}
        # Answers all three, and notes for the reports, which another process sends, what only lookups show.
        self.centre = postseal("postseal-centre", {
            "roles": ["policyd"], "policyd": {"listen": [f"{CENTRE}:8461"], "line_listen": [f"{CENTRE}:8462"]}, **reports})
        collects = {"new": {}, "old": {"postfix_log": self.old.log.path}, "exim": {"exim_log": self.exim.log.path}}
        self.collectors = {
            host: postseal(f"postseal-{host}", {"collector": config, "metrics": {"listen": [f"{HOSTS[host]}:9464"]},
                                         **({"roles": ["collector", "reporter"], **reports} if host == "exim" else {"roles": ["collector"]})},
                           inherits=self.socket if host == "new" else None)
            for host, config in collects.items()}
        self.reporter = self.collectors["exim"]
        self.reporter.configure()
        publish_keys(command(lab, "dkim-keys", "generate", "--config", self.reporter.config_file).stdout, self.own)
        self.internet.publish(self.own)
        for process in (self.centre, *self.collectors.values(), self.new, self.old, self.exim):
            process.start()
        self.mtas = {"new": PostfixMta(self.new, "new"), "old": PostfixMta(self.old, "old"), "exim": EximMta(self.exim, "exim")}

    def send(self, names: list, hosts=HOSTS):
        """A letter to each of them from each host, all at once; waits until each has been tried."""
        letters = [(f"b@{name}", "a letter") for name in names]

        def from_host(host):
            mta = self.mtas[host]
            return mta.outcomes(mta.send_all(letters), within_s=60 + len(names))
        with ThreadPoolExecutor(len(HOSTS)) as pool:
            return dict(zip(hosts, pool.map(from_host, hosts)))

    def stored(self, day) -> dict:
        """Domain → [successful, failed] of the day, as the database has it."""
        rows = self.database.sql(f"SELECT domain, SUM(successful), SUM(failed) FROM session_count WHERE day = (DATE '{day}' - DATE '1970-01-01') "
                                 "GROUP BY domain")
        return {domain: [int(ok), int(failed)] for domain, ok, failed in (row.split("|") for row in rows.splitlines())}

    def metric(self, host: str, name: str) -> float:
        with urllib.request.urlopen(f"http://{HOSTS[host]}:9464/metrics", timeout=30 * PATIENCE) as answer:
            return float(re.search(rf"(?m)^postseal_collector_{name}(?:{{.*}})? (\S+)$", answer.read().decode())[1])


class Told:
    """What the MTAs have told, and so what the reports must say: domain → {(policy type, result type): sessions}."""

    def __init__(self, stage: Stage):
        self.stage = stage
        self.sessions = {}

    def add(self, hosts, times: int = 1):
        for domain in self.stage.domains:
            for host in hosts:
                if outcome := (OUTCOMES_NEW if host == "new" else OUTCOMES)[(domain.kind, domain.zone)]:
                    self.add_one(domain.name, outcome, times)

    def add_one(self, name: str, outcome: tuple, times: int):
        self.sessions.setdefault(name, Counter())[outcome] += times

    def by_domain(self) -> dict:
        return {name: [sum(n for (_, result), n in told.items() if not result), sum(n for (_, result), n in told.items() if result)]
                for name, told in self.sessions.items()}

    def wait_stored(self, day):
        """Returns when the database has exactly this of every domain, but of those whose policy cannot be had. As long as more
        comes, it may take its time."""
        expected = self.by_domain()
        total, moved = -1, time.monotonic()

        def differences() -> dict:
            nonlocal total, moved
            seen = {name: counts for name, counts in self.stage.stored(day).items() if name not in self.stage.no_policy}
            if (now := sum(sum(counts) for counts in seen.values())) != total:
                total, moved = now, time.monotonic()
            return {name: (seen.get(name), expected.get(name)) for name in seen.keys() | expected.keys() if seen.get(name) != expected.get(name)}

        def ended() -> bool:
            return not differences() or time.monotonic() > moved + 60 * PATIENCE
        wait_for(ended, "every session is in the database", within_s=LONG_LIMIT_S, every_s=0.3)
        left = differences()
        expect(not left, f"{total} stored, and no more came for a minute; stored and told of {len(left)} domains: {dict(sorted(left.items())[:8])}")


def sessions_of(report: dict) -> Counter:
    """(policy type, result type or ""): sessions. A detail of each failed session, and one only."""
    out = Counter()
    for entry in report["policies"]:
        kind, summary = entry["policy"]["policy-type"], entry["summary"]
        out[(kind, "")] += summary["total-successful-session-count"]
        for detail in entry.get("failure-details", []):
            out[(kind, detail["result-type"])] += detail["failed-session-count"]
    return +out


def rolled_up(state: Path) -> dict:
    """Domain → {(policy type, ""): successful, (policy type, result type): sessions}, as an installation's database has them."""
    out = {}
    with sqlite3.connect(f"file:{state / 'postseal.db'}?mode=ro", uri=True) as connection:
        for domain, kind, ok in connection.execute("SELECT domain, policy_type, SUM(successful) FROM rollup GROUP BY domain, policy_type"):
            out.setdefault(domain, Counter())[(kind, "")] += ok
        for domain, kind, result, count in connection.execute(
                "SELECT domain, policy_type, result_type, SUM(sessions) FROM failure_rollup GROUP BY domain, policy_type, result_type"):
            out.setdefault(domain, Counter())[(kind, result)] += count
    connection.close()
    return {domain: +sessions for domain, sessions in out.items()}


class Replay:
    """What the MTAs have said of one session with each domain, to be said again."""

    def __init__(self, stage: Stage, datagrams: list):
        self.stage = stage
        self.count = 0
        names = {domain.name for domain in stage.domains}
        self.datagrams = [datagram for datagram in datagrams if json.loads(datagram)["d"] in names]
        self.old, lines = {}, {}  # domain → the lines of its session; smtp process → lines so far
        for line in stage.old.log.text().splitlines():
            if not (process := re.search(r"/smtp\[(\d+)\]: ", line)):
                continue
            lines.setdefault(process[1], []).append(line)
            if done := re.search(r": to=<b@([^>]+)>", line):
                block = lines.pop(process[1])
                if done[1] in names:
                    self.old.setdefault(done[1], block)
        self.exim = {name: [] for name in names}
        for line in stage.exim.log.lines(r"postseal-session: "):
            if (name := re.search(r" domain=(\S+)", line)[1]) in names:
                self.exim[name].append(line)

    @staticmethod
    def tell(path: str, datagrams: list):
        """Waits for room in the kernel's queue, unlike Postfix, so that none is lost on the way."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as mta:
            mta.connect(path)
            for datagram in datagrams:
                mta.send(datagram)

    def play(self, copies: int):
        """From all three hosts at once."""
        def datagrams():
            for _ in range(copies):
                self.tell(self.stage.path, self.datagrams)

        def old():
            for copy in range(copies):
                for number, block in enumerate(self.old.values()):
                    process = 10_000_000 + self.count + copy * len(self.old) + number
                    append(self.stage.old.log.path, [re.sub(r"/smtp\[\d+\]", f"/smtp[{process}]", line) for line in block])

        def exim():
            for _ in range(copies):
                for block in self.exim.values():
                    append(self.stage.exim.log.path, block)
        with ThreadPoolExecutor(3) as pool:
            for part in [pool.submit(part) for part in (datagrams, old, exim)]:
                part.result()
        self.count += copies * len(self.old)


def append(path: Path, lines: list):
    """In one write, as a logger does: others write to the file, too."""
    if lines:
        with open(path, "ab", buffering=0) as file:
            file.write("".join(f"{line}\n" for line in lines).encode())


def record_datagrams(stage: Stage, send) -> list:
    """What Postfix 3.10 says while `send` runs: read from its socket while the collector is away, and put back."""
    seen, done = [], threading.Event()

    def read():
        while not done.is_set():
            try:
                seen.append(stage.socket.recv(1 << 18, socket.MSG_DONTWAIT))
            except BlockingIOError:
                done.wait(0.01)
    reader = threading.Thread(target=read)
    reader.start()
    try:
        send()
    finally:
        done.set()
        reader.join()
    return seen


def play(lab):
    day = today()
    with lab.step("the peers stand: intake and mailboxes, PostgreSQL, a policy daemon for three hosts, one of which reports"):
        stage = Stage(lab)
        stage.take_reports()
        stage.start_hosts()
        told = Told(stage)
        versions = [stage.new.system.version(), stage.old.system.version(), stage.exim.version()]
        expect([version[:4] for version in versions] == ["3.10", "3.7.", "4.96"], f"{versions}")

    names = [name for name in stage.names if name not in (stage.burst, stage.after)]
    collector = stage.collectors["new"]
    replay = None
    with lab.step(f"a letter to each of {len(names)} domains from each host: every session is in the database"):
        if lab.long:
            collector.stop()
            datagrams = record_datagrams(stage, lambda: stage.send(names))
            collector.start()
            replay = Replay(stage, datagrams)
            replay.tell(stage.path, datagrams)
        else:
            stage.send(names)
        told.add(HOSTS)
        told.wait_stored(day)
    if lab.long:
        copies = LONG_SESSIONS // sum(sum(counts) for counts in told.by_domain().values()) - 1
        with lab.step(f"what the MTAs said, {copies // 2} times more"):
            replay.play(copies // 2)
            told.add(HOSTS, copies // 2)
            told.wait_stored(day)

    with lab.step("two collectors are killed while the hosts send on; what is told meanwhile waits for them"):
        wait_for(lambda: stage.metric("new", "unflushed_sessions") == 0, "nothing is only in memory")
        collector.kill()
        with ThreadPoolExecutor(1) as pool:
            sending = pool.submit(stage.send, names)
            mark = len(stage.old.log.lines(r"status="))
            wait_for(lambda: sending.done() or len(stage.old.log.lines(r"status=")) > mark, "letters of the second lot are tried")
            stage.collectors["old"].kill()
            sending.result()
        for host in ("new", "old"):
            stage.collectors[host].start()
        told.add(HOSTS)
        told.wait_stored(day)
        expect(stage.metric("new", "unclean_end") == 1, "that something may be missing is said, although here nothing is")
    if lab.long:
        with lab.step(f"what the MTAs said, {copies - copies // 2} times more; the collector of the log is killed on the way"):
            with ThreadPoolExecutor(1) as pool:
                playing = pool.submit(replay.play, copies - copies // 2)
                wait_for(lambda: stage.metric("old", "log_sessions_total") > 1000, "it is on the way")
                stage.collectors["old"].kill()
                stage.collectors["old"].start()
                playing.result()
            told.add(HOSTS, copies - copies // 2)
            told.wait_stored(day)

    with lab.step("killed within the second: at most what was not flushed is lost, and the next start says so"):
        stage.send([stage.burst] * BURST, ["new"])
        told.add_one(stage.burst, ("no-policy-found", ""), BURST)
        told.wait_stored(day)
        stage.send([stage.burst] * BURST, ["new"])
        collector.kill()
        mark = collector.log.mark()
        collector.start()
        collector.log.wait(r"the last run did not end cleanly: sessions of its last 500 ms, after 20\S+, may be missing", after=mark)
        # The socket is a queue: when a session after them is in the database and nothing waits, so are those that were not lost.
        stage.send([stage.after], ["new"])
        told.add_one(stage.after, ("no-policy-found", ""), 1)
        wait_for(lambda: stage.stored(day).get(stage.after) == [1, 0], "the next one is counted")
        wait_for(lambda: stage.metric("new", "unflushed_sessions") == 0, "nothing is only in memory")
        kept = stage.stored(day)[stage.burst][0] - BURST
        told.add_one(stage.burst, ("no-policy-found", ""), kept)
        told.wait_stored(day)
        expect(0 <= kept <= BURST, f"{kept} of {BURST}")
        lab.say(f"      {BURST - kept} of {BURST} sessions were not in the database yet")

    with lab.step("after midnight: a session counts on the new day"):
        expect(today() == day, "the scene ran across midnight UTC; run it again")
        morrow = day.fromordinal(day.toordinal() + 1)
        lab.say(f"      {sum(sum(counts) for counts in told.by_domain().values())} sessions of {len(told.sessions)} domains")
        mark = collector.log.mark()
        collector.config["lab"]["clock_offset_s"] = DAY_S
        collector.reload()
        collector.log.wait("configuration was reloaded", after=mark)
        stage.send([stage.burst], ["new"])
        wait_for(lambda: stage.stored(morrow).get(stage.burst) == [1, 0], "a session of the new day")
        told.wait_stored(day)  # the day that has ended is as it was

    with lab.step("every domain's report is accepted by the intake and by the mail server"):
        outcome = run_after_midnight(stage.reporter, day, within_s=600)
        reported = {entry["domain"] for entry in outcome["reports"]}
        expected = told.sessions.keys() | set(stage.no_policy)
        expect(reported == expected, f"reports: {reported ^ expected}")
        wait_for(lambda: len(stage.mailboxes.raw_mails()) == len(expected), f"{len(expected)} mails", within_s=120, every_s=0.3)
        states = {entry["state"] for entry in stage.reporter.json("reporter", "status", day)["reports"]}
        expect(states == {"sent"}, f"{states}")

    def agree(where: str, got: dict):
        for name in sorted(expected | got.keys()):
            seen = got.get(name, Counter())
            if name in stage.no_policy:
                failure = ("sts", POLICY_FAILURES[name.partition(".")[0]])
                expect(seen.pop(failure, 0) >= 1 and seen == {("no-policy-found", ""): 2 * len(HOSTS)}, f"{where}: {name}: {seen}")
            else:
                expect(seen == told.sessions.get(name), f"{where}: {name}: {dict(seen)}, not {dict(told.sessions.get(name, {}))}")

    with lab.step("by mail: dkimpy finds every signature good; the totals are what was sent"):
        by_mail = {}
        for raw in stage.mailboxes.raw_mails():
            mail = email.message_from_bytes(raw)
            name = mail["TLS-Report-Domain"]
            expect(verdicts(raw) == ["good", "good"], f"{name}: {verdicts(raw)}")
            expect(name not in by_mail, f"one mail for {name}")
            expect(mail["Delivered-To"] == f"{name}@{REPORTS}", f"{mail.items()}")
            by_mail[name] = sessions_of(json.loads(gzip.decompress(mail.get_payload()[1].get_payload(decode=True))))
        agree("mail", by_mail)

    with lab.step("imported from the maildir, and received by HTTPS: the same totals in both installations"):
        second = Postseal(lab, stage.internet, stage.ca.file, {}, name="postseal-second")
        second.configure()
        read = second.json("report", "import", stage.mailboxes.maildir, within_s=300)
        expect((read["stored"], read["duplicates"], read["rejected"]) == (len(expected), 0, []), f"{read}")
        agree("import", rolled_up(lab.place("postseal-second")))
        agree("intake", rolled_up(lab.place("postseal")))

    with lab.step("nothing is sent twice"):
        again = stage.reporter.json("reporter", "run", "--day", day, within_s=600)
        expect({entry["result"] for entry in again["reports"]} == {"already-sent"}, f"{again}")
        expect(len(stage.mailboxes.raw_mails()) == len(expected), "no more mails")
