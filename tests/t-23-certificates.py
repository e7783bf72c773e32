"""Certificates from two CAs: external account, renewal when the CA suggests it, fail-over and return, and what the preflight
finds before an order is spent.

The first CA is Pebble behind a proxy that adds renewal information (RFC 9773) and can be told to misbehave; it wants an
external account. The second is another Pebble.
"""

import datetime
import http.client
import json
import socket
import ssl

from lab.acme_front import AcmeFront
from lab.installation import INTAKE, INTAKE_NAME, POLICY_HOST, Customer, Installation
from lab.pebble import Pebble
from lab.scene import expect, wait_for

LIMIT_S = 420

MAC_KEY = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"
SECOND, FRONT = "127.0.0.15", "127.0.0.16"


def play(lab):
    with lab.step("two CAs stand, one wants an external account; serve is ready and has an account at both"):
        place = Installation(lab)
        first, second = Customer(place.internet, "kestrel.test", "127.0.0.20"), Customer(place.internet, "osprey.test", "127.0.0.20")
        third = Customer(place.internet, "merlin.test", "127.0.0.20")
        # What an owner says about CAs at his own domain does not reach names that lead here: CAA follows the CNAME.
        first.zone.set("@", "CAA", '0 issue "somebody-else.example"')
        place.operator.set("intake", "CAA", '0 issue "somebody-else.example"')
        place.pebble = Pebble(lab, place.ca, mac_keys={"kid-1": MAC_KEY})
        backup = Pebble(lab, place.ca, address=SECOND, name="pebble2")
        place.cas = [place.pebble, backup]
        front = AcmeFront(lab, place.ca, place.pebble, FRONT)
        key_file = lab.place("eab") / "hmac"
        key_file.write_text(MAC_KEY + "\n")
        key_file.chmod(0o600)
        common = {"contact": "mailto:admin@posthost.test", "accept_terms": True, "ca_file": place.pebble.ca_file}
        acme = [{"directory": front.directory, "caa_issuer": "first.test", "challenges": ["http-01"], "eab_kid": "kid-1",
                 "eab_hmac_key_file": key_file, "orders_per_3_hours": 10, **common},
                {"directory": backup.directory, "caa_issuer": "second.test", "challenges": ["tls-alpn-01"], **common}]
        place.start(acme=acme)
        postseal = place.postseal
        cas = wait_for(lambda: all_ready(budget(postseal)), "an account at both")
        expect([ca["caa_issuer"] for ca in cas] == ["first.test", "second.test"], f"in order: {cas}")

    with lab.step("a certificate comes from the first CA, although the owner's own CAA names somebody else"):
        place.move_in(first)
        one = certificate(postseal, first.name)
        expect(one["state"] == "valid" and one["ca"] == front.directory and one["renew_at"] < one["not_after"], f"{one}")
        expect("replaces" not in front.orders[-1], f"a first order: {front.orders}")
        expect(budget(postseal)["cas"][0]["orders"] == {**budget(postseal)["cas"][0]["orders"], "used": 1, "limit": 10}, "counted")

    with lab.step("a name of our own that CAA forbids is not ordered, and it is said why"):
        intake = wait_for(lambda: failing(certificate(postseal, None, INTAKE_NAME)), "the preflight of the intake's name")
        expect("CAA records at intake.posthost.test forbid the certificate" in intake["last_error"]
               and "names somebody-else.example instead of first.test" in intake["last_error"], f"{intake['last_error']}")
        expect(all(order["identifiers"][0]["value"] != INTAKE_NAME for order in front.orders), "no order was spent")

    with lab.step("the CA suggests a window that has passed: renewed at once, and the order says what it replaces"):
        before = serial_shown(first.name, place.roots)
        now = datetime.datetime.utcnow().replace(microsecond=0)
        front.window = tuple((now - datetime.timedelta(hours=hours)).isoformat() + "Z" for hours in (3, 2))
        restart(postseal)
        wait_for(lambda: serial_shown(first.name, place.roots) != before, "another certificate", 120, ignore=(OSError,))
        front.window = None
        expect(front.orders[-1].get("replaces") == front.asked[0], f"replaces: {front.orders[-1]}, asked: {front.asked}")
        postseal.log.wait("https://ca.example/incident")
        expect(budget(postseal)["cas"][0]["orders"]["used"] == 1, "a renewal with ARI counts towards no limit")

    with lab.step("a CA that has a successor already takes the order without `replaces`"):
        before = serial_shown(first.name, place.roots)
        front.refuse_replaces = True
        count = len(front.orders)
        front.window = tuple((now - datetime.timedelta(hours=hours)).isoformat() + "Z" for hours in (5, 4))
        restart(postseal)
        wait_for(lambda: serial_shown(first.name, place.roots) != before, "another certificate", 120, ignore=(OSError,))
        front.window = None
        front.refuse_replaces = False
        orders = front.orders[count:]
        expect("replaces" in orders[0] and any("replaces" not in order for order in orders), f"{orders}")

    with lab.step("while the first CA is down the second one issues, by its own challenge, and the first is passed over"):
        front.down = True
        place.move_in(second)
        one = certificate(postseal, second.name)
        expect(one["ca"] == backup.directory, f"{one}")
        down = budget(postseal)["cas"][0]
        expect(down["passed_over_until"] and "503" in down["problem"], f"{down}")
        front.down = False

    with lab.step("port 80 is closed and nothing else is allowed: no order, and domain show says what to do"):
        count = len(front.orders)
        postseal.stop()
        # No listener at the policy host's port 80; one CA, one kind of challenge.
        place.postseal.config["policy_host"]["http_listen"] = [f"{INTAKE}:80"]
        place.postseal.config["acme"] = acme[:1]
        postseal.start()
        added = postseal.json("domain", "add", third.shown)
        third.publish_cnames(added["records"])
        postseal.json("domain", "verify", third.name)
        shown = wait_for(lambda: failing(certificate(postseal, third.name)), "the preflight of the third", 90)
        expect("port 80 of mta-sts.merlin.test cannot be reached at 127.0.0.40" in shown["last_error"]
               and "http_listen" in shown["last_error"], f"{shown}")
        expect(len(front.orders) == count, "no order was spent")
        attention = postseal.json("domain", "show", third.name).get("attention")
        expect(attention is None or "port 80" in attention["message"], f"{attention}")

    with lab.step("it is opened, the owner says so, and the domain moves in from the first CA again"):
        postseal.stop()
        place.postseal.config["policy_host"]["http_listen"] = [f"{POLICY_HOST}:80", f"{INTAKE}:80"]
        place.postseal.config["acme"] = acme
        postseal.start()
        wait_for(lambda: all_ready(budget(postseal)), "an account at both")
        postseal.json("domain", "verify", third.name)
        place.wait_state(third.name, "testing", "ready", within_s=120)
        expect(certificate(postseal, third.name)["ca"] == front.directory, "returned to")

    with lab.step("keys and the external account's secret are in no log and not in clear in the database"):
        state_dir = place.postseal.config["state_dir"]
        for file in (postseal.log.path, *state_dir.glob("postseal.db*")):
            content = file.read_bytes()
            expect(b"PRIVATE KEY" not in content and MAC_KEY.encode() not in content, f"a secret in {file.name}")


def api(postseal, path: str) -> dict:
    """GET over the local socket, as the command line does."""
    connection = http.client.HTTPConnection("localhost")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.settimeout(30)
    connection.sock.connect(str(postseal.config["state_dir"] / "api.sock"))
    with connection.sock:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = json.loads(answer.read())
        expect(answer.status == 200, f"{path}: {answer.status} {body}")
        return body


def budget(postseal) -> dict:
    return api(postseal, "/api/v1/certificates/budget")


def all_ready(found: dict):
    return found["cas"] if all(ca["account"] for ca in found["cas"]) else None


def certificate(postseal, domain, host: str = None) -> dict:
    host = host or f"mta-sts.{domain}"
    return next(one for one in api(postseal, "/api/v1/certificates")["certificates"] if one["host"] == host)


def failing(one: dict):
    return one if one["last_error"] else None


def restart(postseal):
    """The CAs are asked at the start, and each minute."""
    postseal.stop()
    postseal.start()


def serial_shown(domain: str, roots) -> str:
    context = ssl.create_default_context(cafile=str(roots))
    with context.wrap_socket(socket.create_connection((POLICY_HOST, 443), timeout=10), server_hostname=f"mta-sts.{domain}") as tls:
        return tls.getpeercert()["serialNumber"]
