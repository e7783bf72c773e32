"""The certificate authority that speaks ACME (RFC 8555): Pebble, strict, validating through the lab's resolver."""

import json
import ssl
import urllib.request

from .ca import Ca
from .process import Daemon
from .scene import wait_for

ADDRESS = "127.0.0.14"


class Pebble:
    def __init__(self, lab, ca: Ca, resolver: str = "127.0.0.53"):
        self.lab = lab
        self.dir = lab.place("pebble")
        self.directory = f"https://{ADDRESS}:14000/dir"
        self.ca_file = ca.file  # of Pebble's own HTTPS, not of what it issues
        self._resolver = resolver
        certificate = ca.leaf(ADDRESS, "localhost")
        self._conf = self.dir / "pebble.json"
        self._conf.write_text(json.dumps({"pebble": {
            "listenAddress": f"{ADDRESS}:14000", "managementListenAddress": f"{ADDRESS}:15000",
            "certificate": str(certificate.chain), "privateKey": str(certificate.key), "httpPort": 80, "tlsPort": 443,
            "ocspResponderURL": "", "externalAccountBindingRequired": False}}))

    def start(self, **env):
        # Validation delays of up to 15 s and refused nonces belong to other tests: a scene waits for neither.
        env = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0", **env}
        Daemon(self.lab, "pebble", ["pebble", "-config", self._conf, "-strict", "-dnsserver", f"{self._resolver}:53"],
               env=env).start()
        wait_for(lambda: self._get(self.directory), "Pebble answers", ignore=(OSError,))
        return self

    def _get(self, url: str) -> bytes:
        context = ssl.create_default_context(cafile=str(self.ca_file))
        with urllib.request.urlopen(url, context=context, timeout=10) as answer:
            return answer.read()

    def root(self) -> str:
        """The root of what it issues, PEM. It is a new one at every start."""
        return self._get(f"https://{ADDRESS}:15000/roots/0").decode()
