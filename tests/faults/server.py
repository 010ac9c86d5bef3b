"""A PostgreSQL of our own in a folder of our own: one that may be killed without harm to others."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

OPTIONS = "-c fsync=off -c max_connections=200 -c listen_addresses=127.0.0.1 -c lc_messages=C"


class Server:
    """`binaries` holds initdb and pg_ctl; `data` is the server's folder."""

    def __init__(self, binaries: Path, data: Path, port: int) -> None:
        self.binaries, self.data, self.port = binaries, data, port

    @property
    def url(self) -> str:
        return f"postgres://postgres@127.0.0.1:{self.port}/drip"

    def restart_hard(self) -> None:
        """As if its host had lost power: all connections break, and it comes back by its log."""
        self._control("restart", "-m", "immediate")

    def start(self) -> None:
        self._run("initdb", "-D", str(self.data), "-A", "trust", "-U", "postgres", "-N")
        self._control("start")

    def stop(self) -> None:
        self._control("stop", "-m", "immediate")

    def _control(self, *words: str) -> None:
        options = f"-p {self.port} -k {self.data} {OPTIONS}"
        log = self.data / "server.log"
        self._run("pg_ctl", "-w", "-D", str(self.data), "-l", str(log), "-o", options, *words)

    def _run(self, program: str, *words: str) -> None:
        """PostgreSQL refuses to run as root, so root does it as the user that Debian has made."""
        user = "postgres" if os.geteuid() == 0 else None
        command = [str(self.binaries / program), *words]
        subprocess.run(command, user=user, cwd="/", check=True, stdout=subprocess.DEVNULL)


def binaries() -> Path | None:
    """The folder of the newest initdb of this host; None: there is none."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    folders = Path("/usr/lib/postgresql").glob("*/bin")
    return max(folders, key=lambda path: int(path.parent.name), default=None)


@contextmanager
def server() -> Iterator[Server]:
    found = binaries()
    assert found, "PostgreSQL's initdb is not on this host"
    with TemporaryDirectory(prefix="drip-postgresql-") as folder:
        data = Path(folder) / "data"
        data.mkdir(mode=0o700)
        if os.geteuid() == 0:
            owner = pwd.getpwnam("postgres")
            for path in (data.parent, data):
                os.chown(path, owner.pw_uid, owner.pw_gid)
        one = Server(found, data, free_port())
        one.start()
        try:
            yield one
        finally:
            one.stop()


def of_environment() -> Server | None:
    """The one that `run` has started for these tests."""
    if not (named := os.environ.get("DRIP_FAULTS_SERVER")):
        return None
    path, data, port = named.split(os.pathsep)
    return Server(Path(path), Path(data), int(port))


def as_environment(one: Server) -> dict[str, str]:
    named = os.pathsep.join([str(one.binaries), str(one.data), str(one.port)])
    return {"DRIP_FAULTS_SERVER": named, "DATABASE_URL": one.url}


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]
