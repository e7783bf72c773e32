"""A whole installation of Postseal as an operator would run it, with its customers' domains around it.

The operator is posthost.test: his zone delegates sts.posthost.test to Postseal's own name server. Certificates come from
Pebble, which looks names up through the validating resolver like everybody else.
"""

from .ca import Ca
from .dns import ask, values
from .internet import RESOLVER, Internet
from .pebble import Pebble
from .postseal import Postseal
from .scene import expect, wait_for

ZONE = "sts.posthost.test"
DNS, POLICY_HOST, INTAKE = "127.0.0.12", "127.0.0.40", "127.0.0.41"
INTAKE_NAME = "intake.posthost.test"
SERVED_NAMES = ("_mta-sts", "mta-sts", "_smtp._tls")


class Customer:
    """An owner of a domain. `name` is as the DNS has it, `shown` as people write it."""

    def __init__(self, internet: Internet, name: str, mx_address: str):
        self.internet = internet
        self.name = name
        self.shown = name.encode().decode("idna")
        self.mx = f"mx.{name}"
        self.zone = internet.domain(name, signed=True)
        self.zone.set("@", "MX", f"10 {self.mx}.")
        self.zone.set("mx", "A", mx_address)

    def publish_cnames(self, records: list):
        """What the owner does, once: the records that Postseal printed. Returns when the resolver has them: a question that
        was under way when its cache was emptied brings the old denial back, which stands for a second."""
        for record in records:
            self.zone.set(record["name"].rstrip(".") + ".", record["type"], record["value"].rstrip(".") + ".")
        self.internet.publish(self.zone)
        for record in records:
            wait_for(lambda record=record: values(ask(record["name"], record["type"]), record["type"]),
                     f"{record['name']} through the resolver", ignore=(OSError,))


class Installation:
    """`customers` are added between this and `start`, because their zones must be there when the name servers start."""

    def __init__(self, lab):
        self.lab = lab
        self.ca = Ca(lab)
        self.internet = Internet(lab)
        operator = self.internet.domain("posthost.test", signed=True)
        operator.set("sts", "NS", "ns1.posthost.test.")
        operator.set("ns1", "A", DNS)
        operator.set("intake", "A", INTAKE)
        self.operator = operator
        self.pebble = Pebble(lab, self.ca)
        self.cas = [self.pebble]  # whatever issues; their roots are trusted
        self.roots = lab.place("roots") / "bundle.pem"
        self.postseal = None

    def start(self, held=(), **config):
        """`config` replaces or adds whole sections of the configuration; `held`: see Postseal."""
        self.internet.start()
        for pebble in self.cas:
            pebble.start()
        self.roots.write_text(self.ca.file.read_text() + "".join(pebble.root() for pebble in self.cas))
        self.postseal = Postseal(self.lab, self.internet, self.roots, {
            "resolver": {"servers": [f"{RESOLVER}:53"], "root_hints": self.internet.root_hints,
                         "trust_anchor_file": self.internet.trust_anchor},
            "hosting": {"zone": ZONE, "name_servers": ["ns1.posthost.test"], "addresses": [POLICY_HOST]},
            "dns": {"listen": [f"{DNS}:53"]},
            "policy_host": {"https_listen": [f"{POLICY_HOST}:443"], "http_listen": [f"{POLICY_HOST}:80", f"{INTAKE}:80"]},
            "acme": [{"directory": self.pebble.directory, "ca_file": self.pebble.ca_file, "contact": "mailto:admin@posthost.test",
                      "accept_terms": True, "caa_issuer": "pebble.test", "challenges": ["http-01", "tls-alpn-01"]}],
            "intake": {"host": INTAKE_NAME, "https_listen": [f"{INTAKE}:443"]},
            "console": {"listen": ["127.0.0.1:8080"], "public_url": "http://127.0.0.1:8080"},
            **config,
        })
        self.postseal.held = list(held)
        self.postseal.start()
        return self

    def show(self, domain: str) -> dict:
        return self.postseal.json("domain", "show", domain)

    def wait_state(self, domain: str, *states: str, within_s: float = 90) -> dict:
        """Waits until the domain is in one of the states; a domain that says why it does not move is part of the error."""
        seen = {}

        def there():
            seen.update(self.show(domain))
            return seen["state"] in states and seen
        return wait_for(there, f"{domain} becomes {' or '.join(states)}", within_s, every_s=0.3)

    def move_in(self, customer: Customer) -> dict:
        """From `domain add` to a served policy in testing."""
        added = self.postseal.json("domain", "add", customer.shown)
        customer.publish_cnames(added["records"])
        self.postseal.json("domain", "verify", customer.name)
        return self.wait_state(customer.name, "testing", "ready")

    def served_id(self, label: str, server: str = DNS) -> str:
        """The policy id that Postseal's own name server shows behind the label, "" without one."""
        found = values(ask(f"_mta-sts.{label}.{ZONE}", "TXT", server, tcp=True), "TXT")
        expect(len(found) <= 1, f"one record, not {found}")
        return found[0].split("id=")[1].split(";")[0] if found else ""
