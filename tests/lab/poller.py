"""A sender that never sleeps: asks DNS for the id and HTTPS for the policy, over and over, to catch a wrong order.

RFC 8461 §8.1 lets senders fetch as soon as they see a new id; one that then gets the old body would keep it, under the
new id, until the next change.
"""

import http.client
import socket
import ssl
import threading
from dataclasses import dataclass

from .dns import ask, values
from .policy_host import PATH
from .scene import SceneError, expect


def fetch_policy(domain: str, address: str, roots) -> str:
    """The policy body, over a verified connection, from one address. OSError says why not."""
    context = ssl.create_default_context(cafile=str(roots))
    host = f"mta-sts.{domain}"
    with context.wrap_socket(socket.create_connection((address, 443), timeout=10), server_hostname=host) as tls:
        tls.sendall(f"GET {PATH} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        answer = http.client.HTTPResponse(tls)
        answer.begin()
        if answer.status != 200 or not answer.headers.get_content_type() == "text/plain":
            raise OSError(f"HTTP {answer.status} {answer.headers.get('Content-Type')}")
        return answer.read().decode()


def mode_of(body: str) -> str:
    return next(line.split(":")[1].strip() for line in body.splitlines() if line.startswith("mode:"))


@dataclass(frozen=True)
class Look:
    policy_id: str
    body: str
    error: str


class Poller:
    """Looks at one domain from one name server: the id first, the body after it."""

    def __init__(self, lab, domain: str, record: str, server: str, address: str, roots):
        self.domain = domain
        self.server = server
        self.looks = []  # without repetition: (how often, look)
        self._ask = (record, server)
        self._address = address
        self._roots = roots
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        lab.at_end(f"poller of {domain} stops", self.stop)

    def stop(self):
        self._stop.set()
        self._thread.join(30)

    def _run(self):
        while not self._stop.wait(0.01):
            look = self._look()
            if self.looks and self.looks[-1][1] == look:
                self.looks[-1][0] += 1
            else:
                self.looks.append([1, look])

    def _look(self) -> Look:
        record, server = self._ask
        try:
            found = values(ask(record, "TXT", server), "TXT")
            if not found:
                return Look("", "", "")
            policy_id = found[0].split("id=")[1].split(";")[0]
        except OSError as error:
            return Look("", "", f"DNS: {error}")
        try:
            return Look(policy_id, fetch_policy(self.domain, self._address, self._roots), "")
        except (OSError, http.client.HTTPException) as error:
            return Look(policy_id, "", f"HTTPS: {error!r}")

    def judge(self, modes: list) -> int:
        """`modes` is what the domain went through, in order, no mode again within three. Raises unless every id came with
        its own body or the next one. Returns the number of looks that had an id."""
        ids, rank = [], {}
        count = 0
        seen = [look for _, look in self.looks]
        for times, look in self.looks:
            if not look.policy_id:
                continue
            if look.error:
                raise SceneError(f"{self.domain}: id {look.policy_id} is in DNS, but {look.error}")
            count += times
            if look.policy_id not in ids:
                ids.append(look.policy_id)
            rank.setdefault(look.policy_id, len(ids) - 1)
            # The id was read first: the body may be newer than it, never older.
            at = rank[look.policy_id]
            expect(mode_of(look.body) in modes[at:at + 2],
                   f"{self.domain} at {self.server}: id number {at + 1} ({look.policy_id}) with the body of mode "
                   f"{mode_of(look.body)}; modes were {modes}; looks: {seen[-6:]}")
        expect(len(ids) == len(modes), f"{self.domain} at {self.server}: {len(ids)} ids for {len(modes)} policies: {ids}")
        order = [rank[look.policy_id] for look in seen if look.policy_id]
        expect(order == sorted(order), f"{self.domain}: an old id came back: {order}")
        return count
