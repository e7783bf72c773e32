"""The Debian package, and a clean machine to install it on: Debian's base system of this machine's release, what the package
depends on and a mail server (t-17, t-19). Either no systemd runs there, and a scene says what stands in for `systemctl`; or it is
started as its first process (systemd.py)."""

import shutil
from pathlib import Path

from .ca import Ca
from .debian import package_root
from .internet import Internet
from .policy_host import PolicyHost, Site, policy
from .process import run
from .scene import expect

REPOSITORY = Path(__file__).resolve().parent.parent.parent
CONFIG = "/etc/postseal/postseal.toml"


def build(lab, folder: str = "packages", version: str = None) -> Path:
    """packaging/build of the program under test; its last line is the package."""
    options = ["--version", version] if version else []
    done = run([REPOSITORY / "packaging/build", "--binary", lab.binary, "--out", lab.place(folder), "--fast", *options], within_s=120)
    package = Path(done.stdout.splitlines()[-1])
    architecture = run(["dpkg", "--print-architecture"]).stdout.strip()
    expect(package.is_file() and package.name.endswith(f"_{architecture}.deb"), f"the last line is the path: {done.stdout}")
    return package


def enforced(lab, domain: str, mx: str, policy_host: str, tapped: bool = False) -> tuple:
    """(authority, internet, policy host) of a lab where `domain` enforces a policy for its one MX, `mx.DOMAIN`."""
    ca, internet = Ca(lab), Internet(lab, tapped=tapped)
    policies = PolicyHost(lab, policy_host)
    zone = internet.domain(domain, signed=False)
    zone.set("@", "MX", f"10 mx.{domain}.")
    zone.set("mx", "A", mx)
    zone.set("_mta-sts", "TXT", '"v=STSv1; id=1;"')
    zone.set("mta-sts", "A", policy_host)
    policies.sites[f"mta-sts.{domain}"] = Site(ca.leaf(f"mta-sts.{domain}"), policy("enforce", f"mx.{domain}", max_age=604800))
    internet.start()
    return ca, internet, policies


class CleanMachine:
    def __init__(self, lab, name: str, mail_server: str, systemctl: str = None):
        """`systemctl`: the script in whose place Debian's own stays as `systemctl.real`; deb-systemd-invoke likewise."""
        self.lab = lab
        self.root = package_root(mail_server).overlay(lab.place(name))
        for file in ("resolv.conf", "hosts"):
            shutil.copy(f"/etc/{file}", self.root / "etc" / file)
        if systemctl:
            # With this folder the maintainer scripts believe that systemd runs.
            (self.root / "run/systemd/system").mkdir(parents=True)
            for tool in ("usr/bin/deb-systemd-invoke", "usr/bin/systemctl"):
                (self.root / tool).rename(self.root / f"{tool}.real")
                (self.root / tool).write_text(systemctl)
                (self.root / tool).chmod(0o755)

    def run(self, *argv, ok=(0,)):
        return run(["chroot", self.root, *argv], ok=ok, within_s=120,
                   env={"DEBIAN_FRONTEND": "noninteractive", "TMPDIR": "/tmp", "HOME": "/root"})

    def join(self, internet: Internet, ca: Ca):
        """The lab's internet instead of the world's: root zone, roots of TLS."""
        shutil.copy(internet.root_hints, self.root / "usr/share/dns/root.hints")
        shutil.copy(internet.trust_anchor, self.root / "usr/share/dns/root.key")
        shutil.copy(ca.file, self.root / "usr/local/share/ca-certificates/lab.crt")
        self.run("update-ca-certificates")

    def allow_lab_addresses(self):
        with open(self.root / CONFIG[1:], "a") as config:
            config.write("\n[lab]\nallow_non_global_addresses = true\n")
