"""The guides for Postfix and Exim, followed literally: every command of their six steps is taken from docs/ and typed on a
clean Debian with the mail server of that release, from the package to a letter that is enforced and one that is refused.

What the scene changes: gmail.com is a domain of the lab, and the machine is told where the lab's internet is. No systemd runs
in the folder; `systemctl` there is a stand-in that runs Debian's init scripts, and Postseal's unit's own command line.
"""

import re
import shutil
from pathlib import Path

from lab.internet import RESOLVER
from lab.package import REPOSITORY, CleanMachine, build, enforced
from lab.postfix import Postfix, System
from lab.process import run
from lab.scene import Log, expect, wait_for

LIMIT_S = 240
NEEDS = ("package", "package-exim")

DOMAIN, MX, POLICY_HOST = "kestrel.test", "127.0.0.21", "127.0.0.30"
STANDS_IN = r"""#!/bin/bash
# deb-systemd-invoke and systemctl, as far as the guides and the maintainer scripts need them.
case "$*" in *preset*) SYSTEMD_OFFLINE=1 exec /usr/bin/systemctl.real "$@" ;; esac
while [ $# -gt 2 ]; do shift; done # options come first
verb=$1 unit=${2%.service} pid=/run/postseal-policyd.pid
alive() { [ -s $pid ] && kill -0 "$(cat $pid)" 2>/dev/null; }
stop() { ! alive || { kill "$(cat $pid)"; while alive; do sleep 0.05; done; }; }
case "$unit $verb" in
    "postseal-policyd start" | "postseal-policyd restart")
        stop
        install -d -o postseal -g postseal /run/postseal
        command=$(sed -n 's/^ExecStart=//p' /lib/systemd/system/postseal-policyd.service)
        : >/var/log/postseal.ready
        setpriv --reuid=postseal --regid=postseal --clear-groups --no-new-privs --bounding-set=-all \
            $command >>/var/log/postseal.ready 2>>/var/log/postseal.log </dev/null &
        echo $! >$pid
        until grep -q '^ready$' /var/log/postseal.ready; do alive || exit 1; sleep 0.05; done
        ;;
    "postseal-policyd stop") stop ;;
    "postseal-policyd reload") kill -HUP "$(cat $pid)" ;;
    "postseal-policyd status") if alive; then echo "active (running)"; else echo inactive; exit 3; fi ;;
    *" show") ;; # Debian's init scripts ask it whether they are masked
    postfix\ * | exim4\ *) SYSTEMCTL_SKIP_REDIRECT=1 exec /etc/init.d/"$unit" "$verb" >>/var/log/init.log 2>&1 </dev/null ;;
    *daemon-reload* | *"is-active") ;;
    *) echo "no stand-in for: $*" >&2; exit 1 ;;
esac
"""


def steps(guide: Path) -> dict:
    """Number → the indented blocks of that numbered section, each a list of lines."""
    found, number, block = {}, 0, []
    for line in [*guide.read_text().splitlines(), ""]:
        if heading := re.match(r"## (?:(\d)\. )?", line):
            number = int(heading[1] or 0)
        if line.startswith("    "):
            block.append(line[4:])
        elif block and line == "":
            found.setdefault(number, []).append(block)
            block = []
    return found


class Machine(CleanMachine):
    def __init__(self, lab, guide: str, mail_server: str):
        super().__init__(lab, guide, mail_server, STANDS_IN)
        self.blocks = steps(REPOSITORY / "docs" / guide)
        (self.root / "etc/resolv.conf").write_text("nameserver 192.0.2.1\n")  # the guide mends it
        # dig is this machine's: the folder is as small as a clean machine.
        asked = run(["dig", f"@{RESOLVER}", "+noall", "+comments", ".", "SOA"]).stdout
        (self.root / "usr/bin/dig").write_text(f"#!/bin/sh\ncat <<'END'\n{asked}END\n")
        (self.root / "usr/bin/dig").chmod(0o755)
        self.typed = []

    def shell(self, command: str, ok=(0,)) -> str:
        done = self.run("bash", "-c", f"cd /root; {command}", ok=ok)
        with open(self.lab.artefacts / "typed.log", "a") as out:
            out.write(f"# {command}\n{done.stdout}{done.stderr}")
        return done.stdout

    def type(self, number: int, block: int) -> str:
        """The commands of a block of step `number`; what they print. `$ ` shows a command whose output stands below it."""
        lines = self.blocks[number][block]
        shown = [line[2:] for line in lines if line.startswith("$ ")]
        said = ""
        # A shell of its own for the whole block: a `cd` counts for the lines that follow.
        text = "\n".join(shown or lines).replace("gmail.com", DOMAIN).replace("YOU@", "bob@").replace("nameserver 127.0.0.1", f"nameserver {RESOLVER}")
        said = self.shell(f"set -e\n{text}")
        self.typed.append((number, block))
        return said

    def install(self, package: Path):
        shutil.copy(package, self.root / "root")
        expect(self.blocks[1][0] == ["./dev package"], f"{self.blocks[1]}")
        self.type(1, 1)
        expect("active (running)" in self.type(1, 2), "it runs")
        self.allow_lab_addresses()
        self.shell("systemctl restart postseal-policyd")

    def all_typed(self, *shown):
        """Every block of the steps was typed, but those that only show something."""
        blocks = {(number, block) for number in range(1, 7) for block in range(len(self.blocks[number]))}
        left = blocks - set(self.typed) - set(shown)
        expect(not left, f"not typed: {[self.blocks[number][block] for number, block in sorted(left)]}")


def play(lab):
    ca, internet, _ = enforced(lab, DOMAIN, MX, POLICY_HOST)
    mx = Postfix(lab, System.debian12(lab), "mx", MX, f"mx.{DOMAIN}").receives([DOMAIN], ca.leaf(f"mx.{DOMAIN}")).start()
    package = build(lab)
    flags = run(["dig", f"@{RESOLVER}", "+noall", "+comments", ".", "SOA"]).stdout
    expect(re.search(r"flags: qr rd ra ad;", flags), f"the lab's resolver validates: {flags}")

    def received(count: int):
        wait_for(lambda: len(mx.mails()) == count, f"{count} letters at the MX")

    with lab.step("Postfix: installed, and asked as Postfix will ask it"):
        machine = Machine(lab, "postfix.md", "postfix")
        machine.join(internet, ca)
        # A mail server that runs already: Debian's configuration, and a log file, because no syslog runs here.
        machine.shell("postconf -e inet_interfaces=127.0.0.1 inet_protocols=ipv4 maillog_file=/var/log/mail.log 'myhostname = sender.test'; newaliases;"
                      "systemctl start postfix")
        log = Log(machine.root / "var/log/mail.log")
        lab.at_end("Postfix's log is kept", lambda path=log.path: shutil.copy(path, lab.artefacts / "guide-postfix.log"))
        machine.install(package)
        expect(machine.type(2, 0).strip() == f"secure match=mx.{DOMAIN} servername=hostname", "as the guide shows it")
        expect("secure" in machine.type(2, 1), "postseal query")

    with lab.step("Postfix: the letter is delivered over a verified connection"):
        machine.blocks[3][0][0] = "true"  # apt-get: the lab's resolver is there
        machine.type(3, 0), machine.type(3, 1), machine.type(4, 0)
        mark = log.mark()
        machine.type(5, 0)
        log.wait(r"Verified TLS connection established to mx\.kestrel\.test", after=mark)
        received(1)

    with lab.step("Postfix: what does not fit waits, and goes out when the demand is taken back"):
        mark = log.mark()
        machine.type(6, 0)
        log.wait(r"status=deferred \(Server certificate not verified\)", after=mark)
        machine.type(6, 1)
        received(2)
        machine.all_typed((1, 0), (5, 1))
        machine.shell("systemctl stop postfix; systemctl stop postseal-policyd")

    with lab.step("Exim: installed, and asked as Exim will ask it"):
        machine = Machine(lab, "exim.md", "exim4-daemon-light")
        machine.join(internet, ca)
        machine.shell("sed -i \"s/configtype=.*/configtype='internet'/; s/local_interfaces=.*/local_interfaces='127.0.0.1'/\" /etc/exim4/update-exim4.conf.conf;"
                      "echo 'POSTSEAL_NO_HOSTS = 0.0.0.0' >/etc/exim4/exim4.conf.localmacros; cp /etc/exim4/exim4.conf.localmacros /etc/exim4/conf.d/main/000_localmacros;"
                      "echo sender.test >/etc/mailname; update-exim4.conf; systemctl start exim4")
        log = Log(machine.root / "var/log/exim4/mainlog")
        machine.install(package)
        expect(re.match(rf"level=secure match=mx\.{DOMAIN} mode=enforce source=sts expires=\d+$", machine.type(2, 0)), "as the guide shows it")
        expect("secure" in machine.type(2, 1), "postseal query")

    with lab.step("Exim: the letter is delivered over a verified connection"):
        machine.blocks[3][0][0] = "true"
        machine.type(3, 0), machine.type(3, 1)
        expect(machine.type(4, 1).splitlines()[-1] == "4", "the template includes all four")
        machine.type(4, 2)
        routed = machine.type(5, 0)
        expect("router = postseal_secure, transport = postseal_smtp" in routed and f"host mx.{DOMAIN}" in routed, routed)
        mark = log.mark()
        machine.type(5, 1)
        log.wait(r"=> bob@kestrel\.test R=postseal_secure T=postseal_smtp H=mx\.kestrel\.test .* CV=yes", after=mark)
        received(3)

    with lab.step("Exim: what does not fit waits, and goes out when the demand is taken back"):
        mark = log.mark()
        machine.type(6, 0)
        log.wait(r"== bob@kestrel\.test R=postseal_refused defer \(-1\): Postseal: no MX host of kestrel\.test is allowed by its policy", after=mark)
        machine.type(6, 1)
        received(4)
        machine.all_typed((1, 0), (4, 0), (5, 2))
        machine.shell("systemctl stop exim4; systemctl stop postseal-policyd")
