"""A failed session becomes a report that its victim sees: the whole loop on one installation.

Postfix 3.10 (Debian 13) sends to a domain that Postseal hosts; policyd fetches that policy; libtlsrpt's datagrams reach
the collector; the day's report is posted to the intake's public name; the panel shows what failed.
"""

import datetime
import json

from lab import browser
from lab.attacker import Path
from lab.installation import Customer, Installation
from lab.postfix import Postfix, System, received_over_tls
from lab.scene import expect, wait_for

LIMIT_S = 300
NEEDS = ("debian13", "browser")

MX_PATH, MX, SENDER = "127.0.0.20", "127.0.0.21", "127.0.0.25"
ORIGIN = "http://127.0.0.1:8080"
DAY_S = 86400
CERTIFICATE = "Server certificate not"


def play(lab):
    with lab.step("the peers stand; serve runs both ends"):
        place = Installation(lab)
        owner = Customer(place.internet, "kestrel.test", MX_PATH)
        path = Path(lab, MX_PATH, MX)
        good = place.ca.leaf(owner.mx)
        mx = Postfix(lab, System.debian12(lab), "mx", MX, owner.mx).receives([owner.name], good).start()
        new = System.debian13(lab)
        sender = Postfix(lab, new, "sender", SENDER, "sender.test", smtp_tls_security_level="may",
                         smtp_tls_CAfile=place.ca.file, smtp_tls_policy_maps="socketmap:inet:127.0.0.1:8461:QUERYwithTLSRPT",
                         smtp_tlsrpt_enable="yes", smtp_tlsrpt_socket_name="tlsrpt.sock")
        place.start(policyd={"listen": ["127.0.0.1:8461"]},
                    collector={"socket": f"{sender.queue_dir}/tlsrpt.sock"},
                    reporter={"organization_name": "Sender", "contact": "tls@posthost.test", "spread_s": 0, "verify_https_rua": True})
        postseal = place.postseal
        expect(new.version().startswith("3.10"), f"Postfix {new.version()}")
        sender.start()

    with lab.step("the domain moves in and is enforced"):
        place.move_in(owner)
        postseal.command("domain", "mode", owner.name, "enforce", "--override", "scene", "--config", postseal.config_file, within_s=90)
        place.wait_state(owner.name, "enforce")
        wait_for(lambda: place.show(owner.name)["mode"] == "enforce", "the enforced policy is served")
        answer = postseal.json("query", owner.name)
        expect(answer["decision"]["level"] == "secure" and answer["decision"]["mode"] == "enforce", f"{answer}")

    def send(text):
        queue_id = sender.send("a@sender.test", f"b@{owner.name}", text)
        return queue_id, sender.outcome(queue_id)

    waiting = []

    def refused(text, why):
        queue_id, done = send(text)
        expect(done.status == "deferred" and why in done.reply, f"deferred with “{why}”: {done}")
        expect(mx.mail_with(text) is None and queue_id in sender.queue(), "it waits, undelivered")
        expect(all(text.encode() not in session.clear for session in path.sessions), "nobody saw it")
        waiting.append((queue_id, text))

    day = datetime.datetime.now(datetime.timezone.utc).date()
    with lab.step("delivered over a verified connection; refused when stripped, and with a self-signed certificate"):
        _, done = send("letter one to you")
        expect(done.status == "sent" and done.tls.startswith("Verified TLS connection"), f"verified: {done}")
        mail = wait_for(lambda: mx.mail_with("letter one to you"), "the letter in the mailbox")
        expect(received_over_tls(mail) == "TLSv1.3", f"Received: {mail['Received']}")
        path.strip = True
        refused("letter two to you", "TLS is required")
        path.strip = False
        mx.reload(**mx.shows(place.ca.self_signed(owner.mx)))
        refused("letter three to you", CERTIFICATE)

    with lab.step("the attack is over: what waited is delivered"):
        mx.reload(**mx.shows(good))
        for queue_id, text in waiting:
            done = sender.retry(queue_id)
            expect(done.status == "sent" and done.tls.startswith("Verified"), f"{text}: {done}")
    statuses = sender.log.lines(r"TLSRPT: status=")
    expect(len(statuses) == 5, f"Postfix reported five sessions to the collector: {statuses}")
    if datetime.datetime.now(datetime.timezone.utc).date() != day:
        day = None  # it became midnight meanwhile: the sessions lie on two days

    with lab.step("an unfinished day is not reported"):
        expect(day, "the scene ran across midnight UTC; run it again")
        postseal.command("reporter", "run", "--day", str(day), "--config", postseal.config_file, ok=(2,))

    with lab.step("after the day has ended its report is posted to the intake, once"):
        postseal.config["lab"]["clock_offset_s"] = DAY_S
        postseal.reload()
        ran = wait_for(lambda: reported(postseal, day), "the day can be reported")
        results = {entry["domain"]: entry["result"] for entry in ran["reports"]}
        expect(results == {owner.name: "sent"}, f"reports: {ran}")
        again = postseal.json("reporter", "run", "--day", str(day))
        expect([entry["result"] for entry in again["reports"]] == ["already-sent"], f"again: {again}")
        counted = place.show(owner.name)["reports"]
        expect((counted["received"], counted["sessions_ok"], counted["sessions_failed"]) == (1, 3, 2), f"counted: {counted}")

    with lab.step("the panel shows the failed sessions with their result types"):
        link = postseal.json("user", "link")["url"]
        seen = browser.play(lab, "failed_session.mjs", link=link, origin=ORIGIN, domain=owner.name)
        types = {(failure["type"], failure["policy_type"], failure["sessions"]) for failure in seen["failures"]}
        expect(types == {("starttls-not-supported", "sts", 1), ("validation-failure", "sts", 1)}, f"failures: {seen['failures']}")
        expect(seen["sums"] == {"ok": 3, "failed": 2}, f"sums: {seen['sums']}")
        expect(set(seen["report"]) == {"starttls-not-supported", "validation-failure"}, f"the report itself: {seen['report']}")


def reported(postseal, day):
    """The clock moves at SIGHUP; until it has, the day is unfinished (exit 2)."""
    done = postseal.command("reporter", "run", "--day", str(day), "--config", postseal.config_file, "--json", ok=(0, 1, 2))
    return done.returncode == 0 and json.loads(done.stdout)
