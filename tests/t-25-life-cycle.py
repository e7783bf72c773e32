"""The whole life of a domain: every state with its cause, the gate that opens by itself, a max_age that grows over half a
year, a CNAME that disappears and comes back, and a retirement over more than a year of the installation's clock.

Beside it the other ways to live here: a policy that comes along from elsewhere, TLS-RPT without MTA-STS, a domain that is
only watched, and many domains from one file. DNS is Knot and unbound, the certificates are Pebble's, two Postfixes receive.
"""

import datetime

from lab.dns import ask, rcode, values
from lab.installation import DNS, POLICY_HOST, ZONE, Customer, Installation
from lab.policy_host import PolicyHost, Site, policy
from lab.poller import fetch_policy, mode_of
from lab.postfix import Postfix, System
from lab.scene import expect, wait_for

LIMIT_S = 420

MX1, MX2, OLD_HOST = "127.0.0.21", "127.0.0.22", "127.0.0.31"
DAY_S = 86_400
MX_DAYS = 900  # certificates of the MX hosts outlive the scene's two years


def play(lab):
    with lab.step("the peers stand: signed zones, resolver, Pebble, two MX hosts, a policy host elsewhere"):
        place = Installation(lab)
        domain = Customer(place.internet, "kestrel.test", MX1)
        domain.zone.set("@", "MX", f"10 {domain.mx}.", f"20 mx2.{domain.name}.")
        domain.zone.set("mx2", "A", MX2)
        moved = Customer(place.internet, "heron.test", MX1)
        watched = Customer(place.internet, "plover.test", MX1)
        reports = Customer(place.internet, "xn--80a1acny.xn--p1ai", MX1)
        elsewhere = PolicyHost(lab, OLD_HOST)
        imported = policy("enforce", moved.mx, f"*.{moved.name}", max_age=1_209_600)
        for customer, body in ((moved, imported), (watched, policy("testing", watched.mx))):
            customer.zone.set("_mta-sts", "TXT", '"v=STSv1; id=before1;"')
            customer.zone.set("_smtp._tls", "TXT", f'"v=TLSRPTv1; rua=mailto:tls@{customer.name}"')
            customer.zone.set("mta-sts", "A", OLD_HOST)
            elsewhere.sites[f"mta-sts.{customer.name}"] = Site(place.ca.leaf(f"mta-sts.{customer.name}"), body)
        system = System.debian12(lab)
        names = [domain.mx, f"mx2.{domain.name}", moved.mx, watched.mx, reports.mx]
        owners = [customer.name for customer in (domain, moved, watched, reports)]
        for name, address in (("mx1", MX1), ("mx2", MX2)):
            Postfix(lab, system, name, address, f"{name}.{domain.name}").receives(
                owners, place.ca.leaf(*names, days=MX_DAYS)).start()
        place.start()
        postseal = place.postseal
        expect(rcode(ask(f"{domain.name}.", "SOA")) == "NOERROR", "the owner's zone is there")

    def at(days: float, customer=domain):
        """The installation's clock goes on, and somebody looks at the domain."""
        postseal.config["lab"]["clock_offset_s"] = int(days * DAY_S)
        mark = len(postseal.log.text())
        postseal.reload()
        wait_for(lambda: "reload" in postseal.log.text()[mark:].lower(), "the new clock")
        return look(customer)

    def look(customer=domain):
        done = postseal.command("domain", "verify", customer.name, "--config", postseal.config_file, ok=(0, 1))
        return done.returncode == 0

    def history(customer=domain) -> list:
        return postseal.json("domain", "history", customer.name)

    def states(customer=domain) -> list:
        """The states that it went through, oldest first."""
        return [entry["to"].split("=")[1] for entry in reversed(history(customer)) if entry["action"] == "domain.state"]

    with lab.step("a dry run says what would become of each line of a file, and changes nothing"):
        many = lab.place("bulk") / "domains.txt"
        many.write_text(f"# the whole of the customer\n{domain.name}\nпочта.рф tls-rpt\n{watched.name}, watch\ntest\n"
                        f"a.{ZONE}\n{domain.name.upper()}\n")
        trial = postseal.json("domain", "add", "--file", many, "--dry-run", ok=(1,))
        expect([line["result"] for line in trial["lines"]] == ["would-add"] * 3 + ["refused"] * 3, f"{trial}")
        expect([line["code"] for line in trial["lines"][3:]] == ["public-suffix", "in-zone", "duplicate"], f"{trial}")
        expect(postseal.json("domain", "list") == [], "nothing was added")
        added = postseal.json("domain", "add", "--file", many, ok=(1,))
        expect((added["added"], added["existing"], added["refused"]) == (3, 0, 3), f"{added}")
        again = postseal.json("domain", "add", "--file", many, ok=(1,))
        expect([line["label"] for line in again["lines"]] == [line["label"] for line in added["lines"]], "the same labels")
        expect((again["added"], again["existing"]) == (0, 3), f"{again}")

    with lab.step("the records as a zone file are what the owner's name server takes"):
        bind = postseal.command("domain", "records", domain.name, "--format", "bind", "--config", postseal.config_file).stdout
        for line in bind.splitlines():
            if not line.startswith(";"):
                name, _, _, kind, value = line.split()
                domain.zone.set(name, kind, value)
        place.internet.publish(domain.zone)
        expect(wait_for(lambda: look(), "the records are seen", 30), "every CNAME is seen")
        for how in ("terraform", "dnscontrol", "csv", "text"):
            shown = postseal.command("domain", "records", domain.name, "--format", how, "--config", postseal.config_file)
            expect(shown.stdout.count(place.show(domain.name)["label"]) == 3, f"{how}: {shown.stdout}")

    with lab.step("pending → verified → certificate → testing, each with its cause"):
        shown = place.wait_state(domain.name, "testing")
        expect(states() == ["verified", "certificate", "testing"], f"{states()}")
        for entry in history():
            if entry["action"] == "domain.state":
                expect(entry["actor"]["kind"] == "system" and entry["reason"], f"who and why: {entry}")
        body = fetch_policy(domain.name, POLICY_HOST, place.roots)
        expect("max_age: 86400" in body and body.count("mx: ") == 2, f"a day in testing: {body}")

    with lab.step("TLS-RPT alone: one CNAME, no policy, no certificate; the owner's own address after ours"):
        first = place.show(reports.name)
        expect([record["purpose"] for record in first["records"]] == ["reports"], f"{first['records']}")
        postseal.json("domain", "rua", reports.name, f"tls@{reports.name}")
        reports.publish_cnames(first["records"])
        expect(look(reports), "seen")
        shown = place.wait_state(reports.name, "verified")
        text = values(ask(f"_smtp._tls.{reports.name}.", "TXT"), "TXT")
        expect(len(text) == 1 and text[0].endswith(f"/v1/tlsrpt/{shown['label']},mailto:tls@{reports.name}"), f"{text}")
        expect(shown["mode"] is None and shown["certificate"] is None, f"{shown}")
        for name in ("mta-sts", "_mta-sts"):
            answer = ask(f"{name}.{shown['label']}.{ZONE}.", "A", DNS)
            expect(rcode(answer) == "NOERROR" and not answer.answer, f"{name} is NODATA")
        refused = postseal.command("domain", "rua", reports.name, "http://a.example/", "--config", postseal.config_file, ok=(1,))
        expect("mailto: or https:" in refused.stderr, refused.stderr)

    with lab.step("a domain that is only watched shows what senders find"):
        shown = wait_for(lambda: view if (view := place.show(watched.name))["monitored"]["checked"] else None,
                         "the first look", 60)
        expect((shown["state"], shown["label"], shown["mode"]) == ("monitored", None, "testing"), f"{shown}")
        expect(shown["policy_id"] == "before1" and shown["monitored"]["rua"] == [f"mailto:tls@{watched.name}"], f"{shown}")
        elsewhere.sites[f"mta-sts.{watched.name}"].status = 404
        expect(look(watched), "a look by hand")
        shown = place.show(watched.name)
        expect(shown["attention"]["code"] == "monitored-problem" and shown["mode"] is None, f"{shown['attention']}")

    with lab.step("an enforced policy moves in and is served as it was, from the start"):
        added = postseal.json("domain", "add", moved.name, "--import")
        expect(added["import"]["mode"] == "enforce" and added["import"]["policy_id"] == "before1", f"{added['import']}")
        expect({one["code"] for one in added["import"]["differences"]} == {"id", "rua"}, f"{added['import']}")
        for kind in ("_mta-sts TXT", "_smtp._tls TXT", "mta-sts A"):
            moved.zone.drop(*kind.split())
        moved.publish_cnames(added["records"])
        look(moved)
        shown = place.wait_state(moved.name, "enforce")
        expect(fetch_policy(moved.name, POLICY_HOST, place.roots) == imported, "to the byte")
        expect(shown["policy_id"] not in (None, "before1") and len(shown["versions"]) == 1, f"{shown}")
        expect(states(moved) == ["verified", "certificate", "enforce"], f"{states(moved)}")
        expect(shown["own_rua"] == [f"mailto:tls@{moved.name}"], f"{shown['own_rua']}")

    with lab.step("fourteen days later the gate is open, and enforce needs no reason"):
        at(14.5)
        place.wait_state(domain.name, "ready")
        postseal.command("domain", "mode", domain.name, "enforce", "--config", postseal.config_file, within_s=90)
        place.wait_state(domain.name, "enforce")
        expect(states()[-2:] == ["ready", "enforce"], f"{states()}")
        deed = next(entry for entry in history() if entry["action"] == "domain.mode")
        expect(deed["actor"]["kind"] == "cli", f"whose deed: {deed}")
        expect("max_age: 86400" in fetch_policy(domain.name, POLICY_HOST, place.roots), "a day at first")

    with lab.step("max_age grows while enforce holds, each step a new version under a new id"):
        ids = [place.show(domain.name)["policy_id"]]
        for days, max_age in ((14.5 + 8, 604_800), (14.5 + 31, 2_592_000), (14.5 + 181, 31_536_000)):
            at(days)
            shown = wait_for(lambda: view if (view := place.show(domain.name))["policy"]["max_age_s"] == max_age
                             and view["policy_id"] not in ids else None, f"max_age {max_age}", 60, every_s=0.3)
            expect(f"max_age: {max_age}" in fetch_policy(domain.name, POLICY_HOST, place.roots), "the body says so")
            expect(place.served_id(shown["label"]) == shown["policy_id"], "the id is in DNS")
            ids.append(shown["policy_id"])
        told = postseal.command("domain", "mode", domain.name, "testing", "--config", postseal.config_file, within_s=90).stdout
        expect("keep to it until" in told, f"leaving enforce says what it costs: {told}")
        place.wait_state(domain.name, "testing", "ready")

    with lab.step("a CNAME that disappears is told, with what senders still do, and is forgotten when it comes back"):
        name = f"_mta-sts.{domain.name}."
        target = domain.zone.records[(name, "CNAME")]
        domain.zone.drop(name, "CNAME")
        place.internet.publish(domain.zone)
        wait_for(lambda: not look() and place.show(domain.name)["cnames_lost"], "it is missed", 30)
        expect(place.show(domain.name)["attention"]["code"] == "cname-missing", "somebody is needed")
        lost = next(entry for entry in history() if entry["action"] == "domain.cnames")
        expect(lost["to"] == "cnames=lost" and "go on enforcing it" in lost["reason"], f"{lost}")
        domain.zone.set(name, "CNAME", *target)
        place.internet.publish(domain.zone)
        wait_for(lambda: look() and place.show(domain.name)["cnames_lost"] is None, "it is back", 30)
        expect(history()[0]["to"] == "cnames=seen", f"{history()[0]}")

    with lab.step("the policy is withdrawn: none at once, the CNAMEs stay until the longest copy has run out"):
        label = place.show(domain.name)["label"]
        text = postseal.command("domain", "retire", domain.name, "--config", postseal.config_file).stdout
        expect("keep the CNAMEs until" in text, text)
        shown = wait_for(lambda: view if (view := place.show(domain.name))["mode"] == "none" else None, "none is served", 60)
        until = datetime.datetime.fromisoformat(shown["cnames_until"].replace("Z", "+00:00"))
        now = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=14.5 + 181)
        left = until - now
        expect(datetime.timedelta(days=365) < left < datetime.timedelta(days=367), f"a year of max_age and a day: {left}")
        expect(mode_of(fetch_policy(domain.name, POLICY_HOST, place.roots)) == "none", "the body")
        expect(states()[-1] == "retiring", f"{states()}")

    with lab.step("removing a CNAME earlier is told, too"):
        domain.zone.drop(name, "CNAME")
        place.internet.publish(domain.zone)
        wait_for(lambda: not look() and place.show(domain.name)["cnames_lost"], "it is missed", 30)
        expect(place.show(domain.name)["attention"]["code"] == "cname-removed-early", "somebody is needed")
        expect("have to stay until" in history()[0]["reason"], f"{history()[0]}")
        domain.zone.set(name, "CNAME", *target)
        place.internet.publish(domain.zone)
        wait_for(lambda: look() and place.show(domain.name)["cnames_lost"] is None, "it is back", 30)

    with lab.step("to the last hour the tombstone answers"):
        end = 14.5 + 181 + left.total_seconds() / DAY_S
        at(end - 1 / 24)
        expect(place.show(domain.name)["state"] == "retiring", "still here")
        expect(place.served_id(label), "with an id in DNS")
        expect(mode_of(fetch_policy(domain.name, POLICY_HOST, place.roots)) == "none", "and its body")

    with lab.step("after it the names are gone for ever, although the CNAMEs remain"):
        mark = len(postseal.log.text())
        postseal.config["lab"]["clock_offset_s"] = int((end + 1) * DAY_S)
        postseal.reload()
        for kind, names in (("TXT", ("_mta-sts", "_smtp._tls")), ("A", ("mta-sts",))):
            for one in names:
                wait_for(lambda one=one, kind=kind: rcode(ask(f"{one}.{label}.{ZONE}.", kind, DNS)) == "NXDOMAIN",
                         f"{one} is NXDOMAIN", 90, every_s=0.5)
        expect(postseal.command("domain", "show", domain.name, "--config", postseal.config_file, ok=(1,)).stderr,
               f"no domain any more: {postseal.log.text()[mark:][-300:]}")
        try:
            fetch_policy(domain.name, POLICY_HOST, place.roots)
            expect(False, "the policy host still serves it")
        except OSError as error:
            expect("UNRECOGNIZED_NAME" in str(error), f"{error}")

    with lab.step("after a restart it is still gone, and coming back mints another label"):
        postseal.stop()
        postseal.start()
        expect(rcode(ask(f"_mta-sts.{label}.{ZONE}.", "TXT", DNS)) == "NXDOMAIN", "gone")
        back = postseal.json("domain", "add", domain.name)
        expect(back["label"] != label and back["state"] == "pending", f"{back['label']}")
        expect(not look(), "the old CNAMEs prove nothing for the new label")
        expect({record["problem_code"] for record in place.show(domain.name)["records"]} == {"wrong-target"}, "and say so")
