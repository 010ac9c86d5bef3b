"""Recovering: what killed workers left in `sending` is brought to a known state.

Never is a missing journal taken for a message that was not sent.
"""

from __future__ import annotations

import contextlib
import logging
from datetime import datetime, timedelta

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from ..conf import conf
from ..models import Delivery
from ..models.clock import DatabaseNow
from . import journal
from .answering import UNTOUCHED, in_doubt, suspect
from .retrying import is_outage
from .settling import Change, settle

logger = logging.getLogger("wagtail_drip")

State = Delivery.State
MOST_CLAIMS = 100  # in one call; the next tick does the rest


def recover(now: datetime) -> int:
    """Settle or put back what dead workers have claimed. Returns how many deliveries.

    Dead is whose journal lies here unlocked; that is known at once. A claim without a journal here
    may have it on another host: after its lease that host gets half a lease more to be first, then
    all of it is uncertain. A claim whose worker lives on this host is left alone however late.
    One claim that can't be recovered keeps no other from it.
    """
    dead = _sending(_tokens_left_behind())
    tokens = dict.fromkeys([*dead[:MOST_CLAIMS], *_expired(timedelta(0))])
    recovered = 0
    for token in tokens:
        try:
            recovered += _recover(token, now)
        except Exception as error:
            if is_outage(error):
                raise
            logger.exception("The claim %s can't be recovered", token)
    with contextlib.suppress(journal.NoJournal):
        journal.sweep(needed=lambda token: bool(_sending([token])))
    return recovered


def _tokens_left_behind() -> list[str]:
    try:
        return journal.tokens_left_behind()
    except journal.NoJournal:
        return []  # sending says so


def _recover(token: str, now: datetime) -> int:
    try:
        with journal.left_behind(token) as record:
            if record is None and token not in _expired(timedelta(seconds=conf.LEASE_SECONDS / 2)):
                return 0
            return settle(token, _changes(token, record), now)
    except journal.JournalBusy:
        return 0


def _changes(token: str, record: journal.Record | None) -> dict[int, Change]:
    rows = Delivery.objects.filter(claim=token, state=State.SENDING)
    found = rows.values_list("pk", "attempts", "channel")
    return {pk: change_of(pk, tries, record, channel) for pk, tries, channel in found}


def change_of(
    delivery_id: int, attempts: int, record: journal.Record | None, channel: str = "email"
) -> Change:
    """What the journal (None: lost) proves about one delivery of the claim."""
    if record is None:
        reason = _("Its worker is gone, and so is the worker's journal.")
        return in_doubt(reason, channel, attempts)
    verb, text = record.answers.get(delivery_id, ("", ""))
    step_id = record.started.get(delivery_id)
    if verb == "ok":
        return Change(State.SENT, provider_id=text, step_id=step_id)
    if verb == "refused":
        return Change(State.FAILED, text, step_id=step_id)
    if verb == "again":
        return Change(State.WAITING, text)
    if delivery_id in record.started:
        reason = text or _("Its worker was stopped between the message and the answer.")
        return in_doubt(reason, channel, attempts, step_id)
    # Killed while messages went out, or before any was made (it lost the database with the commit
    # of its claim, say): that was none of this one's doing.
    if record.started or not record.making:
        return UNTOUCHED
    return suspect(attempts, alone=delivery_id in record.alone)


def _expired(for_at_least: timedelta) -> list[str]:
    sending: QuerySet[Delivery] = Delivery.objects.filter(
        state=State.SENDING, lease_until__lt=DatabaseNow() - for_at_least
    )
    return list(sending.order_by().values_list("claim", flat=True).distinct()[:MOST_CLAIMS])


def _sending(tokens: list[str]) -> list[str]:
    """Those of the claims that have deliveries under way."""
    if not tokens:
        return []
    sending = Delivery.objects.filter(claim__in=tokens, state=State.SENDING)
    return list(sending.order_by().values_list("claim", flat=True).distinct())
