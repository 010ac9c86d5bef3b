"""Confirming: whoever reads the mailbox says whether what was asked for with its address is meant.

The mail that asks is a campaign's (models/standing.py), so it has states, one row, one brand and
every language like all others; nothing in it was typed by who asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from wagtail.models import Site

from ..conf import conf
from ..flow.triggers import ASKED_FOR_EXPORT, ASKED_FOR_TOPICS
from ..models import Contact, PendingConsent, Topic
from ..models.consent import lift_unsubscribed, may_return
from ..models.signups import Choice, give_back, keep_pending, take
from ..models.standing import standing
from .ending import lock
from .recording import record
from .retrying import on_deadlock
from .subscribing import subscribe


def ask(
    contact: Contact,
    choices: Sequence[Choice],
    *,
    site: Site,
    at: datetime,
    source: str,
    ip: str | None = None,
) -> bool:
    """Keep what was asked for, and ask the mailbox's owner by mail. False: no mail for now.

    One mail in conf.CONFIRM_AGAIN_MINUTES, whoever asks from wherever; its link confirms what
    was asked for meanwhile as well. Who complained or bounced, or was suppressed by hand, gets
    none. Call it in a transaction that holds the contact's lock.
    """
    keep_pending(contact, choices, at=at, source=source, ip=ip)
    if not may_return(contact.email) or not _may_mail(contact, ASKED_FOR_TOPICS, at):
        return False
    names = [row.topic.name for row in pending(contact)]
    _send(contact, ASKED_FOR_TOPICS, "topics", site, at, topics=names)
    return True


@on_deadlock
def ask_for_export(contact: Contact, *, site: Site, at: datetime) -> bool:
    """Mail the person a link to a copy of their data. False: they were sent one just now.

    By mail, since the page that offers it is a link in every mail, and mails are passed on.
    """
    with transaction.atomic():
        lock(contact.pk)
        if not _may_mail(contact, ASKED_FOR_EXPORT, at):
            return False
        _send(contact, ASKED_FOR_EXPORT, "export", site, at)
        return True


def pending(contact: Contact) -> list[PendingConsent]:
    """What waits for the contact's word."""
    rows = PendingConsent.objects.filter(contact=contact).select_related("topic")
    return list(rows.order_by("topic__name", "pk"))


@on_deadlock
def confirm(contact: Contact, *, at: datetime, ip: str | None = None) -> list[Topic]:
    """The mailbox's owner says yes to all that was asked for. Returns the topics.

    Their having left everything ends with it; a complaint or bounce stands.
    """
    with transaction.atomic():
        lock(contact.pk)
        asked = pending(contact)
        if not asked or not may_return(contact.email):
            return []
        for row in asked:
            choice = Choice(row.topic, row.wording, row.wording_version, row.number)
            source = f"{row.source} ({row.asked_at:%Y-%m-%d %H:%M} UTC), confirmed by mail"[:200]
            subscribe(contact, choice, at=at, source=source, ip=ip or row.ip)
        lift_unsubscribed(contact.email)
        PendingConsent.objects.filter(pk__in=[row.pk for row in asked]).delete()
        give_back(_once(ASKED_FOR_TOPICS, contact))  # what they ask for next is theirs to wait for
        return [row.topic for row in asked]


def _may_mail(contact: Contact, kind: str, at: datetime) -> bool:
    """By address, not by contact: erasing somebody must not open the door to more."""
    again = timedelta(minutes=conf.CONFIRM_AGAIN_MINUTES)
    day, most = f"day:{_once(kind, contact)}", conf.CONFIRMS_PER_DAY
    return take(_once(kind, contact), most=1, per=again, now=at) and take(
        day, most=most, per=timedelta(days=1), now=at
    )


def _once(kind: str, contact: Contact) -> str:
    return f"{kind}:{contact.email}"


def _send(contact: Contact, trigger: str, asks: str, site: Site, at: datetime, **data: Any) -> None:
    campaign = standing(trigger, site)
    # It may have been made just now, and nothing from before its start can begin it.
    at = max(at, campaign.started_at or at)
    fields = {"site": site.pk, "asks": asks, "key": contact.uuid.hex, **data}
    record(trigger, contact=contact, data=fields, at=at, now=at)
