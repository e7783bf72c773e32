"""Letters that are told apart by their text, and what has to become of them."""

from .postfix import received_over_tls
from .scene import expect, wait_for


class Letters:
    """For a stage with a `sender`, the `mx` it sends to, a `path` between them and the attacker's `sink`."""

    def __init__(self):
        self.waiting = {}  # queue id → text of a letter that was refused
        self.count = 0

    def send(self, domain: str):
        self.count += 1
        text = f"letter {self.count} to {domain} here"
        queue_id = self.sender.send("a@sender.test", f"b@{domain}", text)
        return text, queue_id, self.sender.outcome(queue_id)

    def delivered(self, domain: str, tls: str):
        """Sends a letter that must arrive. `tls` is what the sender must call the connection ("Verified", "Trusted",
        "Untrusted"), "" for clear text."""
        text, _, done = self.send(domain)
        expect(done.status == "sent", f"delivered: {done}")
        expect(done.tls.startswith(f"{tls} TLS connection") if tls else not done.tls, f"{tls or 'no'} TLS: {done}")
        mail = wait_for(lambda: self.mx.mail_with(text), f"{text} in the mailbox")
        version = received_over_tls(mail)
        expect(version in ("TLSv1.2", "TLSv1.3") if tls else not version, f"the MX saw {version or 'clear text'}")
        return text

    def refused(self, domain: str, why: str):
        """Sends a letter that must stay: deferred for that reason, in the queue, seen by nobody."""
        text, queue_id, done = self.send(domain)
        expect(done.status == "deferred" and why in done.reply, f"deferred with “{why}”: {done}")
        expect(why in self.sender.queue().get(queue_id, ""), "it waits in the queue")
        self.nobody_saw(text)
        self.waiting[queue_id] = text
        return queue_id

    def nobody_saw(self, text: str):
        expect(self.mx.mail_with(text) is None, f"{text} was not delivered")
        for session in self.path.sessions + self.sink.sessions:
            expect(text.encode() not in session.clear + session.under_tls, f"the attacker saw {text}")

    def show(self, certificate):
        """The MX has that certificate from now on."""
        self.mx.reload(**self.mx.shows(certificate))
