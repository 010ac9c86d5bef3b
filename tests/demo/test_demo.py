from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from example_site import demo

ROOT = Path(__file__).parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_a_taken_port_gets_a_sentence():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(demo.Trouble, match=f"Port {port} is taken.*PORT=8123 make demo"):
            demo.chosen_port(str(port))


@pytest.mark.parametrize("text", ["", "http", "0", "70000"])
def test_a_port_that_is_none_gets_a_sentence(text):
    with pytest.raises(demo.Trouble, match="is not a port number"):
        demo.chosen_port(text)


def test_the_port_moves_the_address(monkeypatch):
    monkeypatch.delenv("BASE_URL", raising=False)
    assert demo.settings_for(8123)["BASE_URL"] == "http://127.0.0.1:8123"


def test_a_second_demo_on_the_same_data_is_told(tmp_path):
    with demo.only_one(tmp_path), pytest.raises(demo.Trouble, match="runs already"):
        demo.only_one(tmp_path)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_every_signal_to_stop_ends_it_well(monkeypatch, number):
    monkeypatch.setattr(demo, "chosen_port", lambda _text: os.kill(os.getpid(), number))
    before = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        assert demo.main() == 0
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)


def test_stop_kills_what_outlives_the_grace(monkeypatch):
    monkeypatch.setattr(demo, "GRACE", 0.2)
    deaf = "trap '' TERM; echo deaf; sleep 60 & while :; do wait; done"
    process = subprocess.Popen(["sh", "-c", deaf], stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout.readline() == b"deaf\n"
    crew = demo.Crew({})
    crew.members["deaf"] = process
    crew.stop()
    assert process.returncode == -signal.SIGKILL
    assert left_of(process.pid) == []


def session(leader: int) -> list[int]:
    """The living processes of a session."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _parent, _group, number = stat.read_text().rpartition(")")[2].split()[:4]
        except OSError:
            continue
        if int(number) == leader and state != "Z":
            found.append(int(stat.parent.name))
    return found


def left_of(leader: int) -> list[int]:
    """Who of a session outlives it. A busy machine takes a while to bury what was killed."""
    end = time.monotonic() + 30
    while (living := session(leader)) and time.monotonic() < end:
        time.sleep(0.01)
    return living


def children(parent: int) -> list[int]:
    text = Path(f"/proc/{parent}/task/{parent}/children").read_text()
    return [int(pid) for pid in text.split()]


ORPHANED = """
import subprocess, time
from example_site import demo
child = subprocess.Popen(["sleep", "60"], start_new_session=True, preexec_fn=demo._die_with_parent)
print(child.pid, flush=True)
time.sleep(60)
"""


def test_a_killed_runner_takes_its_children_along():
    runner = subprocess.Popen([sys.executable, "-c", ORPHANED], cwd=ROOT, stdout=subprocess.PIPE)
    child = int(runner.stdout.readline())
    assert session(child) == [child]
    runner.kill()
    runner.communicate()
    assert left_of(child) == []


class Demo:
    """A demo of its own on a free port, with data of its own."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        hidden = ("DATABASE_URL", "BASE_URL", "DJANGO_SETTINGS_MODULE")
        environ = {k: v for k, v in os.environ.items() if k not in hidden}
        environ |= {"PORT": str(self.port), "DEMO_DIR": str(folder)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "example_site.demo"],
            cwd=ROOT,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def wait_until_open(self) -> str:
        said = ""
        for line in self.process.stdout:
            said += line
            if "Ctrl-C stops it" in line:
                return said
        raise AssertionError(f"it did not open:\n{said}")

    def get(self, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}") as answer:
            return answer.read().decode()

    def sessions(self) -> list[int]:
        return children(self.process.pid)

    def ended(self) -> tuple[int, str]:
        said, _none = self.process.communicate(timeout=30)
        return self.process.returncode, said


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture
def running(folder):
    one = Demo(folder)
    yield one
    if one.process.poll() is None:
        one.process.kill()
        one.process.communicate()


@pytest.mark.processes
def test_the_demo_opens_and_leaves_no_process(running):
    said = running.wait_until_open()
    assert f"http://127.0.0.1:{running.port}/signup/" in said and "admin / admin" in said
    assert "Swifts" in running.get("/shop/")
    assert json.loads(running.get("/outbox.json")) == []
    sessions = running.sessions()
    assert len(sessions) == 2
    running.process.send_signal(signal.SIGTERM)
    code, said = running.ended()
    assert (code, said) == (0, "\nStopping …\n")
    assert [left_of(leader) for leader in sessions] == [[], []]


@pytest.mark.processes
def test_when_one_part_dies_the_rest_is_stopped(running):
    running.wait_until_open()
    web, cluster = running.sessions()
    os.kill(web, signal.SIGKILL)
    code, said = running.ended()
    assert code == 1 and "The web server ended by itself" in said
    assert left_of(cluster) == []
