"""docs/reports.md, followed literally for Postfix 3.10, Postfix 3.7 and Exim: from the installed package to the first report that
its receiver has in the mailbox, signed so that dkimpy finds it good.

What the scene changes: gmail.com and example.net are domains of the lab, the clock goes past midnight by `clock_offset_s`, so that
yesterday's date is today's, and Postfix writes its log itself, because no syslog runs. The package is for this machine's release, whose Postfix is
3.7: Postfix 3.10 runs in Debian 13's folder, and shares its queue directory with the machine that has the package.
"""

import email
import shutil

from lab.ca import Ca
from lab.debian import DEBIAN_13
from lab.guide import Machine
from lab.internet import RESOLVER, Internet
from lab.package import CONFIG, build
from lab.policy_host import PolicyHost, Site, policy
from lab.postfix import Postfix, System
from lab.process import run
from lab.reports import DAY_S, today
from lab.scene import SceneError, expect, wait_for
from lab.signatures import publish_keys, verdicts

LIMIT_S = 300
NEEDS = ("package", "package-exim", "debian13")

DOMAIN, SENDER, MX, POLICY_HOST = "kestrel.test", "sender.test", "127.0.0.21", "127.0.0.30"
MAILBOX = f"sts-reports@{DOMAIN}"
LAB = {"sts-reports@google.com": MAILBOX, "gmail.com": DOMAIN, "YOU@": "bob@", "example.net": SENDER, "-d yesterday ": "",
       "nameserver 127.0.0.1": f"nameserver {RESOLVER}"}
# The blocks of docs/reports.md: step 1 by mail server; of the others, those that show what is printed.
COUNT = {"new": [(1, 0)], "old": [(1, 1), (1, 2)], "exim": [(1, 3), (1, 4)]}
SHOWN = [(4, 2), (6, 1)]
ACCEPTED = {"new": (6, 2), "old": (6, 2), "exim": (6, 3)}
# A mail server of Debian 13 on a machine of the package's release.
IN_13 = """#!/bin/sh
exec chroot /srv/13 {program} "$@"
"""
INIT_13 = """#!/bin/sh
[ "$1" = start ] || chroot /srv/13 postfix stop
[ "$1" = stop ] || { chroot /srv/13 /usr/lib/postfix/configure-instance.sh -; chroot /srv/13 postfix start; }
"""


def play(lab):
    day = today()
    ca, internet = Ca(lab), Internet(lab)
    policies = PolicyHost(lab, POLICY_HOST)
    zone, own = internet.domain(DOMAIN, signed=False), internet.domain(SENDER, signed=False)
    zone.set("@", "MX", f"10 mx.{DOMAIN}.")
    zone.set("mx", "A", MX)
    zone.set("_mta-sts", "TXT", '"v=STSv1; id=1;"')
    zone.set("mta-sts", "A", POLICY_HOST)
    zone.set("_smtp._tls", "TXT", f'"v=TLSRPTv1; rua=mailto:{MAILBOX}"')
    policies.sites[f"mta-sts.{DOMAIN}"] = Site(ca.leaf(f"mta-sts.{DOMAIN}"), policy("enforce", f"mx.{DOMAIN}", max_age=604800))
    internet.start()
    mx = Postfix(lab, System.debian12(lab), "mx", MX, f"mx.{DOMAIN}").receives([DOMAIN], ca.leaf(f"mx.{DOMAIN}")).start()
    package = build(lab)

    def reports() -> list:
        return [raw for raw in mx.raw_mails() if email.message_from_bytes(raw)["TLS-Report-Domain"]]

    def to_first_report(machine: Machine, key: str, number: int):
        """Steps 1 to 6 of docs/reports.md."""
        machine.read("reports.md")
        machine.blocks[1][1][0] = "true"  # apt-get install rsyslog
        for step in COUNT[key]:
            machine.type(*step)
        for block in range(len(machine.blocks[2])):
            machine.type(2, block)
        printed = machine.type(3, 0)
        publish_keys(printed, own)
        internet.publish(own)
        asked = machine.blocks[3][1][0].removeprefix("$ dig ").replace("example.net", SENDER).split()
        shown = run(["dig", f"@{RESOLVER}", *asked]).stdout.strip()
        expect(shown.startswith('"v=DKIM1; k=rsa; s=tlsrpt; p='), f"as the guide shows it: {shown}")
        machine.typed.append((3, 1))
        machine.type(4, 0)
        seen = wait_for(lambda: machine.type(4, 1), "the letter is counted", ignore=(SceneError,), every_s=0.5)
        expect(f"{day}  {DOMAIN}  as it would be sent now" in seen and f"sts {DOMAIN}: 1 sessions succeeded, 0 failed" in seen, seen)
        expect(today() == day, "the scene ran across midnight UTC; run it again")
        machine.shell(f"sed -i '/^allow_non_global_addresses/a clock_offset_s = {DAY_S}' {CONFIG}; systemctl reload postseal-policyd")
        sent = wait_for(lambda: machine.type(5, 0), "the day is over and its report sent", ignore=(SceneError,), every_s=0.5)
        expect(f"sent  {DOMAIN}  mailto:{MAILBOX}" in sent or f"already-sent  {DOMAIN}" in sent, sent)
        status = machine.type(6, 0)
        expect(f"sent     {DOMAIN}  mailto:{MAILBOX}" in status, status)
        wait_for(lambda: machine.type(*ACCEPTED[key]), "the log says that the receiver took it", ignore=(SceneError,), every_s=0.5)
        wait_for(lambda: len(reports()) == number, "the report in the mailbox")
        expect(verdicts(reports()[-1]) == ["good"], f"{verdicts(reports()[-1])}")
        others = [step for other, own_steps in COUNT.items() if other != key for step in own_steps if step not in COUNT[key]]
        machine.all_typed(*others, *SHOWN, *({(6, 2), (6, 3)} - {ACCEPTED[key]}))

    def enforced(machine: Machine):
        """The six steps of the mail server's own guide, as far as reports need them."""
        machine.join(internet, ca)
        machine.install(package)
        machine.blocks[3][0][0] = "true"  # apt-get: the lab's resolver is there
        machine.type(3, 0)

    postfix = ("postconf -e inet_interfaces=127.0.0.1 inet_protocols=ipv4 maillog_file=/var/log/mail.log 'myhostname = mail.sender.test' "
               "'myorigin = sender.test' 'mydestination =' 'mynetworks = 127.0.0.0/8'; ")
    log = "install -m 640 -g adm /dev/null /var/log/mail.log; "

    def keep_log(machine: Machine, path: str, name: str):
        lab.at_end("the log is kept", lambda: (machine.root / path).exists() and shutil.copy(machine.root / path, lab.artefacts / name))

    with lab.step("Postfix 3.7, by its log: the first report is in its receiver's mailbox"):
        machine = Machine(lab, "postfix.md", "postfix", LAB)
        keep_log(machine, "var/log/mail.log", "old-mail.log"), keep_log(machine, "var/log/postseal.log", "postseal-old.log")
        machine.shell(log + postfix + "newaliases; systemctl start postfix")
        enforced(machine)
        machine.type(4, 0)
        to_first_report(machine, "old", 1)
        machine.shell("systemctl stop postfix; systemctl stop postseal-policyd")

    with lab.step("Exim, by its log: the first report is in its receiver's mailbox"):
        machine = Machine(lab, "exim.md", "exim4-daemon-light", LAB)
        keep_log(machine, "var/log/exim4/mainlog", "exim-main.log"), keep_log(machine, "var/log/postseal.log", "postseal-exim.log")
        machine.shell("sed -i \"s/configtype=.*/configtype='internet'/; s/local_interfaces=.*/local_interfaces='127.0.0.1'/; s/other_hostnames=.*/other_hostnames=''/\" "
                      "/etc/exim4/update-exim4.conf.conf; echo 'POSTSEAL_NO_HOSTS = 0.0.0.0\nROUTER_DNSLOOKUP_IGNORE_TARGET_HOSTS = 0.0.0.0' >/etc/exim4/exim4.conf.localmacros; "
                      "echo sender.test >/etc/mailname; update-exim4.conf; systemctl start exim4")
        enforced(machine)
        machine.type(4, 1), machine.type(4, 2)
        to_first_report(machine, "exim", 2)
        machine.shell("systemctl stop exim4; systemctl stop postseal-policyd")

    with lab.step("Postfix 3.10, by datagrams: the first report is in its receiver's mailbox"):
        machine = Machine(lab, "postfix.md", "postfix", LAB, name="machine-postfix-13")
        keep_log(machine, "srv/13/var/log/mail.log", "new-mail.log"), keep_log(machine, "var/log/postseal.log", "postseal-new.log")
        with_debian_13(lab, machine, ca)
        machine.shell("chroot /srv/13 sh -c \"" + log + "\"; " + postfix + "systemctl start postfix")
        enforced(machine)
        machine.type(4, 0)
        to_first_report(machine, "new", 3)
        machine.shell("systemctl stop postfix; systemctl stop postseal-policyd")


def with_debian_13(lab, machine: Machine, ca: Ca):
    """Postfix's programs are those of Debian 13; both see one queue directory, one log and one group `postfix`."""
    inside = machine.root / "srv/13"
    inside.mkdir(parents=True)
    root = DEBIAN_13.overlay(lab.place("postfix-13"))
    run(["mount", "--rbind", root, inside])
    run(["mount", "--bind", inside / "var/spool/postfix", machine.root / "var/spool/postfix"])
    group = next(line.split(":")[2] for line in (root / "etc/group").read_text().splitlines() if line.startswith("postfix:"))
    machine.shell(f"sed -i 's/^postfix:x:[0-9]*:/postfix:x:{group}:/' /etc/group")
    (machine.root / "var/log/mail.log").symlink_to("/srv/13/var/log/mail.log")
    for file in ("resolv.conf", "hosts"):
        shutil.copy(f"/etc/{file}", root / "etc" / file)
    (root / "etc/ssl/certs").mkdir(parents=True, exist_ok=True)
    shutil.copy(ca.file, root / "etc/ssl/certs/ca-certificates.crt")
    if not (root / "etc/postfix/main.cf").exists():
        (root / "etc/postfix/main.cf").write_text("compatibility_level = 3.6\n")
    for program in ("usr/sbin/postconf", "usr/sbin/sendmail"):
        (machine.root / program).unlink()
        (machine.root / program).write_text(IN_13.format(program="/" + program))
        (machine.root / program).chmod(0o755)
    (machine.root / "etc/init.d/postfix").write_text(INIT_13)
    (machine.root / "etc/init.d/postfix").chmod(0o755)
