"""The MTA's end of socketmap, without an MTA: netstrings as Postfix sends them, and as nobody should."""

import socket

from .scene import PATIENCE, expect

ADDRESS = ("127.0.0.1", 8461)


def netstring(payload) -> bytes:
    payload = payload if isinstance(payload, bytes) else payload.encode()
    return b"%d:%s," % (len(payload), payload)


class Socketmap:
    """One connection. `send` and `reply` apart let a scene put several requests on the way."""

    def __init__(self, address=ADDRESS, within_s: float = 60):
        if isinstance(address, str):
            self._socket = socket.socket(socket.AF_UNIX)
            self._socket.settimeout(within_s * PATIENCE)
            self._socket.connect(address)
        else:
            self._socket = socket.create_connection(address, timeout=within_s * PATIENCE)
        self._data = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.close()

    def send(self, data: bytes):
        self._socket.sendall(data)

    def reply(self) -> str:
        """The payload of the next reply; "" when the daemon has closed the connection."""
        while True:
            length, colon, rest = self._data.partition(b":")
            if colon and len(rest) > int(length):
                count = int(length)
                expect(rest[count:count + 1] == b",", f"a netstring ends in a comma: {self._data[:80]!r}")
                self._data = rest[count + 1:]
                return rest[:count].decode()
            more = self._socket.recv(65536)
            if not more:
                expect(not self._data, f"the connection ends after a whole reply, not in {self._data[:80]!r}")
                return ""
            self._data += more

    def ask(self, key, name: str = "QUERY") -> str:
        self.send(netstring(name.encode() + b" " + (key if isinstance(key, bytes) else key.encode())))
        return self.reply()


def ask(key, name: str = "QUERY", address=ADDRESS) -> str:
    with Socketmap(address) as conn:
        return conn.ask(key, name)


def ask_all(keys, name: str = "QUERY", address=ADDRESS) -> dict:
    """Every key on a connection of its own, all at once: as many smtp processes do."""
    conns = {key: Socketmap(address) for key in keys}
    try:
        for key, conn in conns.items():
            conn.send(netstring(f"{name} {key}"))
        return {key: conn.reply() for key, conn in conns.items()}
    finally:
        for conn in conns.values():
            conn.__exit__()
