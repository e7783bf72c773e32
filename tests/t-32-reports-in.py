"""Reports that come by mail: a Postfix hands signed ones to the SMTP and the LMTP receiver, forged ones come beside them; what
does not count is kept and looked at; Postseal is killed with -9 while it takes reports, and nothing it has acknowledged is
lost or counted twice. dkimpy signs, whose code Postseal does not share. RFC 8460 §3; RPT-016, RPT-019, RPT-051.
"""

import base64
import json
import smtplib
import threading

import dkim

from lab.installation import INTAKE, INTAKE_NAME, Customer, Installation
from lab.postfix import Postfix, System
from lab.process import run
from lab.scene import expect, wait_for

LIMIT_S = 240

OUT, MX = "127.0.0.25", "127.0.0.21"
HOSTED, LATER = "kestrel.test", "plover.test"
KNOWN, STRANGER = "sender.test", "stranger.test"
REPORTS = "reports.posthost.test"
BY_SMTP, BY_LMTP = f"smtp@{REPORTS}", f"lmtp@{REPORTS}"
SESSIONS = 7  # in every report
FLOOD = 60


class Signer:
    """A submitter: its key, its zone, its reports."""

    def __init__(self, lab, internet, domain: str, services: str):
        self.domain = domain
        key = lab.place(f"key-{domain}") / "key.pem"
        run(["openssl", "genrsa", "-out", key, "2048"])
        public = run(["openssl", "rsa", "-in", key, "-pubout", "-outform", "DER", "-out", key.with_suffix(".der")])
        expect(public.returncode == 0, "a public key")
        self.key = key.read_bytes()
        text = base64.b64encode(key.with_suffix(".der").read_bytes()).decode()
        self.zone = internet.domain(domain, signed=True)
        self.zone.set("s1._domainkey", "TXT", f'"v=DKIM1; {services}p={text[:180]}" "{text[180:]}"')

    def sign(self, mail: bytes, **more) -> bytes:
        fields = [b"From", b"To", b"Subject", b"Content-Type", b"TLS-Report-Domain", b"TLS-Report-Submitter"]
        return dkim.sign(mail, b"s1", self.domain.encode(), self.key, include_headers=fields, canonicalize=(b"relaxed", b"relaxed"),
                         **more) + mail


def report_mail(number: str, submitter: str, domain: str = HOSTED, sessions: int = SESSIONS, day: str = "2026-11-20") -> bytes:
    report = {"organization-name": "Sender", "contact-info": f"tls@{submitter}", "report-id": number,
              "date-range": {"start-datetime": f"{day}T00:00:00Z", "end-datetime": f"{day}T23:59:59Z"},
              "policies": [{"policy": {"policy-type": "sts", "policy-string": ["version: STSv1"], "policy-domain": domain,
                                       "mx-host": [f"mx.{domain}"]},
                            "summary": {"total-successful-session-count": sessions, "total-failure-session-count": 0}}]}
    return (f"From: tls@{submitter}\r\nTo: {BY_SMTP}\r\nSubject: Report Domain: {domain} Submitter: {submitter} "
            f"Report-ID: <{number}@{submitter}>\r\nTLS-Report-Domain: {domain}\r\nTLS-Report-Submitter: {submitter}\r\n"
            "MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=tlsrpt; boundary=b\r\n\r\n--b\r\n"
            "Content-Type: text/plain\r\n\r\nA report.\r\n\r\n--b\r\nContent-Type: application/tlsrpt+json\r\n\r\n"
            f"{json.dumps(report)}\r\n\r\n--b--\r\n").encode()


def hand_to(address: str, sender: str, recipient: str, mail: bytes) -> bytes:
    """Straight to a server; its answer to the mail."""
    with smtplib.SMTP(address, 25, local_hostname="client.test", timeout=30) as smtp:
        smtp.ehlo()
        smtp.mail(sender)
        smtp.rcpt(recipient)
        code, answer = smtp.data(mail)
        return b"%d " % code + answer


def play(lab):
    place = Installation(lab)
    internet = place.internet
    customer, later = Customer(internet, HOSTED, MX), Customer(internet, LATER, MX)
    known = Signer(lab, internet, KNOWN, "s=tlsrpt; ")  # RPT-019: libopendkim alone would refuse such a key
    stranger = Signer(lab, internet, STRANGER, "")
    place.operator.set("reports", "MX", f"10 {INTAKE_NAME}.")
    lmtp = lab.place("lmtp") / "reports.sock"
    place.start(intake={"host": INTAKE_NAME, "https_listen": [f"{INTAKE}:443"], "smtp_listen": [f"{INTAKE}:25"],
                        "lmtp_listen": [f"unix:{lmtp}"], "known_submitters": [KNOWN]})
    postseal = place.postseal
    label = postseal.json("domain", "add", customer.name)["label"]
    system = System.debian12(lab)
    out = Postfix(lab, system, "out", OUT, KNOWN, smtp_tls_security_level="verify", smtp_tls_CAfile=place.roots,
                  smtp_tls_verify_cert_match="nexthop, hostname",
                  transport_maps=f"inline:{{ {{ {BY_LMTP} = lmtp:unix:{lmtp} }} }}").start()

    def reports(domain: str = HOSTED) -> dict:
        return place.show(domain)["reports"]

    def quarantine() -> list:
        return postseal.json("report", "quarantine", "list")

    def through_postfix(recipient: str, mail: bytes):
        return out.outcome(hand_to(OUT, f"bounces@{KNOWN}", recipient, mail).split()[-1].decode())

    with lab.step("a signed report comes by SMTP, over TLS with the certificate of the intake's name"):
        wait_for(lambda: run(["openssl", "s_client", "-connect", f"{INTAKE}:25", "-starttls", "smtp", "-verify_return_error", "-CAfile",
                              place.roots], input="", ok=None).returncode == 0, "the intake's certificate", 90)
        first = known.sign(report_mail("1", KNOWN))
        delivery = through_postfix(BY_SMTP, first)
        expect(delivery.status == "sent" and "1 reports stored" in delivery.reply, f"{delivery}")
        expect(delivery.tls.startswith("Verified TLS connection established"), f"{delivery}")
        expect(reports()["sessions_ok"] == SESSIONS, f"{reports()}")

    with lab.step("by LMTP the same is known already, and another one is new"):
        delivery = through_postfix(BY_LMTP, first)
        expect(delivery.status == "sent" and "0 reports stored, 1 known already" in delivery.reply, f"{delivery}")
        delivery = through_postfix(BY_LMTP, stranger.sign(report_mail("1", STRANGER)))
        expect(delivery.status == "sent" and "1 reports stored" in delivery.reply, f"{delivery}")
        expect((reports()["received"], reports()["sessions_ok"]) == (2, 2 * SESSIONS), f"{reports()}")

    with lab.step("forged, changed and other mail is taken, kept with its reason, and counted nowhere"):
        good = known.sign(report_mail("2", KNOWN, sessions=10 ** 6))
        forged = {
            "unsigned": report_mail("3", KNOWN, sessions=10 ** 6),
            "bad-signature": good.replace(b"A report.", b"A xeport."),
            "not-aligned": stranger.sign(report_mail("4", KNOWN, sessions=10 ** 6)),
            "no-report": f"From: ann@{KNOWN}\r\nTo: {BY_SMTP}\r\nSubject: hello\r\n\r\nIs anybody there?\r\n".encode(),
            "no-domain-of-ours": known.sign(report_mail("5", KNOWN, domain=LATER)),
            "odd-figures": known.sign(report_mail("6", KNOWN, sessions=10 ** 12)),
        }
        with_length = known.sign(report_mail("7", KNOWN, sessions=10 ** 6), length=True)
        for reason, mail in [*forged.items(), ("bad-signature", with_length)]:
            answer = hand_to(INTAKE, f"bounces@{STRANGER}", f"{label}@{REPORTS}", mail)
            expect(answer.startswith(b"250 2.0.0 kept, not counted: "), f"{reason}: {answer}")
            newest = quarantine()[0]
            expect(newest["reason"] == reason and newest["source"].startswith("127.0.0.1"), f"{reason}: {newest}")
        expect((reports()["received"], reports()["sessions_ok"]) == (2, 2 * SESSIONS), f"{reports()}")

    with lab.step("what was kept is read again: by the same rules, or on the operator's word, which the audit log keeps"):
        by_reason = {mail["reason"]: mail["id"] for mail in quarantine()}
        again = postseal.json("report", "quarantine", "retry", by_reason["unsigned"], ok=(1,))
        expect(again["reason"] == "unsigned", f"{again}")
        postseal.json("domain", "add", later.name)
        expect(postseal.json("report", "quarantine", "retry", by_reason["no-domain-of-ours"])["stored"] == 1, "its domain has come")
        expect(reports(LATER)["sessions_ok"] == SESSIONS, f"{reports(LATER)}")
        postseal.json("report", "quarantine", "retry", by_reason["odd-figures"], "--accept", "asked them: a mailing")
        expect(reports()["sessions_ok"] == 2 * SESSIONS + 10 ** 12, f"{reports()}")
        postseal.command("report", "quarantine", "drop", by_reason["no-report"], "--config", postseal.config_file)
        left = {mail["reason"] for mail in quarantine()}
        expect(left == {"unsigned", "bad-signature", "not-aligned"}, f"{left}")

    with lab.step("killed with -9 while reports come in: what was acknowledged is there, once"):
        before = reports()
        mails = {str(number): known.sign(report_mail(f"flood-{number}", KNOWN)) for number in range(FLOOD)}
        acknowledged, lock, enough = set(), threading.Lock(), threading.Event()

        def deliver(numbers):
            for number in numbers:
                try:
                    answer = hand_to(INTAKE, f"bounces@{KNOWN}", f"{label}@{REPORTS}", mails[number])
                except (OSError, smtplib.SMTPException):
                    continue
                if answer.startswith(b"250 2.0.0 1 reports stored"):
                    with lock:
                        acknowledged.add(number)
                        if len(acknowledged) >= FLOOD // 6:
                            enough.set()
        threads = [threading.Thread(target=deliver, args=(list(mails)[part::4],)) for part in range(4)]
        for thread in threads:
            thread.start()
        expect(enough.wait(60), "reports are acknowledged")
        postseal.kill()
        for thread in threads:
            thread.join()
        expect(len(acknowledged) < FLOOD, "the kill came while reports were coming in")
        postseal.start()
        kept = reports()["received"] - before["received"]
        expect(kept >= len(acknowledged), f"{len(acknowledged)} were acknowledged, {kept} are there")
        for number, mail in mails.items():
            answer = hand_to(INTAKE, f"bounces@{KNOWN}", f"{label}@{REPORTS}", mail)
            expect(answer.startswith(b"250 2.0.0 0 reports stored" if number in acknowledged else b"250 2.0.0 "), f"{number}: {answer}")
        after = reports()
        expect(after["received"] - before["received"] == FLOOD, f"{after}")
        expect(after["sessions_ok"] - before["sessions_ok"] == FLOOD * SESSIONS, f"{after}")
