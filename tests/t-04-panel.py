"""The panel in Chromium: sign in, add a domain, copy the records, switch the mode, change the language, and see what others
do."""

import re

from lab import browser
from lab.installation import POLICY_HOST, ZONE, Customer, Installation
from lab.poller import fetch_policy, mode_of
from lab.postfix import Postfix, System
from lab.scene import expect, wait_for

LIMIT_S = 300
NEEDS = ("browser",)

MX = "127.0.0.21"
ORIGIN = "http://127.0.0.1:8080"


def play(lab):
    with lab.step("the peers stand, serve is ready, the command line prints a one-time link"):
        place = Installation(lab)
        owner = Customer(place.internet, "xn--80a1acny.xn--p1ai", MX)
        Postfix(lab, System.debian12(lab), "mx", MX, owner.mx).receives([owner.name], place.ca.leaf(owner.mx)).start()
        place.start()
        link = place.postseal.json("user", "link")["url"]
        expect(link.startswith(f"{ORIGIN}/sign-in?token="), f"the link: {link}")

    def publish(copied: str):
        """The owner's DNS provider takes the lines as they were copied."""
        for line in copied.splitlines():
            name, kind, value = line.split()
            expect(kind == "CNAME" and name.endswith(".") and value.endswith("."), f"a line for a zone file: {line}")
            owner.zone.set(name, kind, value)
        place.internet.publish(owner.zone)
        return {}

    enforced = {}

    def step_back(_):
        enforced.update(place.show(owner.name))
        enforced["served"] = mode_of(fetch_policy(owner.name, POLICY_HOST, place.roots))
        place.postseal.json("domain", "mode", owner.name, "testing")
        return {}

    with lab.step("a newcomer goes the whole way in the browser"):
        seen = browser.play(lab, "panel.mjs", {"publish": publish, "step_back": step_back}, link=link, origin=ORIGIN, domain=owner.shown)

    with lab.step("what was seen is what is so"):
        label = enforced["label"]
        expect(seen["link_again"].endswith("/sign-in?problem=link-invalid"), f"the link is good for once: {seen['link_again']}")
        expect({record["name"] for record in seen["records"]} == {f"{name}.{owner.name}" for name in ("_mta-sts", "mta-sts", "_smtp._tls")}
               and all(record["seen"] == "false" for record in seen["records"]), f"records at first: {seen['records']}")
        expect(len(seen["copied"].splitlines()) == 3 and label in seen["copied"], f"copied: {seen['copied']}")
        expect(re.fullmatch(rf"(_mta-sts|mta-sts|_smtp\._tls)\.{label}\.{re.escape(ZONE)}\.?", seen["copied_value"]), f"{seen['copied_value']}")
        expect(seen["mode_at_first"] == "testing" and not seen["confirm_without_reason"], f"{seen}")
        expect("mode: enforce" in seen["policy"], f"the policy on the page: {seen['policy']}")
        expect(enforced["mode"] == "enforce", f"the command line agrees: {enforced}")
        expect(enforced["served"] == "enforce", "and so does the policy host")
        people = [action for action in seen["audit"] if action != "domain.state"]
        expect(people == ["domain.mode", "domain.mode", "domain.add", "session.sign-in"], f"the audit log: {seen['audit']}")
        # pending → verified → certificate → testing → enforce → testing, each with its cause.
        expect(seen["audit"].count("domain.state") == 5, f"every change of state is in the audit log: {seen['audit']}")
        expect(seen["language"] == seen["language_after_reload"] == "ru", f"{seen}")
        expect(re.search("[а-яё]{4}", seen["answer"]), f"Russian: {seen['answer']}")
        expect(seen["signed_out"] == 401, f"signed out: {seen['signed_out']}")
