"""Small stand-ins for Postseal's ends of its two wire protocols, so that the lab can be proven without the program.
No scene of the product uses them."""

import json
import os
import socket
import threading

from .servers import Listener


class SocketmapTable(Listener):
    """A socketmap server that answers from a table: key → reply payload; anything else is NOTFOUND."""

    def __init__(self, lab, port: int, table: dict):
        self.table = table
        self.asked = []
        super().__init__(lab, "127.0.0.1", port)

    def serve(self, conn):
        file = conn.makefile("rb")
        while True:
            length = b""
            while (byte := file.read(1)) != b":":
                if not byte:
                    return
                length += byte
            name, _, key = file.read(int(length)).decode().partition(" ")
            file.read(1)  # ","
            self.asked.append((name, key))
            reply = self.table.get(key, "NOTFOUND ").encode()
            conn.sendall(b"%d:%s," % (len(reply), reply))


class DatagramReader:
    """The collector's end of the libtlsrpt socket."""

    def __init__(self, lab, path):
        self.datagrams = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        os.chmod(path, 0o777)
        threading.Thread(target=self._read, daemon=True).start()
        lab.at_end("datagram reader closes", self._socket.close)

    def _read(self):
        try:
            while True:
                self.datagrams.append(json.loads(self._socket.recv(262144)))
        except OSError:
            return
