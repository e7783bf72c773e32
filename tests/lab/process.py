"""Programs that a scene starts: a log file each, a clean stop, and an end that is noticed."""

import os
import signal
import subprocess
import time

from .scene import PATIENCE, SceneError


class Daemon:
    """A program that stays in the foreground until it is told to stop."""

    def __init__(self, lab, name: str, argv: list, env: dict = None, cwd=None, stdout_name: str = None,
                 pass_fds=()):
        self.lab = lab
        self.name = name
        self.argv = [str(arg) for arg in argv]
        self.env = dict(os.environ, **(env or {}))
        self.cwd = cwd
        self.pass_fds = tuple(pass_fds)
        self.log = lab.log(name)
        self.stdout = lab.log(stdout_name) if stdout_name else self.log
        self.process = None

    def start(self, stop=None):
        """`stop`: what ends it when the scene is over, if plain `stop` does not say enough."""
        with open(self.log.path, "a") as errors, open(self.stdout.path, "a") as out:
            self.process = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=out, stderr=errors,
                                            env=self.env, cwd=self.cwd, pass_fds=self.pass_fds)
        self.lab.at_end(f"{self.name} stops", stop or self.stop)
        return self

    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def stop(self, within_s: float = 10) -> int:
        """SIGTERM, then the exit status. A program that does not end in time is killed and reported."""
        if self.process is None:
            return 0
        process, self.process = self.process, None
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            return process.wait(within_s * PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise SceneError(f"{self.name} did not end within {within_s:.0f} s of SIGTERM") from None


def run(argv: list, input: str = None, within_s: float = 60, ok=(0,), env: dict = None) -> subprocess.CompletedProcess:
    """Runs a command to its end. A status outside `ok` (None: any) is an error with the command's own words in it."""
    argv = [str(arg) for arg in argv]
    begin = time.monotonic()
    try:
        done = subprocess.run(argv, input=input, capture_output=True, text=True, errors="replace",
                              timeout=within_s * PATIENCE, env=dict(os.environ, **(env or {})),
                              stdin=subprocess.DEVNULL if input is None else None)
    except subprocess.TimeoutExpired:
        raise SceneError(f"`{' '.join(argv)}` did not end within {time.monotonic() - begin:.0f} s") from None
    if ok is not None and done.returncode not in ok:
        raise SceneError(f"`{' '.join(argv)}` ended with {done.returncode}: {(done.stderr or done.stdout).strip()[-600:]}")
    return done
