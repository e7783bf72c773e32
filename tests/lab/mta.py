"""The sending mail servers of the attack lab behind one interface, so that the same letters go through each of them.

An MTA knows three words for what came of a letter: whether it went out, whether its own log calls the connection
verified, and why not.
"""

from dataclasses import dataclass

from .postfix import Postfix
from .scene import wait_for


@dataclass(frozen=True)
class Outcome:
    status: str      # sent, deferred, bounced
    verified: bool   # the MTA says that it has authenticated the server
    why: str         # the MTA's own words


class PostfixMta:
    """A running Postfix that asks policyd."""

    def __init__(self, postfix: Postfix, key: str):
        self.postfix = postfix
        self.key = key  # a label of the domains that are written to by this MTA
        self.title = "Postfix " + ".".join(postfix.system.version().split(".")[:2])

    def send_all(self, letters: list) -> list:
        """Hands in a letter for each (recipient, text); returns what the MTA calls them."""
        return self.postfix.send_all("a@sender.test", letters)

    def outcomes(self, ids: list, attempt: int = 1, within_s: float = 90) -> dict:
        """Waits until that attempt of every letter has ended; what came of each."""
        def all_ended():
            history = self.postfix.history()
            missing = [queue_id for queue_id in ids if len(history.get(queue_id, [])) < attempt]
            return None if missing else history

        history = wait_for(all_ended, f"{self.title}: the end of attempt {attempt} of {len(ids)} letters", within_s, 0.2)
        return {queue_id: self._outcome(history[queue_id][attempt - 1]) for queue_id in ids}

    @staticmethod
    def _outcome(delivery) -> Outcome:
        return Outcome(delivery.status, delivery.tls.startswith("Verified "), delivery.reply)

    def flush(self):
        """Everything that waits is tried once more, now."""
        self.postfix.flush()

    def waiting(self) -> set:
        return set(self.postfix.queue())
