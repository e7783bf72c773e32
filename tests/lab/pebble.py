"""The certificate authority that speaks ACME (RFC 8555): Pebble, strict, validating through the lab's resolver."""

import json
import ssl
import urllib.request

from .ca import Ca
from .process import Daemon
from .scene import wait_for

ADDRESS = "127.0.0.14"


class Pebble:
    def __init__(self, lab, ca: Ca, resolver: str = "127.0.0.53", address: str = ADDRESS, name: str = "pebble",
                 mac_keys: dict = None):
        """`mac_keys`: the external accounts that it knows, key identifier to base64url; an account needs one of them."""
        self.lab = lab
        self.name = name
        self.address = address
        self.dir = lab.place(name)
        self.directory = f"https://{address}:14000/dir"
        self.ca_file = ca.file  # of Pebble's own HTTPS, not of what it issues
        self._resolver = resolver
        certificate = ca.leaf(address, "localhost")
        self._conf = self.dir / "pebble.json"
        self._conf.write_text(json.dumps({"pebble": {
            "listenAddress": f"{address}:14000", "managementListenAddress": f"{address}:15000",
            "certificate": str(certificate.chain), "privateKey": str(certificate.key), "httpPort": 80, "tlsPort": 443,
            "ocspResponderURL": "", "externalAccountBindingRequired": bool(mac_keys), "externalAccountMACKeys": mac_keys or {}}}))

    def start(self, **env):
        # Validation delays of up to 15 s and refused nonces belong to other tests: a scene waits for neither.
        env = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0", **env}
        Daemon(self.lab, self.name, ["pebble", "-config", self._conf, "-strict", "-dnsserver", f"{self._resolver}:53"],
               env=env).start()
        wait_for(lambda: self._get(self.directory), "Pebble answers", ignore=(OSError,))
        return self

    def _get(self, url: str) -> bytes:
        context = ssl.create_default_context(cafile=str(self.ca_file))
        with urllib.request.urlopen(url, context=context, timeout=10) as answer:
            return answer.read()

    def root(self) -> str:
        """The root of what it issues, PEM. It is a new one at every start."""
        return self._get(f"https://{self.address}:15000/roots/0").decode()
