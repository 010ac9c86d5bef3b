"""Reacting: a reader, or a program in their stead, opened a mail or followed its link.

Each is kept once, with whose doing it was. Only what people do becomes a fact on the delivery,
and a click of theirs an event, `mail_clicked`, that campaigns may start or decide on.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.db import transaction

from ..models import Contact, Delivery, Link, Reaction, Step
from . import judging
from .recording import record
from .retrying import is_outage, on_deadlock

logger = logging.getLogger("wagtail_drip")

CLICKED_EVENT = "mail_clicked"
# By then a burst would have shown itself, and the trap most likely too.
SETTLED = timedelta(seconds=10)
MOST = 500  # clicks passed on in one pass

FIELDS = ["opened_at", "clicked_at"]
_SWITCHES = {Reaction.Kind.OPENED: "track_opens", Reaction.Kind.CLICKED: "track_clicks"}


def may_see(contact: Contact, kind: str) -> bool:
    """Whether they let us. Their links go on leading through the site: that can't be taken back
    from mails that are sent."""
    return bool(getattr(contact, _SWITCHES[Reaction.Kind(kind)]))


def keep(
    delivery: Delivery,
    kind: str,
    at: datetime,
    *,
    by: str = Reaction.By.PERSON,
    link: Link | None = None,
    trap: bool = False,
    own: bool = True,
) -> None:
    """Write it down, judge its neighbours anew, and set the delivery's `FIELDS` (not saved).

    `own`: told by our own link or pixel; a provider has judged by time itself. Call it with the
    delivery locked.
    """
    latest = Reaction(delivery=delivery, kind=kind, link=link, at=at, by=by)
    if trap:
        latest.by = Reaction.By.TRAP
    elif own and not by and judging.too_soon(latest, delivery):
        latest.by = Reaction.By.SOON
    latest.pending = not latest.by and kind == Reaction.Kind.CLICKED
    known = list(Reaction.objects.filter(delivery=delivery).order_by("pk"))
    latest = _merged(latest, known)
    latest.save()
    unmasked = judging.unmasked([*known, latest], latest)
    for reaction, rule in unmasked.items():
        reaction.by, reaction.pending = rule, False
        reaction.save(update_fields=["by", "pending"])
    _set(delivery, kind, [*known, latest], anew=bool(unmasked))


def _merged(latest: Reaction, known: list[Reaction]) -> Reaction:
    """The row that stands for it: a person's, or a program's, first one of the kind."""
    for one in known:
        if (one.kind, one.link_id, bool(one.by)) == (
            latest.kind, latest.link_id, bool(latest.by),
        ) and (one.by == Reaction.By.TRAP) == (latest.by == Reaction.By.TRAP):  # fmt: skip
            known.remove(one)
            one.at = min(one.at, latest.at)
            return one
    return latest


def _set(delivery: Delivery, kind: str, reactions: list[Reaction], *, anew: bool) -> None:
    """The first moment a person did it; one that turned out to be a program's is taken back."""
    field = f"{kind}_at"
    moments = [one.at for one in reactions if one.kind == kind and not one.by]
    if not anew and (before := getattr(delivery, field)):
        moments.append(before)
    setattr(delivery, field, min(moments, default=None))


def pass_on(now: datetime) -> int:
    """Tell campaigns of people's clicks. Returns how many were looked at."""
    rows = Reaction.objects.filter(pending=True, at__lte=now - SETTLED)
    waiting = list(
        rows.select_related("link", "delivery__contact", "delivery__campaign").order_by("at", "pk")[
            :MOST
        ]
    )
    keys = {reaction.delivery.step_key for reaction in waiting}
    names = dict(
        Step.objects.filter(translation_key__in=keys).values_list("translation_key", "name")
    )
    for reaction in waiting:
        _tell(reaction, names.get(reaction.delivery.step_key, ""), now)
    return len(waiting)


@on_deadlock
def _tell(reaction: Reaction, mail: str, now: datetime) -> None:
    """One event for each link of a mail. The flag falls with the event, or neither."""
    delivery = reaction.delivery
    with transaction.atomic():
        if not Reaction.objects.filter(pk=reaction.pk, pending=True).update(pending=False):
            return
        if delivery.contact.erased_at or not may_see(delivery.contact, reaction.kind):
            return
        try:
            with transaction.atomic():
                record(
                    CLICKED_EVENT,
                    contact=delivery.contact,
                    data={
                        "campaign": delivery.campaign.slug,
                        "mail": mail,
                        "mail_key": str(delivery.step_key),
                        "url": reaction.link.url if reaction.link else "",
                    },
                    key=f"{delivery.token}:{reaction.link_id or ''}",
                    at=min(reaction.at, now),
                    now=now,
                )
        except Exception as error:
            if is_outage(error):
                raise
            logger.exception("The click %s could not be told to campaigns.", reaction.pk)
