"""The attacker's two tools: a place on the path to an MX, and a mail server of his own."""

import socket
import ssl
import threading
from dataclasses import dataclass, field

from .ca import Certificate
from .servers import Listener


@dataclass
class Session:
    """What an attacker saw of one connection."""
    commands: list = field(default_factory=list)   # SMTP commands, without message content
    clear: bytes = b""                             # everything the client sent without TLS, content included
    under_tls: bytes = b""                         # what it sent after a handshake with the attacker himself
    messages: list = field(default_factory=list)   # contents that he accepted
    sni: str = ""                                  # the name in the client's handshake
    hostile: bool = True                           # False: the server was an honest MX when the session began


class SmtpDialogue:
    """The server side of an SMTP session: reads commands, answers, records."""

    def __init__(self, conn, session: Session, certificate: Certificate = None):
        self.conn = conn
        self.file = conn.makefile("rb")
        self.session = session
        self.certificate = certificate
        self.tls = False

    def say(self, text: str):
        self.conn.sendall(text.replace("\n", "\r\n").encode() + b"\r\n")

    def read_line(self) -> bytes:
        line = self.file.readline(65536)
        if not line:
            raise EOFError
        if self.tls:
            self.session.under_tls += line
        else:
            self.session.clear += line
        return line

    def start_tls(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate.chain, self.certificate.key)
        context.sni_callback = lambda _tls, name, _context: setattr(self.session, "sni", name or "")
        self.conn = context.wrap_socket(self.conn, server_side=True)
        self.file = self.conn.makefile("rb")
        self.tls = True

    def read_message(self) -> bytes:
        content = b""
        while (line := self.read_line()) != b".\r\n":
            content += line
        return content


class Sink(Listener):
    """A mail server that takes everything, with STARTTLS under `certificate` (None: it offers no TLS). Its attributes may
    change while it runs: `refuses_starttls` offers TLS and then answers 454; `replies` has other answers, by verb; `hostile` is False while it plays an honest MX; while `answers` is
    cleared a message is not answered."""

    def __init__(self, lab, address: str, host: str, certificate: Certificate):
        self.host = host
        self.certificate = certificate
        self.refuses_starttls = False
        self.replies = {}
        self.answers = threading.Event()
        self.answers.set()
        self.hostile = True
        self.sessions = []
        super().__init__(lab, address, 25)

    def messages(self) -> list:
        return [message for session in self.sessions for message in session.messages]

    def serve(self, conn):
        session = Session(hostile=self.hostile)
        self.sessions.append(session)
        smtp = SmtpDialogue(conn, session, self.certificate)
        smtp.say(f"220 {self.host} ESMTP")
        while True:
            line = smtp.read_line().decode("latin-1").strip()
            session.commands.append(line)
            verb = line.split(" ")[0].upper()
            if verb in self.replies:
                smtp.say(self.replies[verb])
            elif verb == "EHLO":
                offer = "\n250-STARTTLS" if smtp.certificate and not smtp.tls else ""
                smtp.say(f"250-{self.host}{offer}\n250 8BITMIME")
            elif verb == "STARTTLS" and self.refuses_starttls:
                smtp.say("454 4.7.0 TLS not available due to temporary reason")  # RFC 3207 §4
            elif verb == "STARTTLS" and smtp.certificate and not smtp.tls:
                smtp.say("220 ready")
                smtp.start_tls()
            elif verb == "DATA":
                smtp.say("354 go on")
                session.messages.append(smtp.read_message())
                self.answers.wait(60)
                smtp.say("250 taken")
            elif verb == "QUIT":
                smtp.say("221 bye")
                return
            elif verb in ("HELO", "MAIL", "RCPT", "RSET", "NOOP"):
                smtp.say("250 ok")
            else:
                smtp.say("502 no")


class Path(Listener):
    """The network path to an MX: it owns the address that DNS names, the MX itself listens behind it. The path is honest
    until `strip` is set; then a man in the middle removes STARTTLS from the EHLO reply and refuses the command."""

    def __init__(self, lab, address: str, behind: str):
        self.behind = behind
        self.strip = False
        self.sessions = []
        super().__init__(lab, address, 25)

    def serve(self, conn):
        session = Session()
        self.sessions.append(session)
        with socket.create_connection((self.behind, 25), timeout=60) as server:
            if self.strip:
                self._strip(conn, server, session)
            else:
                self._relay(conn, server, session)

    @staticmethod
    def _pump(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def _relay(self, conn, server, session):
        back = threading.Thread(target=self._pump, args=(server, conn), daemon=True)
        back.start()
        self._pump(conn, server)
        back.join()

    def _strip(self, conn, server, session):
        answers = server.makefile("rb")

        def pass_answer(without_starttls=False):
            lines = []
            while True:
                line = answers.readline(65536)
                if not line:
                    raise EOFError
                lines.append(line)
                if line[3:4] != b"-":
                    break
            if without_starttls:
                # CHUNKING too: he reads DATA, not BDAT.
                lines = [line for line in lines if line[4:].strip().upper() not in (b"STARTTLS", b"CHUNKING")]
                lines[-1] = lines[-1][:3] + b" " + lines[-1][4:]
            conn.sendall(b"".join(lines))
            return lines[-1][:3]

        smtp = SmtpDialogue(conn, session)
        pass_answer()
        while True:
            line = smtp.read_line()
            session.commands.append(line.decode("latin-1").strip())
            verb = line.split()[0].upper() if line.split() else b""
            if verb == b"STARTTLS":
                smtp.say("502 5.5.1 command not implemented")
                continue
            server.sendall(line)
            code = pass_answer(without_starttls=verb == b"EHLO")
            if verb == b"DATA" and code == b"354":
                content = smtp.read_message()
                session.messages.append(content)
                server.sendall(content + b".\r\n")
                pass_answer()
            elif verb == b"QUIT":
                return
