"""Reports by mail: signed with keys that `dkim-keys` makes and prints, through Postfix as submission host and straight to
the MX hosts; dkimpy, which shares no code with Postseal, judges every signature by what DNS shows.
"""

import datetime
import email
import json
import re
import socket
from urllib.parse import quote

from lab.ca import Ca
from lab.internet import RESOLVER, Internet
from lab.postfix import Passwords, Postfix, System, received_over_tls
from lab.postseal import Postseal, command
from lab.scene import expect, wait_for
from lab.signatures import look_up, publish_keys, verdicts

LIMIT_S = 180

OUT, MX, DEAD = "127.0.0.25", "127.0.0.21", "127.0.0.22"
SENDER = "sender.test"
DAY_S = 86400
# Domain → its MX records. All take reports at postmaster@.
DOMAINS = {
    "kestrel.test": ["10 mx.kestrel.test."],
    "plover.test": ["10 dead.plover.test.", "20 mx.kestrel.test."],  # nobody listens at the first
    "siskin.test": [],                                               # no MX record: the domain is its own host
    "dunlin.test": ["0 ."],                                          # RFC 7505: takes no mail
    "finch.test": ["10 mx.kestrel.test."],                           # its mailbox has a name beyond ASCII
}
BEYOND_ASCII = "bücher@finch.test"
SIGNED_FIELDS = ("from", "to", "subject", "date", "message-id", "mime-version", "content-type", "tls-report-domain",
                 "tls-report-submitter")


def datagram(domain: str) -> bytes:
    """A session as Postfix tells it through libtlsrpt."""
    return json.dumps({"dpv": "1", "d": domain, "pr": f"v=TLSRPTv1;rua=mailto:postmaster@{domain}", "policies": [
        {"policy-type": 9, "policy-domain": domain, "f": 1, "t": 1,
         "failure-details": [{"c": 203, "s": "192.0.2.7", "n": f"mx.{domain}", "r": "198.51.100.2"}]}]}).encode()


def play(lab):
    day = datetime.datetime.now(datetime.timezone.utc).date() - datetime.timedelta(days=1)
    ca, internet = Ca(lab), Internet(lab)
    own = internet.domain(SENDER, signed=False)
    own.set("@", "MX", f"10 {SENDER}.")
    own.set("@", "A", OUT)
    for domain, hosts in DOMAINS.items():
        zone = internet.domain(domain, signed=True)
        mailbox = quote(BEYOND_ASCII, safe="@") if domain == "finch.test" else f"postmaster@{domain}"
        zone.set("_smtp._tls", "TXT", f'"v=TLSRPTv1; rua=mailto:{mailbox}"')
        zone.set("@", "A", MX)
        if hosts:
            zone.set("@", "MX", *hosts)
        if domain == "plover.test":
            zone.set("dead", "A", DEAD)
        if domain == "kestrel.test":
            zone.set("mx", "A", MX)
            zone.set("_25._tcp.mx", "TLSA", f"3 1 1 {'0' * 64}")  # matches no certificate: DANE would refuse
    internet.start()
    system = System.debian12(lab)
    # It shows a certificate that nobody would trust.
    mx = Postfix(lab, system, "mx", MX, "mx.kestrel.test").receives(DOMAINS, ca.self_signed("elsewhere.test")).start()
    out = Postfix(lab, system, "out", OUT, SENDER, smtp_tls_security_level="may")
    passwords = Passwords(lab, OUT, 12345, {"reports": "se cret"})
    out.takes_submissions(ca.leaf(SENDER), passwords)
    out.receives([SENDER], ca.self_signed(SENDER)).start()  # what comes back
    place = lab.place("postseal")
    postseal = Postseal(lab, internet, ca.file, {
        "resolver": {"servers": [f"{RESOLVER}:53"], "root_hints": internet.root_hints, "trust_anchor_file": internet.trust_anchor},
        "lab": {"allow_non_global_addresses": True, "clock_offset_s": -DAY_S},
        "collector": {"socket": f"{place}/tlsrpt.sock"},
        "reporter": {"organization_name": "Sender", "contact": f"tls@{SENDER}", "spread_s": DAY_S,
                     "submission": f"smtp://{OUT}:25", "dkim_domain": SENDER, "dkim_selector": "tls1"}})

    def arrived(domain: str) -> bytes:
        """The newest report for the domain, as it lies in the mailbox."""
        files = sorted((mx.mail_dir / "all" / "new").glob("*"), key=lambda path: path.stat().st_mtime_ns, reverse=True)
        return next((raw for raw in (path.read_bytes() for path in files) if f"TLS-Report-Domain: {domain}".encode() in raw), b"")

    def count(*domains: str):
        """A session with each, on `day`; returns when all are counted: until then the clock must not move."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            for domain in domains:
                sender.sendto(datagram(domain), f"{place}/tlsrpt.sock")
        for domain in domains:
            shown = wait_for(lambda domain=domain: postseal.command(
                "reporter", "show", day, domain, "--config", postseal.config_file, "--json", ok=None).stdout,
                f"a preview of the report for {domain}")
            expect(json.loads(shown)["preview"], f"{shown}")

    def run_day() -> dict:
        done = postseal.command("reporter", "run", "--day", str(day), "--config", postseal.config_file, "--json", ok=(0, 1))
        return {entry["domain"]: entry["result"] for entry in json.loads(done.stdout)["reports"]}

    with lab.step("keys are made, and printed are only records to publish"):
        postseal.configure()
        printed = command(lab, "dkim-keys", "generate", "--config", postseal.config_file).stdout
        keys = json.loads(command(lab, "dkim-keys", "--config", postseal.config_file, "--json").stdout)
        expect([key["name"] for key in keys] == [f"tls1._domainkey.{SENDER}", f"tls1-ed25519._domainkey.{SENDER}"], f"{keys}")
        expect("PRIVATE" not in printed + json.dumps(keys), "no private key is printed")
        again = command(lab, "dkim-keys", "generate", "--config", postseal.config_file).stdout
        expect(again == printed, "keys that are there stay")
        publish_keys(printed, own)
        internet.publish(own)
        for key in keys:
            expect(look_up(key["name"]).decode() == key["value"], "Knot serves what was printed")

    with lab.step("a day's report for each domain goes through the submission host"):
        postseal.start()
        count("kestrel.test")
        postseal.config["lab"]["clock_offset_s"] = 0
        postseal.reload()
        wait_for(lambda: postseal.command("reporter", "run", "--day", str(day), "--config", postseal.config_file,
                                          ok=(0, 1, 2)).returncode == 0 and run_day() == {"kestrel.test": "already-sent"},
                 "the report is handed over")
        raw = wait_for(lambda: arrived("kestrel.test"), "the report in the mailbox")
        expect(not postseal.log.lines("postseal dkim-keys"), "the published keys are found to be right")

    with lab.step("dkimpy finds both signatures good, and each covers what RFC 8460 names"):
        expect(verdicts(raw) == ["good", "good"], f"{verdicts(raw)}")
        signatures = [re.sub(r"\s+", "", text) for text in email.message_from_bytes(raw).get_all("DKIM-Signature")]
        expect([re.search(r"a=([\w-]+);", text).group(1) for text in signatures] == ["rsa-sha256", "ed25519-sha256"], f"{signatures}")
        for text in signatures:
            tags = dict(part.split("=", 1) for part in text.split(";") if part)
            expect("l" not in tags and tags["d"] == SENDER and tags["c"] == "relaxed/relaxed", f"{tags}")
            covered = tags["h"].lower().split(":")
            expect(all(field in covered for field in SIGNED_FIELDS), f"h={covered}")

    with lab.step("a changed report, and one whose key is gone, are not good"):
        expect(verdicts(raw.replace(b"TLS-Report-Domain: kestrel.test", b"TLS-Report-Domain: siskin.test")) == ["bad", "bad"],
               "a changed header field")
        expect(verdicts(raw.replace(b"aggregate TLS report", b"aggregate TLS rapport")) == ["bad", "bad"], "a changed body")
        kept = own.records.pop((f"tls1._domainkey.{SENDER}.", "TXT"))
        internet.publish(own)
        expect(verdicts(raw) == ["bad", "good"], f"the RSA key is gone: {verdicts(raw)}")
        own.records[(f"tls1._domainkey.{SENDER}.", "TXT")] = kept
        internet.publish(own)

    with lab.step("straight to the MX: every host in turn, none for a null MX, and no TLS trouble holds a report back"):
        postseal.config["reporter"]["submission"] = "direct"
        postseal.config["lab"]["clock_offset_s"] = -DAY_S
        postseal.reload()
        postseal.log.wait("configuration was reloaded", after=postseal.log.text().rfind("report of"))
        count("plover.test", "siskin.test", "dunlin.test", "finch.test")
        mark = postseal.log.mark()
        postseal.config["lab"]["clock_offset_s"] = 0
        postseal.reload()
        postseal.log.wait("configuration was reloaded", after=mark)
        results = run_day()
        expect(results == {"kestrel.test": "already-sent", "plover.test": "sent", "siskin.test": "sent", "dunlin.test": "failed",
                           "finch.test": "sent"}, f"{results}")
        expect(postseal.log.lines(r"dunlin\.test .*accepts no mail \(null MX\)"), "the log says why")
        for domain in ("plover.test", "siskin.test", "finch.test"):
            raw = wait_for(lambda domain=domain: arrived(domain), f"the report for {domain}")
            expect(verdicts(raw) == ["good", "good"], f"{domain}: {verdicts(raw)}")
            mail = next(mail for mail in mx.mails() if mail["TLS-Report-Domain"] == domain)
            expect(mail["TLS-Required"] == "No" and len(mail.get_all("TLS-Required")) == 1, "TLS-Required: No, once")
            expect(received_over_tls(mail) == "TLSv1.3", "encrypted although the certificate is worth nothing")
            expect(len(mail.get_all("Received")) == 1, "nobody in between")
        expect(f"\nTo: {BEYOND_ASCII}\n".encode() in arrived("finch.test"), "a name beyond ASCII")
        expect(len(out.log.lines("status=sent")) == 1, "the submission host saw the first report alone")

    with lab.step("what became of each report is told, and one is sent again: the same report, signed anew"):
        states = {entry["domain"]: entry["state"] for entry in postseal.json("reporter", "status", day)["reports"]}
        expect(states == {"kestrel.test": "sent", "plover.test": "sent", "siskin.test": "sent", "dunlin.test": "failed",
                          "finch.test": "sent"}, f"{states}")
        shown = postseal.json("reporter", "show", day, "siskin.test")
        expect(not shown["preview"] and shown["report"]["policies"][0]["summary"]["total-failure-session-count"] == 1, f"{shown}")
        first = arrived("siskin.test")
        again = postseal.json("reporter", "resend", day, "siskin.test")
        expect([entry["result"] for entry in again["reports"]] == ["sent"], f"{again}")
        second = wait_for(lambda: arrived("siskin.test") != first and arrived("siskin.test"), "the second copy")
        expect(verdicts(second) == ["good", "good"], f"{verdicts(second)}")
        subjects = [re.search(rb"(?ms)^Subject:.*?Report-ID: (<\S+>)", raw).group(1) for raw in (first, second)]
        expect(subjects[0] == subjects[1], f"{subjects}")

    with lab.step("a receiver that is suppressed gets nothing until that is lifted"):
        postseal.json("reporter", "suppress", "postmaster@plover.test", "--reason", "mailbox is full")
        result = postseal.json("reporter", "resend", day, "plover.test")
        expect([entry["result"] for entry in result["reports"]] == ["suppressed"], f"{result}")
        listed = postseal.json("reporter", "suppress")
        expect([(entry["target"], entry["in_force"]) for entry in listed] == [("postmaster@plover.test", True)], f"{listed}")
        postseal.json("reporter", "suppress", "postmaster@plover.test", "--lift")
        result = postseal.json("reporter", "resend", day, "plover.test")
        expect([entry["result"] for entry in result["reports"]] == ["sent"], f"{result}")

    with lab.step("submitted with a password, over smtps:// and submission://; not with a wrong one, nor to who cannot prove its name"):
        secret = place / "submission-password"
        secret.write_text("se cret\n")
        secret.chmod(0o600)
        postseal.config["reporter"]["submission_password_file"] = secret

        def submit(url: str) -> dict:
            mark = postseal.log.mark()
            postseal.config["reporter"]["submission"] = url
            postseal.reload()
            postseal.log.wait("configuration was reloaded", after=mark)
            done = postseal.command("reporter", "resend", day, "kestrel.test", "--config", postseal.config_file, "--json", ok=(0, 1))
            return json.loads(done.stdout)["reports"][0]
        for url in (f"smtps://reports@{SENDER}", f"submission://reports@{SENDER}"):
            before, mark = arrived("kestrel.test"), out.log.mark()
            expect(submit(url)["result"] == "sent", f"{url}")
            out.log.wait(r"sasl_method=PLAIN, sasl_username=reports", after=mark)
            second = wait_for(lambda before=before: arrived("kestrel.test") != before and arrived("kestrel.test"), "the report")
            expect(verdicts(second) == ["good", "good"], f"{verdicts(second)}")
            other_name = submit(url.replace(SENDER, OUT))
            expect(other_name["result"] == "retry" and "mismatch" in other_name["detail"], f"{url}: {other_name}")
        secret.write_text("guessed\n")
        refused = submit(f"smtps://reports@{SENDER}")
        expect(refused["result"] == "retry" and "AUTH: 535" in refused["detail"], f"{refused}")

    with lab.step("a real notification of a refused report keeps its mailbox from more; a forged one does nothing"):
        mark = postseal.log.mark()
        postseal.config["reporter"]["submission"] = f"smtp://{OUT}:25"
        postseal.reload()
        postseal.log.wait("configuration was reloaded", after=mark)
        mx.reload(smtpd_recipient_restrictions="check_recipient_access inline:{{postmaster@siskin.test = 550 5.1.1 no such user}}, permit")
        result = postseal.json("reporter", "resend", day, "siskin.test")
        expect([entry["result"] for entry in result["reports"]] == ["sent"], f"the submission host takes it: {result}")
        returned = wait_for(lambda: next((mail for mail in out.mails() if mail.get_param("report-type") == "delivery-status"), None),
                            "Postfix's notification").as_string()

        def bounce(mail: str) -> dict:
            return json.loads(command(lab, "reporter", "bounce", "--config", postseal.config_file, "--json", input=mail).stdout)
        report_id = re.search(r"(?m)^Message-ID: <(\d+\.\w+)\.\w+@sender\.test>", returned).group(1)
        expect(bounce(returned.replace(report_id, report_id[:-1] + ("b" if report_id.endswith("a") else "a")))["suppressed"] is None, "forged")
        expect(bounce(returned.replace("postmaster@siskin.test", "postmaster@kestrel.test"))["suppressed"] is None, "another's mailbox")
        verdict = bounce(returned)
        expect(verdict["suppressed"]["target"] == "postmaster@siskin.test" and "5.1.1" in verdict["reason"], f"{verdict}")
        result = postseal.json("reporter", "resend", day, "siskin.test")
        expect([entry["result"] for entry in result["reports"]] == ["suppressed"], f"{result}")
