"""What people asked for on a public page and have not confirmed yet, and how often one may ask."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import OperationalError, connection, models, transaction
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from .addresses import keyed_hash
from .consent import Topic
from .contacts import Contact
from .inserting import insert

_SWEEP = 20  # rows that have run out, taken along by each new one
_TRIES = 10  # of one who counts at the same time as others


@dataclass(frozen=True, slots=True)
class Choice:
    """A topic as it was offered: the words beside its box, and which version of them.

    `number`: where its text messages are to go, in E.164; "": where they go already.
    """

    topic: Topic
    wording: str
    version: int | None = None
    number: str = ""


class PendingConsent(models.Model):
    """Somebody typed this contact's address and chose the topic; it waits for the contact's word.

    Mail of the topic doesn't go by it. Deleted when it is confirmed: its proof moves into the
    ConsentRecord.
    """

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="pending_consents")
    topic = models.ForeignKey(Topic, on_delete=models.CASCADE, related_name="+")
    asked_at = models.DateTimeField(_("asked"))
    source = models.CharField(_("how"), max_length=200)
    wording = models.TextField(_("wording shown"), blank=True)
    wording_version = models.PositiveIntegerField(_("version of the wording"), null=True)
    number = models.CharField(_("phone number"), max_length=20, blank=True)  # of text messages
    ip = models.GenericIPAddressField(_("IP address"), null=True, blank=True)

    class Meta:
        verbose_name = _("consent to confirm")
        verbose_name_plural = _("consents to confirm")
        constraints = [
            models.UniqueConstraint(fields=["contact", "topic"], name="drip_pending_once")
        ]

    def __str__(self) -> str:
        return str(self.topic)


def keep_pending(
    contact: Contact, choices: Iterable[Choice], *, at: datetime, source: str, ip: str | None
) -> None:
    """Write down what waits for the contact's word; the latest asking counts."""
    for choice in choices:
        proof = {
            "asked_at": at,
            "source": source,
            "wording": choice.wording,
            "wording_version": choice.version,
            "number": choice.number,
            "ip": ip,
        }
        rows = PendingConsent.objects.filter(contact=contact, topic=choice.topic)
        if not rows.update(**proof):
            insert(PendingConsent(contact=contact, topic=choice.topic, **proof))


class Throttle(models.Model):
    """How often something was done of late under one key: a row for each key, so it is exact.

    A key is kept as a keyed hash: the table names no address, neither mail's nor network's.
    """

    key_digest = models.CharField(max_length=64, unique=True)
    count = models.PositiveIntegerField(default=1)
    until = models.DateTimeField(db_index=True)  # when counting begins anew

    class Meta:
        verbose_name = "throttle"

    def __str__(self) -> str:
        return f"{self.count} until {self.until}"


def take(key: str, *, most: int, per: timedelta, now: datetime) -> bool:
    """Count one more under `key`; False where it was done `most` times in this span already.

    Exact whoever asks at once, and needs no cache that processes share.
    """
    # Of several who begin a new key at once all but one come second; on MariaDB some of them may be
    # undone as a deadlock. Each tries again in a transaction of its own.
    for attempt in range(1, _TRIES + 1):
        try:
            with transaction.atomic():
                taken = _take(_digest(key), most, per, now)
        except OperationalError:
            if connection.in_atomic_block or attempt == _TRIES:
                raise
            continue
        if taken is not None:
            return taken
    return False


def _take(digest: str, most: int, per: timedelta, now: datetime) -> bool | None:
    """None: somebody else's row came in between."""
    rows = Throttle.objects.filter(key_digest=digest)
    if rows.filter(until__lte=now).update(count=1, until=now + per):
        return most > 0
    if rows.filter(count__lt=most).update(count=F("count") + 1):
        return True
    if rows.exists():
        return False
    _sweep(now)
    if insert(Throttle(key_digest=digest, count=1, until=now + per)):
        return most > 0
    return None


def give_back(key: str) -> None:
    """Forget what was counted under `key`."""
    Throttle.objects.filter(key_digest=_digest(key)).delete()


def _digest(key: str) -> str:
    return keyed_hash(f"throttle\0{key}")


def _sweep(now: datetime) -> None:
    """Delete a few that have run out, so that the table keeps to its size on its own."""
    gone = Throttle.objects.filter(until__lte=now).order_by("pk").values_list("pk", flat=True)
    if ids := list(gone[:_SWEEP]):
        Throttle.objects.filter(pk__in=ids, until__lte=now).delete()
