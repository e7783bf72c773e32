"""The lab's internet: a signed root, top-level domains below it, zones of domain owners, a validating resolver.

Every part has a loopback address of its own and the real port, so that iterating from `root_hints` works as outside.
"""

from .dns_tap import DnsTap
from .knot import Knot, Zone
from .process import Daemon, run
from .scene import wait_for
from .dns import ask, is_secure

REGISTRY = "127.0.0.10"   # root and top-level domains
OWNERS = "127.0.0.11"     # name server of the domain owners
REGISTRY_BEHIND_TAP, OWNERS_BEHIND_TAP = "127.0.0.15", "127.0.0.14"  # where they really are in a tapped internet
RESOLVER = "127.0.0.53"   # what /etc/resolv.conf of a scene names


def _label(origin: str) -> str:
    return origin.rstrip(".").split(".")[-1]


class Internet:
    def __init__(self, lab, tapped: bool = False):
        """`tapped`: `tap` and `registry_tap` sit before the two name servers (see dns_tap.py)."""
        self.lab = lab
        self.dir = lab.place("internet")
        self.registry = Knot(lab, "knot-registry", REGISTRY_BEHIND_TAP if tapped else REGISTRY)
        self.owners = Knot(lab, "knot-owners", OWNERS_BEHIND_TAP if tapped else OWNERS)
        self.tap = DnsTap(lab, OWNERS, OWNERS_BEHIND_TAP) if tapped else None
        self.registry_tap = DnsTap(lab, REGISTRY, REGISTRY_BEHIND_TAP) if tapped else None
        self.root = self.registry.add(Zone(".", "ns.registry.test", signed=True))
        self.root_hints = self.dir / "root.hints"
        self.trust_anchor = self.dir / "root.key"
        self._tld("test")

    def _tld(self, label: str) -> Zone:
        origin = label + "."
        if origin not in self.registry.zones:
            zone = self.registry.add(Zone(origin, "ns.registry.test", signed=True))
            if label == "test":
                zone.set("ns.registry", "A", REGISTRY)
            self.root.set(origin, "NS", "ns.registry.test.")
        return self.registry.zones[origin]

    def domain(self, origin: str, signed: bool, address: str = OWNERS) -> Zone:
        """An owner's zone at the owners' name server, delegated from its top-level domain (made if needed). `address` is
        where the world finds that server: a DnsPath in front of it, if the scene has one."""
        zone = self.owners.add(Zone(origin, f"ns.{origin}", signed))
        zone.set("ns", "A", address)
        self._tld(_label(origin)).set(f"{origin}.", "NS", f"ns.{origin}.")
        self._tld(_label(origin)).set(f"ns.{origin}.", "A", address)
        return zone

    def publish(self, zone: Zone):
        """An owner's change goes live, and nobody's cache is asked to wait for it."""
        self.owners.publish(zone)
        self.flush()

    def start(self):
        self.registry.configure()
        self.owners.configure()
        for zone in self.owners.zones.values():
            if zone.signed:
                self._tld(_label(zone.origin)).set(zone.origin, "DS", *self.owners.ds(zone))
        for zone in self.registry.zones.values():
            if zone is not self.root:
                self.root.set(zone.origin, "DS", *self.registry.ds(zone))
        self.root.set("ns.registry.test.", "A", REGISTRY)  # glue
        self.root_hints.write_text(f". 3600000 NS ns.registry.test.\nns.registry.test. 3600000 A {REGISTRY}\n")
        self.trust_anchor.write_text("".join(f". 3600 IN DS {ds}\n" for ds in self.registry.ds(self.root)))
        self.registry.start()
        self.owners.start()
        self._start_resolver()
        return self

    def _start_resolver(self):
        conf = self.dir / "unbound.conf"
        self._unbound_conf = conf
        built_in = "".join(f'    local-zone: "{zone.origin}" nodefault\n' for zone in self.registry.zones.values()
                           if zone.origin in ("test.",))  # else unbound answers NXDOMAIN from a built-in zone
        conf.write_text(f"""server:
    interface: {RESOLVER}
    port: 53
    username: ""
    chroot: ""
    directory: "{self.dir}"
    pidfile: ""
    use-syslog: no
    logfile: ""
    verbosity: 1
    do-daemonize: no
    num-threads: 1
    outgoing-range: 4096
    num-queries-per-thread: 2048
    do-ip6: no
    do-not-query-localhost: no
    access-control: 127.0.0.0/8 allow
    root-hints: "{self.root_hints}"
    trust-anchor-file: "{self.trust_anchor}"
    module-config: "validator iterator"
    cache-max-ttl: 2
    cache-max-negative-ttl: 1
    infra-host-ttl: 1
    val-log-level: 2
{built_in}remote-control:
    control-enable: yes
    control-interface: {self.dir}/unbound.sock
    control-use-cert: no
""")
        Daemon(self.lab, "unbound", ["unbound", "-c", conf]).start()
        wait_for(lambda: is_secure(ask(".", "SOA", timeout_s=0.5)), "the resolver validates the root", ignore=(OSError,))

    def flush(self):
        run(["unbound-control", "-c", self._unbound_conf, "flush_zone", "."])
