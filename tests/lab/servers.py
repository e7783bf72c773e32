"""Threads that serve connections: the base of the lab's own small servers (policy host, attacker, wire tap)."""

import contextlib
import socket
import threading


class Listener:
    """Accepts on one address until the scene ends; `serve(conn)` runs in a thread per connection."""

    def __init__(self, lab, address: str, port: int):
        self._at = (address, port)
        lab.at_end(f"listener {address}:{port} closes", self.close)
        self.listen_again()

    def listen_again(self):
        """After `close`: connections were refused meanwhile."""
        self._socket = socket.create_server(self._at, reuse_port=False)
        threading.Thread(target=self._accept, args=(self._socket,), daemon=True).start()

    def _accept(self, listening):
        while True:
            try:
                conn, _ = listening.accept()
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
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
