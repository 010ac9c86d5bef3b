"""Delivery: one message to one person, from the plan to what the provider tells of it."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..flow.reasons import WORDS
from .campaigns import Campaign, Step, Version
from .contacts import Contact
from .journeys import Enrollment

# What a consent's record names as the source of a change that a mail's own link made; its
# primary key follows.
LINK_IN_MAIL = "link in mail "


def new_token() -> str:
    return uuid.uuid4().hex


class Delivery(models.Model):
    """One row for each message ever planned; the row exists before anything is transmitted.

    At every moment, per campaign: planned (all rows) = sent + failed + uncertain + skipped +
    waiting (`waiting` and `sending`).
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")  # may be claimed from `due_at` on
        SENDING = "sending", _("sending")  # claimed by `claim` until `lease_until`
        SENT = "sent", _("sent")  # the server or provider took it
        FAILED = "failed", _("failed")  # refused for good, or its message can't be made
        UNCERTAIN = "uncertain", _("uncertain")  # nobody knows; never repeated on its own
        SKIPPED = "skipped", _("skipped")  # must not go; `reason` says why

    class Reason(models.TextChoices):
        """Why one is skipped though its person stays; else it is Enrollment.Reason."""

        MOVED = "moved", _("its place was taken out of the flow")  # it waits again if put back
        STALE = "stale", _("too old after a pause")
        CAP = "cap", _("more than they may get")  # models/caps.py
        NO_CONSENT = "no consent", _("not agreed to")  # to this by this way
        NO_NUMBER = "no number", _("no usable number")
        NUMBER = "number suppressed", _("number suppressed")  # they answered STOP, for one

    OPEN = (State.WAITING, State.SENDING)
    GOT = (State.SENT, State.UNCERTAIN)  # must not be sent again by the flow
    SETTLED = (State.SENT, State.FAILED, State.UNCERTAIN, State.SKIPPED)

    # Each index is written anew at each of a row's three states: none is covered by another one.
    enrollment = models.ForeignKey(
        Enrollment, on_delete=models.PROTECT, related_name="deliveries", db_index=False
    )
    contact = models.ForeignKey(
        Contact,
        verbose_name=_("contact"),
        on_delete=models.PROTECT,
        related_name="deliveries",
        db_index=False,
    )
    campaign = models.ForeignKey(
        Campaign,
        verbose_name=_("campaign"),
        on_delete=models.PROTECT,
        related_name="deliveries",
        db_index=False,
    )
    step_key = models.UUIDField()  # Step.translation_key, as the program names it
    # The step in the language that was sent; null until then and after its deletion.
    step = models.ForeignKey(Step, null=True, on_delete=models.SET_NULL, related_name="deliveries")
    # Of the enrollment, when it was laid down; what it sends is of this flow.
    version = models.ForeignKey(
        Version, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )
    node = models.CharField(max_length=64)
    visit = models.PositiveSmallIntegerField(default=1)
    channel = models.CharField(max_length=30, default="email")

    state = models.CharField(
        _("state"), max_length=10, choices=State.choices, default=State.WAITING
    )
    # Skipped, failed, uncertain: why. Waiting: what it is held for, or the last try's answer.
    reason = models.CharField(_("reason"), max_length=500, blank=True)
    priority = models.SmallIntegerField(default=0)
    due_at = models.DateTimeField(_("due"))
    created_at = models.DateTimeField(_("planned"), default=timezone.now)
    settled_at = models.DateTimeField(_("settled"), null=True)
    # Tries that the message itself could be to blame for; an outage burns none.
    attempts = models.PositiveSmallIntegerField(default=0)
    claim = models.CharField(max_length=32, blank=True)
    lease_until = models.DateTimeField(null=True)  # by the database's clock

    # Local part of the Message-ID of every attempt, and how webhooks name the delivery.
    token = models.CharField(max_length=32, default=new_token, editable=False)
    message_id = models.CharField(_("Message-ID"), max_length=255, blank=True)
    provider_id = models.CharField(max_length=255, blank=True)

    # Of a text message that went out, as its encoding counts them
    characters = models.PositiveSmallIntegerField(_("characters"), null=True)
    segments = models.PositiveSmallIntegerField(_("segments"), null=True)

    # Facts that came back, beside the state
    delivered_at = models.DateTimeField(_("delivered"), null=True)
    bounced_at = models.DateTimeField(_("bounced"), null=True)
    bounce_type = models.CharField(max_length=10, blank=True)  # "hard", "soft" or unknown ""
    complained_at = models.DateTimeField(_("complained"), null=True)
    opened_at = models.DateTimeField(_("opened"), null=True)
    clicked_at = models.DateTimeField(_("clicked"), null=True)

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        permissions = [("resolve_uncertain", _("Can say whether an uncertain mail went"))]
        constraints = [
            # Whatever else fails: one node sends one person one message a visit.
            models.UniqueConstraint(
                fields=["enrollment", "node", "visit"], name="drip_delivery_once"
            ),
            # Here, as below: a field's own would bring a second index for LIKE on PostgreSQL.
            models.UniqueConstraint(fields=["token"], name="drip_delivery_token"),
        ]
        indexes = [
            models.Index(fields=["state", "due_at", "id"], name="drip_delivery_due"),
            # In the order of claiming: with very much due, the first slice needs no sort.
            models.Index(fields=["state", "-priority", "due_at", "id"], name="drip_delivery_claim"),
            models.Index(fields=["state", "settled_at"], name="drip_delivery_settled"),
            models.Index(fields=["campaign", "state"], name="drip_delivery_campaign"),
            models.Index(fields=["contact", "created_at"], name="drip_delivery_contact"),
            models.Index(fields=["created_at", "id"], name="drip_delivery_created"),
            models.Index(fields=["claim"], name="drip_delivery_claimed"),
            models.Index(fields=["provider_id"], name="drip_delivery_provider"),
            # The few that braking asks for; where a database has no partial index, it reads all.
            models.Index(
                fields=["campaign"],
                condition=Q(bounced_at__isnull=False) | Q(complained_at__isnull=False),
                name="drip_delivery_wrong",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.contact} · {self.get_state_display()}"


WORDS.update(Delivery.Reason.choices)
