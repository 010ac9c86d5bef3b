"""Reconsidering: what is known of people has changed, so some may have reached a goal by it.

They are due at once, and advancing asks. What a cap for some people alone has put off is asked
again, too: it may hold for them no more. Whatever writes tags, attributes, language or consent
calls `reconsider`; what a site saves by Django's own means is heard by its signals.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.db.models.signals import m2m_changed, post_save
from django.utils import timezone

from ..flow.conditions import GROUP, flattened
from ..models import Campaign, Cap, Contact, Delivery, Enrollment, Tagging
from ..models.among import among
from ..models.matching import raw_conditions
from ..models.questions import EventHappened
from .recording import announce

logger = logging.getLogger("wagtail_drip")

AT_ONCE = 5000  # rows of an UPDATE


def connect() -> None:
    uid = "wagtail_drip.engine.reconsidering"
    post_save.connect(_saved, sender=Contact, dispatch_uid=uid)
    m2m_changed.connect(_tagged, sender=Tagging, dispatch_uid=uid)


def reconsider(contact_ids: Collection[int], now: datetime) -> int:
    """Whoever of them may have reached a goal, or left the audience, is due. Returns how many.

    Call it in the transaction of the change. Five statements at most.
    """
    campaigns = may_end_early(by_events=False) if contact_ids else []
    changed = 0
    if campaigns:
        inside = Enrollment.objects.filter(among("contact_id", contact_ids), campaign__in=campaigns)
        changed = inside.filter(state=Enrollment.State.ACTIVE).update(due_at=now)
    ask_caps_again(contact_ids, now)  # deliveries are locked after enrollments, as everywhere
    if changed:
        announce()
    return changed


def may_end_early(*, by_events: bool = True) -> list[int]:
    """Live campaigns that people leave by a goal, or when they are no longer its audience.

    `by_events`: also those that hang on events alone. One query.
    """
    rows = Campaign.objects.filter(live=True)
    fields = rows.values_list("pk", "goals", "audience", "leave_audience")
    return [pk for pk, *asked in fields if _may(*asked, by_events=by_events)]


def ends_early(campaign: Campaign, *, by_events: bool = True) -> bool:
    """The same of one campaign, as it stands on the instance."""
    asked = (campaign.goals, campaign.audience, campaign.leave_audience)
    return _may(*asked, by_events=by_events)


def _may(goals: Any, audience: Any, leave_audience: bool, *, by_events: bool) -> bool:
    asked = raw_conditions(goals) + (raw_conditions(audience) if leave_audience else [])
    return any(by_events or one["slug"] not in _BY_EVENTS for one in flattened(asked))


_BY_EVENTS = (EventHappened.slug, GROUP)  # what stands in a group is asked itself


def ask_again(rows: QuerySet[Delivery], now: datetime) -> int:
    """Limits have changed: what of these was put off, for whatever reason, is due now.

    The next claim puts off anew what it must. What a server put off keeps its moment.
    """
    waiting = rows.filter(state=Delivery.State.WAITING, due_at__gt=now, attempts=0)
    put_off = waiting.exclude(reason="")
    ids = list(put_off.order_by("pk").values_list("pk", flat=True))
    parts = [ids[at : at + AT_ONCE] for at in range(0, len(ids), AT_ONCE)]
    return sum(put_off.filter(among("pk", part)).update(due_at=now, reason="") for part in parts)


def ask_caps_again(contact_ids: Collection[int], now: datetime) -> None:
    """Something happened to these people: a cap for people of a segment may hold no more for them.

    One query where there are no such caps.
    """
    if contact_ids and Cap.objects.filter(segment__isnull=False).exists():
        ask_again(Delivery.objects.filter(among("contact_id", contact_ids)), now)


def _saved(*, instance: Contact, created: bool = False, raw: bool = False, **kwargs: Any) -> None:
    if not (created or raw):
        _heard({instance.pk})


def _tagged(
    *, instance: Any, action: str, reverse: bool, pk_set: set[int] | None, **kwargs: Any
) -> None:
    """A site's own `contact.tags.add(…)`, or `tag.contacts.add(…)`."""
    if action not in ("post_add", "post_remove", "pre_clear"):
        return
    if not reverse:
        _heard({instance.pk})
    elif action == "pre_clear":
        _heard(set(instance.taggings.values_list("contact_id", flat=True)))
    else:
        _heard(pk_set or set())


def _heard(contact_ids: set[int]) -> None:
    try:
        reconsider(contact_ids, timezone.now())
    except Exception:
        logger.exception("Whether %d people have reached a goal is asked later", len(contact_ids))
