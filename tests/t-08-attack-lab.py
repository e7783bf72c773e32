"""The attack lab: every policy under every attack, through every MTA, each with the outcome that must come of it.

Hundreds of domains share one installation. First all is well; then every attack begins at one moment, and letters go to
all of them; then the attacker goes away, and what waited must arrive. Beside it run destinations that nobody attacks,
whose own DNS, policy or certificates are awkward: they must be delivered.
"""

import os
import re
import threading
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from lab.attacks import RECORD, Town, ask
from lab.dns_path import NODATA, SERVFAIL
from lab.exim import Exim
from lab.mta import EximMta, PostfixMta
from lab.policy_host import policy
from lab.postfix import Postfix, System
from lab.postseal import Postseal
from lab.scene import expect, wait_for

LIMIT_S = 300
NEEDS = ("debian13", "exim")

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "attacks.md"
SENDER, SENDER_13, EXIM = "127.0.0.25", "127.0.0.26", "127.0.0.27"
CONTROLS = {"control-p37": "127.0.0.28", "control-exim": "127.0.0.29"}  # they do not ask policyd
MAP, LINES = "socketmap:inet:127.0.0.1:8461:", "127.0.0.1:8462"

POLICIES = {
    "none": "no policy",
    "testing": "testing",
    "fresh": "enforce, never asked for before",
    "cached": "enforce, cached",
    "dane": "DANE",
    "both": "DANE and enforce",
    "unusable": "TLSA, none usable",
}
ATTACKS = {
    "strip": "STARTTLS is stripped from the EHLO reply",
    "refuse": "STARTTLS is answered with 454",
    "self-signed": "a self-signed certificate for the right name",
    "other-name": "a valid certificate for another name",
    "expired": "an expired certificate for the right name",
    "mx-spoofed": "the MX record is forged; the attacker's MX has a valid certificate",
    "txt-removed": "the `_mta-sts` record is denied, and STARTTLS stripped",
    "forged-blocked": "the `_mta-sts` record is forged with a new id, HTTPS is broken off, STARTTLS stripped",
    "forged-cert": "record, policy and MX are forged; the policy host's certificate is self-signed",
    "servfail": "questions for `_mta-sts` and TLSA are answered with SERVFAIL, and STARTTLS stripped",
    "tlsa": "a valid certificate for the right name, but not the key of the TLSA record (in unsigned zones that record is his)",
}
# What must come of it: delivered in clear, encrypted (to whom is unknown) or verified, or it waits in the queue.
# RFC 8461 §2, §5 and RFC 7672 §2.2 say what protects; §10.2 of RFC 8461, that the first contact is not protected.
# STS-001, STS-018, STS-041, STS-045, STS-046, STS-049, STS-050, STS-051, STS-052, HTTPS-003, HTTPS-014, HTTPS-015,
# DANE-006, DANE-007, DANE-011, and among the destinations that nobody attacks DANE-008, DANE-021, DANE-027, DANE-031.
REQUIRED = """
                none       testing    fresh      cached     dane   both   unusable
strip           clear      clear      waits      waits      waits  waits  waits
refuse          clear      clear      waits      waits      waits  waits  waits
self-signed     encrypted  encrypted  waits      waits      waits  waits  encrypted
other-name      encrypted  encrypted  waits      waits      waits  waits  encrypted
expired         encrypted  encrypted  waits      waits      waits  waits  encrypted
mx-spoofed      encrypted  encrypted  waits      waits      waits  waits  waits
txt-removed     clear      clear      clear      waits      waits  waits  waits
forged-blocked  clear      clear      clear      waits      waits  waits  waits
forged-cert     encrypted  encrypted  encrypted  waits      waits  waits  waits
servfail        clear      clear      clear      waits      waits  waits  waits
tlsa            encrypted  encrypted  verified   verified   waits  waits  encrypted
"""
# (policy, attack) of the letters that go through MTAs which do not ask policyd.
CONTROL_CELLS = (("fresh", "strip"), ("fresh", "refuse"), ("fresh", "self-signed"), ("fresh", "mx-spoofed"), ("dane", "strip"),
                 ("dane", "tlsa"))


@dataclass
class Cell:
    """One letter through one MTA: what must come of it, and what came."""
    group: str          # matrix, fine, control
    row: str
    column: str
    mta: str
    required: str
    domain: object
    warm: bool = False  # its policy is cached before the attack begins
    late: bool = False  # a destination without an attacker that is written to at the time of the attacks
    recipient: str = ""
    id: str = ""
    got: str = ""
    why: str = ""
    leaked: bool = False
    later: str = ""     # after the attack is over, of a letter that waited
    or_even: str = ""   # more than is required, and no surprise
    calm: tuple = ("verified",)  # how that letter may then be delivered
    seen: set = field(default_factory=set)

    @property
    def tag(self) -> str:
        return f"{self.domain.name}/{self.mta}"

    def letter(self, text: str = "secret of {} here") -> tuple:
        return self.recipient or f"b@{self.domain.name}", text.format(self.tag)

    def judge(self, seen: set, outcome):
        self.seen = seen
        self.why = outcome.why
        if outcome.status != "sent":
            self.got = {"deferred": "waits"}.get(outcome.status, outcome.status)
        elif any(how == "clear" for _, how in seen):
            self.got = "clear"
        else:
            self.got = "verified" if outcome.verified else "encrypted"
        self.leaked = self.leaks(seen)

    def leaks(self, seen: set) -> bool:
        if self.required == "waits":
            return bool(seen)
        if self.required == "verified":
            return any(hostile or how == "clear" for hostile, how in seen)
        return self.required == "encrypted" and any(how == "clear" for _, how in seen)

    def as_required(self) -> bool:
        return self.got in (self.required, self.or_even) and not self.leaked and self.later in ("", *self.calm)

    def undelivered(self) -> bool:
        """It stayed, though nothing was wrong, or no longer wrong."""
        if self.required == "waits":
            return self.later not in ("", *self.calm)
        return self.got not in ("clear", "encrypted", "verified")

    def __str__(self):
        later = f", later {self.later}" if self.later else ""
        seen = ", ".join(sorted(f"{how} {'by the attacker' if hostile else 'by the MX'}" for hostile, how in self.seen)) or "nobody"
        return (f"{self.mta}: {self.row} / {self.column}: required {self.required}, got {self.got}{later}"
                f"{', LEAKED' if self.leaked else ''}; seen: {seen}; {self.why}")


def required() -> dict:
    """(attack, policy) → outcome."""
    head, *lines = REQUIRED.strip().splitlines()
    table = {}
    for line in lines:
        attack, *outcomes = line.split()
        for column, outcome in zip(head.split(), outcomes, strict=True):
            table[(attack, column)] = outcome
    return table


class Stage:
    def __init__(self, lab):
        self.lab = lab
        self.town = Town(lab)
        self.cells = []
        self.titles = {}
        self.mtas = {}

    def build(self, keys):
        for key in keys:
            for (attack, column), outcome in required().items():
                domain = self.attacked(f"{column}-{attack}-{key}", column, attack)
                more = {"calm": ("verified", "encrypted")} if column == "unusable" else {}
                if (key, attack, column) == ("exim", "tlsa", "unusable"):
                    more["or_even"] = "verified"  # Exim checks the certificate all the same, and his is a valid one
                self.cells.append(Cell("matrix", attack, column, key, outcome, domain, warm=column == "cached", **more))
            self.fine(key)
        for key in CONTROLS:
            for column, attack in CONTROL_CELLS:
                if column != "dane" or key != "control-exim":  # Exim has DANE of its own
                    domain = self.attacked(f"{column}-{attack}-{key}", column, attack)
                    self.cells.append(Cell("control", attack, column, key, "waits", domain))

    def attacked(self, label: str, column: str, attack: str):
        signed = column in ("dane", "both", "unusable")
        if column == "unusable":
            return self.town.domain(label, f"unusable-{attack}", signed)
        if attack == "tlsa" and not signed:
            attack = "tlsa-unsigned"
        if column in ("none", "dane"):
            return self.town.domain(label, attack, signed)
        return self.town.sts(label, attack, "testing" if column == "testing" else "enforce", signed)

    def fine(self, key: str):
        """Destinations that nobody attacks."""
        town = self.town
        count = Counter()

        def cell(title: str, outcome: str, build, exim: str = None, **more):
            count["n"] += 1
            label = f"fine-{count['n']:02d}"
            self.titles[label] = title
            if key == "exim" and exim:
                outcome = exim
            self.cells.append(Cell("fine", label, "", key, outcome, build(f"{label}-{key}"), **more))

        ok = town.mx("ok")
        enforce = policy("enforce", ok)
        cell("nothing is wrong: no policy", "encrypted", lambda d: town.domain(d, "ok"))
        cell("nothing is wrong: testing", "encrypted", lambda d: town.sts(d, "ok", "testing"))
        cell("nothing is wrong: enforce", "verified", lambda d: town.sts(d, "ok"))
        cell("nothing is wrong: DANE", "verified", lambda d: town.domain(d, "ok", signed=True))
        cell("nothing is wrong: DANE and enforce", "verified", lambda d: town.sts(d, "ok", signed=True))
        cell("mode none", "encrypted", lambda d: town.sts(d, "ok", "none"))
        cell("the policy names its MX by `*.`", "verified",
             lambda d: town.domain(d, "ok", txt=[RECORD], body=policy("enforce", "*.plain.test")))
        cell("the policy names its MX in capitals", "verified",
             lambda d: town.domain(d, "ok", txt=[RECORD], body=policy("enforce", ok.upper())))
        cell("a policy line that no MTA may see (braces)", "verified",
             lambda d: town.domain(d, "ok", txt=[RECORD], body=enforce + "x: {{ } tafile=/dev/null\r\n"))
        cell("a second `mode` (the first one counts)", "verified",
             lambda d: town.domain(d, "ok", txt=[RECORD], body=enforce + "mode: none\r\n"))
        cell("a stray `v=STSv12` beside the record", "verified",
             lambda d: town.domain(d, "ok", txt=[RECORD, '"v=STSv12; id=9;"', '"v=spf1 -all"'], body=enforce))
        cell("two `_mta-sts` records: no policy", "encrypted",
             lambda d: town.domain(d, "ok", txt=[RECORD, '"v=STSv1; id=2;"'], body=enforce))
        cell("a policy without mx: invalid", "encrypted",
             lambda d: town.domain(d, "ok", txt=[RECORD], body=policy("enforce").replace("max_age", f"nmx: {ok}\r\nmax_age")))
        cell("an mx that would inject an attribute: invalid", "encrypted",
             lambda d: town.domain(d, "ok", txt=[RECORD], body=policy("enforce", ok + " tafile=/dev/null")))
        cell("404 with a policy in it: no policy", "encrypted",
             lambda d: town.domain(d, "ok", txt=[RECORD], body=policy("enforce", "mx.nowhere.test"), status=404))
        cell("a policy host that redirects: no policy", "encrypted",
             lambda d: town.domain(d, "ok", txt=[RECORD], body=enforce, redirect=f"https://mta-sts.{d}.plain.test/other"))
        cell("a policy host that takes three seconds", "verified",
             lambda d: town.domain(d, "ok", txt=[RECORD], body=enforce, delay_s=3))
        cell("a policy host that breaks off every connection, nothing cached", "encrypted",
             lambda d: town.sts(d, "reset"))
        cell("a policy host that never answers, nothing cached", "encrypted", lambda d: town.sts(d, "silent"))
        cell("`_mta-sts` is SERVFAIL, nothing cached", "encrypted",
             lambda d: self.broken(town.sts(d, "ok"), "TXT", "_mta-sts."))
        cell("TLSA of the better of two MX is SERVFAIL", "verified",
             lambda d: town.domain(d, "ok", signed=True, mx=[f"10 {town.mx('tlsa-broken', True)}.", f"20 {town.mx('ok', True)}."]))
        cell("addresses of the better of two MX are SERVFAIL, enforce", "verified",
             lambda d: town.domain(d, "ok", txt=[RECORD], mx=["10 mx-lost.plain.test.", f"20 {ok}."],
                                   body=policy("enforce", ok, "mx-lost.plain.test")))
        cell("the MX of a signed domain lies in an unsigned zone whose TLSA is SERVFAIL", "encrypted",
             lambda d: town.domain(d, "ok", signed=True, mx=[f"10 {town.mx('tlsa-broken')}."]))
        cell("DANE: the certificate is expired, and for another name (RFC 7672 §3.1.1)", "verified",
             lambda d: town.domain(d, "dane-ee", signed=True))
        cell("DANE: a new key beside the old one", "verified", lambda d: town.domain(d, "rollover", signed=True))
        # RFC 7672 §2.2: encryption is enough here. Exim checks the certificate nevertheless and says how it was.
        cell("DANE: only records that SMTP cannot use (RFC 7672 §3.1.3)", "encrypted",
             lambda d: town.domain(d, "unusable", signed=True), exim="verified")
        cell("cached, then the owner's record and policy host are gone", "verified",
             lambda d: town.sts(d, "gone"), warm=True, late=True)
        cell("cached, then the owner goes back to testing with a bad certificate", "encrypted",
             lambda d: town.sts(d, "stepped-back"), warm=True, late=True)
        cell("cached, then the owner moves to another MX", "verified", lambda d: town.sts(d, "moved"), warm=True, late=True)

    def broken(self, domain, kind: str, prefix: str = ""):
        self.town.always[(prefix + domain.name, kind)] = SERVFAIL
        return domain

    def awkward(self):
        """What the places of those destinations look like, before the start."""
        town = self.town
        for zone in ("plain", "signed"):
            town.always[(f"_25._tcp.mx-tlsa-broken.{zone}.test", "TLSA")] = SERVFAIL
        town.place("tlsa-broken")
        town.always.update({("mx-lost.plain.test", kind): SERVFAIL for kind in ("A", "AAAA")})
        self.old = town.ca.expired("mx.elsewhere.test")
        signed = town.zones[True]
        signed.set("_25._tcp.mx-dane-ee", "TLSA", self.old.tlsa())
        self.new = town.ca.leaf(town.mx("rollover", True))
        signed.set("_25._tcp.mx-rollover", "TLSA", "3 1 1 " + "00" * 32, self.new.tlsa())
        for place in town.places:
            if place.startswith("unusable"):
                signed.set(f"_25._tcp.mx-{place}", "TLSA", "1 1 1 " + "00" * 32)

    def start(self, keys):
        self.build(keys)
        self.awkward()
        town = self.town
        town.start()
        for key, certificate in (("dane-ee", self.old), ("rollover", self.new)):
            town.places[key].certificate = town.places[key].sink.certificate = certificate
        town.places["reset"].policies.way = "reset"
        town.places["silent"].policies.way = "silent"
        self.daemon = Postseal(self.lab, town.internet, town.ca.file, {
            "policyd": {"listen": ["127.0.0.1:8461"], "line_listen": [LINES], "id_recheck_min_s": 1, "fetch_timeout_s": 12,
                        "first_lookup_timeout_s": 60}},  # a hundred first contacts at once on a busy machine take their time
            verb="policyd").start()
        debian12 = System.debian12(self.lab)
        senders = {
            "p37": self.sender(debian12, "sender", SENDER, "QUERY"),
            "p310": self.sender(System.debian13(self.lab), "sender13", SENDER_13, "QUERYwithTLSRPT"),
            "control-p37": self.sender(debian12, "control", CONTROLS["control-p37"], None),
        }
        self.mtas = {key: PostfixMta(postfix.start(), key) for key, postfix in senders.items()}
        for key, address in (("exim", EXIM), ("control-exim", CONTROLS["control-exim"])):
            exim = Exim(self.lab, key, address, f"{key}.test", postseal=key == "exim", queue_only=True,
                        POSTSEAL_CA=town.ca.file, POSTSEAL_TIMEOUT="90s")  # longer than first_lookup_timeout_s
            self.mtas[key] = EximMta(exim.start(), key)

    def sender(self, system, name, address, map_name):
        settings = {"smtp_tls_policy_maps": MAP + map_name} if map_name else {}
        return Postfix(self.lab, system, name, address, f"{name}.test", smtp_tls_security_level="may", in_flow_delay="0",
                       smtp_tls_CAfile=self.town.ca.file, **settings)

    # Letters

    def send(self, cells: list, text: str = "secret of {} here") -> dict:
        """Through every MTA at once; returns MTA → ids, and notes the id in each cell."""
        sent, failed = {}, []

        def through(key):
            mine = [cell for cell in cells if cell.mta == key]
            try:
                sent[key] = self.mtas[key].send_all([cell.letter(text) for cell in mine])
                for cell, letter_id in zip(mine, sent[key], strict=True):
                    cell.id = letter_id
            except Exception as error:
                failed.append(f"{key}: {error!r}")

        threads = [threading.Thread(target=through, args=(key,)) for key in {cell.mta for cell in cells}]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        expect(not failed, f"handed in: {failed}")
        return sent

    def judge(self, cells: list):
        outcomes = {key: self.mtas[key].outcomes([cell.id for cell in cells if cell.mta == key])
                    for key in {cell.mta for cell in cells}}
        seen = self.town.sightings()
        for cell in cells:
            cell.judge(seen.get(cell.tag, set()), outcomes[cell.mta][cell.id])

    def chosen(self, *groups, **values) -> list:
        return [cell for cell in self.cells if cell.group in groups
                and all(getattr(cell, name) == value for name, value in values.items())]

    # What the owners do

    def owners_change(self):
        town = self.town
        plain = town.zones[False]
        for cell in self.chosen("fine", late=True):
            place, label = cell.domain.place, cell.domain.name.split(".")[0]
            site = place.sites[f"mta-sts.{cell.domain.name}"]
            if place.key == "gone":
                plain.drop(f"_mta-sts.{label}", "TXT")
                place.policies.way = "reset"
                continue
            plain.set(f"_mta-sts.{label}", "TXT", '"v=STSv1; id=2;"')
            if place.key == "stepped-back":
                site.body = policy("testing", town.mx("stepped-back"))
                place.sink.certificate = town.ca.expired(*place.names)
            else:
                site.body = policy("enforce", town.mx("ok"))
                plain.set(label, "MX", f"10 {town.mx('ok')}.")
        town.internet.publish(plain)

    def noticed(self):
        """Asks for every cached domain until the daemon has looked three times since the attacks began: the second time
        begins when the first has ended, and what the first found in its resolver's cache is a second old by then."""
        path = self.town.path
        mark = len(path.asked)
        names = [cell.domain.name for cell in self.cells if cell.warm]

        def looked():
            replies = ask(names)
            asked = Counter(path.asked[mark:])
            return replies if all(asked[(name, "MX")] >= 3 and asked[(f"_mta-sts.{name}", "TXT")] for name in names) else None

        return wait_for(looked, "the daemon looks at every cached domain again", 60, 0.2)


def play(lab):
    keys = ["p37", "p310", "exim"]
    stage = Stage(lab)
    with lab.step("the town stands: two zones, an MX and a policy host for each attack, senders of each kind"):
        stage.start(keys)
        lab.say(", ".join(stage.mtas[key].title for key in keys) + f"; {len(stage.cells)} domains")

    with lab.step("all is well: policies are cached by a letter to each of their domains, over a verified connection"):
        warm = [cell for cell in stage.cells if cell.warm]
        stage.send(warm, "a first letter to {}")
        for key in keys:
            outcomes = stage.mtas[key].outcomes([cell.id for cell in warm if cell.mta == key])
            wrong = [f"{letter_id}: {outcome}" for letter_id, outcome in outcomes.items() if not outcome.verified]
            expect(not wrong, f"{stage.mtas[key].title}: {wrong[:3]}")
        quiet = stage.chosen("fine", late=False)
        stage.send(quiet)

    with lab.step("every attack begins; the daemon has seen that its cached domains look different now"):
        stage.owners_change()
        stage.town.attack()
        replies = stage.noticed()
        for place, fate in (("forged-blocked", "sts-policy-fetch-error"), ("forged-cert", "sts-webpki-invalid")):
            for cell in stage.chosen("matrix", row=place, column="cached"):
                stage.daemon.log.wait(rf"{re.escape(cell.domain.name)}: {fate}: .*; the policy fetched before stays in force")
        lab.say(f"{len(replies)} cached domains looked at again")

    with lab.step("letters to all of them"):
        now = stage.chosen("matrix", "control") + stage.chosen("fine", late=True)
        stage.send(now)
        stage.judge(now + quiet)

    with lab.step("the attacker goes away, policyd is restarted: what waited is tried again"):
        stage.town.relent()
        stage.daemon.stop()  # its resolver keeps bogus answers for a minute; its policies are in the store
        stage.daemon.start()
        waiting = [cell for cell in stage.chosen("matrix", "fine") if cell.got == "waits"]
        for key in keys:
            stage.mtas[key].retry([cell.id for cell in waiting if cell.mta == key])
        again_of = {key: stage.mtas[key].outcomes([cell.id for cell in waiting if cell.mta == key], attempt=2) for key in keys}
        seen = stage.town.sightings()
        for key in keys:
            outcomes = again_of[key]
            for cell in [cell for cell in waiting if cell.mta == key]:
                again = outcomes[cell.id]
                cell.later = f"{again.status} ({again.why})"
                if again.status == "sent" and not any(how == "clear" for _, how in seen.get(cell.tag, set())):
                    cell.later = "verified" if again.verified else "encrypted"
        for cell in stage.cells:
            hostile = {sight for sight in seen.get(cell.tag, set()) if sight[0]}
            cell.leaked = cell.leaked or (bool(cell.later) and bool(hostile))

    judged = stage.chosen("matrix", "fine")
    right = sum(cell.as_required() for cell in judged)
    leaked = sum(cell.leaked for cell in judged)
    undelivered = sum(cell.undelivered() for cell in judged)
    line = f"attacks: {right} of {len(judged)} as required, {leaked} leaked, {undelivered} undelivered though fine"
    document = write(stage, keys, line)
    (lab.artefacts / "attacks.md").write_text(document)

    with lab.step("without policyd the same attacks read the letters (so the lab can fail)"):
        wrong = [str(cell) for cell in stage.chosen("control") if not cell.leaked]
        expect(not wrong, f"{wrong}")

    with lab.step("every letter fared as required"):
        for row in table(stage, keys):
            lab.say(row)
        for cell in judged:
            if not cell.as_required():
                lab.say(str(cell))
        expect(right == len(judged) and not leaked and not undelivered, line)

    with lab.step("docs/attacks.md says the same (ATTACKS_WRITE=1 writes it)"):
        if os.environ.get("ATTACKS_WRITE"):
            DOCUMENT.write_text(document)
        expect(DOCUMENT.exists() and DOCUMENT.read_text() == document, f"it differs from {lab.name}/attacks.md of the artefacts")

    lab.say(line)


# The table

def outcome_of(stage, cells: list) -> str:
    """One word where all MTAs agree and are right, else each with its own."""
    if not cells:
        return "–"
    if all(cell.as_required() for cell in cells) and len({cell.got for cell in cells}) == 1:
        return cells[0].got
    return ", ".join(f"{stage.mtas[cell.mta].title}: {cell.got}{'' if cell.as_required() else '!'}" for cell in cells)


def table(stage, keys) -> list:
    rows = [["", *POLICIES.values()]]
    for attack in ATTACKS:
        rows.append([attack, *(outcome_of(stage, stage.chosen("matrix", row=attack, column=column)) for column in POLICIES)])
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return ["  ".join(word.ljust(width) for word, width in zip(row, widths)).rstrip() for row in rows]


def write(stage, keys, line: str) -> str:
    """docs/attacks.md: outcomes as they were seen, nothing that differs from run to run."""
    titles = [stage.mtas[key].title for key in keys]
    out = ["# The attack lab", "",
           "Written by the scene t-08 (`ATTACKS_WRITE=1 tests/run t-08`), which plays every cell anew and fails when an",
           "outcome differs from this page. " + f"Every cell was played with {', '.join(titles[:-1])} and {titles[-1]};",
           "one word stands for all of them.", "",
           "    " + line, "",
           "* **waits**: deferred, in the queue, its text seen by nobody; when the attacker had gone it was delivered over a verified",
           "  connection (in the last column: an encrypted one).",
           "* **verified**: delivered to a server that was authenticated, by MTA-STS or DANE.",
           "* **encrypted**: delivered over TLS to whoever answered. **clear**: delivered without TLS.", "",
           "## What the attacker does, and what comes of it", "",
           "| attack | " + " | ".join(POLICIES.values()) + " |",
           "|---" * (len(POLICIES) + 1) + "|"]
    for attack, what in ATTACKS.items():
        outcomes = [outcome_of(stage, stage.chosen("matrix", row=attack, column=column)) for column in POLICIES]
        out.append(f"| {what} | " + " | ".join(outcomes) + " |")
    out += ["", "Who has no policy, or only tests one, gets his mail whatever happens: that is what these modes mean. An enforced policy that",
            "nobody here has fetched before cannot be known when the attacker hides it at the first contact (RFC 8461 §10.2), except where",
            "DANE stands behind it. Once it is cached nothing of the above gets round it.", "",
            "Where there are TLSA records that SMTP cannot use (RFC 7672 §3.1.3), mail is encrypted or waits: nobody can be authenticated by",
            "them, but nobody strips TLS either.", "",
            "Exim remembers a host that failed and for a while keeps letters to other domains from it, too (Postfix remembers the domain).",
            "To see what comes of every letter the lab orders each attempt of Exim's by itself (`exim4 -M`).", "",
            "## What is awkward but no attack", "", "| destination | outcome |", "|---|---|"]
    for label, title in stage.titles.items():
        out.append(f"| {title} | {outcome_of(stage, stage.chosen('fine', row=label))} |")
    out += ["", "Where no TLSA record can be used encryption is enough; Exim checks the certificate all the same, and says so.", "",
            "## Without policyd", "",
            "The same attacks, and whose letters they read where the MTA does not ask policyd:", ""]
    for column, attack in CONTROL_CELLS:
        who = [stage.mtas[cell.mta].title for cell in stage.chosen("control", row=attack, column=column) if cell.leaked]
        out.append(f"* {POLICIES[column]}: {ATTACKS[attack]}: {', '.join(who) or 'nobody'}")
    out += ["", "DANE was not tried here with Exim, which has that of its own."]
    return "\n".join(out) + "\n"
