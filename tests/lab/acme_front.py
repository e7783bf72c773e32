"""A reverse proxy before Pebble that adds what Debian's Pebble lacks, renewal information (RFC 9773), and misbehaves on demand.

Pebble makes its URLs from the Host header, which is passed on, so that clients talk to the proxy all the time.
"""

import base64
import http.client
import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from .ca import Ca
from .pebble import Pebble

PASSED_ON = ("content-type", "replay-nonce", "location", "link", "retry-after")


class AcmeFront:
    def __init__(self, lab, ca: Ca, pebble: Pebble, address: str):
        self.pebble = pebble
        self.directory = f"https://{address}:14000/dir"
        self.window = None            # (start, end) in RFC 3339; None: 404 for every certificate
        self.asked = []               # renewal ids
        self.orders = []              # payloads of newOrder, as they came
        self.refuse_replaces = False  # alreadyReplaced (RFC 9773 §5)
        self.down = False             # 503 for everything
        self.profiles = None
        self._pebble_trust = ssl.create_default_context(cafile=str(pebble.ca_file))
        certificate = ca.leaf(address, "localhost")
        front = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                front._answer(self)

            do_HEAD = do_POST = do_GET

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer((address, 14000), Handler)
        self._server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.chain, certificate.key)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        lab.at_end(f"the proxy before {pebble.name} ends", self._server.shutdown)

    def _answer(self, request):
        length = int(request.headers.get("Content-Length") or 0)
        body = request.rfile.read(length)
        if self.down:
            return self._send(request, 503, {"Retry-After": "60"}, b"busy\n")
        if request.path.startswith("/renewal-info/"):
            self.asked.append(request.path.rsplit("/", 1)[1])
            if self.window is None:
                return self._send(request, 404, {}, b"{}")
            start, end = self.window
            info = {"suggestedWindow": {"start": start, "end": end}, "explanationURL": "https://ca.example/incident"}
            return self._send(request, 200, {"Content-Type": "application/json", "Retry-After": "60"}, json.dumps(info).encode())
        if request.path == "/order-plz":
            payload = json.loads(body)["payload"]
            order = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
            self.orders.append(order)
            if self.refuse_replaces and "replaces" in order:
                problem = {"type": "urn:ietf:params:acme:error:alreadyReplaced", "detail": "it has a successor", "status": 409}
                return self._send(request, 409, {"Content-Type": "application/problem+json"}, json.dumps(problem).encode())
        connection = http.client.HTTPSConnection(self.pebble.address, 14000, context=self._pebble_trust, timeout=30)
        try:
            headers = {name: value for name, value in request.headers.items() if name.lower() not in ("connection", "accept-encoding")}
            connection.request(request.command, request.path, body=body or None, headers=headers)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        if request.path == "/dir":
            directory = json.loads(content)
            directory["renewalInfo"] = self.directory.replace("/dir", "/renewal-info")
            if self.profiles:
                directory.setdefault("meta", {})["profiles"] = self.profiles
            content = json.dumps(directory).encode()
        self._send(request, answer.status, {name: value for name, value in answer.getheaders() if name.lower() in PASSED_ON}, content)

    @staticmethod
    def _send(request, status: int, headers: dict, body: bytes):
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        if request.command != "HEAD":
            request.wfile.write(body)
