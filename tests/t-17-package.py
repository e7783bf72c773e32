"""The Debian package in a clean Debian: installed, upgraded under a known policy, removed and purged.

In most steps no systemd runs in the folder, so what the maintainer scripts ask of it is recorded, not done; the daemon is started as
the unit starts it: the same command, the user postseal. At last a second machine is booted with Debian's systemd: the unit in its
sandbox, a reload, a crash, the sockets, an upgrade. Played with the release build, because that is what is packaged.
"""

import hashlib
import os
import re
import shutil
import socket
import threading
from pathlib import Path

from lab.dns_tap import SILENT
from lab.package import CONFIG, CleanMachine, build, enforced
from lab.process import Daemon, run
from lab.scene import PATIENCE, expect, wait_for
from lab.systemd import Booted

LIMIT_S = 300
NEEDS = ("package",)

UNIT, SOCKETS = "postseal-policyd.service", "postseal-policyd.socket"
CHROOT_SOCKET = "var/spool/postfix/postseal/policyd.sock"
ENABLED = "etc/systemd/system/multi-user.target.wants/postseal-policyd.service"
DOMAIN, MX, POLICY_HOST = "kestrel.test", "127.0.0.20", "127.0.0.30"
SECURE = f"OK secure match=mx.{DOMAIN} servername=hostname"
SYSTEMD_ASKED = """#!/bin/sh
echo "${0##*/} $*" >>/systemd-was-asked
case "$*" in
    *is-active*) exit 3 ;;
    *preset*) SYSTEMD_OFFLINE=1 exec /usr/bin/systemctl.real "$@" ;; # what it only does to files it does
esac
"""


def ask(key: str, path: Path = None) -> str:
    with socket.socket(socket.AF_UNIX if path else socket.AF_INET) as conn:
        conn.settimeout(60 * PATIENCE)
        conn.connect(str(path) if path else ("127.0.0.1", 8461))
        conn.sendall(b"%d:QUERY %s," % (len(key) + 6, key.encode()))
        return conn.recv(1000).decode().partition(":")[2].rstrip(",")


class Machine(CleanMachine):
    """A clean Debian with Postfix, of the release that the package was made on; who would ask systemd writes down what was asked."""

    def __init__(self, lab):
        super().__init__(lab, "machine", "postfix", SYSTEMD_ASKED)
        self.asked_file = self.root / "systemd-was-asked"

    def as_postseal(self, *argv) -> list:
        return ["chroot", self.root, "setpriv", "--reuid=postseal", "--regid=postseal", "--clear-groups", "--no-new-privs",
                "--bounding-set=-all", *argv]

    def asked(self) -> list:
        """What the maintainer scripts asked of systemd since the last time."""
        lines = self.asked_file.read_text().splitlines() if self.asked_file.exists() else []
        self.asked_file.unlink(missing_ok=True)
        return lines

    def install(self, package: Path):
        shutil.copy(package, self.root / "tmp")
        return self.run("dpkg", "--install", f"/tmp/{package.name}")

    def owner(self, path: str) -> tuple:
        """(user, group, mode) as the machine's own /etc/passwd says."""
        return tuple(self.run("stat", "--format=%U %G %a", path).stdout.split())

    def start(self) -> Daemon:
        """As the unit does."""
        unit = next(self.root.glob("lib/systemd/system/postseal-policyd.service")).read_text()
        command = re.search(r"^ExecStart=(.*)$", unit, re.M).group(1).split()
        daemon = Daemon(self.lab, "postseal", self.as_postseal(*command), stdout_name="postseal-stdout")
        mark = daemon.stdout.mark()
        daemon.start()
        daemon.stdout.wait("^ready$", after=mark, alive=daemon.alive, within_s=60)
        return daemon


def play(lab):
    with lab.step("the package is made; the same source and program make the same bytes"):
        old, new = build(lab, version="0.1.0~1"), build(lab, version="0.1.0~2")
        again = build(lab, "elsewhere", "0.1.0~2")
        expect(len({hashlib.sha256(file.read_bytes()).digest() for file in (new, again)}) == 1, "reproducible")
        fields = run(["dpkg-deb", "--field", new]).stdout
        expect(re.search(r"^Version: 0\.1\.0~2$", fields, re.M) and re.search(r"^Depends: .*libssl3.*ca-certificates.*dns-root-data", fields, re.M), fields)

    machine = Machine(lab)
    root = machine.root

    with lab.step("installed: program, configuration, user, state, unit, manual"):
        machine.install(old)
        expect(machine.run("postseal", "--version").stdout.startswith("postseal 0.1.0"), "--version")
        expect(machine.owner("/var/lib/postseal") == ("postseal", "postseal", "700"), f"{machine.owner('/var/lib/postseal')}")
        expect(machine.owner(CONFIG) == ("root", "root", "644") and
               CONFIG in machine.run("dpkg-query", "--show", "--showformat=${Conffiles}", "postseal").stdout, "a conffile of root's")
        user = machine.run("getent", "passwd", "postseal").stdout.strip().split(":")
        expect(int(user[2]) < 1000 and user[5:] == ["/var/lib/postseal", "/usr/sbin/nologin"], f"{user}")
        expect((root / ENABLED).is_symlink(), "starts at boot")
        expect(not list(root.glob("etc/systemd/system/sockets.target.wants/postseal*")), "sockets are the operator's to enable")
        for file in ("man/man1/postseal.1.gz", "doc/postseal/copyright", "doc/postseal/changelog.gz", "doc/postseal/docs/postfix.md",
                     "doc/postseal/exim/routers", "doc/postseal/grafana/postseal-policyd.json", "postseal/exim/main"):
            path = root / "usr/share" / file
            # The links in it are relative, so that they lead to the same place from outside.
            expect(path.is_file() and path.stat().st_size > 0, f"{file} is there")
        asked = machine.asked()
        expect("deb-systemd-invoke start postseal-policyd.service" in asked, f"started: {asked}")

    with lab.step("its units are sound, sandboxed, and start what is installed"):
        units = sorted(f"/lib/systemd/system/{path.name}" for path in root.glob("lib/systemd/system/postseal*"))
        expect(len(units) >= 2, f"{units}")
        # The manual is read by man, which a clean machine need not have.
        said = machine.run("systemd-analyze", "verify", "--man=no", *units)
        expect("postseal" not in said.stderr, said.stderr)
        services = [unit for unit in units if unit.endswith(".service")]
        machine.run("systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager", *services)

    with lab.step("the configuration that comes with it is right, and so is every line that it leaves out"):
        for verb in ("policyd", "serve"):
            run(machine.as_postseal("postseal", verb, "--config", CONFIG, "--check-config"))
        shipped = (root / CONFIG[1:]).read_text()
        everything = re.sub(r"^#(?=\S)", "", shipped, flags=re.M)
        expect(everything.count("\n[") > shipped.count("\n[") + 3, "sections are left out")
        (root / "tmp/everything.toml").write_text(everything)
        done = run(machine.as_postseal("postseal", "policyd", "--config", "/tmp/everything.toml", "--check-config"), ok=None)
        expect(done.returncode == 0, f"{done.stdout}{done.stderr}")

    with lab.step("started as the unit starts it, it answers Postfix's and Exim's question"):
        daemon = machine.start()
        expect(ask("[192.0.2.1]") == "NOTFOUND ", "an address has no policy")
        found = machine.run("postmap", "-q", "[192.0.2.1]", "socketmap:inet:127.0.0.1:8461:QUERY", ok=(1,))
        expect(found.stdout + found.stderr == "", f"Postfix's own question: {found.stderr}")
        with socket.create_connection(("127.0.0.1", 8462), 60 * PATIENCE) as conn:
            conn.sendall(b"GET [192.0.2.1]\n")
            expect(conn.recv(1000).startswith(b"level=none"), "Exim's question")
        expect(daemon.stop() == 0, "it ends")
        expect(machine.owner("/var/lib/postseal/master.key") == ("postseal", "postseal", "600"), "its keys are its own")

    # From here on the machine is in the lab's internet: as an operator does, the configuration is changed.
    ca, internet, policies = enforced(lab, DOMAIN, MX, POLICY_HOST, tapped=True)
    machine.join(internet, ca)
    machine.allow_lab_addresses()
    edited = (root / CONFIG[1:]).read_text()

    with lab.step("upgraded: restarted, the operator's configuration kept, the known policy as well, with its DNS and policy host dead"):
        daemon = machine.start()
        expect(ask(DOMAIN) == SECURE, f"the policy is fetched: {ask(DOMAIN)}")
        machine.asked()
        # A unit that the operator has switched off stays off.
        machine.run("env", "SYSTEMD_OFFLINE=1", "systemctl.real", "disable", "postseal-policyd.service")
        machine.install(new)
        expect(machine.run("dpkg-query", "--show", "--showformat=${Version} ${db:Status-Status}", "postseal").stdout == "0.1.0~2 installed", "upgraded")
        asked = machine.asked()
        expect("deb-systemd-invoke restart postseal-policyd.service" in asked and not any(" stop " in line for line in asked),
               f"restarted, and running until then: {asked}")
        expect((root / CONFIG[1:]).read_text() == edited, "the configuration is kept")
        expect(not (root / ENABLED).is_symlink(), "what was disabled is not enabled")
        expect(daemon.stop() == 0, "the old one ends")
        policies.way = "reset"
        for name in (DOMAIN, f"_mta-sts.{DOMAIN}", f"mta-sts.{DOMAIN}", f"mx.{DOMAIN}"):
            internet.tap.faults[name] = SILENT
        daemon = machine.start()
        expect(ask(DOMAIN) == SECURE, "the enforced policy holds")
        daemon.stop()

    with lab.step("removed: stopped, and nothing lost"):
        machine.run("dpkg", "--remove", "postseal")
        asked = machine.asked()
        stops = [line for line in asked if " stop postseal-" in line]
        expect(stops[0].endswith(".socket") and stops[-1].endswith(".service"), f"stopped, sockets first: {asked}")
        expect(not (root / "usr/bin/postseal").exists() and not list(root.glob("lib/systemd/system/postseal*")), "the program has gone")
        expect((root / CONFIG[1:]).read_text() == edited and (root / "var/lib/postseal/postseal.db").exists(), "configuration and state stay")

    with lab.step("installed again: it knows what it knew"):
        machine.install(new)
        daemon = machine.start()
        expect(ask(DOMAIN) == SECURE, "the enforced policy holds")
        daemon.stop()

    with lab.step("purged: configuration and state have gone, the system user stays"):
        machine.run("dpkg", "--purge", "postseal")
        left = [str(path) for folder in ("etc", "usr", "var/lib", "lib/systemd") for path in (root / folder).rglob("*postseal*")]
        left = [path for path in left if "/var/lib/dpkg/" not in path and "/usr/share/dns" not in path]
        expect(not left, f"left behind: {left}")
        machine.run("getent", "passwd", "postseal")
        expect(os.listdir(root / "var/lib/dpkg/info") and
               not [name for name in os.listdir(root / "var/lib/dpkg/info") if name.startswith("postseal")], "dpkg has forgotten it")

    for name in list(internet.tap.faults):
        del internet.tap.faults[name]
    policies.way = "open"
    under_systemd(lab, internet, ca, new)


class Asking:
    """Asks again and again, on a connection of its own each time, as a busy mail server's processes do; and, as Postfix does, once
    more where a connection ends without a reply."""

    def __init__(self, key: str):
        self.key = key
        self.replies = []
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._ask)

    def _ask(self):
        while not self._done.is_set():
            try:
                self.replies.append(ask(self.key) or ask(self.key))
            except ConnectionResetError:
                self.replies.append(ask(self.key))
            except OSError as error:
                self.replies.append(repr(error))

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._done.set()
        self._thread.join()


def under_systemd(lab, internet, ca, package: Path):
    machine = CleanMachine(lab, "booted", "postfix")
    machine.join(internet, ca)
    (machine.root / "etc/systemd/system/multi-user.target.wants/postfix.service").unlink()  # it has no configuration here
    shutil.copy(package, machine.root / "root")
    (machine.root / "root" / package.name).rename(machine.root / "root/postseal.deb")
    booted = Booted(lab, machine.root)

    def pid() -> str:
        return booted.show(UNIT, "MainPID")

    with lab.step("systemd runs; installing starts the unit, as the user postseal, in the sandbox that it asks for"):
        booted.run("dpkg", "--install", "/root/postseal.deb")
        expect(booted.run("systemctl", "is-active", UNIT, ok=None).stdout == "active\n", booted.journal(UNIT))
        expect(booted.run("systemctl", "is-enabled", UNIT).stdout == "enabled\n", "it will be started at boot")
        machine.allow_lab_addresses()
        booted.run("systemctl", "restart", UNIT)
        expect(ask(DOMAIN) == SECURE, "it answers")
        status = booted.run("cat", f"/proc/{pid()}/status").stdout
        for line in ("NoNewPrivs:\t1", "Seccomp:\t2", "CapEff:\t0000000000000000", "CapBnd:\t0000000000000000"):
            expect(line in status, f"{line}: {status}")
        expect(booted.run("stat", "--format=%U %G", f"/proc/{pid()}").stdout == "postseal postseal\n", "user and group")
        mounts = [line.split() for line in booted.run("cat", f"/proc/{pid()}/mounts").stdout.splitlines()]
        options = {target: options.split(",") for _, target, _, options, *_ in mounts}
        expect("ro" in options["/"] and "rw" in options["/var/lib/postseal"], f"{options}")
        expect(booted.show(UNIT, "NRestarts") == "0", "no crash on the way")

    with lab.step("systemctl reload is SIGHUP; a crash is a restart that knows what was known"):
        before = pid()
        booted.run("systemctl", "reload", UNIT)
        wait_for(lambda: "the configuration was reloaded" in booted.journal(UNIT), "the reload")
        expect(pid() == before and ask(DOMAIN) == SECURE, "the same process")
        internet.tap.faults[f"mta-sts.{DOMAIN}"] = internet.tap.faults[f"_mta-sts.{DOMAIN}"] = SILENT
        booted.run("systemctl", "kill", "--signal=KILL", "--kill-whom=main", UNIT)
        wait_for(lambda: booted.show(UNIT, "NRestarts") == "1" and booted.show(UNIT, "ActiveState") == "active", "it is started again", 60, 0.2)
        expect(pid() not in ("0", before) and ask(DOMAIN) == SECURE, "the enforced policy holds")

    with lab.step("systemd's sockets, as the guide opens them: no lookup fails while the daemon restarts, or is upgraded"):
        booted.run("systemctl", "stop", UNIT)
        booted.run("systemctl", "enable", "--now", SOCKETS)
        booted.run("systemctl", "start", UNIT)
        at_chroot = machine.root / CHROOT_SOCKET
        expect(machine.run("stat", "--format=%G %a", f"/{CHROOT_SOCKET}").stdout == "postfix 660\n", "Postfix's own")
        expect(ask(DOMAIN, at_chroot) == SECURE, "from Postfix's chroot")
        with Asking(DOMAIN) as asking:
            for argv in (["systemctl", "restart", UNIT], ["dpkg", "--install", "/root/postseal.deb"]):
                before, count = pid(), len(asking.replies)
                booted.run(*argv)
                expect(pid() not in ("0", before), f"{argv}: another process")
                wait_for(lambda count=count: len(asking.replies) > count + 5, "replies of the new one")
        expect(set(asking.replies) == {SECURE}, f"{len(asking.replies)} replies: {set(asking.replies)}")

    with lab.step("removing stops the sockets and the service; nothing has failed"):
        booted.run("dpkg", "--remove", "postseal")
        for unit in (SOCKETS, UNIT):
            state = booted.run("systemctl", "is-active", unit, ok=None).stdout
            expect(state == "inactive\n", f"{unit}: {state}{booted.journal(unit)[-600:]}")
        failed = booted.run("systemctl", "list-units", "--failed", "--plain", "--no-legend", "postseal*").stdout
        expect(failed == "", failed)
        booted.stop()
