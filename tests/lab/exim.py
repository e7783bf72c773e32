"""Exim of Debian 12 as its operators run it: Debian's own configuration, made by update-exim4.conf, in a root folder of its
own. It sends only; the fragments of packaging/exim make it ask policyd."""

import os
import re
import shutil
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .debian import DEBIAN_12_EXIM
from .postfix import Delivery
from .process import Daemon, run
from .scene import wait_for
from .smtp import hand_in

FRAGMENTS = Path(__file__).resolve().parents[2] / "packaging/exim"
# Where each fragment goes: in the split configuration a file; in the unsplit one a place in the template, after a part of it.
SPLIT = {"main": "main/04_postseal", "acl": "acl/05_postseal", "routers": "router/190_postseal", "transport": "transport/30_postseal"}
UNSPLIT = {"main": "main/90_exim4-config_log_selector", "acl": "acl/00_exim4-config_header",
           "routers": "router/150_exim4-config_hubbed_hosts",
           "transport": "transport/30_exim4-config_remote_smtp"}
REMOTE_SMTP = "transport/30_exim4-config_remote_smtp"
# docs/exim.md: Debian's own transport tells of its sessions, too.
TELLS = r"/^remote_smtp:/,/driver/ s/^  driver = smtp$/&\n.ifdef POSTSEAL_SESSIONS\n  event_action = POSTSEAL_SESSIONS\n  multi_domain = false\n.endif/"


class Exim:
    """One instance on one address. `macros` are of its configuration, as in Debian's 000_localmacros."""

    def __init__(self, lab, name: str, address: str, hostname: str, split: bool = True, postseal: bool = True,
                 queue_only: bool = False, **macros):
        self.lab = lab
        self.name = name
        self.address = address
        self.hostname = hostname
        self.split = split
        self.postseal = postseal
        self.queue_only = queue_only  # letters are not tried before `try_all`
        self.root = DEBIAN_12_EXIM.overlay(lab.place(name))
        (self.root / "run/lab").mkdir(parents=True, exist_ok=True)
        run(["mount", "--rbind", "/run/lab", self.root / "run/lab"])
        for file in ("resolv.conf", "hosts"):
            shutil.copy(f"/etc/{file}", self.root / "etc" / file)
        logs = lab.artefacts / f"{name}-log"
        logs.mkdir()
        uid, gid = map(int, re.search(r"^Debian-exim:[^:]*:(\d+):(\d+):", (self.root / "etc/passwd").read_text(), re.M).groups())
        os.chown(logs, uid, gid)
        self.log = lab.log(f"{name}-log/main")
        self.macros = {
            "MAIN_HARDCODE_PRIMARY_HOSTNAME": hostname,
            "MAIN_HOST_LOOKUP": ":",
            "REMOTE_SMTP_INTERFACE": address,
            "REMOTE_SMTP_HELO_DATA": hostname,
            "POSTSEAL_NO_HOSTS": "0.0.0.0",  # in the lab every address is of 127/8
            "ROUTER_DNSLOOKUP_IGNORE_TARGET_HOSTS": "0.0.0.0",
        }
        self.macros.update(macros)
        self._daemon = None

    def command(self, *argv) -> list:
        return ["chroot", self.root, *argv]

    def version(self) -> str:
        return re.search(r"Exim version (\S+)", run(self.command("exim4", "-bV")).stdout).group(1)

    def configure(self, **macros):
        """As docs/exim.md tells it. A macro that is set to None is not defined."""
        self.macros.update(macros)
        etc = self.root / "etc/exim4"
        (etc / "update-exim4.conf.conf").write_text(
            f"dc_eximconfig_configtype='internet'\ndc_other_hostnames=''\ndc_local_interfaces='{self.address}'\n"
            f"dc_readhost=''\ndc_relay_domains=''\ndc_minimaldns='false'\ndc_relay_nets='127.0.0.0/8'\ndc_smarthost=''\n"
            f"CFILEMODE='644'\ndc_use_split_config='{'true' if self.split else 'false'}'\ndc_hide_mailname=''\n"
            f"dc_mailname_in_oh='true'\ndc_localdelivery='mail_spool'\n")
        (self.root / "etc/mailname").write_text(self.hostname + "\n")
        local = "".join(f"{key} = {value}\n" for key, value in self.macros.items() if value is not None)
        # A scene hands in many letters in one session and wants each tried at once.
        local += (f"log_file_path = {self.log.path.parent}/%s.log\ntls_advertise_hosts =\n"
                  "smtp_accept_queue_per_connection = 0\nsmtp_accept_max = 200\n")
        if self.queue_only:
            local += "queue_only = true\n"
        (etc / ("conf.d/main/000_localmacros" if self.split else "exim4.conf.localmacros")).write_text(local)
        if self.split:
            if "POSTSEAL_SESSIONS" not in (etc / "conf.d" / REMOTE_SMTP).read_text():
                run(["sed", "-i", TELLS, etc / "conf.d" / REMOTE_SMTP])
            for fragment, place in SPLIT.items():
                target = etc / "conf.d" / place
                target.unlink(missing_ok=True)
                if self.postseal:
                    shutil.copy(FRAGMENTS / fragment, target)
        else:
            template = etc / "exim4.conf.template"
            original = etc / "exim4.conf.template.debian"
            if not original.exists():
                shutil.copy(template, original)
            shutil.copy(original, template)
            if self.postseal:
                run(["sed", "-i", TELLS, template])
                for fragment, part in UNSPLIT.items():
                    shutil.copy(FRAGMENTS / fragment, etc / f"postseal-{fragment}")
                    run(["sed", "-i", f"\\|^### end {part}$|a .include /etc/exim4/postseal-{fragment}", template])
        run(self.command("update-exim4.conf"))
        shutil.copy(self.root / "var/lib/exim4/config.autogenerated", self.lab.artefacts / f"{self.name}.conf")

    def start(self):
        self.configure()
        mark = self.log.mark()
        self._daemon = Daemon(self.lab, self.name, self.command("exim4", "-bdf")).start()
        self.log.wait("daemon started", after=mark, alive=self._daemon.alive)
        return self

    def reload(self, **macros):
        mark = self.log.mark()
        self.configure(**macros)
        self._daemon.process.send_signal(signal.SIGHUP)
        self.log.wait("daemon started", after=mark, alive=self._daemon.alive)

    def stop(self):
        self._daemon.stop()

    def rotate_log(self, old: Path):
        """As logrotate does it: the log is renamed. Exim opens one of that name with its next line."""
        self.log.path.rename(old)

    # Sending

    def send(self, sender: str, recipient: str, text: str) -> str:
        """Hands in a message by SMTP; returns its queue id."""
        return self.send_all(sender, [(recipient, text)])[0]

    def send_all(self, sender: str, letters: list) -> list:
        """Hands in a message for each (recipient, text), in one session; returns their queue ids."""
        if not self.queue_only:
            self._forget_hosts()
        return hand_in(self.address, sender, letters, rb"id=(\S+)")

    def _forget_hosts(self):
        """Exim remembers hosts that failed and keeps new letters from them for a while; a scene asks for each attempt."""
        for hints in (self.root / "var/spool/exim4/db").glob("*"):
            hints.unlink(missing_ok=True)

    def attempts(self, queue_id: str) -> list:
        """What came of a message so far, oldest first."""
        return self.history().get(queue_id, [])

    def history(self) -> dict:
        """Queue id → what came of that message so far, oldest first. A message has one recipient here."""
        found = {}
        for line in self.log.text().splitlines():
            done = re.match(r"\S+ \S+ (?P<id>\w{6}-\w{6}-\w\w) (?P<what>=>|==|\*\*) (?P<rest>.*)", line)
            if not done:
                continue
            rest = done["rest"]
            host = re.search(r" H=(\S+ \[[^]]+\])", rest)
            verified = re.search(r" CV=(yes|dane)", rest)
            tls = re.search(r" X=(\S+)", rest)
            status = {"=>": "sent", "==": "deferred", "**": "bounced"}[done["what"]]
            if status == "sent":
                reply = re.search(r' C="(.*)"', rest).group(1)
            else:
                reply = re.sub(r"^.*? (defer \(-?\d+\):? ?|: )", "", rest, count=1)
            word = "Verified" if verified else "Untrusted"
            found.setdefault(done["id"], []).append(Delivery(
                status, host.group(1) if host else "none", reply,
                f"{word} TLS connection established to {host.group(1)}: {tls.group(1)}" if tls and host else ""))
        return found

    def outcome(self, queue_id: str, attempt: int = 1, within_s: float = 60) -> Delivery:
        """Waits for the end of the attempt with that number."""
        return wait_for(lambda: self.attempts(queue_id)[attempt - 1:],
                        f"delivery attempt {attempt} of {queue_id} in {self.name}'s log", within_s)[0]

    def retry(self, queue_id: str) -> Delivery:
        """One more attempt for a deferred message, now."""
        before = len(self.attempts(queue_id))
        run(self.command("exim4", "-M", queue_id))
        return self.outcome(queue_id, before + 1)

    def try_all(self, queue_ids: list, at_once: int = 8):
        """One attempt for each of these messages, now, whatever Exim remembers of their hosts; returns when all have ended."""
        with ThreadPoolExecutor(at_once) as pool:
            list(pool.map(lambda queue_id: run(self.command("exim4", "-M", queue_id), within_s=180), queue_ids))

    def flush(self):
        """One more attempt for everything that waits; returns when all have ended."""
        run(self.command("exim4", "-qff"), within_s=120)

    def queue(self) -> dict:
        """Queue id → why it is still here."""
        ids = re.findall(r"^ *\d+\w +\S+ +(\w{6}-\w{6}-\w\w) ", run(self.command("exim4", "-bp")).stdout, re.M)
        history = self.history()
        return {queue_id: history[queue_id][-1].reply if queue_id in history else "" for queue_id in ids}

    def delete(self, queue_id: str):
        run(self.command("exim4", "-Mrm", queue_id))

    def route(self, recipient: str) -> str:
        """What `exim4 -bt` says: the routers and hosts that a letter would take."""
        return run(self.command("exim4", "-bt", recipient), ok=(0, 1, 2)).stdout
