"""Threads that serve connections: the base of the lab's own small servers (policy host, attacker, wire tap)."""

import contextlib
import socket
import threading


class Listener:
    """Accepts on one address until the scene ends; `serve(conn)` runs in a thread per connection."""

    def __init__(self, lab, address: str, port: int):
        self._socket = socket.create_server((address, port), reuse_port=False)
        self._closed = False
        lab.at_end(f"listener {address}:{port} closes", self.close)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while not self._closed:
            try:
                conn, _ = self._socket.accept()
            except OSError:
                return
            conn.settimeout(60)
            threading.Thread(target=self._guard, args=(conn,), daemon=True).start()

    def _guard(self, conn):
        # A peer that breaks off is what these servers are for: no error of the lab.
        with contextlib.suppress(OSError, ValueError, EOFError):
            with conn:
                self.serve(conn)

    def serve(self, conn):
        raise NotImplementedError

    def close(self):
        self._closed = True
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
