"""Who wants a domain that is not his: a stale CNAME, another organisation's claim, a wildcard, a chain, unknown names.

A domain belongs here to the entry whose label its owner publishes, and to no other (rule 1). The owners' zones are Knot's,
everybody resolves through a validating unbound, the certificates come from Pebble, whose log shows every order.
"""

import concurrent.futures
import socket
import ssl

from lab.dns import ask, rcode
from lab.installation import DNS, POLICY_HOST, ZONE, Customer, Installation
from lab.poller import fetch_policy, mode_of
from lab.postfix import Postfix, System
from lab.scene import expect, wait_for

LIMIT_S = 300

MX = "127.0.0.21"
FLOOD = 400


def play(lab):
    with lab.step("the peers stand, and one domain has moved in"):
        place = Installation(lab)
        victim = Customer(place.internet, "kestrel.test", MX)
        wild = Customer(place.internet, "wildcard.test", MX)
        chained = Customer(place.internet, "chain.test", MX)
        Postfix(lab, System.debian12(lab), "mx", MX, victim.mx).receives(
            [victim.name, wild.name, chained.name], place.ca.leaf(victim.mx, wild.mx, chained.mx)).start()
        place.start()
        postseal = place.postseal
        mine = place.move_in(victim)
        orders = lambda: lab.log("pebble").text().count("/order-plz")
        wait_for(lambda: fetch_policy(victim.name, POLICY_HOST, place.roots), "its policy", ignore=(OSError,))

    def command(*argv, ok=(0,)):
        return postseal.command(*argv, "--config", postseal.config_file, ok=ok, within_s=90)

    def other(verb, domain, *more, ok=(0,)):
        return postseal.json("domain", verb, domain, "--org", "other", *more, ok=ok)

    with lab.step("another organisation may add the name, and gets nothing of it"):
        before = orders()
        theirs = other("add", victim.name)
        expect(theirs["label"] != mine["label"] and theirs["state"] == "pending", f"{theirs}")
        expect(theirs["mode"] is None and theirs["certificate"] is None, f"{theirs}")
        seen = other("verify", victim.name, ok=(1,))
        expect({record["problem_code"] for record in seen["records"]} == {"wrong-target"}, f"{seen['records']}")
        expect(place.show(victim.name)["state"] in ("testing", "ready"), "the owner notices nothing")
        command("domain", "mode", victim.name, "enforce", "--org", "other", "--override", "mine", ok=(1,))
        expect(orders() == before, "nothing was ordered")

    with lab.step("a wildcard that answers every name verifies nothing"):
        shown = postseal.json("domain", "add", wild.name)
        wild.zone.set("*", "CNAME", f"parking.{wild.name}.")
        wild.zone.set("parking", "A", "127.0.0.99")
        place.internet.publish(wild.zone)
        seen = postseal.json("domain", "verify", wild.name, ok=(1,))
        expect({record["problem_code"] for record in seen["records"]} == {"wrong-target"}, f"{seen['records']}")
        # One that leads to a name of ours leads all names to the same one: two of three are wrong.
        wild.zone.set("*", "CNAME", next(record["value"] + "." for record in shown["records"]
                                         if record["purpose"] == "policy-host"))
        place.internet.publish(wild.zone)

        def one_seen():
            view = postseal.json("domain", "verify", wild.name, ok=(1,))
            return view if any(record["seen"] for record in view["records"]) else None
        seen = wait_for(one_seen, "the wildcard is seen", 30)
        expect([record["purpose"] for record in seen["records"] if record["seen"]] == ["policy-host"], f"{seen['records']}")
        expect(seen["state"] == "pending", f"{seen['state']}")

    with lab.step("a chain of CNAMEs to the label is none: whoever owns the middle would own the policy"):
        shown = postseal.json("domain", "add", chained.name)
        for record in shown["records"]:
            hop = record["name"].replace(chained.name, f"hop.{chained.name}")
            chained.zone.set(record["name"] + ".", "CNAME", hop + ".")
            chained.zone.set(hop + ".", "CNAME", record["value"] + ".")
        place.internet.publish(chained.zone)
        seen = wait_for(lambda: view if (view := postseal.json("domain", "verify", chained.name, ok=(1,)))["records"][0][
            "problem_code"] == "chain" else None, "the chain is seen", 30)
        expect({record["problem_code"] for record in seen["records"]} == {"chain"}, f"{seen['records']}")
        expect(seen["state"] == "pending" and all(record["problem"] for record in seen["records"]), f"{seen}")

    with lab.step("names that nobody hosts get an alert, however many, and never an order"):
        before = orders()

        def knock(i):
            name = None if i % 10 == 0 else f"mta-sts.n{i}.flood.test" if i % 2 else f"mta-sts.{wild.name}"
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            try:
                with context.wrap_socket(socket.create_connection((POLICY_HOST, 443), timeout=20), server_hostname=name):
                    return "a handshake"
            except ssl.SSLError as error:
                return "alert" if "UNRECOGNIZED_NAME" in str(error) else str(error)
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            answers = set(pool.map(knock, range(FLOOD)))
        expect(answers == {"alert"}, f"{answers}")
        expect(mode_of(fetch_policy(victim.name, POLICY_HOST, place.roots)) == "testing", "the others are served meanwhile")
        expect(orders() == before, "no order")

    with lab.step("a challenge is answered for the name that it was set for, and for nothing else"):
        for path in ("../../etc/passwd", "x" * 300, "%2e%2e/key", ""):
            with socket.create_connection((POLICY_HOST, 80), timeout=10) as conn:
                conn.sendall(f"GET /.well-known/acme-challenge/{path} HTTP/1.1\r\nHost: mta-sts.{victim.name}\r\n"
                             "Connection: close\r\n\r\n".encode())
                status = conn.makefile("rb").readline().decode()
            expect(" 404 " in status or " 400 " in status, f"{path}: {status}")
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_alpn_protocols(["acme-tls/1"])
        try:
            with context.wrap_socket(socket.create_connection((POLICY_HOST, 443), timeout=10),
                                     server_hostname=f"mta-sts.{victim.name}"):
                expect(False, "a handshake for a challenge that nobody set")
        except (ssl.SSLError, OSError):
            pass

    with lab.step("the owner publishes the other organisation's label: it wins, and the first one is told"):
        command("domain", "mode", victim.name, "enforce", "--override", "so that senders hold something")
        place.wait_state(victim.name, "enforce")
        victim.publish_cnames(theirs["records"])
        seen = wait_for(lambda: view if (view := postseal.json("domain", "verify", victim.name, "--org", "other", ok=(0, 1)))[
            "records"][0]["seen"] else None, "the new label is seen", 30)
        won = wait_for(lambda: view if (view := postseal.json("domain", "show", victim.name, "--org", "other"))["state"] in
                       ("testing", "ready") else None, "the domain moves in there", 90, every_s=0.3)
        lost = postseal.json("domain", "show", victim.name, "--org", mine["organization"])
        expect(lost["state"] == "retiring" and lost["cnames_until"], f"{lost}")
        expect(lost["attention"]["code"] == "label-replaced", f"{lost['attention']}")
        told = postseal.json("domain", "history", victim.name, "--org", mine["organization"])
        expect(any(entry["to"] == "state=retiring" and "another label" in entry["reason"] for entry in told
                   if entry["action"] == "domain.state"), f"{told[:3]}")
        expect(mode_of(fetch_policy(victim.name, POLICY_HOST, place.roots)) == "testing", "the policy is the winner's")

    with lab.step("the label that lost is a tombstone: it answers, verifies nothing, and can change nothing"):
        expect(place.served_id(mine["label"]), "whoever still has the old CNAME in a cache finds a record")
        refused = command("domain", "mode", victim.name, "none", "--org", mine["organization"], ok=(1,))
        expect("retiring" in refused.stderr, refused.stderr)
        expect(postseal.json("domain", "show", victim.name, "--org", "other")["policy_id"] == won["policy_id"], "unchanged")

    with lab.step("the stale CNAMEs of somebody who left serve nobody who adds the name again"):
        anew = postseal.json("domain", "add", victim.name, "--org", "third")
        expect(anew["label"] not in (mine["label"], theirs["label"]), "a label of its own")
        seen = postseal.json("domain", "verify", victim.name, "--org", "third", ok=(1,))
        expect(seen["state"] == "pending", f"{seen['state']}")
        again = postseal.json("domain", "add", victim.name, "--org", mine["organization"])
        expect(again["label"] not in (mine["label"], theirs["label"], anew["label"]), "never reissued")
        expect(postseal.json("domain", "verify", victim.name, "--org", mine["organization"], ok=(1,))["state"] == "pending",
               "and nothing proved")
        expect(rcode(ask(f"_mta-sts.{'a' * 26}.{ZONE}.", "TXT", DNS)) == "NXDOMAIN", "a guess finds nothing")

    with lab.step("after a restart the winner is served, not whoever was added last"):
        postseal.stop()
        postseal.start()
        expect(mode_of(fetch_policy(victim.name, POLICY_HOST, place.roots)) == "testing", "the winner's")
        expect(place.served_id(theirs["label"]) == won["policy_id"], "under the winner's id")
