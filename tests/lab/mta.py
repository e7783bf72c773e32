"""The sending mail servers of the attack lab behind one interface, so that the same letters go through each of them.

An MTA knows three words for what came of a letter: whether it went out, whether its own log calls the connection
verified, and why not.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from .exim import Exim
from .postfix import Postfix
from .scene import wait_for


@dataclass(frozen=True)
class Outcome:
    status: str      # sent, deferred, bounced
    verified: bool   # the MTA says that it has authenticated the server
    why: str         # the MTA's own words


class Mta:
    """A running MTA. `server` is its Postfix or Exim."""

    def __init__(self, server, key: str, title: str):
        self.server = server
        self.key = key  # a label of the domains that are written to by this MTA
        self.title = title

    def outcomes(self, ids: list, attempt: int = 1, within_s: float = 90) -> dict:
        """Waits until that attempt of every letter has ended; what came of each."""
        def all_ended():
            history = self.server.history()
            missing = [queue_id for queue_id in ids if len(history.get(queue_id, [])) < attempt]
            return None if missing else history

        history = wait_for(all_ended, f"{self.title}: the end of attempt {attempt} of {len(ids)} letters", within_s, 0.2)
        return {queue_id: self._outcome(history[queue_id][attempt - 1]) for queue_id in ids}

    @staticmethod
    def _outcome(delivery) -> Outcome:
        return Outcome(delivery.status, delivery.tls.startswith("Verified "), delivery.reply)


class PostfixMta(Mta):
    def __init__(self, postfix: Postfix, key: str):
        super().__init__(postfix, key, "Postfix " + ".".join(postfix.system.version().split(".")[:2]))

    def send_all(self, letters: list) -> list:
        """Hands in a letter for each (recipient, text); returns what the MTA calls them."""
        return self.server.send_all("a@sender.test", letters)

    def retry(self, _ids: list):
        """What waits is tried once more, now."""
        self.server.flush()


class EximMta(Mta):
    """Exim keeps letters from a host, by name and address, for a while after it failed, whatever domain the next letter is
    for. The lab wants to see what comes of each letter, so it orders every attempt by itself (`exim4 -M`)."""

    def __init__(self, exim: Exim, key: str):
        super().__init__(exim, key, f"Exim {exim.version()}")
        self._executor = ThreadPoolExecutor(4)  # slow letters hold up none of the next lot
        self._attempts = []

    def send_all(self, letters: list) -> list:
        ids = self.server.send_all("a@sender.test", letters)
        self.retry(ids)
        return ids

    def retry(self, ids: list):
        self._attempts.append(self._executor.submit(self.server.try_all, ids))

    def outcomes(self, ids: list, attempt: int = 1, within_s: float = 90) -> dict:
        for begun in self._attempts:
            begun.result()
        return super().outcomes(ids, attempt, within_s)
