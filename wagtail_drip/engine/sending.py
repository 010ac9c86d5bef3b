"""Sending: one slice of due deliveries is claimed, checked, made, transmitted and settled.

The order that makes "never twice, nothing lost" true: the journal exists before the claim is
committed; the claim is committed before a socket is used; `start` stands in the journal before a
message leaves; the answer stands there before the next one; the journal goes when all of it is in
the database. `engine/recovering.py` reads what a killed worker leaves of that.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from .. import registry
from ..conf import conf
from ..content.making import make
from ..content.personalizing import Fault, Hold, Mail
from ..models import Heartbeat
from . import resting
from .addressing import envelopes, recipient
from .checking import Go
from .claiming import Claimed, claim, fair_share
from .connecting import Connections
from .journal import Journal, NoJournal
from .loading import Due
from .retrying import is_outage
from .stopping import never
from .transmitting import Slice

logger = logging.getLogger("wagtail_drip")

PATIENCE = timedelta(seconds=5)  # so long a rest is waited for; a longer one is left to the tick

_told: set[str] = set()  # reasons for not sending that this process has logged


def send_due(
    now: datetime,
    limit: int | None = None,
    *,
    clock: Callable[[], float] = time.monotonic,
    enough: Callable[[], bool] = never,
    connections: Connections | None = None,
) -> int:
    """Send one slice of what is due. Returns how many were settled or put back; 0: nothing to do.

    `limit`: most deliveries to take; default what goes in a few seconds. `clock`: this worker's
    own, in seconds. `enough`: asked before each message; once it is true, the rest goes back.
    `connections`: kept open by the caller for the next slice.
    """
    if connections is None:
        with Connections() as own:
            return send_due(now, limit, clock=clock, enough=enough, connections=own)
    return prepare(now, limit, clock=clock, enough=enough, connections=connections).send()


@dataclass(slots=True)
class Prepared:
    """What is ready to go: a slice that is claimed and whose mails are made, or none."""

    other: int = 0  # deliveries that the claim has settled or put back
    limited: bool = False  # a rate holds, so what is claimed goes at once
    slice: Slice | None = None
    seconds: float = 0.0  # that it took

    def send(self) -> int:
        """Transmit and settle. Returns how many were settled or put back, the others included."""
        self.transmit()
        return self.end()

    def transmit(self) -> None:
        """Let the mails go. Until `end`, the journal alone knows of the last ones."""
        if self.slice is None:
            return
        try:
            self.slice.transmit(self.seconds)
        except NoJournal as error:
            _log_no_journal(error)
            self.slice, self.other = None, 0  # nothing is to be done before somebody helps

    def give_up(self) -> None:
        """Settle all, whether it ever began or not."""
        if self.slice:
            self.slice.give_up()

    def end(self) -> int:
        """Settle what has gone. Returns as `send` does."""
        if self.slice is None:
            return self.other
        self.slice.end()
        return self.other + self.slice.settled


def prepare(
    now: datetime,
    limit: int | None = None,
    *,
    clock: Callable[[], float] = time.monotonic,
    enough: Callable[[], bool] = never,
    connections: Connections,
    least: int = 1,
    mine: Collection[str] = (),
    arrive: Callable[[], object] = lambda: None,
) -> Prepared:
    """Claim one slice of what is due, and make its mails. Parameters as for `send_due`.

    `least`: if fewer are due, none is taken. `mine`: this worker's own claims that are on their
    way meanwhile. `arrive`: waits for them; called before the making of a mail that may have
    killed a worker, so that none is in doubt if it does so again.
    """
    limit = limit or connections.slice_size()
    connections.wait = None
    host = connections.host = connections.host or _host()
    if reason := may_send(host):
        if reason not in _told:
            _told.add(reason)
            logger.warning("Nothing is sent: %s", reason)
        return Prepared()
    if enough():
        return Prepared()
    try:
        heard = resting.Heard(registry.channels())
        idle = resting.resting(registry.channels(), now)
        share = fair_share(now, limit, mine)
        if idle and (not share or idle == registry.channels().keys()):
            connections.wait = _short_rest(idle, now)
            return Prepared()
        if share < least:
            return Prepared()
        if not host:
            _remember_host()
        return _prepare(now, share, clock, enough, connections, idle, heard, arrive)
    except NoJournal as error:
        _log_no_journal(error)
        return Prepared()


def _short_rest(channels: Collection[str], now: datetime) -> float | None:
    """Seconds until one of the channels, which rest, has rested; None: nothing waits for that soon.

    A server that asks to go slower now and then is asked again at once, not at the next tick.
    """
    ends = [until for slug in channels if (until := resting.resting_until(now, slug))]
    soon = min(ends, default=None)
    if soon is None or soon - now > PATIENCE or not fair_share(soon, 1):
        return None
    return (soon - now).total_seconds()


def _log_no_journal(error: NoJournal) -> None:
    logger.error("Nothing is sent. %s", error)


def may_send(host: str | None = None) -> str:
    """Why this installation sends nothing; "" where it may. `host`: what the database remembers."""
    if conf.SENDING == "off":
        return _("WAGTAIL_DRIP_SENDING is off.")
    if not conf.BASE_URL:
        return _("WAGTAIL_DRIP_BASE_URL is not set, so links in mails would lead nowhere.")
    host = _host() if host is None else host
    if host and host != conf.BASE_URL:
        return _(
            "This database sends for %(host)s, and WAGTAIL_DRIP_BASE_URL is %(here)s. If it is "
            "not a copy, run: manage.py drip_doctor --adopt"
        ) % {"host": host, "here": conf.BASE_URL}
    return ""


def _host() -> str:
    """The one that this database sends for; "" where nobody has sent yet."""
    rows = Heartbeat.objects.filter(pk=1).values_list("base_url", flat=True)
    return rows.first() or ""


def _remember_host() -> None:
    """The first one to send is the one this database sends for."""
    Heartbeat.load()
    Heartbeat.objects.filter(pk=1, base_url="").update(base_url=conf.BASE_URL)


def _prepare(
    now: datetime,
    limit: int,
    clock: Callable[[], float],
    enough: Callable[[], bool],
    connections: Connections,
    idle: Collection[str],
    heard: resting.Heard,
    arrive: Callable[[], object],
) -> Prepared:
    """`idle`: the channels that rest, whose deliveries are left alone. `heard`: see Slice."""
    token = uuid.uuid4().hex
    journal = Journal(token)
    try:
        began = clock()
        claimed = claim(token, now, limit, idle)
        taken, connections.wait = claimed.taken, claimed.wait
        if not taken:
            journal.remove()
            return Prepared(claimed.other, claimed.limited)
        todo, alone = dict(taken), claimed.alone
        slice_ = Slice(token, journal, now, clock, enough, began, todo, connections, heard, alone)
        if alone:
            arrive()
        slice_.make(lambda: make_mails(taken, now))
    except BaseException:
        journal.close()  # left behind, for recovery to read
        raise
    return Prepared(claimed.other, claimed.limited, slice_, clock() - began)


def make_mails(claimed: Mapping[int, Claimed], now: datetime) -> dict[int, Mail | Hold | Fault]:
    """The mails by delivery; each step is compiled once and filled for all its recipients."""
    alike: dict[tuple[int, int], list[Claimed]] = defaultdict(list)
    for item in claimed.values():
        alike[item.go.step.pk, item.go.campaign.pk].append(item)
    mails: dict[int, Mail | Hold | Fault] = {}
    for items in alike.values():
        mails |= _make_alike([item.delivery for item in items], items[0].go, now)
    return mails


def _make_alike(deliveries: list[Due], go: Go, now: datetime) -> Mapping[int, Mail | Hold | Fault]:
    """Mails of one step in one campaign."""
    step, campaign = go.step, go.campaign
    try:
        return make(
            step.source(campaign=campaign),
            [recipient(delivery, campaign) for delivery in deliveries],
            envelopes(deliveries, step, campaign),
            date=now,
        )
    except Exception as error:
        if is_outage(error):
            raise
        # True of everybody who is to get this mail, so it is nobody's message that is at fault.
        logger.exception("The mail %s can't be made", step)
        hold = Hold(f"{type(error).__name__}: {error}")
        return {delivery.pk: hold for delivery in deliveries}
