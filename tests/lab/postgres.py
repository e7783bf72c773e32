"""A PostgreSQL server of the scene's own, with one user who must know a password."""

import shutil
import signal
from pathlib import Path

from .process import Daemon, run
from .scene import SceneError, wait_for

ADDRESS, PORT = "127.0.0.1", 5432
USER, PASSWORD = "postseal", "correct horse"
PROGRAMS = Path("/usr/lib/postgresql")


def programs() -> Path:
    """The newest version's folder: Debian keeps several side by side, outside PATH."""
    found = sorted(PROGRAMS.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not found:
        raise SceneError(f"no PostgreSQL below {PROGRAMS}")
    return found[-1].parent


class Postgres:
    def __init__(self, lab):
        self.lab = lab
        self.dir = lab.place("postgres")
        self._bin = programs()
        self._data = self.dir / "data"
        self._as_postgres = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]
        self._daemon = None
        self.password_file = lab.place("secrets") / "pgpass"
        self.password_file.write_text(f"*:*:*:{USER}:{PASSWORD}\n")
        self.password_file.chmod(0o600)

    def url(self, database: str = "postseal") -> str:
        return f"postgresql://{USER}@{ADDRESS}:{PORT}/{database}?passfile={self.password_file}"

    def create(self):
        shutil.chown(self.dir, "postgres", "postgres")
        first = self.dir / "first-password"
        first.write_text(PASSWORD)
        shutil.chown(first, "postgres")
        run([*self._as_postgres, self._bin / "initdb", "--pgdata", self._data, "--username", USER, "--pwfile", first,
             "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions"])
        return self

    def start(self):
        self._daemon = Daemon(self.lab, "postgres", [
            *self._as_postgres, self._bin / "postgres", "-D", self._data, "-h", ADDRESS, "-p", PORT, "-k", self.dir,
            "-c", "fsync=off"], cwd=self.dir).start(stop=self.stop)  # the machine itself does not lose its power in a scene
        self.wait()
        return self

    def wait(self):
        wait_for(lambda: run([self._bin / "pg_isready", "-h", ADDRESS, "-p", PORT], ok=None).returncode == 0, "PostgreSQL takes connections")

    def stop(self):
        """A "fast" shutdown: SIGTERM alone would wait until every client has left."""
        if self._daemon and self._daemon.alive():
            self._daemon.process.send_signal(signal.SIGINT)
            self._daemon.process.wait(60)
        self._daemon = None

    def sql(self, statement: str, database: str = "postseal") -> str:
        return run([self._bin / "psql", "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", ADDRESS, "-p", PORT, "-U", USER, "-d", database, "-c",
                    statement], env={"PGPASSFILE": str(self.password_file)}).stdout.strip()
