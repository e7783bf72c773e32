"""Authoritative name servers: Knot, signing or not, with zones that a scene changes while it runs."""

from .dns import ask
from .process import Daemon, run
from .scene import wait_for


class Zone:
    """Records of one zone. `set` and `drop` change it; `Knot.publish` makes the change seen."""

    def __init__(self, origin: str, ns_host: str, signed: bool, ttl: int = 1):
        self.origin = origin.rstrip(".") + "."
        self.signed = signed
        self.ttl = ttl  # short, so that caches in between do not make a scene wait
        self.records = {}
        self.set("@", "SOA", f"{ns_host}. hostmaster.{self.origin if self.origin != '.' else ''} 1 3600 600 86400 1")
        self.set("@", "NS", f"{ns_host}.")

    def set(self, name: str, kind: str, *values: str):
        """Replaces the RRset. Names without a final dot are relative to the zone."""
        self.records[(name, kind)] = list(values)

    def drop(self, name: str, kind: str):
        self.records.pop((name, kind), None)

    def text(self) -> str:
        lines = [f"$ORIGIN {self.origin}", f"$TTL {self.ttl}"]
        for (name, kind), values in self.records.items():
            lines += [f"{name} {kind} {value}" for value in values]
        return "\n".join(lines) + "\n"


class Knot:
    def __init__(self, lab, name: str, address: str):
        self.lab = lab
        self.name = name
        self.address = address
        self.dir = lab.place(name)
        self.zones = {}
        self._conf = self.dir / "knot.conf"
        self._daemon = None

    def add(self, zone: Zone) -> Zone:
        """A zone to serve, before `start`."""
        self.zones[zone.origin] = zone
        return zone

    def _write(self, zone: Zone):
        (self.dir / f"{zone.origin}zone").write_text(zone.text())

    def configure(self):
        """Writes the configuration and makes the keys, so that `ds` can be asked before the server runs."""
        zones = "".join(f"  - domain: {zone.origin}\n    file: {self.dir}/{zone.origin}zone\n"
                        + ("    dnssec-signing: on\n    dnssec-policy: lab\n" if zone.signed else "")
                        for zone in self.zones.values())
        self._conf.write_text(f"""server:
    rundir: {self.dir}
    listen: {self.address}@53
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
log:
  - target: stdout
    any: info
control:
    listen: {self.dir}/knot.sock
database:
    storage: {self.dir}
policy:
  - id: lab
    manual: on
    algorithm: ecdsap256sha256
    single-type-signing: on
template:
  - id: default
    storage: {self.dir}
    zonefile-load: difference-no-serial
    zonefile-sync: -1
    journal-content: all
    serial-policy: increment
zone:
{zones}""")
        for zone in self.zones.values():
            if zone.signed:
                run(["keymgr", "-c", self._conf, zone.origin, "generate", "algorithm=ecdsap256sha256", "ksk=yes", "zsk=yes"])

    def ds(self, zone: Zone) -> list:
        """The zone's DS records (SHA-256), as its parent must publish them."""
        out = run(["keymgr", "-c", self._conf, zone.origin, "ds"]).stdout
        return [line.split(" DS ", 1)[1] for line in out.splitlines() if line.split(" DS ", 1)[1].split()[2] == "2"]

    def start(self):
        for zone in self.zones.values():
            self._write(zone)
        self._daemon = Daemon(self.lab, self.name, ["knotd", "-c", self._conf]).start()
        for zone in self.zones.values():
            wait_for(lambda zone=zone: ask(zone.origin, "SOA", self.address, tcp=True).answer,
                     f"{self.name} serves {zone.origin}", ignore=(OSError, EOFError))
        return self

    def publish(self, *zones: Zone):
        """Makes the changed records visible; returns when the server answers with them."""
        for zone in zones or self.zones.values():
            self._write(zone)
            run(["knotc", "-c", self._conf, "-b", "zone-reload", zone.origin])
