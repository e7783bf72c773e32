"""The laboratory proves itself, without Postseal: what the scenes take for granted is shown here with the real peers."""

import urllib.error
import urllib.request
import ssl

from lab import browser
from lab.attacker import Path, Sink
from lab.ca import Ca
from lab.dns import ask, is_secure, rcode, values
from lab.internet import Internet
from lab.pebble import Pebble
from lab.policy_host import PolicyHost, Site, policy
from lab.postfix import Postfix, System, received_over_tls
from lab.scene import expect, wait_for
from lab.stand_ins import DatagramReader, SocketmapTable

LIMIT_S = 180
NEEDS = ("debian13", "browser")

MX_PATH, MX, SENDER, SENDER_13, ATTACKER = "127.0.0.20", "127.0.0.21", "127.0.0.25", "127.0.0.26", "127.0.0.66"
SECURE = ("OK secure match=mx.kestrel.test servername=hostname policy_type=sts policy_domain=kestrel.test "
          "{ policy_string = version: STSv1 } { policy_string = mode: enforce } { policy_string = mx: mx.kestrel.test } "
          "{ policy_string = max_age: 86400 } mx_host_pattern=mx.kestrel.test")


def play(lab):
    ca = Ca(lab)
    with lab.step("a signed root, signed and unsigned domains, a validating resolver"):
        internet = Internet(lab)
        kestrel = internet.domain("kestrel.test", signed=False)
        kestrel.set("@", "MX", "10 mx.kestrel.test.")
        kestrel.set("mx", "A", MX_PATH)
        kestrel.set("mta-sts", "A", "127.0.0.30")
        kestrel.set("_smtp._tls", "TXT", '"v=TLSRPTv1; rua=https://reports.kestrel.test/x"')
        signed = internet.domain("xn--80a1acny.xn--p1ai", signed=True)
        signed.set("@", "MX", "10 mx.kestrel.test.")
        attacker = internet.domain("attacker.test", signed=False)
        attacker.set("mx", "A", ATTACKER)
        internet.start()
        expect(is_secure(ask("xn--80a1acny.xn--p1ai", "MX")), "an answer from a signed zone is authenticated")
        expect(not is_secure(ask("kestrel.test", "MX")), "an answer from an unsigned zone is not")
        expect(rcode(ask("nobody.test", "A")) == "NXDOMAIN", "an unknown name does not exist")

    with lab.step("a record changed at run time is seen through the resolver, signed as before"):
        signed.set("new", "TXT", '"first"')
        internet.publish(signed)
        answer = ask("new.xn--80a1acny.xn--p1ai", "TXT")
        expect(values(answer, "TXT") == ["first"] and is_secure(answer), f"the new record: {answer}")

    with lab.step("a policy host shows the right certificate, a wrong one, a redirect"):
        host = PolicyHost(lab)
        site = host.sites["mta-sts.kestrel.test"] = Site(ca.leaf("mta-sts.kestrel.test"), policy("enforce", "mx.kestrel.test"))
        context = ssl.create_default_context(cafile=str(ca.file))

        def fetch():
            with urllib.request.urlopen("https://mta-sts.kestrel.test/.well-known/mta-sts.txt", context=context, timeout=10) as got:
                return got.read().decode()

        expect("mode: enforce" in fetch(), "the policy")
        site.certificate = ca.expired("mta-sts.kestrel.test")
        expect("certificate has expired" in refused(fetch), "an expired certificate is refused")
        site.certificate = ca.self_signed("mta-sts.kestrel.test")
        expect("self-signed" in refused(fetch), "a self-signed certificate is refused")
        site.certificate = ca.leaf("other.test")
        expect("Hostname mismatch" in refused(fetch), "a certificate for another name is refused")

    with lab.step("Pebble issues nothing yet, but is there with a root of its own"):
        pebble = Pebble(lab, ca).start()
        expect("BEGIN CERTIFICATE" in pebble.root(), "Pebble's root")

    good = ca.leaf("mx.kestrel.test")
    with lab.step("two Postfix 3.7 and a socketmap: delivered over a verified connection"):
        path = Path(lab, MX_PATH, MX)
        system = System.debian12(lab)
        mx = Postfix(lab, system, "mx", MX, "mx.kestrel.test").receives(["kestrel.test"], good).start()
        table = SocketmapTable(lab, 8461, {"kestrel.test": "OK secure match=mx.kestrel.test servername=hostname"})
        sender = Postfix(lab, system, "sender", SENDER, "sender.test", smtp_tls_security_level="may", smtp_tls_CAfile=ca.file,
                         smtp_tls_policy_maps="socketmap:inet:127.0.0.1:8461:QUERY").start()
        done = sender.outcome(sender.send("a@sender.test", "b@kestrel.test", "letter one"))
        expect(done.status == "sent" and done.tls.startswith("Verified TLS connection"), f"verified delivery: {done}")
        mail = wait_for(lambda: mx.mail_with("letter one"), "letter one in the mailbox")
        expect(received_over_tls(mail) == "TLSv1.3", f"Received: {mail['Received']}")

    with lab.step("the same with STARTTLS stripped on the way: deferred, nothing seen in clear"):
        path.strip = True
        queue_id = sender.send("a@sender.test", "b@kestrel.test", "letter two")
        done = sender.outcome(queue_id)
        expect(done.status == "deferred" and "TLS is required" in done.reply, f"refused delivery: {done}")
        expect(queue_id in sender.queue(), "the letter waits in the queue")
        expect(b"letter two" not in path.sessions[-1].clear, "the wire tap saw no content")
        sender.delete(queue_id)

    with lab.step("without the map the stripped letter is delivered in clear (so the step above can fail)"):
        sender.reload(smtp_tls_policy_maps="")
        done = sender.outcome(sender.send("a@sender.test", "b@kestrel.test", "letter three"))
        expect(done.status == "sent" and not done.tls, f"clear delivery: {done}")
        expect(b"letter three" in path.sessions[-1].clear, "the wire tap read the letter")
        expect(received_over_tls(wait_for(lambda: mx.mail_with("letter three"), "letter three")) == "", "no TLS in Received")

    with lab.step("a spoofed MX record leads an unguarded sender to the attacker's own valid certificate"):
        path.strip = False
        sink = Sink(lab, ATTACKER, "mx.attacker.test", ca.leaf("mx.attacker.test"))
        kestrel.set("@", "MX", "10 mx.attacker.test.")
        internet.publish(kestrel)
        done = sender.outcome(sender.send("a@sender.test", "b@kestrel.test", "letter four"))
        expect(done.status == "sent" and any(b"letter four" in message for message in sink.messages()), f"the sink has it: {done}")

    with lab.step("with the map the attacker gets nothing"):
        sender.reload(smtp_tls_policy_maps="socketmap:inet:127.0.0.1:8461:QUERY")
        queue_id = sender.send("a@sender.test", "b@kestrel.test", "letter five")
        done = sender.outcome(queue_id)
        expect(done.status == "deferred" and "not verified" in done.reply, f"refused delivery: {done}")
        expect(not any(b"letter five" in message for message in sink.messages()), "the sink lacks it")
        sender.delete(queue_id)
        kestrel.set("@", "MX", "10 mx.kestrel.test.")
        internet.publish(kestrel)

    with lab.step("Postfix 3.10 from Debian 13 tells the collector of a success and of two kinds of failure"):
        table.table["kestrel.test"] = SECURE
        new = System.debian13(lab)
        expect(new.version().startswith("3.10"), f"Postfix {new.version()}")
        sender13 = Postfix(lab, new, "sender13", SENDER_13, "sender13.test", smtp_tls_security_level="may",
                           smtp_tls_CAfile=ca.file, smtp_tls_policy_maps="socketmap:inet:127.0.0.1:8461:QUERYwithTLSRPT",
                           smtp_tlsrpt_enable="yes", smtp_tlsrpt_socket_name="tlsrpt.sock")
        reader = DatagramReader(lab, sender13.queue_dir / "tlsrpt.sock")
        sender13.start()
        done = sender13.outcome(sender13.send("a@sender13.test", "b@kestrel.test", "letter six"))
        expect(done.status == "sent" and done.tls.startswith("Verified"), f"verified delivery: {done}")
        wait_for(lambda: len(reader.datagrams) == 1, "the datagram of the success")
        mx.reload(**mx.shows(ca.self_signed("mx.kestrel.test")))
        queue_id = sender13.send("a@sender13.test", "b@kestrel.test", "letter seven")
        done = sender13.outcome(queue_id)
        expect(done.status == "deferred", f"refused delivery: {done}")
        wait_for(lambda: len(reader.datagrams) == 2, "the datagram of the failure")
        sender13.delete(queue_id)
        path.strip = True
        queue_id = sender13.send("a@sender13.test", "b@kestrel.test", "letter eight")
        sender13.outcome(queue_id)
        wait_for(lambda: len(reader.datagrams) == 3, "the datagram of the stripped session")
        policies = [datagram["policies"][0] for datagram in reader.datagrams]
        results = [(p["policy-type"], p["f"], [detail["c"] for detail in p.get("failure-details", [])]) for p in policies]
        # sts; a self-signed certificate is validation-failure, a missing STARTTLS starttls-not-supported
        expect(results == [(2, 0, []), (2, 1, [205]), (2, 1, [201])], f"datagrams: {reader.datagrams}")
        sender13.delete(queue_id)

    with lab.step("Chromium renders a page and takes a screenshot"):
        seen = browser.play(lab, "selftest.mjs", url="data:text/html;charset=utf-8,<h1 lang=ru>почта</h1>")
        expect(seen == {"heading": "почта"} and (lab.artefacts / "selftest.png").stat().st_size > 1000, f"the page: {seen}")


def refused(fetch) -> str:
    try:
        fetch()
    except urllib.error.URLError as error:
        return str(error.reason)
    return ""
