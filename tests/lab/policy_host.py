"""An HTTPS policy host (RFC 8461 §3.3) that does right or wrong on demand."""

import socket
import ssl
import struct
import threading
import time
from dataclasses import dataclass, field

from .ca import Certificate
from .servers import Listener

PATH = "/.well-known/mta-sts.txt"


def policy(mode: str, *mx: str, max_age: int = 86400) -> str:
    """The text of a policy."""
    return "".join(f"{line}\r\n" for line in ["version: STSv1", f"mode: {mode}", *(f"mx: {host}" for host in mx),
                                              f"max_age: {max_age}"])


@dataclass
class Site:
    """What one policy host answers. Change a field and the next connection sees it."""
    certificate: Certificate
    body: str
    status: int = 200
    content_type: str = "text/plain"
    redirect: str = ""
    delay_s: float = 0  # it takes its time
    chunked: bool = False
    raw: bytes = b""  # sent in place of an HTTP answer
    released: threading.Event = field(default_factory=threading.Event)  # clear it: answers wait until it is set

    def __post_init__(self):
        self.released.set()


class PolicyHost(Listener):
    """Serves every site by its SNI name; an unknown name gets an alert. `requests` lists (host, path) as they came.
    `way` is the network path to it: "open", "reset" (every connection is broken off), "silent" (nothing ever comes back)."""

    def __init__(self, lab, address: str = "127.0.0.30"):
        self.way = "open"
        self.sites = {}
        self.requests = []
        super().__init__(lab, address, 443)

    def serve(self, conn):
        if self.way == "reset":
            conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return
        if self.way == "silent":
            while conn.recv(4096):
                pass
            return
        chosen = []

        def by_name(tls, name, _context):
            if name not in self.sites:
                return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
            site = self.sites[name]
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(site.certificate.chain, site.certificate.key)
            tls.context = context
            chosen.append((name, site))
            return None

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.sni_callback = by_name
        with context.wrap_socket(conn, server_side=True) as tls:
            head = b""
            while b"\r\n\r\n" not in head:
                more = tls.recv(4096)
                if not more or len(head) > 65536:
                    return
                head += more
            name, site = chosen[0]
            path = head.split()[1].decode("latin-1")
            self.requests.append((name, path))
            site.released.wait(120)
            time.sleep(site.delay_s)
            tls.sendall(self._answer(site, path))

    @staticmethod
    def _answer(site: Site, path: str) -> bytes:
        if site.raw:
            return site.raw
        if site.redirect:
            status, body, more = 302, b"", f"Location: {site.redirect}\r\n"
        elif path != PATH:
            status, body, more = 404, b"", ""
        else:
            status, body, more = site.status, site.body.encode(), ""
        if site.chunked:
            length, body = "Transfer-Encoding: chunked", b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        else:
            length = f"Content-Length: {len(body)}"
        kind = f"Content-Type: {site.content_type}\r\n" if site.content_type else ""
        return f"HTTP/1.1 {status} Lab\r\n{kind}{length}\r\n{more}Connection: close\r\n\r\n".encode() + body
