"""Domains move in with three CNAMEs and go through the modes without another change by their owners.

The owners' zones are signed and served by Knot, everybody looks names up through a validating unbound, the certificates
come from Pebble. Pollers ask for the id and fetch the policy all the time and must never see a new id with an old body.
"""

import re
import socket
import ssl

from lab.dns import ask, is_secure, rcode, values
from lab.installation import DNS, INTAKE, INTAKE_NAME, POLICY_HOST, ZONE, Customer, Installation
from lab.internet import RESOLVER
from lab.attacker import Path
from lab.poller import Poller, fetch_policy, mode_of
from lab.postfix import Postfix, System
from lab.scene import expect, wait_for

LIMIT_S = 300

MX_PATH, MX = "127.0.0.20", "127.0.0.21"


def play(lab):
    with lab.step("the peers stand: signed zones, resolver, Pebble, an MX; serve is ready"):
        place = Installation(lab)
        plain = Customer(place.internet, "kestrel.test", MX_PATH)
        idn = Customer(place.internet, "xn--80a1acny.xn--p1ai", MX_PATH)
        path = Path(lab, MX_PATH, MX)
        Postfix(lab, System.debian12(lab), "mx", MX, plain.mx).receives(
            [plain.name, idn.name], place.ca.leaf(plain.mx, idn.mx)).start()
        place.start()
        postseal = place.postseal

    with lab.step("domain add mints a label and prints three CNAMEs; adding again changes nothing"):
        added = {}
        for customer in (plain, idn):
            shown = added[customer] = postseal.json("domain", "add", customer.shown)
            label = shown["label"]
            expect(shown["domain"] == customer.name, f"stored as A-label: {shown['domain']}")
            expect(re.fullmatch("[a-z2-7]{26}", label), f"label {label}")
            expect(shown["state"] == "pending" and shown["mode"] is None and shown["policy_id"] is None, f"{shown}")
            records = {(r["name"].rstrip("."), r["type"], r["value"].rstrip(".")) for r in shown["records"]}
            expect(records == {(f"{name}.{customer.name}", "CNAME", f"{name}.{label}.{ZONE}")
                               for name in ("_mta-sts", "mta-sts", "_smtp._tls")}, f"records: {records}")
            expect(postseal.json("domain", "add", customer.shown)["label"] == label, "the same label again")
        expect(len({shown["label"] for shown in added.values()}) == 2, "a label of its own for each")

    with lab.step("what must be refused is refused: a public suffix, a name in Z, a name that is none"):
        for wrong in ("test", f"shop.{ZONE}", "kestrel..test"):
            refused = postseal.command("domain", "add", wrong, "--config", postseal.config_file, ok=(1, 2))
            expect(refused.stderr.strip(), f"a reason for refusing {wrong}")

    with lab.step("names behind a label answer over UDP and TCP; no id before the policy is served"):
        label = added[plain]["label"]
        for tcp in (False, True):
            def at(name, kind):
                return ask(f"{name}{ZONE}", kind, DNS, tcp=tcp)
            expect(values(at(f"mta-sts.{label}.", "A"), "A") == [POLICY_HOST], "address of the policy host")
            expect(any("issuewild" in value for value in values(at(f"mta-sts.{label}.", "CAA"), "CAA")), "CAA without wildcards")
            rua = values(at(f"_smtp._tls.{label}.", "TXT"), "TXT")
            expect(rua == [f"v=TLSRPTv1; rua=https://{INTAKE_NAME}/v1/tlsrpt/{label}"]
                   or rua == [f"v=TLSRPTv1;rua=https://{INTAKE_NAME}/v1/tlsrpt/{label}"], f"where reports go: {rua}")
            none = at(f"_mta-sts.{label}.", "TXT")
            expect(rcode(none) == "NOERROR" and not none.answer, "no id yet")
            expect(rcode(at("_mta-sts.aaaaaaaaaaaaaaaaaaaaaaaaaa.", "TXT")) == "NXDOMAIN", "an unknown label does not exist")
            expect(values(at("", "SOA"), "SOA"), "the zone has a SOA")

    with lab.step("without the CNAMEs verify says no, and says what is missing"):
        shown = postseal.json("domain", "verify", plain.name, ok=(1,))
        expect(not any(record["seen"] for record in shown["records"]) and shown["state"] == "pending", f"{shown}")

    pollers = [Poller(lab, customer.name, record.format(label=added[customer]["label"], name=customer.name), server,
                      POLICY_HOST, place.roots)
               for customer in (plain, idn)
               for record, server in ((f"_mta-sts.{{label}}.{ZONE}", DNS), ("_mta-sts.{name}", RESOLVER))]

    with lab.step("the owners publish their CNAMEs: verified, certified, in testing, and only then the id"):
        for customer in (plain, idn):
            customer.publish_cnames(added[customer]["records"])
            shown = postseal.json("domain", "verify", customer.name)
            expect(all(record["seen"] for record in shown["records"]), f"all seen: {shown}")
        for customer in (plain, idn):
            shown = place.wait_state(customer.name, "testing", "ready")
            expect(shown["mode"] == "testing" and shown["certificate"]["not_after"], f"{shown}")
            expect(place.served_id(shown["label"]) == shown["policy_id"], f"the id in DNS is the one shown: {shown['policy_id']}")

    with lab.step("a sender finds the policy through a signed CNAME, over a certificate for exactly that name"):
        for customer in (plain, idn):
            # The resolver may answer once more with what it saw within the same second, before the id was there.
            answer = wait_for(lambda: found if values(found := ask(f"_mta-sts.{customer.name}", "TXT"), "TXT") else None,
                              f"the record of {customer.name} through the resolver", 10)
            expect(values(answer, "CNAME") and len(values(answer, "TXT")) == 1, f"one hop to the record: {answer}")
            expect(is_secure(ask(f"_mta-sts.{customer.name}", "CNAME")), "the CNAME itself is signed")
            body = fetch_policy(customer.name, POLICY_HOST, place.roots)
            expect(mode_of(body) == "testing" and f"mx: {customer.mx}" in body, f"the policy: {body}")
            expect(names_shown(POLICY_HOST, f"mta-sts.{customer.name}", place.roots) == [f"mta-sts.{customer.name}"],
                   "one name per certificate")
        expect(wait_for(lambda: names_shown(INTAKE, INTAKE_NAME, place.roots), "the intake's own certificate", 60,
                        ignore=(OSError,)) == [INTAKE_NAME], "the intake's name")

    with lab.step("an unknown name gets the alert, other paths 404, port 80 nothing but challenges"):
        for name in ("mta-sts.nobody.test", None):
            alert = tls_error(POLICY_HOST, name)
            expect("UNRECOGNIZED_NAME" in alert, f"SNI {name}: {alert or 'a handshake'}")
        expect(" 404 " in http_get(POLICY_HOST, "/.well-known/mta-sts.txt", f"mta-sts.{plain.name}"), "no policy on port 80")
        expect(" 404 " in http_get(POLICY_HOST, "/.well-known/acme-challenge/nothing", f"mta-sts.{plain.name}"), "no such challenge")

    with lab.step("enforce is refused while an MX does not offer STARTTLS, and nothing changes"):
        path.strip = True
        before = place.show(plain.name)
        refused = postseal.command("domain", "mode", plain.name, "enforce", "--config", postseal.config_file, ok=(1,), within_s=90)
        expect(plain.mx in refused.stderr, f"the reason names the host: {refused.stderr}")
        after = place.show(plain.name)
        expect((after["mode"], after["policy_id"]) == (before["mode"], before["policy_id"]), f"nothing changed: {after}")
        path.strip = False
        postseal.command("domain", "mode", plain.name, "strict", "--config", postseal.config_file, ok=(2,))

    def change(customer, mode, *more):
        old = place.show(customer.name)["policy_id"]
        postseal.command("domain", "mode", customer.name, mode, *more, "--config", postseal.config_file, within_s=90)

        def changed():
            shown = place.show(customer.name)
            return shown["mode"] == mode and shown["policy_id"] not in (None, old) and shown
        shown = wait_for(changed, f"{customer.name} in {mode} under a new id", 90, every_s=0.2)
        expect(place.served_id(shown["label"]) == shown["policy_id"], "the new id is in DNS")
        expect(mode_of(fetch_policy(customer.name, POLICY_HOST, place.roots)) == mode, "the new body is served")
        # Every poller must have seen it before the next change, or its testimony is worth nothing.
        for poller in pollers:
            if poller.domain == customer.name:
                wait_for(lambda poller=poller: poller.looks and poller.looks[-1][1].policy_id == shown["policy_id"],
                         f"the poller at {poller.server} sees the new id")
        return shown

    # In this order the mode before a change is never the mode after the next one, so an old body cannot pass for a newer.
    with lab.step("testing → enforce → none → testing, without the owner touching DNS"):
        for customer in (plain, idn):
            change(customer, "enforce", "--override", "the scene does not wait fourteen days")
            expect(place.show(customer.name)["state"] == "enforce", "the state says so")
        unchanged = place.show(plain.name)["policy_id"]
        postseal.command("domain", "mode", plain.name, "enforce", "--config", postseal.config_file)
        expect(place.show(plain.name)["policy_id"] == unchanged, "the mode it already has changes nothing")
        for mode in ("none", "testing"):
            for customer in (plain, idn):
                change(customer, mode)

    with lab.step("the pollers never saw a new id with an old body"):
        for poller in pollers:
            poller.stop()
            looks = poller.judge(["testing", "enforce", "none", "testing"])
            expect(looks >= 20, f"the poller of {poller.domain} at {poller.server} looked only {looks} times")

    with lab.step("after a restart everything is served as before"):
        before = {customer: place.show(customer.name) for customer in (plain, idn)}
        postseal.stop()
        postseal.start()
        for customer, shown in before.items():
            expect(place.served_id(shown["label"]) == shown["policy_id"], "the same id")
            expect(mode_of(fetch_policy(customer.name, POLICY_HOST, place.roots)) == "testing", "the same body")
        listed = {entry["domain"] for entry in postseal.json("domain", "list")}
        expect(listed == {plain.name, idn.name}, f"domain list: {listed}")

    with lab.step("people read the name as they write it"):
        text = postseal.command("domain", "show", idn.name, "--config", postseal.config_file).stdout
        expect(text.startswith(f"почта.рф ({idn.name})\n"), f"domain show: {text}")

    with lab.step("what a finding does not have is null"):
        findings = postseal.json("check", idn.name, ok=(0, 1))["findings"]
        empty = [(finding["id"], key) for finding in findings for key in ("why", "fix", "rfc") if finding[key] == ""]
        expect(not empty and any(finding["fix"] is None for finding in findings), f"check: {findings}")


def names_shown(address: str, name: str, roots) -> list:
    context = ssl.create_default_context(cafile=str(roots))
    with context.wrap_socket(socket.create_connection((address, 443), timeout=10), server_hostname=name) as tls:
        return [value for _, value in tls.getpeercert()["subjectAltName"]]


def tls_error(address: str, name) -> str:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with context.wrap_socket(socket.create_connection((address, 443), timeout=10), server_hostname=name):
            return ""
    except ssl.SSLError as error:
        return str(error)


def http_get(address: str, path: str, host: str) -> str:
    with socket.create_connection((address, 80), timeout=10) as conn:
        conn.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        return conn.makefile("rb").readline().decode()
