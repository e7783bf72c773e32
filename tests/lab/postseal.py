"""The program under test: its configuration, its start and end, its commands."""

import json
import shlex
import signal
from pathlib import Path

from .internet import Internet
from .process import Daemon, run
from .scene import SceneError, expect


def toml(table: dict, prefix: str = "") -> str:
    """A nested dict as TOML: scalars and lists of a table first, then tables, a list of dicts as [[table]]s."""
    lines, below = [], []
    for key, value in table.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            below.append(f"\n[{name}]\n{toml(value, name + '.')}")
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            below += [f"\n[[{name}]]\n{toml(item, name + '.')}" for item in value]
        else:
            # JSON's strings, numbers, booleans and lists of them are TOML as well.
            lines.append(f"{key} = {json.dumps(value, default=str, ensure_ascii=False)}\n")
    return "".join(lines + below)


class Postseal:
    """One installation. `config` is what the scene wants beyond what every lab needs; `inherits` a socket that systemd would
    hold for it."""

    def __init__(self, lab, internet: Internet, ca_file: Path, config: dict, name: str = "postseal", verb: str = "serve",
                 env: dict = None, inherits=None):
        self.lab = lab
        self.name = name
        self.verb = verb
        self.env = env
        self.config_file = lab.artefacts / f"{name}.toml"
        self.config = {
            "state_dir": lab.place(name),
            "log_level": "debug",
            "resolver": {"root_hints": internet.root_hints, "trust_anchor_file": internet.trust_anchor},
            "tls": {"ca_file": ca_file},
            "lab": {"allow_non_global_addresses": True},
            **config,
        }
        self.log = lab.log(name)
        self._daemon = None
        self.held = [inherits] if inherits else []  #  listening sockets that it is given, as systemd gives them (sd_listen_fds(3)): a restart closes none

    def configure(self):
        self.config_file.write_text(toml(self.config))

    def start(self):
        self.configure()
        argv = [self.lab.binary, self.verb, "--config", self.config_file]
        if self.held:
            # They have to be 3, 4, …, and LISTEN_PID the program's own.
            given = " ".join(f"{3 + at}<&{held.fileno()}" for at, held in enumerate(self.held))
            argv = ["bash", "-c", f'exec {given}; LISTEN_PID=$$ LISTEN_FDS={len(self.held)} exec "$@"', "bash", *argv]
        self._daemon = Daemon(self.lab, self.name, argv, env=self.env, stdout_name=f"{self.name}-stdout",
                              pass_fds=[held.fileno() for held in self.held])
        ready = self._daemon.stdout
        mark = ready.mark()
        self._daemon.start(stop=self.stop)
        try:
            ready.wait(r"^ready$", after=mark, within_s=60, alive=self._daemon.alive)
        except SceneError as error:
            raise SceneError(f"{error}; it said: {self.log.tail()}") from None
        return self

    @property
    def pid(self) -> int:
        return self._daemon.process.pid

    def stop(self):
        """design §6: SIGTERM ends within 10 s with exit 0."""
        if self._daemon and self._daemon.process:
            status = self._daemon.stop(within_s=10)
            expect(status == 0, f"{self.name} ended with {status}: {self.log.tail()}")

    def kill(self):
        """As if the machine lost its power."""
        self._daemon.process.kill()
        self._daemon.process.wait()
        self._daemon.process = None

    def reload(self):
        """SIGHUP after a changed `config`. What it changes is waited for by what it does."""
        self.configure()
        self._daemon.process.send_signal(signal.SIGHUP)

    def command(self, *argv, ok=(0,), within_s: float = 60):
        return command(self.lab, *argv, ok=ok, within_s=within_s)

    def json(self, *argv, ok=(0,), within_s: float = 60):
        """A command that asks the running daemon (--config), its answer as a value."""
        done = self.command(*argv, "--config", self.config_file, "--json", ok=ok, within_s=within_s)
        return json.loads(done.stdout)


def command(lab, *argv, input: str = None, ok=(0,), within_s: float = 60):
    """Runs `postseal ARGV`; what it said is added to the artefacts, where sanitizer reports are looked for."""
    with open(lab.artefacts / "postseal-commands.log", "a") as out:
        done = run([lab.binary, *argv], input=input, within_s=within_s, ok=None)
        out.write(f"$ postseal {shlex.join(str(arg) for arg in argv)}\n{done.stdout}{done.stderr}[exit {done.returncode}]\n")
    if ok is not None:
        expect(done.returncode in ok, f"`postseal {shlex.join(str(arg) for arg in argv)}` ended with {done.returncode}: "
               f"{(done.stderr or done.stdout).strip()[-600:]}")
    return done
