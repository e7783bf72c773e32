"""Postfix as its operators run it, several instances side by side: Debian 12's own, or Debian 13's in its folder.

The machine's own instance is never touched: /etc/postfix is covered inside the scene's mount namespace.
"""

import base64
import email
import json
import os
import re
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path

from .ca import Certificate
from .debian import DEBIAN_13
from .process import run
from .scene import Log, wait_for
from .servers import Listener
from .smtp import hand_in

MASTER_CF = """\
smtp       inet n - n - - smtpd
pickup     unix n - n 60 1 pickup
cleanup    unix n - n - 0 cleanup
qmgr       unix n - n 300 1 qmgr
tlsmgr     unix - - n 1000? 1 tlsmgr
rewrite    unix - - n - - trivial-rewrite
bounce     unix - - n - 0 bounce
defer      unix - - n - 0 bounce
trace      unix - - n - 0 bounce
verify     unix - - n - 1 verify
flush      unix n - n 1000? 0 flush
proxymap   unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp       unix - - n - - smtp
relay      unix - - n - - smtp
lmtp       unix - - n - - lmtp
showq      unix n - n - - showq
error      unix - - n - - error
retry      unix - - n - - error
discard    unix - - n - - discard
virtual    unix - n n - - virtual
anvil      unix - - n - 1 anvil
scache     unix - - n - 1 scache
postlog    unix-dgram n - n - 1 postlogd
"""
# RFC 8314 §3.3, and port 587: who has logged in may send.
SUBMISSION_CF = """\
{port} inet n - n - - smtpd
    -o {tls}
    -o smtpd_sasl_auth_enable=yes
    -o smtpd_sasl_type=dovecot
    -o smtpd_sasl_path=inet:{sasl}
    -o smtpd_relay_restrictions=permit_sasl_authenticated,reject
    -o {{ smtpd_recipient_restrictions = }}
    -o {{ smtpd_tls_chain_files = {key}, {chain} }}
"""


@dataclass(frozen=True)
class Delivery:
    """One delivery attempt as the mail log tells it."""
    status: str        # sent, deferred, bounced
    relay: str         # host[address]:port, or none
    reply: str         # the parenthesis at the end of the line
    tls: str           # "Verified TLS connection established to …" of the same smtp process, or ""


class Passwords(Listener):
    """The server's end of Dovecot's authentication protocol, which Postfix asks about passwords: user → password."""

    def __init__(self, lab, address: str, port: int, passwords: dict):
        self.at = f"{address}:{port}"
        self.passwords = passwords
        super().__init__(lab, address, port)

    def serve(self, conn):
        conn.sendall(f"VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nSPID\t1\nCUID\t1\nCOOKIE\t{'0' * 32}\nDONE\n".encode())
        for line in conn.makefile("r"):
            verb, *fields = line.rstrip("\n").split("\t")
            if verb == "AUTH":
                reply = next(field for field in fields if field.startswith("resp="))[5:]
                _, user, password = base64.b64decode(reply).decode().split("\0")
                good = self.passwords.get(user) == password
                conn.sendall((f"OK\t{fields[0]}\tuser={user}\n" if good else f"FAIL\t{fields[0]}\tuser={user}\n").encode())


class System:
    """The installation whose programs run: this machine's (root None) or a chroot."""

    def __init__(self, lab, root: Path = None):
        self.lab = lab
        self.root = root
        self.instances = []
        etc = lab.place("postfix-etc" + ("-13" if root else ""))
        source = (root or Path("/")) / "etc/postfix"
        if not root:  # the chroot is an overlay of the scene already
            for entry in source.iterdir():
                if entry.name not in ("main.cf", "master.cf"):
                    (shutil.copytree if entry.is_dir() else shutil.copy)(entry, etc / entry.name)
            run(["mount", "--bind", etc, source])
        self._main_cf = source / "main.cf"
        (source / "master.cf").write_text(MASTER_CF)
        if root:
            (root / "run/lab").mkdir(parents=True, exist_ok=True)
            run(["mount", "--rbind", "/run/lab", root / "run/lab"])
            shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")
            shutil.copy("/etc/hosts", root / "etc/hosts")

    @classmethod
    def debian12(cls, lab):
        return cls(lab)

    @classmethod
    def debian13(cls, lab):
        return cls(lab, DEBIAN_13.overlay(lab.place("debian13")))

    def register(self, config_dir: Path):
        self.instances.append(str(config_dir))
        self._main_cf.write_text(f"compatibility_level = 3.6\nalternate_config_directories = {', '.join(self.instances)}\n")

    def command(self, *argv) -> list:
        return [*(["chroot", self.root] if self.root else []), *argv]

    def version(self) -> str:
        return run(self.command("postconf", "-dh", "mail_version")).stdout.strip()


class Postfix:
    """One instance on one address."""

    def __init__(self, lab, system: System, name: str, address: str, hostname: str, **settings):
        self.lab = lab
        self.system = system
        self.name = name
        self.address = address
        self.dir = lab.place(name)
        self.config = self.dir / "etc"
        self.queue_dir = self.dir / "queue"
        self.mail_dir = self.dir / "mail"
        self.log = lab.log(name)
        for path in (self.config, self.queue_dir, self.dir / "data", self.mail_dir):
            path.mkdir()
        shutil.chown(self.dir / "data", self._uid("postfix"))
        os.chown(self.mail_dir, 65534, 65534)
        self.settings = {
            "compatibility_level": "3.6",
            "queue_directory": self.queue_dir,
            "data_directory": self.dir / "data",
            "maillog_file": self.log.path,
            "maillog_file_prefixes": "/run/lab",
            "myhostname": hostname,
            "inet_interfaces": address,
            "inet_protocols": "ipv4",
            "smtp_bind_address": address,
            "mydestination": "",
            "mynetworks": "127.0.0.0/8",
            "smtp_host_lookup": "dns",
            "smtp_dns_support_level": "dnssec",
            "smtp_tls_loglevel": "1",
            "smtpd_tls_loglevel": "1",
            "smtpd_tls_received_header": "yes",
            "smtpd_peername_lookup": "no",
            "minimal_backoff_time": "600s",  # a scene asks for the next attempt itself
            "smtp_tls_session_cache_database": "",
        }
        self.settings.update(settings)
        self.services = MASTER_CF
        system.register(self.config)

    def _uid(self, user: str) -> int:
        passwd = ((self.system.root or Path("/")) / "etc/passwd").read_text()
        return int(re.search(rf"^{user}:[^:]*:(\d+):", passwd, re.M).group(1))

    def configure(self, **settings):
        """Sets parameters; a running instance reads them again."""
        self.settings.update(settings)
        text = "".join(f"{key} = {value}\n" for key, value in self.settings.items())
        (self.config / "main.cf").write_text(text)
        (self.lab.artefacts / f"{self.name}-main.cf").write_text(text)
        (self.config / "master.cf").write_text(self.services)

    def reload(self, **settings):
        mark = self.log.mark()
        self.configure(**settings)
        self._postfix("reload")
        self.log.wait("reload -- version", after=mark)

    def rotate_log(self, old: Path):
        """As logrotate does it: the log is renamed, and Postfix told to open a new one. What it says of that is in the old one."""
        self.log.path.rename(old)
        self._postfix("reload")
        Log(old).wait("reload -- version")

    def start(self):
        self.configure()
        self._postfix("start")
        self.lab.at_end(f"{self.name} stops", self.stop)
        self.log.wait("daemon started")
        return self

    def stop(self):
        self._postfix("stop")

    def _postfix(self, verb: str):
        # On a terminal (script makes one) Postfix says on it why it refuses; else only to a syslog that nobody runs here.
        words = shlex.join(str(word) for word in self.system.command("postfix", "-c", self.config, verb))
        run(["script", "-qec", words, "/dev/null"])

    # Sending

    def send(self, sender: str, recipient: str, text: str) -> str:
        """Hands in a message by SMTP; returns its queue id."""
        return self.send_all(sender, [(recipient, text)])[0]

    def send_all(self, sender: str, letters: list) -> list:
        """Hands in a message for each (recipient, text), in one session; returns their queue ids."""
        return hand_in(self.address, sender, letters, rb"queued as (\w+)")

    def attempts(self, queue_id: str) -> list:
        """What came of a message so far, oldest first."""
        return self.history().get(queue_id, [])

    def history(self) -> dict:
        """Queue id → what came of that message so far, oldest first."""
        found = {}
        handshake = {}  # smtp process → its last handshake, until the delivery that it was for is logged
        for line in self.log.text().splitlines():
            process, _, said = line.partition("]: ")
            if re.match(r"\w+ TLS connection established to ", said):
                handshake[process.rpartition("[")[2]] = said
            elif done := re.match(r"(\w+): to=<.* relay=(\S+),.* status=(\w+) \((.*)\)$", said):
                tls = handshake.pop(process.rpartition("[")[2], "")
                found.setdefault(done.group(1), []).append(Delivery(done.group(3), done.group(2), done.group(4), tls))
        return found

    def outcome(self, queue_id: str, attempt: int = 1, within_s: float = 60) -> Delivery:
        """Waits for the end of the attempt with that number."""
        return wait_for(lambda: self.attempts(queue_id)[attempt - 1:],
                        f"delivery attempt {attempt} of {queue_id} in {self.name}.log", within_s)[0]

    def retry(self, queue_id: str) -> Delivery:
        """One more attempt for a deferred message, now."""
        before = len(self.attempts(queue_id))
        run(self.system.command("postqueue", "-c", self.config, "-i", queue_id))
        return self.outcome(queue_id, before + 1)

    def flush(self):
        """One more attempt for everything that waits."""
        run(self.system.command("postqueue", "-c", self.config, "-f"))

    def queue(self) -> dict:
        """Queue id → why it is still here."""
        out = run(self.system.command("postqueue", "-c", self.config, "-j")).stdout
        entries = [json.loads(line) for line in out.splitlines()]
        return {entry["queue_id"]: entry["recipients"][0].get("delay_reason", "") for entry in entries}

    def delete(self, queue_id: str):
        run(self.system.command("postsuper", "-c", self.config, "-d", queue_id))

    # Receiving

    def receives(self, domains: list, certificate: Certificate):
        """Before the start: be the MX of `domains`, delivering everything into one maildir."""
        self.settings.update({
            "virtual_mailbox_domains": " ".join(domains), "virtual_mailbox_maps": "static:all/",
            "virtual_mailbox_base": self.mail_dir, "virtual_uid_maps": "static:65534", "virtual_gid_maps": "static:65534",
            "smtpd_tls_security_level": "may", **self.shows(certificate),
        })
        return self

    def takes_submissions(self, certificate: Certificate, passwords: Passwords):
        """Before the start: ports 465 and 587, for those that have a password."""
        for port, tls in ((465, "smtpd_tls_wrappermode=yes"), (587, "smtpd_tls_security_level=encrypt")):
            self.services += SUBMISSION_CF.format(port=port, tls=tls, sasl=passwords.at, key=certificate.key, chain=certificate.chain)
        return self

    @staticmethod
    def shows(certificate: Certificate) -> dict:
        """Settings of a server that shows this certificate."""
        return {"smtpd_tls_chain_files": f"{certificate.key}, {certificate.chain}"}

    @property
    def maildir(self) -> Path:
        return self.mail_dir / "all"

    def raw_mails(self) -> list:
        """Messages that were delivered here, as they lie there, oldest first."""
        files = sorted((self.maildir / "new").glob("*"), key=lambda path: path.stat().st_mtime_ns)
        return [path.read_bytes() for path in files]

    def mails(self) -> list:
        """The same, parsed."""
        return [email.message_from_bytes(raw) for raw in self.raw_mails()]

    def mail_with(self, text: str):
        """The delivered message that contains `text`, or None."""
        return next((mail for mail in self.mails() if text in str(mail.get_payload())), None)


def received_over_tls(mail) -> str:
    """The TLS version in the Received header that the delivering server wrote; "" for clear text."""
    found = re.search(r"using (TLSv[\d.]+) with cipher", str(mail["Received"]))  # str: a name beyond ASCII makes it a Header
    return found.group(1) if found else ""
