"""Campaign, which editors edit, and Version, which pins what people go through."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.contenttypes.fields import GenericRelation
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import get_language_bidi
from django.utils.translation import gettext_lazy as _
from modelcluster.fields import ParentalManyToManyField
from modelcluster.models import ClusterableModel
from wagtail.log_actions import log
from wagtail.models import (
    DraftStateMixin,
    LockableMixin,
    PreviewableMixin,
    RevisionMixin,
    WorkflowMixin,
)
from wagtail.search import index

from .. import registry
from ..content.phone import SMS
from ..fields import OpenStreamField
from ..flow import conditions, drawing, outlining
from ..flow.blocks import AudienceBlock, ConditionsBlock, FlowBlock
from ..flow.compiling import Problem
from ..flow.outlining import Line
from ..streams import raw
from .consent import Topic
from .filling import ascii_slug, free_slug
from .owned import OfSite
from .stages import Stage
from .steps import Step

__all__ = ["Campaign", "Choice", "Step", "Version", "VersionStep"]


class Choice(models.TextChoices):
    """What publishing a changed flow does with the people inside."""

    KEEP = "keep", _("they stay on the flow they entered")
    MOVE = "move", _("they move to the new flow")
    LEAVE = "leave", _("they leave the campaign")


class Campaign(
    OfSite,
    WorkflowMixin,
    DraftStateMixin,
    LockableMixin,
    RevisionMixin,
    PreviewableMixin,
    index.Indexed,
    ClusterableModel,
):
    """A series: who enters, what they get and when, and when it ends for them."""

    class EntryRule(models.TextChoices):
        ONCE = "once", _("once ever")  # entry_key ""
        PER_EVENT = "per_event", _("once for each event")  # entry_key: the event's key digest
        AGAIN_AFTER = "again_after", _("again after a number of days")  # entry_key: an ordinal

    name = models.CharField(_("name"), max_length=200)
    slug = models.SlugField(_("short name"), max_length=100, unique=True)

    stage = models.CharField(
        _("lifecycle stage"),
        max_length=10,
        choices=Stage.choices,
        blank=True,
        help_text=_("For whom it is meant. Lists of campaigns may be filtered by it."),
    )

    # Start
    trigger = models.CharField(
        _("starts when"), max_length=100, blank=True, help_text=_("What makes a person enter.")
    )
    audience = OpenStreamField(
        AudienceBlock,
        blank=True,
        verbose_name=_("only for people who"),
        help_text=_("All of these must be true; leave empty for everyone."),
    )
    leave_audience = models.BooleanField(
        _("they leave once that is no longer true"),
        default=False,
        help_text=_("Asked whenever they go on, and before each mail."),
    )
    entry_rule = models.CharField(
        _("a person may enter"),
        max_length=20,
        choices=EntryRule.choices,
        default=EntryRule.ONCE,
    )
    entry_days = models.PositiveSmallIntegerField(
        _("days until they may enter again"),
        default=30,
        validators=[MinValueValidator(1), MaxValueValidator(3650)],
    )
    not_while = ParentalManyToManyField(
        "self",
        verbose_name=_("not while they are in"),
        symmetrical=False,
        blank=True,
        related_name="+",
        help_text=_("Who is inside one of these at that moment does not enter."),
    )
    takes_over = ParentalManyToManyField(
        "self",
        verbose_name=_("takes over from"),
        symmetrical=False,
        blank=True,
        related_name="+",
        help_text=_(
            "More general campaigns: who enters this one leaves them, and does not enter them "
            "while inside."
        ),
    )
    by_hand = models.BooleanField(
        _("may be picked by hand"),
        default=False,
        help_text=_("It is offered on the page of a contact, e.g. to salespeople."),
    )
    by_hand_for = models.CharField(
        _("what for"),
        max_length=200,
        blank=True,
        help_text=_("Shown beside it: “After a call in which they asked for prices”."),
    )
    goals = OpenStreamField(
        ConditionsBlock,
        blank=True,
        verbose_name=_("goal"),
        help_text=_("Who meets any of these has reached the goal and gets no further mail."),
    )

    flow = OpenStreamField(FlowBlock, blank=True, verbose_name=_("flow"))

    # Settings
    topic = models.ForeignKey(
        Topic,
        verbose_name=_("mailing topic"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text=_("Only people who chose this topic get the mails."),
    )
    sms_topic = models.ForeignKey(
        Topic,
        verbose_name=_("mailing topic of its text messages"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text=_(
            "Only people who chose this topic get the text messages; the others go on without "
            "them. With no topic for mails, it says who is in the campaign at all."
        ),
    )
    transactional_reason = models.CharField(
        _("or transactional, because"),
        max_length=200,
        blank=True,
        help_text=_(
            "For mails that people need without having chosen a topic, e.g. a receipt. It stands "
            "at their foot: “You get this because: you placed an order with us.” Such mails go at "
            "any hour and whatever else people got: no quiet hours, no frequency cap and no other "
            "campaign holds them back, and they don't count."
        ),
    )
    sender_name = models.CharField(_("sender name"), max_length=100, blank=True)
    sender_email = models.EmailField(_("sender address"), blank=True)
    reply_to = models.EmailField(_("reply to"), blank=True)
    time_zone = models.CharField(_("time zone"), max_length=63, blank=True)
    priority = models.SmallIntegerField(
        _("priority"),
        default=0,
        help_text=_(
            "Of two mails due at once, the higher goes first. That decides which one goes where a "
            "frequency cap leaves room for one."
        ),
    )
    holds_others = models.BooleanField(
        _("other campaigns wait while somebody is inside"),
        default=False,
        help_text=_(
            "E.g. no newsletter during onboarding: whoever is on the way through this campaign "
            "gets the mails of campaigns of the same or a lower priority afterwards. Transactional "
            "campaigns don't wait."
        ),
    )
    track_clicks = models.BooleanField(
        _("see which links people follow"),
        default=True,
        help_text=_("Where the site's settings and the contact allow it."),
    )
    track_opens = models.BooleanField(
        _("see who opens the mails"),
        default=True,
        help_text=_("Where the site's settings and the contact allow it."),
    )
    utm_source = models.CharField(
        _("UTM source"),
        max_length=100,
        blank=True,
        help_text=_(
            "Filled in, links to the site carry it for your web statistics as utm_source, with "
            "utm_medium=email and the campaign's short name as utm_campaign."
        ),
    )
    rate = models.PositiveIntegerField(
        _("messages a minute"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_("At most so many; leave empty to send as fast as the site may."),
    )

    # The answer to the question that publishing asks, kept with the revision it was asked about. It
    # holds over this Version (primary key) alone: reverted to, copied or published again by
    # code, the revision finds another one in place, and people keep theirs.
    choice = models.CharField(
        max_length=10, choices=Choice.choices, default=Choice.KEEP, editable=False
    )
    choice_over = models.BigIntegerField(null=True, editable=False)

    # Not edited: what became of it
    paused_at = models.DateTimeField(null=True, blank=True, editable=False)
    # Why it paused by itself (engine/braking.py); "": a person did it.
    paused_reason = models.TextField(blank=True, editable=False)
    resumed_at = models.DateTimeField(null=True, blank=True, editable=False)
    # When it last went live. Events from before this moment start nothing.
    started_at = models.DateTimeField(null=True, blank=True, editable=False)
    # The `started_at` for which everybody among its people has entered (flow.triggers.LAUNCHED).
    launched_for = models.DateTimeField(null=True, blank=True, editable=False)
    current_version = models.ForeignKey(
        "wagtail_drip.Version",
        null=True,
        blank=True,
        editable=False,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    # Why the last publishing that nobody watched (schedule, workflow) was refused.
    refused_at = models.DateTimeField(null=True, blank=True, editable=False)
    refused_reason = models.TextField(blank=True, editable=False)

    revisions = GenericRelation(
        "wagtailcore.Revision",
        content_type_field="base_content_type",
        object_id_field="object_id",
        related_query_name="drip_campaign",
        for_concrete_model=False,
    )
    workflow_states = GenericRelation(
        "wagtailcore.WorkflowState",
        content_type_field="base_content_type",
        object_id_field="object_id",
        related_query_name="drip_campaign",
        for_concrete_model=False,
    )

    search_fields = [
        index.SearchField("name"),
        index.AutocompleteField("name"),
        index.FilterField("site"),
    ]

    class Meta:
        verbose_name = _("campaign")
        verbose_name_plural = _("campaigns")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def transactional(self) -> bool:
        return self.topic_id is None and bool(self.transactional_reason)

    def is_transactional(self, channel: str) -> bool:
        """Whether what it sends by this channel needs no consent and keeps no quiet hours."""
        return self.transactional and not (channel == SMS and self.sms_topic_id)

    @property
    def entry_topic(self) -> Topic | None:
        """The topic that everybody inside has chosen; None: they need none."""
        return self.topic or (None if self.transactional_reason else self.sms_topic)

    @property
    def entry_topic_id(self) -> int | None:
        return self.topic_id or (None if self.transactional_reason else self.sms_topic_id)

    @property
    def status(self) -> str:
        """`draft`, `live`, `paused` or `stopped`, the four that editors see."""
        if not self.live:
            return "stopped" if self.started_at else "draft"
        return "paused" if self.paused_at else "live"

    def fill_in(self) -> None:
        super().fill_in()
        self.slug = ascii_slug(self.slug) or free_slug(Campaign, self.name, "campaign")

    def with_content_json(self, content: dict[str, Any]) -> Campaign:
        """A revision's content with what became of the campaign since."""
        from . import publishing

        campaign = super().with_content_json(content)
        for name in publishing.KEPT:
            setattr(campaign, name, getattr(self, name))
        return campaign

    def gate(self) -> list[Problem]:
        """Why it can't be published as it stands on this instance; empty: it can."""
        from . import publishing

        return publishing.gate(self)

    def publish(
        self,
        revision: Any,
        user: Any = None,
        changed: bool = True,
        log_action: bool | str = True,
        previous_revision: Any = None,
        skip_permission_checks: bool = False,
    ) -> None:
        """As Wagtail's, through the gate and with a Version (models/publishing.py).

        Raises flow.compiling.NotReady, a ValidationError, and has changed nothing then.
        """
        from . import publishing

        go_live = partial(
            super().publish, revision, user, changed, log_action, previous_revision,
            skip_permission_checks,
        )  # fmt: skip
        publishing.publish(self, revision, go_live, user=user, log_action=log_action)

    def pause(self, now: datetime, user: Any = None, *, because: str = "") -> bool:
        """People enter and wait, nothing is sent. False: it was not live, or paused already.

        `because`: why it pauses by itself, in words for editors.
        """
        row = Campaign.objects.filter(pk=self.pk, live=True, paused_at=None)
        action = "wagtail_drip.brake" if because else "wagtail_drip.pause"
        return self._change(row, action, user, paused_at=now, paused_reason=because)

    def resume(self, now: datetime, user: Any = None) -> bool:
        """What waited goes on. False: it was not paused."""
        row = Campaign.objects.filter(pk=self.pk).exclude(paused_at=None)
        return self._change(
            row, "wagtail_drip.resume", user, paused_at=None, paused_reason="", resumed_at=now
        )

    def _change(self, row: Any, action: str, user: Any, **fields: Any) -> bool:
        if not row.update(**fields):
            return False
        for name, value in fields.items():
            setattr(self, name, value)
        reason = fields.get("paused_reason")
        log(instance=self, action=action, user=user, data={"reason": reason} if reason else None)
        return True

    def outline(self) -> tuple[Line, ...]:
        """Its flow as sentences, nested as the flow is. At most two queries."""
        from .named import names_in

        flow = raw(self.flow)
        return outlining.outline(flow, names_in(flow))

    # Previews that need the engine, put here from above: by mode, its name, and what of the
    # template's context it fills in.
    more_previews: ClassVar[dict[str, tuple[Any, Callable[[Campaign], dict[str, Any]]]]] = {}
    approval_preview: ClassVar[str] = "mails"  # what a reviewer sees first

    @cached_property
    def default_preview_mode(self) -> str:  # its panel asks for each mode
        waits = self.approval_preview in self.more_previews and self.workflow_in_progress
        return self.approval_preview if waits else ""

    @property
    def preview_modes(self) -> list[tuple[str, Any]]:
        more = [(mode, label) for mode, (label, _context) in self.more_previews.items()]
        return [("", _("In words")), ("picture", _("As a picture")), *more]

    def get_preview_template(self, request: Any, mode_name: str) -> str:
        return "wagtail_drip/campaign_preview.html"

    def get_preview_context(self, request: Any, mode_name: str) -> dict[str, Any]:
        from . import matching

        trigger = registry.triggers().get(self.trigger)
        audience = matching.raw_conditions(self.audience)
        goals = matching.raw_conditions(self.goals)
        start, lines = trigger.label if trigger else self.trigger, self.outline()
        context = {
            "campaign": self,
            "trigger": start,
            "audience": conditions.sentence(audience) if audience else "",
            "goals": conditions.sentence(goals, "any") if goals else "",
            "outline": lines,
        }
        if mode_name == "picture":
            context["drawing"] = drawing.picture(lines, str(start), mirrored=get_language_bidi())
        elif mode_name in self.more_previews:
            _label, more = self.more_previews[mode_name]
            context |= more(self)
        return context


class Version(models.Model):
    """The compiled flow of a campaign as it was published once. Never changed.

    An enrollment holds the version it goes through, so editing a live campaign moves nobody.
    """

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField(_("number"))
    program = models.JSONField()  # as flow.compiling.dump writes it and load reads it
    program_digest = models.CharField(max_length=64)
    revision = models.ForeignKey(
        "wagtailcore.Revision", null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(_("published"), default=timezone.now)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    # What publishing does with those inside: a standing order to engine/moving.py, for everybody
    # who is found in an earlier version.
    choice = models.CharField(max_length=10, choices=Choice.choices, default=Choice.KEEP)
    # The flow's raw data: what people stand at is told in its words, purged revisions or not.
    flow = models.JSONField(default=list)

    class Meta:
        verbose_name = _("version")
        verbose_name_plural = _("versions")
        constraints = [
            models.UniqueConstraint(fields=["campaign", "number"], name="drip_version_number")
        ]

    def __str__(self) -> str:
        return f"{self.campaign} v{self.number}"


class VersionStep(models.Model):
    """Which steps a version names, so that none of them is deleted while people may need it."""

    version = models.ForeignKey(Version, on_delete=models.CASCADE, related_name="steps")
    step_key = models.UUIDField(db_index=True)  # Step.translation_key

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["version", "step_key"], name="drip_versionstep_once")
        ]

    def __str__(self) -> str:
        return str(self.step_key)
