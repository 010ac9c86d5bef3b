"""Event and Inbox (what happened), Enrollment (where a person stands in a campaign), Watch."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..flow import program
from ..flow.reasons import WORDS
from .campaigns import Campaign, Version
from .contacts import Contact


class Event(models.Model):
    """One thing that happened to one person. Never changed."""

    contact = models.ForeignKey(
        Contact, verbose_name=_("contact"), on_delete=models.CASCADE, related_name="events"
    )
    name = models.CharField(_("event"), max_length=100)
    at = models.DateTimeField(_("when"))
    data = models.JSONField(_("data"), default=dict, blank=True)
    key = models.CharField(_("key"), max_length=200, blank=True)
    # addresses.digest(f"{name}\0{key}"), or null where the caller gave no key. Makes recording
    # idempotent; a digest because MariaDB's collation takes `Order-a1` for `ORDER-A1`.
    key_digest = models.CharField(max_length=64, null=True, unique=True, editable=False)
    recorded_at = models.DateTimeField(_("recorded"), default=timezone.now)

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        indexes = [
            models.Index(fields=["contact", "name", "at"], name="drip_event_contact"),
            models.Index(fields=["at", "id"], name="drip_event_at"),
        ]

    def __str__(self) -> str:
        return self.name


class Inbox(models.Model):
    """An event that enrolling has not looked at yet. Deleted in the transaction that did."""

    event = models.OneToOneField(Event, on_delete=models.CASCADE, related_name="inbox")

    class Meta:
        verbose_name = _("new event")
        verbose_name_plural = _("new events")

    def __str__(self) -> str:
        return str(self.event_id)


class Enrollment(models.Model):
    """One person on the way through one version of one campaign."""

    class State(models.TextChoices):
        ACTIVE = "active", _("active")  # on the way: stands at `node`
        COMPLETED = "completed", _("completed")  # came to the flow's end
        LEFT = "left", _("left")  # taken out before the end; `reason` says why
        FAILED = "failed", _("failed")  # the flow can't be followed; `reason` says why

    class Reason(models.TextChoices):
        """Why somebody left. A flow's own leave block may give another, in the editor's words."""

        GOAL = "goal", _("reached the goal")
        CONDITION = "condition", _("left by the flow")
        EDITOR = "editor", _("taken out by hand")
        UNSUBSCRIBED = "unsubscribed", _("unsubscribed")
        EXPIRED = "consent expired", _("consent expired")
        RETURNED = "returned", _("came back to what they had left")
        SUPPRESSED = "suppressed", _("suppressed")
        ERASED = "erased", _("erased")
        AUDIENCE = "audience", _("no longer one of its people")
        TAKEN_OVER = "taken over", _("a more specific campaign took over")
        STOPPED = "stopped", _("campaign stopped")
        MOVED_OUT = "moved out", _("left at a new version")
        NO_DAY = program.NO_DAY, _("they have no such date")
        DAY_OVER = program.DAY_OVER, _("their date is over")

    contact = models.ForeignKey(
        Contact, verbose_name=_("contact"), on_delete=models.PROTECT, related_name="enrollments"
    )
    campaign = models.ForeignKey(
        Campaign,
        verbose_name=_("campaign"),
        on_delete=models.PROTECT,
        related_name="enrollments",
        db_index=False,
    )
    version = models.ForeignKey(
        Version, on_delete=models.PROTECT, related_name="enrollments", db_index=False
    )
    event = models.ForeignKey(
        Event, verbose_name=_("event"), null=True, on_delete=models.SET_NULL, related_name="+"
    )
    # The enrolling event's data, copied: it must outlive the event's pruning.
    data = models.JSONField(default=dict, blank=True)
    # The entry rule's guarantee: "" (once), the event's key digest (per event), "1", "2" … (again)
    entry_key = models.CharField(max_length=64, blank=True)

    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.ACTIVE)
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    node = models.CharField(max_length=64, blank=True)  # block id where the person stands
    visit = models.PositiveSmallIntegerField(default=1)
    # The moment from which the wait at `node` counts: when the stop before it ended.
    arrived_at = models.DateTimeField()
    # When advancing looks next; null while a delivery of `node` is open, or after the end.
    due_at = models.DateTimeField(_("next"), null=True)
    # How many campaigns' flows led here, one after the other: a round must end somewhere.
    hops = models.PositiveSmallIntegerField(default=0)
    entered_at = models.DateTimeField(_("entered"))
    ended_at = models.DateTimeField(_("ended"), null=True)

    class Meta:
        verbose_name = _("person in a campaign")
        verbose_name_plural = _("people in campaigns")
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "contact", "entry_key"], name="drip_enrollment_entry"
            )
        ]
        indexes = [
            models.Index(fields=["state", "due_at", "id"], name="drip_enrollment_due"),
            models.Index(fields=["campaign", "state", "node"], name="drip_enrollment_campaign"),
            models.Index(fields=["entered_at", "id"], name="drip_enrollment_entered"),
            # Who is still in a version that others have to leave: mostly nobody, each minute.
            models.Index(fields=["version", "state", "id"], name="drip_enrollment_version"),
        ]

    def __str__(self) -> str:
        return f"{self.contact} · {self.campaign}"


WORDS.update(Enrollment.Reason.choices)


class Watch(models.Model):
    """Somebody waits at `node` for an event of this name: enrolling wakes them when it comes.

    Committed before the wait looks whether it has come already, so none falls in between. Its
    rows may outlive the wait; they do nothing then.
    """

    enrollment = models.OneToOneField(Enrollment, on_delete=models.CASCADE, related_name="watch")
    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=100)  # Event.name
    node = models.CharField(max_length=64)

    class Meta:
        verbose_name = _("awaited event")
        verbose_name_plural = _("awaited events")
        indexes = [models.Index(fields=["contact", "name"], name="drip_watch_contact")]

    def __str__(self) -> str:
        return f"{self.enrollment_id} · {self.name}"
