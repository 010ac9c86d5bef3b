"""Topics, consent with its proof, and suppression."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from wagtail.search import index

from .addresses import by_keyed_hash, keyed_hash, keyed_hashes, normalize_any
from .among import among
from .contacts import Contact
from .inserting import insert
from .owned import OfSite


class Topic(OfSite, index.Indexed):
    """What people choose to hear about. Editors read "Mailing topic"."""

    class OptIn(models.TextChoices):
        DOUBLE = "double", _("they confirm by a mail first")
        SINGLE = "single", _("at once")  # but who has left comes back by a mail only

    class Channel(models.TextChoices):
        EMAIL = "email", _("e-mail")
        SMS = "sms", _("text messages")

    name = models.CharField(_("name"), max_length=100)
    slug = models.SlugField(_("short name"), max_length=100, unique=True)
    # Never changed: what people have agreed to get by one way says nothing of another.
    channel = models.CharField(
        _("what people get"), max_length=10, choices=Channel.choices, default=Channel.EMAIL
    )
    description = models.TextField(
        _("description"), blank=True, help_text=_("What people get when they choose this topic.")
    )
    opt_in = models.CharField(
        _("how people subscribe"), max_length=10, choices=OptIn.choices, default=OptIn.DOUBLE
    )
    wording = models.TextField(
        _("what people agree to"),
        blank=True,
        max_length=1000,
        help_text=_(
            "Stands beside the box in sign-up forms, and is kept word for word as proof. Leave "
            "empty for a sentence that names the topic."
        ),
    )
    # Counts the wordings that differ, so that a proof says which of them was read.
    wording_version = models.PositiveIntegerField(default=1, editable=False)
    expires_months = models.PositiveSmallIntegerField(
        _("consent ends after this many months"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(600)],
        help_text=_("Counted from when somebody subscribed; leave empty if it never ends."),
    )
    public = models.BooleanField(
        _("offered to everybody"),
        default=True,
        help_text=_("Shown on the page where people choose what they get."),
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    search_fields = [index.SearchField("name"), index.AutocompleteField("name")]

    class Meta:
        verbose_name = _("mailing topic")
        verbose_name_plural = _("mailing topics")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        known = ("wording", "wording_version", "channel")
        before = Topic.objects.filter(pk=self.pk).values_list(*known).first()
        if before and before[0] != self.wording:
            self.wording_version = before[1] + 1
        if before and before[2] != self.channel:
            raise ValueError("What people get by a topic is never changed: make another topic.")
        super().save(*args, **kwargs)

    @property
    def agreement(self) -> str:
        """What stands beside the box, in the language that is active."""
        return self.wording or str(_AGREEMENTS[Topic.Channel(self.channel)]) % self.name

    def ends_before(self, now: datetime) -> datetime | None:
        """Consent from before this moment has run out; None: it never does."""
        return months_before(now, self.expires_months) if self.expires_months else None


_AGREEMENTS = {
    Topic.Channel.EMAIL: _(
        "I want to get “%s” by e-mail. I can leave at any time by a link in each mail."
    ),
    Topic.Channel.SMS: _(
        "I want to get “%s” as text messages to my mobile phone. I can end it at any time by "
        "answering STOP."
    ),
}


def months_before(moment: datetime, months: int) -> datetime:
    """The same day so many months earlier, or the last day of that month."""
    year, month = divmod(moment.year * 12 + moment.month - 1 - months, 12)
    day = min(moment.day, monthrange(year, month + 1)[1])
    return moment.replace(year=year, month=month + 1, day=day)


class Consent(models.Model):
    """Whether one contact may be sent one topic now. How it came about: ConsentRecord."""

    class State(models.TextChoices):
        GRANTED = "granted", _("granted")  # mail of this topic may go
        WITHDRAWN = "withdrawn", _("withdrawn")  # it was granted and taken back

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="consents")
    # Protected: deleting a topic would delete the proof of what people chose.
    topic = models.ForeignKey(Topic, on_delete=models.PROTECT, related_name="consents")
    state = models.CharField(_("state"), max_length=10, choices=State.choices)
    changed_at = models.DateTimeField(_("changed"))

    class Meta:
        verbose_name = _("consent")
        verbose_name_plural = _("consents")
        constraints = [
            models.UniqueConstraint(fields=["contact", "topic"], name="drip_consent_once")
        ]
        indexes = [models.Index(fields=["topic", "state", "contact"], name="drip_consent_topic")]

    def __str__(self) -> str:
        return f"{self.topic}: {self.get_state_display()}"


class ConsentRecord(models.Model):
    """The proof: one row for each time consent was given or taken back. Never changed."""

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="consent_records")
    topic = models.ForeignKey(Topic, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=10, choices=Consent.State.choices)
    at = models.DateTimeField()
    source = models.CharField(_("how"), max_length=200, help_text=_("Page or way, e.g. /signup/."))
    wording = models.TextField(_("wording shown"), blank=True)
    wording_version = models.PositiveIntegerField(_("version of the wording"), null=True)
    number = models.CharField(_("phone number"), max_length=20, blank=True)  # of text messages
    ip = models.GenericIPAddressField(_("IP address"), null=True, blank=True)

    class Meta:
        verbose_name = _("consent record")
        verbose_name_plural = _("consent records")
        indexes = [models.Index(fields=["contact", "at"], name="drip_consentrecord_contact")]

    def __str__(self) -> str:
        return f"{self.topic}: {self.get_state_display()} ({self.source})"


class Suppression(models.Model):
    """An address or number that gets nothing. Kept as a keyed hash, so it outlives the contact."""

    class Reason(models.TextChoices):
        BOUNCED = "bounced", _("hard bounce")
        COMPLAINED = "complained", _("complaint")
        UNSUBSCRIBED = "unsubscribed", _("left everything")
        MANUAL = "manual", _("by hand")
        ERASED = "erased", _("erased")

    class Scope(models.TextChoices):
        MARKETING = "marketing", _("marketing only")  # transactional mail still goes
        ALL = "all", _("all mail")

    class Kind(models.TextChoices):
        EMAIL = "email", _("e-mail address")
        NUMBER = "number", _("phone number")

    kind = models.CharField(
        _("kind"), max_length=10, choices=Kind.choices, default=Kind.EMAIL, editable=False
    )
    address_hash = models.CharField(max_length=64, unique=True)
    reason = models.CharField(_("reason"), max_length=20, choices=Reason.choices)
    scope = models.CharField(_("scope"), max_length=10, choices=Scope.choices, default=Scope.ALL)
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    note = models.CharField(_("note"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("suppressed address")
        verbose_name_plural = _("suppressed addresses")
        default_permissions = ("add", "delete", "view")  # what stands is lifted, never changed

    def __str__(self) -> str:
        """As the log keeps it: the hash's beginning tells which, and nobody whose."""
        said = f"{self.get_reason_display()} ({self.get_scope_display()})"
        if self.kind == self.Kind.NUMBER:
            said = f"{self.get_kind_display()}: {said}"
        return f"{said} {self.address_hash[:8]}"


# A word of the same day, such as a page saved twice, is the same word.
RENEWED_AFTER = timedelta(days=1)


def grant(
    contact: Contact,
    topic: Topic,
    *,
    at: datetime,
    source: str,
    wording: str = "",
    wording_version: int | None = None,
    ip: str | None = None,
    number: str = "",
) -> bool:
    """`contact` wants `topic`. True where that changed something.

    The later word counts: a grant from before a withdrawal (an import, say) doesn't undo it.
    Renews a consent that has run out. One that would run out some day runs from this word on, if
    the last one is older than RENEWED_AFTER: False then, since they wanted it all along. Proof is
    written of each word that counts. Lifts no suppression.
    """
    granted = Consent.State.GRANTED
    earlier = Q(state=Consent.State.WITHDRAWN, changed_at__lte=at)
    if end := topic.ends_before(at):
        earlier |= Q(state=granted, changed_at__lt=end)
    proof = {"source": source, "wording": wording, "wording_version": wording_version, "ip": ip}
    proof["number"] = number
    if _change(contact, topic, granted, Consent.objects.filter(earlier), at, proof):
        return True
    if end:
        again = Consent.objects.filter(state=granted, changed_at__lt=at - RENEWED_AFTER)
        _change(contact, topic, granted, again, at, proof)
    return False


def withdraw(
    contact: Contact,
    topic: Topic,
    *,
    at: datetime,
    source: str,
    wording: str = "",
    ip: str | None = None,
) -> bool:
    """`contact` no longer wants `topic`, at once and whatever was granted when.

    True where that changed something. Someone who never chose the topic is kept as withdrawn
    too: it is their word.
    """
    earlier = Consent.objects.filter(state=Consent.State.GRANTED)
    proof = {"source": source, "wording": wording, "ip": ip}
    return _change(contact, topic, Consent.State.WITHDRAWN, earlier, at, proof)


def granted(contact_ids: Iterable[int], topic_id: int) -> set[int]:
    """Those of the contacts who have granted this topic, however long ago. One query."""
    return {contact_id for contact_id, _topic in granting(contact_ids, [topic_id])}


def granting(contact_ids: Iterable[int], topic_ids: Iterable[int]) -> set[tuple[int, int]]:
    """Which contact (first) has granted which topic (second), however long ago. One query.

    As `grants`, where nobody asks since when: moments are what takes the longest to read.
    """
    return set(_granted(contact_ids, topic_ids).values_list("contact_id", "topic_id"))


def grants(contact_ids: Iterable[int], topic_ids: Iterable[int]) -> dict[tuple[int, int], datetime]:
    """Since when which contact (first) has granted which topic (second), by id. One query."""
    rows = _granted(contact_ids, topic_ids).values_list("contact_id", "topic_id", "changed_at")
    return {(contact_id, topic_id): at for contact_id, topic_id, at in rows}


def _granted(contact_ids: Iterable[int], topic_ids: Iterable[int]) -> models.QuerySet[Consent]:
    return Consent.objects.filter(
        among("contact_id", contact_ids),
        topic_id__in=list(topic_ids),
        state=Consent.State.GRANTED,
    )


def _change(
    contact: Contact,
    topic: Topic,
    state: Consent.State,
    earlier: models.QuerySet[Consent],
    at: datetime,
    proof: dict[str, Any],
) -> bool:
    """Set the state by compare-and-set, so that of two calls at once one alone changes it."""
    rows = earlier.filter(contact=contact, topic=topic)
    new = Consent(contact=contact, topic=topic, state=state, changed_at=at)
    with transaction.atomic():
        changed = bool(rows.update(state=state, changed_at=at))
        if not changed and not Consent.objects.filter(contact=contact, topic=topic).exists():
            # Where somebody else's row came in between, that one may be the one to change.
            changed = insert(new) or _update(rows, state=state, changed_at=at)
        if changed:
            ConsentRecord.objects.create(contact=contact, topic=topic, state=state, at=at, **proof)
    return changed


def suppress(
    email: str,
    *,
    reason: str,
    at: datetime,
    scope: str = Suppression.Scope.ALL,
    note: str = "",
) -> bool:
    """This address gets nothing more within `scope`. True where that changed something.

    A suppression only ever widens (marketing → all mail). It keeps its first reason, unless that
    was their own leaving: they may take that back, and must not take back a complaint with it.
    `email`: an e-mail address, or a phone number. Raises ValueError where it is neither.
    """
    normalized = normalize_any(email)
    rows = _against(normalized)
    with transaction.atomic():
        if not rows.exists() and insert(
            Suppression(
                kind=_kind(normalized),
                address_hash=keyed_hash(normalized),
                reason=reason,
                scope=scope,
                created_at=at,
                note=note,
            )
        ):
            return True
        changed = False
        if reason not in (Suppression.Reason.UNSUBSCRIBED, Suppression.Reason.ERASED):
            changed = _update(rows.filter(_BY_LEAVING), reason=reason, note=note)
        if scope == Suppression.Scope.ALL:
            narrow = rows.filter(scope=Suppression.Scope.MARKETING)
            changed = _update(narrow, scope=scope) or changed
        return changed


def suppressed(addresses: Iterable[str], *, transactional: bool) -> set[str]:
    """Those of the normalized addresses that must not get such mail. One query.

    `transactional`: only suppressions of all mail count. The addresses are taken as
    `Contact.email` holds them: this runs for each delivery, and normalizing is dear.
    """
    by_hash = by_keyed_hash(addresses)
    found = Suppression.objects.filter(among("address_hash", by_hash))
    if transactional:
        found = found.filter(scope=Suppression.Scope.ALL)
    return {by_hash[value] for value in found.values_list("address_hash", flat=True)}


def standing_against(email: str) -> Suppression | None:
    """The suppression of an address or number. Raises ValueError where it is neither."""
    return _against(email).first()


def lift_unsubscribed(email: str) -> bool:
    """Take back "left everything" for somebody who proved the address is theirs.

    Bounces, complaints and whatever else stands against the address stay.
    """
    deleted, _by_model = _against(email).filter(_BY_LEAVING).delete()
    return bool(deleted)


def may_return(email: str) -> bool:
    """Whether nothing but their own leaving, or having been forgotten, stands against it."""
    return not _against(email).exclude(_BY_LEAVING).exists()


# What somebody did themselves, and may take back: all the rest stands.
_BY_LEAVING = Q(
    reason__in=[Suppression.Reason.UNSUBSCRIBED, Suppression.Reason.ERASED],
    scope=Suppression.Scope.MARKETING,
)


def _against(email: str) -> models.QuerySet[Suppression]:
    return Suppression.objects.filter(address_hash__in=keyed_hashes(normalize_any(email)))


def _kind(normalized: str) -> str:
    return Suppression.Kind.EMAIL if "@" in normalized else Suppression.Kind.NUMBER


def lift_stop(number: str) -> bool:
    """Take back the STOP of a number's owner; what else stands against it stays.

    False where there was none. Raises ValueError where it is no number.
    """
    stopped = Q(reason=Suppression.Reason.UNSUBSCRIBED, kind=Suppression.Kind.NUMBER)
    deleted, _by_model = _against(number).filter(stopped).delete()
    return bool(deleted)


def _update(rows: models.QuerySet[Any], **fields: Any) -> bool:
    """Change the rows, if there are any. Returns whether there were.

    Looked at before they are locked: on MariaDB, who failed to insert a row shares a lock on the
    one in the way, and two such who both wanted it alone would deadlock.
    """
    return rows.exists() and bool(rows.update(**fields))
