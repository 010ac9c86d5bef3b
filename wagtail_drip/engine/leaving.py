"""Leaving: consent is taken back while campaigns run, and what was under way for it stops.

Each function is one transaction that takes its locks in the order of the whole package:
Contact, Enrollment, Delivery, by id. A delivery in `sending` is left to sending, whose last
check sees the withdrawal too.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet

from ..flow.triggers import LEFT_TOPIC
from ..models import (
    Campaign,
    Consent,
    ConsentRecord,
    Contact,
    Delivery,
    Enrollment,
    Event,
    Inbox,
    PendingConsent,
    Topic,
)
from ..models.addresses import digest, normalize_any
from ..models.consent import Suppression, grant, lift_unsubscribed, may_return, suppress, withdraw
from .ending import lock, take_out
from .recording import record
from .retrying import on_deadlock

UNSUBSCRIBED = Enrollment.Reason.UNSUBSCRIBED
# How long after leaving "that was a mistake" also resumes the series that leaving ended.
MISTAKE = timedelta(days=1)


@on_deadlock
def leave_topic(
    contact: Contact, topic: Topic, *, at: datetime, source: str, ip: str | None = None
) -> int:
    """`contact` wants no more of `topic`. Returns how many campaigns that took them out of.

    `source`: page or way, kept as proof. Repeating it changes nothing.
    """
    with transaction.atomic():
        lock(contact.pk)
        if withdraw(contact, topic, at=at, source=source, ip=ip) and not contact.erased_at:
            # A series of another topic that they still want may start on it.
            data = {"topic": topic.slug, "name": topic.name}
            record(LEFT_TOPIC, contact=contact, data=data, at=at, now=at)
        PendingConsent.objects.filter(contact=contact, topic=topic).delete()
        campaigns = list(of_topic(topic).values_list("pk", flat=True))
        enrollments = Enrollment.objects.filter(contact=contact, campaign_id__in=campaigns)
        return take_out(enrollments, reason=UNSUBSCRIBED, at=at)


def of_topic(topic: Topic) -> QuerySet[Campaign]:
    """The campaigns that only people who chose the topic are in (`Campaign.entry_topic`)."""
    alone = Q(topic=None, transactional_reason="", sms_topic=topic)
    return Campaign.objects.filter(Q(topic=topic) | alone)


@on_deadlock
def leave_all(
    contact: Contact,
    *,
    at: datetime,
    source: str,
    ip: str | None = None,
    suppression: str = Suppression.Reason.UNSUBSCRIBED,
) -> int:
    """`contact` wants no marketing at all; transactional mail still goes.

    Returns how many campaigns that took them out of. The suppression outlives the contact, so
    that an import doesn't bring them back. It is no event: whatever started on it would be one
    mail more to somebody who has just said no to all, so what there is to say stands on the page.
    """
    with transaction.atomic():
        lock(contact.pk)
        PendingConsent.objects.filter(contact=contact).delete()
        granted = Consent.objects.filter(contact=contact, state=Consent.State.GRANTED)
        for consent in granted.select_related("topic").order_by("pk"):
            withdraw(contact, consent.topic, at=at, source=source, ip=ip)
        if not contact.erased_at:
            scope = Suppression.Scope.MARKETING
            suppress(contact.email, reason=suppression, scope=scope, at=at)
        enrollments = Enrollment.objects.filter(contact=contact)
        return take_out(_marketing(enrollments), reason=UNSUBSCRIBED, at=at)


@on_deadlock
def leave_campaign(contact: Contact, campaign: Campaign, *, reason: str, at: datetime) -> bool:
    """Take somebody out of one campaign. False where they were not in it."""
    with transaction.atomic():
        lock(contact.pk)
        enrollments = Enrollment.objects.filter(contact=contact, campaign=campaign)
        return bool(take_out(enrollments, reason=reason, at=at))


@on_deadlock
def shut_out(email: str, *, reason: str, scope: str, at: datetime, note: str = "") -> bool:
    """Suppress the address; whose it is leaves what is under way within `scope`.

    `email` may be a phone number: then whose it is goes on without text messages. True where the
    suppression is new or wider. Raises ValueError where it is neither.
    """
    contact = Contact.objects.filter(email_digest=digest(normalize_any(email))).first()
    with transaction.atomic():
        if contact:
            lock(contact.pk)
        changed = suppress(email, reason=reason, scope=scope, at=at, note=note)
        if contact:
            enrollments = Enrollment.objects.filter(contact=contact)
            if scope != Suppression.Scope.ALL:
                enrollments = _marketing(enrollments)
            take_out(enrollments, reason=Enrollment.Reason.SUPPRESSED, at=at)
    return changed


def _marketing(enrollments: QuerySet[Enrollment]) -> QuerySet[Enrollment]:
    """Without those in transactional campaigns (`Campaign.transactional`)."""
    marketing = Q(topic__isnull=False) | Q(transactional_reason="")
    campaigns = Campaign.objects.filter(marketing).values_list("pk", flat=True)
    return enrollments.filter(campaign_id__in=list(campaigns))


@on_deadlock
def rejoin(contact: Contact, topic: Topic, *, at: datetime, source: str) -> bool:
    """Leaving `topic` was a mistake: give back what the same `source` took, and no more.

    Within MISTAKE the series go on where they were ended. False where there is nothing to give
    back: they never left, or left by another way since, or complained or bounced.
    """
    with transaction.atomic():
        lock(contact.pk)
        left_at = left_by(contact, topic, source)
        if left_at is None or not grant(contact, topic, at=at, source=source):
            return False
        lift_unsubscribed(contact.email)
        _forget_leaving(contact, topic, left_at, at)
        if at - left_at <= MISTAKE:
            _resume(contact, topic, left_at, at)
        return True


def left_by(contact: Contact, topic: Topic, source: str) -> datetime | None:
    """When `contact` left `topic` by this `source`, if that is all that keeps mail from them."""
    if contact.erased_at or not may_return(contact.email):
        return None
    consent = Consent.objects.filter(contact=contact, topic=topic).first()
    last = ConsentRecord.objects.filter(contact=contact, topic=topic).order_by("at", "pk").last()
    if not consent or not last or consent.state != Consent.State.WITHDRAWN:
        return None
    return consent.changed_at if last.source == source else None


def _forget_leaving(contact: Contact, topic: Topic, left_at: datetime, at: datetime) -> None:
    """What leaving the topic then has started in other topics ends: it was a mistake."""
    left = Event.objects.filter(contact=contact, name=LEFT_TOPIC, at=left_at)
    ids = [pk for pk, data in left.values_list("pk", "data") if data.get("topic") == topic.slug]
    enrollments = Enrollment.objects.filter(contact=contact, event_id__in=ids)
    take_out(enrollments, reason=Enrollment.Reason.RETURNED, at=at)
    Inbox.objects.filter(event_id__in=ids).delete()


def _resume(contact: Contact, topic: Topic, left_at: datetime, at: datetime) -> None:
    """Undo what `take_out` did at `left_at`, in campaigns that are still live."""
    campaigns = of_topic(topic).filter(live=True).values_list("pk", flat=True)
    ended = Enrollment.objects.filter(
        contact=contact,
        campaign_id__in=list(campaigns),
        state=Enrollment.State.LEFT,
        reason=UNSUBSCRIBED,
        ended_at=left_at,
    ).order_by("pk")
    ids = list(ended.select_for_update().values_list("pk", flat=True))
    skipped = Delivery.objects.filter(
        enrollment_id__in=ids,
        state=Delivery.State.SKIPPED,
        reason=UNSUBSCRIBED,
        settled_at=left_at,
    ).order_by("pk")
    rows = list(skipped.select_for_update().values_list("pk", "enrollment_id"))
    Delivery.objects.filter(pk__in=[pk for pk, _enrollment in rows]).update(
        state=Delivery.State.WAITING, reason="", settled_at=None
    )
    back = Enrollment.objects.filter(pk__in=ids)
    back.update(state=Enrollment.State.ACTIVE, reason="", ended_at=None, due_at=at)
    # A person whose mail waits again has no other next moment than the end of that delivery.
    back.filter(pk__in=[enrollment for _pk, enrollment in rows]).update(due_at=None)
