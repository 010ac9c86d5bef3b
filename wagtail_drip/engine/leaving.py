"""Leaving: consent is taken back while campaigns run, and what was under way for it stops.

Each function is one transaction that takes its locks in the order of the whole package:
Contact, Enrollment, Delivery, by id. A delivery in `sending` is left to sending, whose last
check sees the withdrawal too.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Q, QuerySet

from ..models import Campaign, Consent, ConsentRecord, Contact, Delivery, Enrollment, Topic
from ..models.addresses import digest, normalize
from ..models.consent import Suppression, grant, lift_unsubscribed, may_return, suppress, withdraw
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
        withdraw(contact, topic, at=at, source=source, ip=ip)
        campaigns = list(Campaign.objects.filter(topic=topic).values_list("pk", flat=True))
        enrollments = Enrollment.objects.filter(contact=contact, campaign_id__in=campaigns)
        return take_out(enrollments, reason=UNSUBSCRIBED, at=at)


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
    that an import doesn't bring them back.
    """
    with transaction.atomic():
        lock(contact.pk)
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
def shut_out(email: str, *, reason: str, scope: str, at: datetime) -> bool:
    """Suppress the address; whose it is leaves what is under way within `scope`.

    True where the suppression is new or wider. Raises ValueError where `email` is no address.
    """
    contact = Contact.objects.filter(email_digest=digest(normalize(email))).first()
    with transaction.atomic():
        if contact:
            lock(contact.pk)
        changed = suppress(email, reason=reason, scope=scope, at=at)
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


def lock(contact_id: int) -> None:
    """The first lock of the order; whoever changes a person's way through campaigns takes it."""
    no_key = connection.features.has_select_for_no_key_update  # recording need not wait
    row = Contact.objects.filter(pk=contact_id).select_for_update(no_key=no_key)
    list(row.values_list("pk"))


def take_out(enrollments: QuerySet[Enrollment], *, reason: str, at: datetime) -> int:
    """End the active ones among these, with their waiting deliveries. Returns how many.

    Call it in a transaction that holds the contacts' locks. `enrollments` must not join other
    tables: a lock would take their rows too.
    """
    active = enrollments.filter(state=Enrollment.State.ACTIVE).order_by("pk")
    ids = list(active.select_for_update().values_list("pk", flat=True))
    if not ids:
        return 0
    Enrollment.objects.filter(pk__in=ids).update(
        state=Enrollment.State.LEFT, reason=reason, ended_at=at, due_at=None
    )
    waiting = Delivery.objects.filter(enrollment_id__in=ids, state=Delivery.State.WAITING)
    due = list(waiting.order_by("pk").select_for_update().values_list("pk", flat=True))
    Delivery.objects.filter(pk__in=due).update(
        state=Delivery.State.SKIPPED, reason=reason, settled_at=at, claim=""
    )
    return len(ids)


def _resume(contact: Contact, topic: Topic, left_at: datetime, at: datetime) -> None:
    """Undo what `take_out` did at `left_at`, in campaigns that are still live."""
    campaigns = Campaign.objects.filter(topic=topic, live=True).values_list("pk", flat=True)
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
