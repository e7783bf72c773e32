"""What a scene holds in its hand: steps that pass or fail, places for files, and waiting for conditions."""

import contextlib
import os
import re
import time
import traceback
from pathlib import Path

# A sanitizer build on a busy machine is many times slower than a person expects; only the limits stretch with this.
PATIENCE = float(os.environ.get("LAB_PATIENCE", "1"))

SANITIZER = re.compile(
    r"ERROR: (Address|Leak)Sanitizer|WARNING: ThreadSanitizer|runtime error: |SUMMARY: \w+Sanitizer")


class SceneError(Exception):
    """A condition of the scene that did not hold, in words."""


def wait_for(probe, what: str, within_s: float = 30, every_s: float = 0.05, ignore=()):
    """The first truthy value that `probe` gives. A scene waits for what happens, never for time to pass."""
    limit = time.monotonic() + within_s * PATIENCE
    last = None
    while True:
        try:
            last = probe()
            if last:
                return last
        except ignore as error:
            last = error
        if time.monotonic() > limit:
            raise SceneError(f"waited {within_s * PATIENCE:.0f} s in vain for: {what} (last seen: {last!r})")
        time.sleep(every_s)


class Log:
    """A log file that somebody else writes."""

    def __init__(self, path: Path):
        self.path = path

    def text(self) -> str:
        try:
            return self.path.read_text(errors="replace")
        except FileNotFoundError:
            return ""

    def lines(self, pattern: str, after: int = 0) -> list:
        return [line for line in self.text()[after:].splitlines() if re.search(pattern, line)]

    def mark(self) -> int:
        """Where the log ends now: give it to `wait` to see only what comes later."""
        return len(self.text())

    def wait(self, pattern: str, within_s: float = 30, after: int = 0, alive=None) -> str:
        def seen():
            found = self.lines(pattern, after)
            if not found and alive and not alive():
                raise SceneError(f"{self.path.name}: its program ended before /{pattern}/ came: {self.tail()}")
            return found

        return wait_for(seen, f"/{pattern}/ in {self.path.name}", within_s)[0]

    def tail(self, count: int = 5) -> str:
        return " | ".join(self.text().splitlines()[-count:])


class Scene:
    """One running scene. `state` is scratch in memory; `artefacts` stays on disk for the reader afterwards. `long`: it is played at
    its full size (`tests/run --long`)."""

    def __init__(self, name: str, state: Path, artefacts: Path, binary: Path, say):
        self.name = name
        self.state = state
        self.artefacts = artefacts
        self.binary = binary
        self.long = bool(os.environ.get("LAB_LONG"))
        self.steps = []
        self._say = say
        self._endings = []

    def say(self, text: str):
        """A line for whoever watches the run."""
        self._say(text)

    def log(self, name: str) -> Log:
        return Log(self.artefacts / f"{name}.log")

    def place(self, name: str) -> Path:
        """A scratch directory for the daemon `name`."""
        path = self.state / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def at_end(self, what: str, action):
        """Something to undo when the scene is over, in reverse order. An action that raises fails the scene."""
        self._endings.append((what, action))

    @contextlib.contextmanager
    def step(self, title: str):
        begin = time.monotonic()
        entry = {"title": title, "passed": False, "seconds": 0.0, "detail": ""}
        self.steps.append(entry)
        try:
            yield
            entry["passed"] = True
        except Exception as error:
            entry["detail"] = str(error) or repr(error)
            with open(self.artefacts / "failure.txt", "a") as out:
                out.write(f"step: {title}\n{traceback.format_exc()}\n")
            raise
        finally:
            entry["seconds"] = round(time.monotonic() - begin, 2)
            self._say(("PASS  " if entry["passed"] else "FAIL  ") + f"{title}  ({entry['seconds']:.1f} s)")
            if entry["detail"]:
                self._say("      " + entry["detail"])

    def end(self):
        """Stops everything that the scene started, whatever happens on the way."""
        while self._endings:
            what, action = self._endings.pop()
            try:
                action()
            except Exception as error:
                with contextlib.suppress(Exception), self.step(what):
                    raise error

    def check_sanitizers(self):
        reports = [f"{path.name}: {line.strip()}" for path in sorted(self.artefacts.glob("postseal*.log"))
                   for line in Log(path).lines(SANITIZER.pattern)]
        if reports:
            with contextlib.suppress(SceneError), self.step("no sanitizer report"):
                raise SceneError("; ".join(reports[:5]))

    def passed(self) -> bool:
        return bool(self.steps) and all(step["passed"] for step in self.steps)


def expect(condition, what: str):
    """An assertion that says what was expected, and is not dropped by python -O."""
    if not condition:
        raise SceneError(what)
