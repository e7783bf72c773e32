"""A guide of docs/ that is typed on a clean machine, command by command. No systemd runs there: its stand-in runs Debian's init
scripts and the command lines of Postseal's units."""

import re
import shutil
from pathlib import Path

from .internet import RESOLVER
from .package import REPOSITORY, CleanMachine
from .process import run
from .scene import expect

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
        groups=$(cat /etc/systemd/system/postseal-policyd.service.d/*.conf 2>/dev/null | sed -n 's/^SupplementaryGroups=//p')
        socket=
        [ ! -e /run/collector.socket ] || socket=/usr/local/bin/with-collector-socket
        : >/var/log/postseal.ready
        $socket setpriv --reuid=postseal --regid=postseal --groups "postseal${groups:+,$groups}" --no-new-privs --bounding-set=-all \
            $command >>/var/log/postseal.ready 2>>/var/log/postseal.log </dev/null &
        echo $! >$pid
        until grep -q '^ready$' /var/log/postseal.ready; do alive || exit 1; sleep 0.05; done
        ;;
    "postseal-policyd stop") stop ;;
    "postseal-collector.socket --now" | "postseal-collector.socket enable")
        ! alive || { echo "Socket service postseal-policyd.service already active, refusing." >&2; exit 1; }
        : >/run/collector.socket
        ;;
    "postseal-policyd reload") kill -HUP "$(cat $pid)" ;;
    "postseal-policyd status") if alive; then echo "active (running)"; else echo inactive; exit 3; fi ;;
    *" show") ;; # Debian's init scripts ask it whether they are masked
    postfix\ * | exim4\ *) SYSTEMCTL_SKIP_REDIRECT=1 exec /etc/init.d/"$unit" "$verb" >>/var/log/init.log 2>&1 </dev/null ;;
    *daemon-reload* | *"is-active") ;;
    *) echo "no stand-in for: $*" >&2; exit 1 ;;
esac
"""


# What systemd does for postseal-collector.socket, by the unit's own lines: the socket as descriptor 3.
SOCKET = r"""#!/usr/bin/perl
use strict; use Fcntl; use POSIX (); use Socket;
open my $unit, "<", "/lib/systemd/system/postseal-collector.socket" or die; my %set = map { /^(\w+)=(.*)$/ ? ($1, $2) : () } <$unit>;
my ($path) = $set{ListenDatagram}; my ($folder) = $path =~ m{^(.*)/};
mkdir $folder, 0755; unlink $path; my $socket;
socket($socket, AF_UNIX, SOCK_DGRAM, 0) && bind($socket, sockaddr_un($path)) or die "$path: $!";
chown 0, scalar(getgrnam $set{SocketGroup}), $path; chmod oct $set{SocketMode}, $path;
POSIX::dup2(fileno($socket), 3); $ENV{LISTEN_FDS} = 1; $ENV{LISTEN_PID} = $$;
exec @ARGV;
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
    def __init__(self, lab, guide: str, mail_server: str, lab_words: dict, name: str = None):
        """`lab_words`: what the guide says → what is typed instead, because the lab is not the world."""
        super().__init__(lab, name or f"machine-{mail_server}", mail_server, STANDS_IN)
        self.lab_words = lab_words
        helper = self.root / "usr/local/bin/with-collector-socket"
        helper.write_text(SOCKET)
        helper.chmod(0o755)
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
        # A shell of its own for the whole block: a `cd` counts for the lines that follow.
        text = "\n".join(shown or lines)
        for words, instead in self.lab_words.items():
            text = text.replace(words, instead)
        self.typed.append((number, block))
        return self.shell(f"set -e\n{text}")

    def read(self, guide: str):
        """The next guide, on the same machine."""
        self.blocks, self.typed = steps(REPOSITORY / "docs" / guide), []

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
