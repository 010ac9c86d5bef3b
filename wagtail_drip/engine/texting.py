"""Texting: what the last check asks of text messages besides: consent of their own, a number.

Nobody gets one on the consent to mails. Where somebody may not get it they go on without it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from ..content.phone import SMS, number_of
from ..models import Campaign, Contact, Delivery, Topic
from ..models.among import among
from ..models.consent import grants, suppressed
from .loading import Due

MAIL = "email"


def reasons_to_skip(
    deliveries: Sequence[Due], campaigns: Mapping[int, Campaign], now: datetime
) -> tuple[dict[int, str], dict[int, str]]:
    """Why some must not go (Delivery.Reason), and the numbers of the text messages; by delivery.

    Four queries where there is any text message among them, none where there is none.
    """
    # The gate lets no mail into a campaign that only a topic of text messages stands for.
    found = {
        row.pk: str(Delivery.Reason.NO_CONSENT)
        for row in deliveries
        if row.channel == MAIL and _is_for_texts(campaigns[row.campaign_id])
    }
    rows = [row for row in deliveries if row.channel == SMS]
    if not rows:
        return found, {}
    willing = _willing(rows, campaigns, now)
    numbers = _numbers(rows)
    stopped = suppressed(filter(None, numbers.values()), transactional=True)
    marketing = suppressed(filter(None, numbers.values()), transactional=False)
    for row in rows:
        number = numbers[row.pk]
        spared = stopped if campaigns[row.campaign_id].is_transactional(SMS) else marketing
        if row.pk not in willing:
            found[row.pk] = Delivery.Reason.NO_CONSENT
        elif not number:
            found[row.pk] = Delivery.Reason.NO_NUMBER
        elif number in spared:
            found[row.pk] = Delivery.Reason.NUMBER
    return found, numbers


def _is_for_texts(campaign: Campaign) -> bool:
    topic = campaign.entry_topic
    return topic is not None and topic.channel != Topic.Channel.EMAIL


def _willing(rows: Iterable[Due], campaigns: Mapping[int, Campaign], now: datetime) -> set[int]:
    """The deliveries to whose topic their person has agreed, or that need none."""
    asked: dict[int, tuple[int, Topic]] = {}
    willing: set[int] = set()
    for row in rows:
        campaign = campaigns[row.campaign_id]
        topic = campaign.sms_topic
        if topic is not None and topic.channel == Topic.Channel.SMS:
            asked[row.pk] = (row.enrollment.contact_id, topic)
        elif topic is None and campaign.transactional:
            willing.add(row.pk)
    since = grants(
        {contact for contact, _topic in asked.values()},
        {topic.pk for _contact, topic in asked.values()},
    )
    for pk, (contact, topic) in asked.items():
        at, end = since.get((contact, topic.pk)), topic.ends_before(now)
        if at is not None and not (end and at < end):
            willing.add(pk)
    return willing


def _numbers(rows: Iterable[Due]) -> dict[int, str]:
    """By delivery, as they are now. "": they have none that could be used."""
    people = {row.pk: row.enrollment.contact_id for row in rows}
    known = Contact.objects.filter(among("pk", set(people.values())), erased_at=None)
    numbers = {pk: number_of(given) for pk, given in known.values_list("pk", "attributes")}
    return {pk: numbers.get(contact, "") for pk, contact in people.items()}
