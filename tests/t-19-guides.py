"""The guides for Postfix and Exim, followed literally: every command of their six steps is taken from docs/ and typed on a
clean Debian with the mail server of that release, from the package to a letter that is enforced and one that is refused.

What the scene changes: gmail.com is a domain of the lab, and the machine is told where the lab's internet is. No systemd runs
in the folder; `systemctl` there is a stand-in that runs Debian's init scripts, and Postseal's unit's own command line.
"""

import re
import shutil

from lab.guide import Machine
from lab.internet import RESOLVER
from lab.package import build, enforced
from lab.postfix import Postfix, System
from lab.process import run
from lab.scene import Log, expect, wait_for

LIMIT_S = 240
NEEDS = ("package", "package-exim")

DOMAIN, MX, POLICY_HOST = "kestrel.test", "127.0.0.21", "127.0.0.30"
LAB = {"gmail.com": DOMAIN, "YOU@": "bob@", "nameserver 127.0.0.1": f"nameserver {RESOLVER}"}


def play(lab):
    ca, internet, _ = enforced(lab, DOMAIN, MX, POLICY_HOST)
    mx = Postfix(lab, System.debian12(lab), "mx", MX, f"mx.{DOMAIN}").receives([DOMAIN], ca.leaf(f"mx.{DOMAIN}")).start()
    package = build(lab)
    flags = run(["dig", f"@{RESOLVER}", "+noall", "+comments", ".", "SOA"]).stdout
    expect(re.search(r"flags: qr rd ra ad;", flags), f"the lab's resolver validates: {flags}")

    def received(count: int):
        wait_for(lambda: len(mx.mails()) == count, f"{count} letters at the MX")

    with lab.step("Postfix: installed, and asked as Postfix will ask it"):
        machine = Machine(lab, "postfix.md", "postfix", LAB)
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
        machine = Machine(lab, "exim.md", "exim4-daemon-light", LAB)
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
