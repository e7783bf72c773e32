"""Knot, NSD and BIND as secondaries of the signed hosting zone: TSIG, NOTIFY and transfers, whole and by change, while domains
come and policies change. Every secondary ends up with the same zone, and ldns-verify-zone finds it whole.
"""

import base64
import os

from lab.dns import ask, rcode, values
from lab.installation import DNS, ZONE, Customer, Installation
from lab.process import Daemon, run
from lab.scene import expect, wait_for

LIMIT_S = 300

MX = "127.0.0.21"
KNOT, NSD, BIND, STRANGER = "127.0.0.71", "127.0.0.72", "127.0.0.73", "127.0.0.74"
SECONDARIES = {"knot": KNOT, "nsd": NSD, "bind": BIND}
DOMAINS = 6
METRICS = "127.0.0.50:9464"


def start_knot(lab, secret: str):
    home = lab.place("knot-secondary")
    (home / "knot.conf").write_text(f"""server:
    rundir: {home}
    listen: {KNOT}@53
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
log:
  - target: stdout
    any: info
control:
    listen: {home}/knot.sock
database:
    storage: {home}
key:
  - id: lab
    algorithm: hmac-sha256
    secret: {secret}
remote:
  - id: primary
    address: {DNS}@53
    via: {KNOT}
    key: lab
acl:
  - id: notify
    address: 127.0.0.0/8
    key: lab
    action: notify
template:
  - id: default
    storage: {home}
zone:
  - domain: {ZONE}
    master: primary
    acl: notify
""")
    Daemon(lab, "knot-secondary", ["knotd", "-c", home / "knot.conf"]).start()


def start_nsd(lab, secret: str):
    home = lab.place("nsd-secondary")
    (home / "nsd.conf").write_text(f"""server:
    ip-address: {NSD}
    username: ""
    chroot: ""
    zonesdir: "{home}"
    database: ""
    pidfile: "{home}/nsd.pid"
    xfrdfile: "{home}/xfrd.state"
    zonelistfile: "{home}/zone.list"
    xfrdir: "{home}"
    server-count: 1
    verbosity: 2
remote-control:
    control-enable: no
key:
    name: lab
    algorithm: hmac-sha256
    secret: "{secret}"
zone:
    name: {ZONE}
    zonefile: "{home}/zone"
    allow-notify: 127.0.0.0/8 lab
    request-xfr: {DNS}@53 lab
    outgoing-interface: {NSD}
""")
    Daemon(lab, "nsd-secondary", ["nsd", "-d", "-c", home / "nsd.conf"]).start()


def start_bind(lab, secret: str):
    run(["ip", "address", "add", f"{BIND}/32", "dev", "lo"])  # BIND listens only where an interface has the address
    home = lab.place("bind-secondary")
    (home / "named.conf").write_text(f"""options {{
    directory "{home}";
    pid-file "{home}/named.pid";
    session-keyfile "{home}/session.key";
    managed-keys-directory "{home}";
    listen-on {{ {BIND}; }};
    listen-on-v6 {{ none; }};
    recursion no;
    dnssec-validation no;
    transfer-source {BIND};
    query-source address {BIND};
    allow-transfer {{ none; }};
}};
controls {{ }};
key lab {{ algorithm hmac-sha256; secret "{secret}"; }};
server {DNS} {{ keys {{ lab; }}; }};
zone "{ZONE}" {{ type secondary; file "{home}/zone"; primaries {{ {DNS} key lab; }}; allow-notify {{ key lab; }}; }};
""")
    Daemon(lab, "bind-secondary", ["named", "-f", "-g", "-n", "1", "-c", home / "named.conf"]).start()


def transfer(secret: str, *words, source: str = KNOT) -> str:
    return run(["dig", f"@{DNS}", "-b", source, "-y", f"hmac-sha256:lab:{secret}", ZONE, *words], ok=None).stdout


def records(text: str) -> list:
    """A zone as dig prints it, in an order of its own."""
    return sorted({" ".join(line.split()) for line in text.splitlines() if line and not line.startswith(";")})


def serial(server: str) -> int:
    found = values(ask(ZONE, "SOA", server, tcp=True), "SOA")
    return int(found[0].split()[2]) if found else 0


def caught_up() -> bool:
    ours = serial(DNS)
    return all(serial(address) == ours for address in SECONDARIES.values()) and serial(DNS) == ours


def metric(name: str) -> float:
    text = run(["curl", "--silent", f"http://{METRICS}/metrics"]).stdout
    return next(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(name))


def same_answers(name: str, kind: str):
    """Whoever is asked says the same, with the same signatures."""
    def seen(server):
        answer = ask(name, kind, server, tcp=True)
        # NSD adds the NS set to an answer; what matters beside the answer is a denial.
        shown = (answer.answer, [] if answer.answer else answer.authority)
        return rcode(answer), *(sorted(rrset.to_text() for rrset in section) for section in shown)
    ours = seen(DNS)
    for who, address in SECONDARIES.items():
        expect(seen(address) == ours, f"{who} answers {name} {kind} otherwise: {seen(address)} instead of {ours}")


def play(lab):
    secret = base64.b64encode(os.urandom(32)).decode()
    with lab.step("three secondaries take the signed zone over"):
        key_file = lab.place("keys") / "tsig"
        key_file.write_text(secret + "\n")
        place = Installation(lab)
        customers = [Customer(place.internet, f"d{number}.test", MX) for number in range(DOMAINS)]
        start_knot(lab, secret)
        start_nsd(lab, secret)
        start_bind(lab, secret)
        place.start(dns={"listen": [f"{DNS}:53"], "dnssec": True,
                         "tsig_key": [{"name": "lab", "secret_file": key_file}],
                         "secondaries": [f"{address} lab" for address in SECONDARIES.values()]},
                    metrics={"listen": [METRICS]})
        wait_for(caught_up, "all serve our serial", within_s=60, ignore=(OSError, EOFError))

    with lab.step("they follow while domains move in"):
        labels = [place.move_in(customer)["label"] for customer in customers]
        wait_for(caught_up, "all serve our serial", within_s=60, ignore=(OSError, EOFError))
        for label in labels:
            for name, kind in ((f"_mta-sts.{label}.{ZONE}", "TXT"), (f"mta-sts.{label}.{ZONE}", "A"),
                               (f"_smtp._tls.{label}.{ZONE}", "TXT"), (f"_tls.{label}.{ZONE}", "TXT"), (f"x.{label}.{ZONE}", "A")):
                same_answers(name, kind)
        expect(metric('postseal_dns_transfers_total{kind="changes"}') > 0, "changes went as changes (IXFR)")

    with lab.step("they follow a stream of changes"):
        for mode in ("none", "testing", "none"):
            for customer in customers:
                place.postseal.json("domain", "mode", customer.name, mode)
        wanted = {}
        for customer, label in zip(customers, labels):
            wait_for(lambda c=customer: place.show(c.name)["mode"] == "none", "the last mode is served")
            wanted[label] = wait_for(lambda l=label: place.served_id(l), "an id")
        wait_for(caught_up, "all serve our serial", within_s=60, ignore=(OSError, EOFError))
        for label in labels:
            same_answers(f"_mta-sts.{label}.{ZONE}", "TXT")

    with lab.step("a whole transfer is a zone that ldns-verify-zone accepts"):
        whole = transfer(secret, "AXFR", "+onesoa", "+noall", "+answer")
        zone_file = lab.place("ldns") / "zone"
        zone_file.write_text(whole)
        said = run(["ldns-verify-zone", zone_file], ok=None)
        expect(said.returncode == 0, f"ldns-verify-zone: {said.stdout[-500:]}{said.stderr[-500:]}")

    with lab.step("nobody else gets it"):
        failed = "Transfer failed"
        expect(failed in transfer(secret, "AXFR", source=STRANGER), "a stranger with the key, from elsewhere")
        expect(failed in run(["dig", f"@{DNS}", "-b", KNOT, ZONE, "AXFR"], ok=None).stdout, "a secondary without its key")
        wrong = base64.b64encode(bytes(32)).decode()
        expect("BADSIG" in transfer(wrong, "AXFR"), "a wrong secret")
        expect("BADKEY" in run(["dig", f"@{DNS}", "-b", KNOT, "-y", f"hmac-sha256:other:{wrong}", ZONE, "AXFR"], ok=None).stdout,
               "a key that we have not")

    with lab.step("after a crash of the primary they follow on"):
        seen = serial(DNS)
        place.postseal.kill()
        place.postseal.start()
        expect(serial(DNS) > seen, "a serial that grows")
        wait_for(caught_up, "all serve our serial", within_s=60, ignore=(OSError, EOFError))
        same_answers(f"_mta-sts.{labels[0]}.{ZONE}", "TXT")
