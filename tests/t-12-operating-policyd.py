"""The policy daemon in an operator's hands: cache and overrides, metrics, a reload, thousands of idle clients and hostile
ones, systemd."""

import json
import re
import resource
import socket
import sqlite3
import time
import urllib.request
from pathlib import Path

from lab.ca import Ca
from lab.internet import RESOLVER, Internet
from lab.policy_host import PolicyHost, Site, policy
from lab.postseal import Postseal
from lab.process import Daemon, run
from lab.scene import PATIENCE, expect, wait_for

LIMIT_S = 240

DOMAIN, OTHER, MX, POLICY_HOST = "kestrel.test", "plover.test", "127.0.0.20", "127.0.0.30"
SECURE = f"OK secure match=mx.{DOMAIN} servername=hostname"
DASHBOARD = Path(__file__).resolve().parent.parent / "packaging" / "grafana" / "postseal-policyd.json"
IDLE = 2000


class Client:
    """A connection as Postfix's smtp process keeps one."""

    def __init__(self, port: int = 8461, path=None):
        self.conn = socket.socket(socket.AF_UNIX if path else socket.AF_INET)
        self.conn.settimeout(30 * PATIENCE)
        self.conn.connect(str(path) if path else ("127.0.0.1", port))
        self.data = b""

    def send(self, key: str):
        request = f"QUERY {key}"
        self.conn.sendall(b"%d:%s," % (len(request), request.encode()))

    def ask(self, key: str) -> str:
        self.send(key)
        while True:
            length, colon, rest = self.data.partition(b":")
            if colon and len(rest) > int(length):
                self.data = rest[int(length) + 1:]
                return rest[:int(length)].decode()
            more = self.conn.recv(65536)
            expect(more, "the connection stays open")
            self.data += more


def metrics() -> dict:
    """Sample → value of /metrics."""
    with urllib.request.urlopen("http://127.0.0.1:9464/metrics", timeout=30 * PATIENCE) as answer:
        lines = answer.read().decode().splitlines()
    return {sample: float(value) for sample, _, value in (line.rpartition(" ") for line in lines if not line.startswith("#"))}


def play(lab):
    ca, internet = Ca(lab), Internet(lab)
    policies = PolicyHost(lab, POLICY_HOST)
    for domain in (DOMAIN, OTHER):
        zone = internet.domain(domain, signed=False)
        zone.set("@", "MX", f"10 mx.{domain}.")
        zone.set("mx", "A", MX)
        zone.set("_mta-sts", "TXT", '"v=STSv1; id=1;"')
        zone.set("mta-sts", "A", POLICY_HOST)
        policies.sites[f"mta-sts.{domain}"] = Site(ca.leaf(f"mta-sts.{domain}"), policy("enforce", f"mx.{domain}", max_age=604800))
    internet.start()
    site = policies.sites[f"mta-sts.{DOMAIN}"]

    # As systemd starts a service: a low soft limit on files, a high hard one.
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, hard))
    state = lab.place("postseal")
    unix = lab.place("chroot") / "policyd.sock"
    daemon = Postseal(lab, internet, ca.file, {
        "policyd": {"listen": ["127.0.0.1:8461", f"unix:{unix}"], "socket_mode": "0660", "socket_group": "nogroup"},
        "metrics": {"listen": ["127.0.0.1:9464"]}}, verb="policyd").start()
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 2 * IDLE + 1024), hard))
    config = ["--config", daemon.config_file]

    with lab.step("a unix socket has the mode and the group that Postfix's chroot needs"):
        status = unix.stat()
        expect(status.st_mode & 0o777 == 0o660 and unix.group() == "nogroup", f"mode {status.st_mode:o}, group {unix.group()}")
        expect(Client(path=unix).ask(DOMAIN) == SECURE, "it answers")

    with lab.step("cache list and show: the whole of what is known, without the console"):
        entry, = daemon.json("cache", "list")
        expect(entry["domain"] == DOMAIN and entry["mode"] == "enforce" and entry["policy_id"] == "1" and entry["failures"] == []
               and entry["fetched"] < entry["next_refresh"] <= entry["expires"], f"{entry}")
        shown = daemon.json("cache", "show", DOMAIN)
        expect(shown["lines"][1] == "mode: enforce" and shown["answer"]["reply"] == SECURE, f"{shown}")
        text = daemon.command("cache", "show", DOMAIN, *config).stdout
        expect("| mode: enforce" in text and SECURE in text, text)
        expect("DOMAIN" in daemon.command("cache", "list", *config).stdout, "a table")
        refused = daemon.command("cache", "show", "nobody.test", *config, ok=(1,)).stderr
        expect("nobody.test is not in the cache" in refused, refused)
        daemon.command("cache", "show", "a..b", *config, ok=(2,))
        daemon.command("cache", "list", ok=(2,))

    with lab.step("cache refresh fetches now, whatever the id says, and tells what came"):
        site.body = policy("testing", f"mx.{DOMAIN}", max_age=604800)
        came = daemon.json("cache", "refresh", DOMAIN)
        expect(came["outcome"] == "fetched" and came["entry"]["mode"] == "testing", f"{came}")
        expect(Client().ask(DOMAIN) == "NOTFOUND ", "the new policy is what is answered")
        site.body = policy("enforce", f"mx.{DOMAIN}", max_age=604800)
        daemon.command("cache", "refresh", DOMAIN, *config)
        site.status = 500
        came = daemon.json("cache", "refresh", DOMAIN, ok=(1,))
        expect(came["outcome"] == "failed" and came["failure"] == "sts-policy-fetch-error" and "500" in came["detail"], f"{came}")
        expect(len(came["entry"]["failures"]) == 1 and came["answer"]["reply"] == SECURE, f"what was enforced holds: {came}")
        site.status = 200
        daemon.command("cache", "refresh", DOMAIN, *config)

    with lab.step("cache export is a table that Postfix reads"):
        table = lab.artefacts / "policies"
        table.write_text(daemon.command("cache", "export", *config).stdout)
        (lab.place("postfix") / "main.cf").write_text("compatibility_level = 3.6\n")
        found = run(["postmap", "-c", lab.place("postfix"), "-q", DOMAIN, f"texthash:{table}"]).stdout.strip()
        expect(found == SECURE.removeprefix("OK "), found)
        as_json = json.loads(daemon.command("cache", "export", "--format", "json", *config).stdout)
        expect([entry["domain"] for entry in as_json["entries"]] == [DOMAIN], f"{as_json}")

    with lab.step("cache purge forgets one, or all who mean it"):
        daemon.command("cache", "purge", DOMAIN, *config)
        expect(daemon.json("cache", "list") == [], "nothing is left")
        daemon.command("cache", "purge", DOMAIN, *config, ok=(1,))
        Client().ask(DOMAIN), Client().ask(OTHER)
        refused = daemon.command("cache", "purge", "--all", *config, ok=(2,)).stderr
        expect("--yes" in refused and len(daemon.json("cache", "list")) == 2, refused)
        expect(daemon.json("cache", "purge", "--all", "--yes") == {"purged": 2}, "both")
        daemon.command("cache", "purge", *config, ok=(2,))

    with lab.step("an override holds at once, over kill -9, and until it is removed; the configuration's comes first"):
        client = Client()
        expect(client.ask(DOMAIN) == SECURE and client.ask(OTHER).startswith("OK secure"), "cached")
        added = daemon.json("cache", "override", "add", DOMAIN, "may", "--reason", "they know")
        expect(added["in_force"] and added["level"] == "may" and added["actor"] == "cli:local", f"{added}")
        expect(client.ask(DOMAIN) == "OK may", "not from the cache")
        daemon.command("cache", "override", "add", f".{OTHER}", "secure", "--match", f".{OTHER}", *config)
        expect(client.ask(f"sub.{OTHER}") == f"OK secure match=.{OTHER} servername=hostname", "the subtree")
        expect(client.ask(OTHER).startswith(f"OK secure match=mx.{OTHER}"), "not its top")
        for wrong in (["a..b", "may"], ["192.0.2.1", "may"], [DOMAIN, "maybe"], [DOMAIN, "may", "--match", "mx.test"]):
            daemon.command("cache", "override", "add", *wrong, *config, ok=(2,))
        daemon.kill()
        daemon.start()
        client = Client()
        expect(client.ask(DOMAIN) == "OK may", "after kill -9")
        daemon.config["policyd"]["override"] = [{"domain": DOMAIN, "level": "encrypt"}]
        daemon.reload()
        wait_for(lambda: client.ask(DOMAIN) == "OK encrypt", "the configuration's override")
        listed = {(entry["origin"], entry["domain"]): entry["in_force"] for entry in daemon.json("cache", "override", "list")}
        expect(listed == {("configuration", DOMAIN): True, ("added", DOMAIN): False, ("added", f".{OTHER}"): True}, f"{listed}")
        refused = daemon.command("cache", "override", "add", DOMAIN, "may", *config, ok=(1,)).stderr
        expect("the configuration has an override" in refused, refused)
        del daemon.config["policyd"]["override"]
        daemon.reload()
        wait_for(lambda: client.ask(DOMAIN) == "OK may", "the added one again")
        daemon.command("cache", "override", "remove", DOMAIN, *config)
        expect(client.ask(DOMAIN) == SECURE, "the policy holds again")
        daemon.command("cache", "override", "remove", DOMAIN, *config, ok=(1,))
        with sqlite3.connect(f"file:{state}/postseal.db?mode=ro", uri=True) as database:
            audit = database.execute("SELECT action, subject, after, reason FROM audit WHERE action LIKE 'override.%' ORDER BY id")
            expect(audit.fetchall() == [("override.add", DOMAIN, "may", "they know"),
                                        ("override.add", f".{OTHER}", f"secure match=.{OTHER}", ""),
                                        ("override.remove", DOMAIN, "", "")], "the audit log")

    with lab.step("/metrics shows every metric that the dashboard names, and counts"):
        expressions = [target["expr"] for panel in json.loads(DASHBOARD.read_text())["panels"] for target in panel["targets"]]
        named = {name for expr in expressions for name in re.findall(r"postseal_\w+", expr)}
        seen = metrics()
        shown = {sample.partition("{")[0] for sample in seen}
        expect(len(named) > 10 and named <= shown, f"not shown: {named - shown}")
        hits = seen["postseal_policyd_hits_total"]
        mark = daemon.log.mark()
        for _ in range(200):
            client.ask(DOMAIN)
        seen = metrics()
        expect(seen["postseal_policyd_hits_total"] - hits == 200, f"{seen['postseal_policyd_hits_total']} - {hits}")
        expect(seen["postseal_policyd_hit_seconds_count"] >= 2, "hits are timed, one in 64")
        expect(seen['postseal_policyd_policies{mode="enforce"}'] == 2 and
               seen['postseal_policyd_decisions_total{level="may",source="override"}'] > 0, f"{seen}")
        expect(daemon.log.text()[mark:] == "", f"no line for a hit, even at level debug: {daemon.log.text()[mark:][:300]}")

    with lab.step("DNSSEC: a stale root key is said plainly, in log, metric and query; SIGHUP with the right one mends it"):
        wait_for(lambda: metrics().get("postseal_dnssec_validation_ok") == 1, "validation works")
        wrong = lab.artefacts / "old-root.key"
        wrong.write_text(". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n")
        right = daemon.config["resolver"]["trust_anchor_file"]
        mark = daemon.log.mark()
        daemon.config["resolver"]["trust_anchor_file"] = wrong
        daemon.reload()
        daemon.log.wait(r"dnssec: answers for the root zone cannot be validated .*old-root.key lacks", after=mark)
        expect(metrics()["postseal_dnssec_validation_ok"] == 0, "the metric")
        reasons = daemon.json("query", DOMAIN, ok=(0, 1))["reasons"]
        expect(any("DANE could not be decided here" in reason for reason in reasons), f"{reasons}")
        daemon.config["resolver"]["trust_anchor_file"] = right
        daemon.reload()
        wait_for(lambda: metrics()["postseal_dnssec_validation_ok"] == 1, "the right key")
        reasons = daemon.json("query", DOMAIN)["reasons"]
        expect(not any("DANE could not" in reason for reason in reasons), f"{reasons}")

    with lab.step("a forwarder that is down: what is known holds, what is not waits and says why, and a start waits for nothing"):
        daemon.config["resolver"]["servers"] = ["127.0.0.98:53"]  # nobody listens there
        mark = daemon.log.mark()
        daemon.stop()
        daemon.start()
        client = Client()
        expect(client.ask(DOMAIN) == SECURE, "an enforced policy in the cache")
        new = f"new.{DOMAIN}"  # no override is about it
        reply = client.ask(new)
        expect(re.fullmatch(rf"TEMP the MX records of {new} could not be looked up: .+", reply), f"not known, so not delivered: {reply}")
        daemon.log.wait("dnssec: nothing is known about DNSSEC, since DNS does not answer", after=mark)
        expect(metrics()["postseal_dnssec_validation_ok"] == 0, "nothing was validated")
        daemon.config["resolver"]["servers"] = [f"{RESOLVER}:53"]  # which forwards, and what it says is validated here
        daemon.reload()
        wait_for(lambda: metrics().get("postseal_dnssec_validation_ok") == 1, "validation works again")
        expect(client.ask(new) == "NOTFOUND ", "no policy, and that is known")
        del daemon.config["resolver"]["servers"]
        daemon.reload()
        daemon.command("cache", "refresh", DOMAIN, *config)

    with lab.step("SIGHUP applies [tls]; a bad file changes nothing; a connection lives through it all"):
        stranger = Ca(lab, "stranger")
        daemon.config["tls"]["ca_file"] = stranger.file
        mark = daemon.log.mark()
        daemon.reload()
        daemon.log.wait("the configuration was reloaded", after=mark)
        came = daemon.json("cache", "refresh", DOMAIN, ok=(1,))
        expect(came["failure"] == "sts-webpki-invalid", f"{came}")
        daemon.config["tls"]["ca_file"] = ca.file
        mark = daemon.log.mark()
        daemon.reload()
        daemon.log.wait("the configuration was reloaded", after=mark)
        daemon.command("cache", "refresh", DOMAIN, *config)
        daemon.config["tls"]["ca_file"] = lab.artefacts / "absent.pem"
        mark = daemon.log.mark()
        daemon.reload()
        daemon.log.wait("the configuration is not reloaded: .*absent.pem", after=mark)
        daemon.config["tls"]["ca_file"] = ca.file
        listen = daemon.config["policyd"]["listen"]
        daemon.config["policyd"]["listen"] = ["127.0.0.1:8470"]
        mark = daemon.log.mark()
        daemon.reload()
        daemon.log.wait(r"these keys keep their old values until a restart: policyd\.listen", after=mark)
        daemon.config["policyd"]["listen"] = listen
        mark = daemon.log.mark()
        daemon.reload()
        daemon.log.wait("the configuration was reloaded", after=mark)
        expect("until a restart" not in daemon.log.text()[mark:], "what runs and what the file says are the same again")
        daemon.config["policyd"]["socket_group"] = "nobody-of-that-name"
        daemon.configure()
        refused = daemon.command("policyd", "--check-config", *config, ok=(2,)).stderr
        expect("policyd.socket_group: there is no group" in refused, refused)
        del daemon.config["policyd"]["socket_group"]
        daemon.configure()
        daemon.command("cache", "refresh", DOMAIN, *config)
        expect(client.ask(DOMAIN) == SECURE, "the connection from before")

    with lab.step(f"{IDLE} idle clients, one that stops in the middle, one that never reads: nobody else waits"):
        idle = [Client() for _ in range(IDLE)]
        wait_for(lambda: metrics()["postseal_policyd_connections"] >= IDLE, "all are connected")
        half = Client()
        half.conn.sendall(b"18:QUERY kest")
        deaf = Client()
        deaf.conn.setblocking(False)
        request = b"18:QUERY kestrel.test," * 1000
        try:
            while True:
                deaf.conn.send(request)
        except BlockingIOError:
            pass  # its replies fill every buffer: it is not read from any longer
        begin = time.monotonic()
        for one in (idle[0], idle[-1], Client()):
            expect(one.ask(DOMAIN) == SECURE, "answered")
        expect(time.monotonic() - begin < 5 * PATIENCE, f"it took {time.monotonic() - begin:.1f} s")
        half.conn.sendall(b"rel.test,")
        half.conn.settimeout(30 * PATIENCE)
        expect(half.conn.recv(100).startswith(b"5"), "the slow one gets its answer as well")
        for one in (*idle, half, deaf):
            one.conn.close()
    daemon.stop()

    with lab.step("systemd: readiness, watchdog, and a socket that was opened before the start"):
        notices = lab.place("systemd") / "notify"
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        listener.bind(str(notices))
        listener.settimeout(60 * PATIENCE)
        by_systemd = Daemon(lab, "activated", [
            "systemd-socket-activate", "-l", "127.0.0.1:8461", "--fdname", "postseal-policyd.socket",
            "-E", f"NOTIFY_SOCKET={notices}", "-E", "WATCHDOG_USEC=900000",
            lab.binary, "policyd", "--config", daemon.config_file]).start()
        client = wait_for(Client, "systemd's socket", ignore=(OSError,))
        client.send(DOMAIN)  # waits in the socket while the daemon starts
        seen = set()
        while seen < {"READY=1", "WATCHDOG=1"}:
            seen.update(listener.recv(4096).decode().splitlines())
        request, _, _ = client.conn.recv(100).partition(b",")
        expect(request.endswith(SECURE.encode()), f"{request}")
        expect(Client(path=unix).ask(DOMAIN) == SECURE, "the listeners of the configuration are there beside systemd's")
        expect(metrics()["postseal_policyd_hits_total"] >= 1, "so is [metrics]")
        expect(by_systemd.stop() == 0, "it ends")

    with lab.step("the configurations of the daemons that it replaces are read"):
        old = lab.artefacts / "tlspol.yaml"
        old.write_text("server:\n  address: 127.0.0.1:8642\n  prefetch: true\ndns:\n  address: 127.0.0.53:53\n")
        done = daemon.command("policyd", "--import-config", old)
        expect(f"{old}:2: server.address: mapped to policyd.listen" in done.stderr and
               f"{old}:3: server.prefetch: not mapped" in done.stderr, done.stderr)
        new = lab.artefacts / "imported.toml"
        new.write_text(done.stdout)
        daemon.command("policyd", "--config", new, "--check-config")
