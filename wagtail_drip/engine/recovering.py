"""Recovering: what killed workers left in `sending` is brought to a known state.

Never is a missing journal taken for a message that was not sent.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from ..conf import conf
from ..models import Delivery
from ..models.clock import DatabaseNow
from . import journal
from .settling import Change, settle

State = Delivery.State
MOST_CLAIMS = 100  # in one call; the next tick does the rest


def recover(now: datetime) -> int:
    """Settle or put back the deliveries whose lease has run out. Returns how many.

    A claim whose worker lives on this host is left alone however late it is. One without a journal
    here may have it on another host, whose recovery gets half a lease to be first; then all of it
    is uncertain.
    """
    recovered = 0
    for token in _expired(timedelta(0)):
        recovered += _recover(token, now)
    _sweep()
    return recovered


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
    return {pk: change_of(pk, record) for pk in rows.values_list("pk", flat=True)}


def change_of(delivery_id: int, record: journal.Record | None) -> Change:
    """What the journal (None: lost) proves about one delivery of the claim."""
    if record is None:
        return Change(State.UNCERTAIN, _("Its worker is gone, and so is the worker's journal."))
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
        return Change(State.UNCERTAIN, reason, step_id=step_id)
    # Killed while messages went out: it was none of this one's doing. Killed before the first
    # went out, any of them may have done it, so the try counts.
    return Change(State.WAITING, refund=bool(record.started))


def _expired(for_at_least: timedelta) -> list[str]:
    sending: QuerySet[Delivery] = Delivery.objects.filter(
        state=State.SENDING, lease_until__lt=DatabaseNow() - for_at_least
    )
    return list(sending.order_by().values_list("claim", flat=True).distinct()[:MOST_CLAIMS])


def _sweep() -> None:
    """Remove journals of dead workers that nobody will ask for: their claims were all settled."""
    if tokens := journal.tokens_left_behind():
        sending = Delivery.objects.filter(claim__in=tokens, state=State.SENDING)
        for token in set(tokens) - set(sending.values_list("claim", flat=True)):
            (journal.folder() / f"{token}{journal.SUFFIX}").unlink(missing_ok=True)
