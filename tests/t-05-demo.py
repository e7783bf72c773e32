"""`postseal demo`, as a newcomer starts it: without any privilege, and with nothing but the program and Pebble."""

import json
import os
import signal

from lab import browser
from lab.postseal import command
from lab.process import Daemon
from lab.scene import expect, wait_for

LIMIT_S = 400
NEEDS = ("browser",)

HEALTHY, OLD, NEW = "harbour.test", "oldmill.test", "xn--80a1acny.test"


def play(lab):
    folders = lab.place("tmp")
    os.environ["TMPDIR"] = str(folders)

    with lab.step("without Pebble it says which package is missing, and leaves nothing behind"):
        path, os.environ["PATH"] = os.environ["PATH"], "/nowhere"
        done = command(lab, "demo", ok=(2,))
        os.environ["PATH"] = path
        expect("apt-get install pebble" in done.stderr and not list(folders.iterdir()), f"it said: {done.stderr}")

    with lab.step("it starts without a single capability and prints the panel's address and a sign-in link"):
        # An empty bounding set: whatever would need root, a port below 1024 included, fails.
        demo = Daemon(lab, "postseal-demo", ["setpriv", "--inh-caps=-all", "--bounding-set=-all", lab.binary, "demo", "--json"],
                      stdout_name="postseal-demo-stdout").start()
        running = json.loads(demo.stdout.wait(r"^\{", within_s=200, alive=demo.alive))
        status = open(f"/proc/{demo.process.pid}/status").read()
        expect("CapEff:\t0000000000000000" in status, "no capability")
        expect(running["sign_in"].startswith(running["panel"] + "/sign-in?token="), f"{running}")
        expect(running["domains"] == [HEALTHY, OLD], f"{running}")

    def ask(*argv):
        return json.loads(command(lab, *argv, "--config", running["config"], "--json").stdout)

    with lab.step("the certificates come by ACME, the gate opened for the healthy domain, its mail is verified"):
        shown = ask("domain", "show", HEALTHY)
        expect(shown["mode"] == "enforce" and shown["certificate"] and all(record["seen"] for record in shown["records"]), f"{shown}")
        demo.log.wait(r"14 days in testing, every MX clean: the gate opens")
        demo.log.wait(rf"{HEALTHY} +mail is delivered \(policyd: OK secure\); to mx\.{HEALTHY} over verified TLSv1\.3", 60)
        expect(shown["reports"]["received"] == 21 and shown["reports"]["sessions_ok"] > 0, f"{shown['reports']}")

    with lab.step("the panel shows why the other one's mail waits"):
        demo.log.wait(rf"{OLD} +mail waits", 60)
        seen = browser.play(lab, "failed_session.mjs", link=running["sign_in"], origin=running["panel"], domain=OLD)
        types = {(failure["type"], failure["policy_type"]) for failure in seen["failures"]}
        expect(types == {("starttls-not-supported", "sts"), ("certificate-host-mismatch", "sts")}, f"failures: {seen['failures']}")
        expect(seen["sums"]["ok"] == 0 and seen["sums"]["failed"] > 0, f"sums: {seen['sums']}")

    with lab.step("a domain that is added gets its CNAMEs from its owner, and moves in"):
        ask("domain", "add", NEW)
        wait_for(lambda: ask("domain", "show", NEW)["mode"] == "testing", f"{NEW} is in testing", 120, 0.5)

    with lab.step("a port that is taken is an error that says so"):
        done = command(lab, "demo", "--port", running["panel"].rsplit(":", 1)[1], ok=(2,))
        expect("the port is taken" in done.stderr, f"it said: {done.stderr}")

    with lab.step("Ctrl-C ends everything with exit 0, and the folder is gone"):
        process, demo.process = demo.process, None
        process.send_signal(signal.SIGINT)
        expect(process.wait(30) == 0, f"exit {process.returncode}: {demo.log.tail()}")
        expect(not list(folders.iterdir()), f"left behind: {list(folders.iterdir())}")
        others = [name for name in os.listdir("/proc") if name.isdigit() and _runs(name, ("pebble", "postseal"))]
        expect(not others, f"still running: {others}")


def _runs(pid: str, names: tuple) -> bool:
    try:
        return open(f"/proc/{pid}/comm").read().strip() in names
    except OSError:
        return False
