"""Run a bookshop, web server and cluster, until Ctrl-C or SIGTERM. Standard library only.

`-m example_site.demo` runs the one of Wagtail pages, `-m example_site.demo oscar` that with Oscar.

django-q2 hangs when a signal reaches its whole process group, so each child gets a session of
its own, the signal goes to the child's main process, and only what outlives the grace is killed.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, NoReturn, TextIO

ROOT = Path(__file__).resolve().parent.parent
GRACE = 10.0  # seconds; django-q2 stops in one or two


class Stop(SystemExit):
    """Asked to stop, by Ctrl-C, a signal, or because make is gone."""


class Crew:
    """The child processes, and how they end."""

    def __init__(self, environ: dict[str, str]) -> None:
        self.environ = environ
        self.members: dict[str, subprocess.Popen] = {}

    def start(self, name: str, *arguments: str) -> subprocess.Popen:
        command = [sys.executable, str(ROOT / "manage.py"), *arguments]
        self.members[name] = subprocess.Popen(
            command,
            cwd=ROOT,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL if name != "setup" else None,
            start_new_session=True,
            preexec_fn=_die_with_parent,
        )
        return self.members[name]

    def finished(self) -> tuple[str, int] | None:
        """The first child that has ended, with its exit code."""
        for name, process in self.members.items():
            if process.poll() is not None:
                return name, process.returncode
        return None

    def stop(self) -> None:
        for process in self.members.values():
            if process.poll() is None:
                process.terminate()
        end = time.monotonic() + GRACE
        for process in self.members.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, end - time.monotonic()))
            _kill_group(process.pid)
            process.wait()
        self.members.clear()


def _kill_group(leader: int) -> None:
    """Whatever is left of a child's session, its own children included."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def _die_with_parent() -> None:
    """Linux: a child of a killed runner gets SIGTERM instead of living on."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def main(shop: str = "") -> int:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    crew: Crew | None = None
    try:
        port = chosen_port(os.environ.get("PORT", "8000"))
        environ = settings_for(port, shop)
        lock = only_one(Path(environ["DEMO_DIR"]))  # noqa: F841 - held while we live
        crew = Crew(environ)
        prepare(crew)
        serve(crew, port, WELCOME[shop].format(address=environ["BASE_URL"]))
    except Stop:
        _say("\nStopping …")
        return 0
    except Trouble as trouble:
        _say(str(trouble), sys.stderr)
        return 1
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        if crew:
            crew.stop()


class Trouble(Exception):
    """Why the demo can't go on, in a sentence that says what to do."""


def _say(text: str, where: TextIO = sys.stdout) -> None:
    with suppress(OSError):  # a terminal that was closed
        where.write(f"{text}\n")
        where.flush()


def _stop(*_: object) -> NoReturn:
    raise Stop


def chosen_port(text: str) -> int:
    """The port to serve on. Raises Trouble where it is no port, or taken."""
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise Trouble(f"PORT={text} is not a port number. Try: PORT=8123 make demo")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", int(text)))
        except PermissionError:
            raise Trouble(f"Port {text} may not be used. Try: PORT=8123 make demo") from None
        except OSError:
            raise Trouble(
                f"Port {text} is taken. Stop what uses it, or take another: PORT=8123 make demo"
            ) from None
    return int(text)


def settings_for(port: int, shop: str = "") -> dict[str, str]:
    """The children's environment. What the caller's already says wins."""
    defaults = {
        "DJANGO_SETTINGS_MODULE": f"example_site.settings.{shop or 'base'}",
        "DEBUG": "1",
        "DRIP_TIME_TRAVEL": "1",
        "BASE_URL": f"http://127.0.0.1:{port}",
        "DEMO_DIR": str(ROOT / (f".demo-{shop}" if shop else ".demo")),
        "PYTHONUNBUFFERED": "1",
    }
    return {**defaults, **os.environ}


def only_one(folder: Path) -> IO[str]:
    """Two demos on one database would send under two addresses; the second is told."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = (folder / "lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise Trouble("The demo runs already. Stop it first, with Ctrl-C where it runs.") from None
    return lock


def prepare(crew: Crew) -> None:
    """Migrate and seed. Raises Trouble where that fails (its own words are on the screen)."""
    _say("Preparing the bookshop …")
    code = crew.start("setup", "seed", "--migrate", "--adopt").wait()
    del crew.members["setup"]
    if code:
        raise Trouble("The bookshop could not be prepared; `make clean-demo` starts afresh.")


def serve(crew: Crew, port: int, welcome: str) -> NoReturn:
    """Web server and cluster until somebody stops us. Raises Trouble when one of them dies."""
    maker = os.getppid()
    crew.start("web server", "runserver", f"127.0.0.1:{port}", "--noreload", "--skip-checks")
    crew.start("cluster", "qcluster")
    announced = False
    while True:
        if ended := crew.finished():
            name, code = ended
            raise Trouble(f"The {name} ended by itself (exit code {code}); stopping the rest.")
        if "MAKELEVEL" in os.environ and os.getppid() != maker:
            raise Stop
        if not announced and answers(port):
            announced = True
            _say(welcome)
        time.sleep(0.2)


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=0.2).close()
    except OSError:
        return False
    return True


WELCOME = {
    "": """
  The Paper Lantern is open.

    Bookshop  {address}/
    Sign up   {address}/signup/
    Outbox    {address}/outbox/   every mail, as received; moves time
    Admin     {address}/admin/    admin / admin, or editor / editor

  Ctrl-C stops it.
""",
    "oscar": """
  The Paper Lantern is open, with Oscar behind the counter.

    Bookshop   {address}/
    Register   {address}/store/accounts/register/
    Outbox     {address}/outbox/   every mail, as received; moves time
    Admin      {address}/admin/    admin / admin, or editor / editor
    Dashboard  {address}/store/dashboard/   Oscar's; log in at the admin first

  Ctrl-C stops it.
""",
}

if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
