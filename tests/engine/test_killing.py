"""A worker killed with SIGKILL at each point: nothing lost, none twice, a doubt a connection."""

from __future__ import annotations

import os
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db import connection, connections
from wagtail import hooks

from tests import factories as make
from wagtail_drip import signals
from wagtail_drip.channels.base import Sent
from wagtail_drip.channels.memory import MemoryChannel
from wagtail_drip.engine import connecting, recovering, sending
from wagtail_drip.models import Delivery

pytestmark = [
    pytest.mark.processes,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor == "sqlite", reason="needs a database server"),
]

AMOUNT = 12
FATAL = 5  # the message at which the worker dies


class Post:
    """A relay that keeps what it took in a file, which outlives its sender."""

    def __init__(self, path: Path, kill_at: str = "") -> None:
        self.path, self.kill_at, self.count = path, kill_at, 0
        self.channel = MemoryChannel(self.take)

    def take(self, mail) -> Sent:
        self.count += 1
        self.reached("started")
        with self.path.open("a") as file:
            file.write(mail.metadata["drip"] + "\n")
        self.reached("taken")
        return Sent()

    def reached(self, point: str, **kwargs) -> None:
        # Not "==": with several connections another may have counted on meanwhile.
        if point == self.kill_at and self.count >= FATAL:
            os.kill(os.getpid(), signal.SIGKILL)

    def work(self, now) -> None:
        def before(**kwargs):
            self.reached("before")

        def after(**kwargs):
            self.reached("after")

        signals.pre_transmit.connect(before)
        signals.post_transmit.connect(after)
        with hooks.register_temporarily("register_drip_channels", lambda: {"email": self.channel}):
            while sending.send_due(now):
                pass


def killed_in_a_child(post: Post, now) -> None:
    connections.close_all()
    pid = os.fork()
    if not pid:
        try:
            post.work(now)
        finally:
            os._exit(1)
    _pid, status = os.waitpid(pid, 0)
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def in_doubt_after_a_kill(kill_at: str, now, log: Path) -> int:
    """How many are in doubt once the rest was sent; nothing else may be lost or doubled."""
    make.deliveries(make.campaign(), AMOUNT)
    killed_in_a_child(Post(log, kill_at), now)
    assert Delivery.objects.filter(state="sending").count() == AMOUNT
    Delivery.objects.update(lease_until=datetime.now(UTC) - timedelta(seconds=1))
    assert recovering.recover(now) == AMOUNT
    Post(log).work(now)
    taken = log.read_text().split()
    assert len(taken) == len(set(taken))
    doubtful = set(Delivery.objects.filter(state="uncertain").values_list("token", flat=True))
    everyone = set(Delivery.objects.values_list("token", flat=True))
    assert everyone - set(taken) <= doubtful
    sent = set(Delivery.objects.filter(state="sent").values_list("token", flat=True))
    assert sent | doubtful == everyone and sent <= set(taken)
    return len(doubtful)


@pytest.mark.parametrize(
    ("kill_at", "in_doubt"), [("before", 0), ("started", 1), ("taken", 1), ("after", 0)]
)
def test_killed(kill_at, in_doubt, now, tmp_path, site_rows):
    assert in_doubt_after_a_kill(kill_at, now, tmp_path / "taken") == in_doubt


@pytest.mark.parametrize("kill_at", ["before", "started", "taken", "after"])
def test_killed_with_several_connections(kill_at, now, tmp_path, site_rows, settings, monkeypatch):
    settings.WAGTAIL_DRIP_CONNECTIONS = 4
    monkeypatch.setattr(connecting, "SLOW", -1.0)
    monkeypatch.setattr(connecting, "SLOW_FOR", 0.0)
    monkeypatch.setattr(connecting, "SLOW_MAILS", 1)
    assert in_doubt_after_a_kill(kill_at, now, tmp_path / "taken") <= 4
