"""Publishing a campaign: the one gate, and the Version that pins what people go through."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, Max, OuterRef, ProtectedError, Q, QuerySet
from django.db.models.signals import pre_delete
from django.utils import timezone
from django.utils.translation import gettext as _
from wagtail.log_actions import log
from wagtail.models import Revision, TaskState, WorkflowState

from .. import registry
from ..content.phone import SMS
from ..flow import clocks, compiling, conditions
from ..flow.compiling import NotReady, Problem
from ..flow.program import Program
from ..streams import raw
from . import matching
from .attributes import Attribute
from .campaigns import Campaign, Choice, Version, VersionStep
from .consent import Topic
from .gating import SCHEDULED, log_refusal, unschedule
from .journeys import Enrollment
from .named import campaigns_info, steps_info
from .steps import Step

logger = logging.getLogger("wagtail_drip.publishing")

MAIL = "email"
VERSION_LOGGED = "wagtail_drip.version"  # its data: {"version": 3, "choice": "move", "people": 12}
# What a revision must not bring back: it belongs to the row, not to its content.
KEPT = (
    "paused_at", "paused_reason", "resumed_at", "started_at", "current_version_id", "refused_at",
    "refused_reason", "launched_for",
)  # fmt: skip


# The gate


def gate(campaign: Campaign) -> list[Problem]:
    """Why this campaign can't be published as it stands on the instance; empty: it can.

    Every way of publishing asks this, and so may forms and imports before they publish.
    """
    return [
        *_start_problems(campaign),
        *_takeover_problems(campaign),
        *_condition_problems(campaign, "audience", conditions.CONTACT),
        *_condition_problems(campaign, "goals", conditions.ENROLLMENT),
        *flow_problems(campaign),
    ]


def flow_problems(campaign: Campaign) -> list[Problem]:
    flow = raw(campaign.flow)
    return compiling.problems(
        flow,
        steps=steps_info(campaign, compiling.step_ids(flow)),
        campaigns=campaigns_info(campaign, compiling.campaign_ids(flow)),
        trigger=campaign.trigger,
        attributes=Attribute.objects.in_bulk(field_name="key"),
    )


def _start_problems(campaign: Campaign) -> list[Problem]:
    found = []
    if not campaign.trigger:
        found.append(Problem(_("It isn't chosen what starts the campaign."), field="trigger"))
    elif campaign.trigger not in registry.triggers():
        text = _("This site knows no event “%s” to start with.") % campaign.trigger
        found.append(Problem(text, field="trigger"))
    found += _topic_problems(campaign)
    trigger = registry.triggers().get(campaign.trigger)
    if trigger and trigger.topic_only and campaign.entry_topic_id is None:
        text = _("Nobody who %s gets transactional mail for that: choose a mailing topic.")
        found.append(Problem(text % trigger.label, field="topic"))
    if campaign.holds_others and campaign.transactional:
        text = _(
            "Transactional campaigns are outside the pace of mails: others can't wait for one."
        )
        found.append(Problem(text, field="holds_others"))
    if campaign.time_zone and clocks.zone(campaign.time_zone) is None:
        text = _("There is no time zone “%s”.") % campaign.time_zone
        found.append(Problem(text, field="time_zone"))
    return found


def _topic_problems(campaign: Campaign) -> list[Problem]:
    """Whatever goes by mail needs consent to mails, and text messages to text messages."""
    steps = Step.objects.filter(pk__in=compiling.step_ids(raw(campaign.flow)))
    channels = set(steps.values_list("channel", flat=True))
    found = []
    for field, channel, text in (
        ("topic", Topic.Channel.EMAIL, _("“%s” is no topic of mails: choose one that is.")),
        ("sms_topic", Topic.Channel.SMS, _("“%s” is no topic of text messages: choose one.")),
    ):
        topic = getattr(campaign, field)
        if topic is not None and topic.channel != channel:
            found.append(Problem(text % topic, field=field))
    transactional = bool(campaign.transactional_reason.strip())
    if campaign.topic_id is None and not transactional:
        if campaign.sms_topic_id is None:
            text = _("Choose a mailing topic, or say why these mails are transactional.")
            found.append(Problem(text, field="topic"))
        elif MAIL in channels:
            text = _(
                "Choose a mailing topic for its mails: who agreed to text messages did not agree "
                "to mails."
            )
            found.append(Problem(text, field="topic"))
    if SMS in channels and campaign.sms_topic_id is None and not campaign.transactional:
        text = _(
            "Choose the mailing topic of its text messages: who agreed to mails did not agree to "
            "text messages."
        )
        found.append(Problem(text, field="sms_topic"))
    return found


def _takeover_problems(campaign: Campaign) -> list[Problem]:
    """From whom it takes over: of the same site, not kept out by them, and never in a circle."""
    over = {one.pk: one for one in campaign.takes_over.all()}
    if not over:
        return []
    found = [
        _("“%s” belongs to another site.") % one
        for one in over.values()
        if one.site_id != campaign.site_id
    ]
    kept_out = [one for one in campaign.not_while.all() if one.pk in over]
    text = _("Who is in “%s” does not enter, so this campaign can't take over from it.")
    found += [text % one for one in kept_out]
    if way := _way_back(campaign, over):
        names = Campaign.objects.in_bulk(way)
        said = " → ".join(f"“{names[pk] if pk != campaign.pk else campaign}”" for pk in way)
        found.append(_("These campaigns would take over from one another in a circle: %s.") % said)
    return [Problem(message, field="takes_over") for message in found]


def _way_back(campaign: Campaign, over: Iterable[int]) -> list[int]:
    """From the campaign over those it takes over from back to itself, as keys; []: no such way."""
    rows = Campaign.takes_over.through.objects.exclude(from_campaign_id=campaign.pk)
    leads: dict[int, list[int]] = {}
    for pk, to in rows.order_by("pk").values_list("from_campaign_id", "to_campaign_id"):
        leads.setdefault(pk, []).append(to)
    ways, seen = [[campaign.pk, pk] for pk in over], set(over)
    while ways:
        way = ways.pop(0)
        if way[-1] == campaign.pk:
            return way
        for pk in leads.get(way[-1], []):
            if pk not in seen:
                seen.add(pk)
                ways.append([*way, pk])
    return []


def _condition_problems(campaign: Campaign, field: str, subject: str) -> list[Problem]:
    asked = matching.raw_conditions(getattr(campaign, field))
    asked_in: Any = campaign._meta.get_field(field)
    place = str(asked_in.verbose_name).capitalize()
    found = conditions.problems(asked, subject)
    return [Problem(message, place, field=field) for message in found]


# Publishing


def publish(
    campaign: Campaign,
    revision: Revision,
    go_live: Callable[[], Any],
    *,
    user: Any = None,
    log_action: bool | str = True,
) -> None:
    """Pass the gate, let Wagtail publish (`go_live`), and pin the flow, in one transaction.

    Raises NotReady with nothing changed: an approval in a workflow is taken back with it, so its
    task stays. Where nobody could be told, by the schedule, the refusal is logged and kept on the
    row instead, and the live version stays as it is. What a workflow approved are the flow and its
    draft mails in one.
    """
    with transaction.atomic():
        _lock(campaign)
        # Wagtail reads from here what a revision doesn't hold; it must be what is locked.
        revision.content_object = campaign
        candidate = revision.as_object()
        unattended = log_action == SCHEDULED
        if not unattended and _approved_just_now(campaign):
            publish_mails(candidate, user)
        program = _quietly(_prepare, candidate) if unattended else _prepare(candidate)
        if isinstance(program, list):
            if not unattended:
                raise NotReady(program)
            _refuse(campaign, revision, program, user)
            return
        was_live = campaign.live
        go_live()
        # A go-live date ahead only schedules.
        if Campaign.objects.filter(pk=campaign.pk, live=True, live_revision=revision).exists():
            _pin(campaign, candidate, program, revision, user=user, starts=not was_live)


def _lock(campaign: Campaign) -> None:
    """Take the row and what it holds now: it may have been paused since it was read."""
    fields = [*KEPT, "live", "has_unpublished_changes", "first_published_at", "last_published_at"]
    campaign.refresh_from_db(
        fields=[name.removesuffix("_id") for name in [*fields, "latest_revision"]],
        from_queryset=Campaign.objects.select_for_update(),
    )


def _prepare(candidate: Campaign) -> Program | list[Problem]:
    return gate(candidate) or compiled(candidate)


def draft_steps(candidate: Campaign) -> QuerySet[Step]:
    """The mails of this flow that were never published, or no longer are."""
    ids = compiling.step_ids(raw(candidate.flow))
    return Step.objects.filter(pk__in=ids, live=False).order_by("pk")


def publish_mails(candidate: Campaign, user: Any) -> int:
    """Publish the latest draft of each draft mail of the flow. How many.

    Raises NotReady for those that the gate refuses, and for locked ones.
    """
    count, found = 0, []
    for step in draft_steps(candidate):
        lock = step.get_lock()
        if lock and lock.for_user(user):
            raise NotReady([Problem(_("The mail “%s” is locked.") % step)])
        try:
            (step.latest_revision or step.save_revision(user=user)).publish(user=user)
        except NotReady as refusal:
            found += [Problem(f"“{step}”: {problem}") for problem in refusal.problems]
        count += 1
    if found:
        raise NotReady(found)
    return count


def compiled(candidate: Campaign) -> Program:
    """The program of the flow on the instance. Raises ValueError for one that isn't finished."""
    flow = raw(candidate.flow)
    steps = Step.objects.filter(pk__in=compiling.step_ids(flow))
    keys = {pk: str(key) for pk, key in steps.values_list("pk", "translation_key")}
    return compiling.compile_flow(flow, keys)


def unfinished(candidate: Campaign) -> list[Problem]:
    """Why nobody can go through the flow on the instance yet; empty: somebody could."""
    try:
        compiled(candidate)
    except Exception as error:  # a block that isn't filled in raises whatever it likes
        return flow_problems(candidate) or [Problem(_("It could not be checked: %s") % error)]
    return []


def _quietly(prepare: Callable[[Campaign], Any], candidate: Campaign) -> Program | list[Problem]:
    """One campaign's odd block must not stop what else the schedule has to publish."""
    try:
        with transaction.atomic():
            return prepare(candidate)
    except Exception as error:
        logger.exception("Campaign %s can't be checked", candidate.pk)
        return [Problem(_("It could not be checked: %s") % error)]


def _approved_just_now(campaign: Campaign) -> bool:
    """Whether this publishing is what a workflow's approval does.

    Wagtail passes no sign of it. The approval is committed together with the publishing, so it
    is seconds old, and neither published nor refused yet.
    """
    moments = (campaign.last_published_at, campaign.refused_at)
    since = max([timezone.now() - timedelta(minutes=1), *filter(None, moments)])
    approved = campaign.workflow_states.filter(status=WorkflowState.STATUS_APPROVED)
    return TaskState.objects.filter(workflow_state__in=approved, finished_at__gt=since).exists()


def _refuse(campaign: Campaign, revision: Revision, found: list[Problem], user: Any) -> None:
    note_refusal(campaign, found, user)
    unschedule(revision, user)


def note_refusal(campaign: Campaign, found: list[Problem], user: Any) -> None:
    """Keep on the row, and in its history, why it was not published."""
    reason = "\n".join(str(problem) for problem in found)
    Campaign.objects.filter(pk=campaign.pk).update(refused_at=timezone.now(), refused_reason=reason)
    log_refusal(campaign, found, user)


def _pin(
    campaign: Campaign,
    candidate: Campaign,
    program: Program,
    revision: Revision,
    *,
    user: Any,
    starts: bool,
) -> None:
    changes: dict[str, Any] = {"refused_at": None, "refused_reason": ""}
    if _is_new(campaign, program):
        version = _write_version(campaign, candidate, program, revision, user)
        changes["current_version"] = version
        if campaign.current_version:
            _log_version(campaign, version, revision, user)
    if starts:
        changes |= {"started_at": timezone.now(), "paused_at": None}
    Campaign.objects.filter(pk=campaign.pk).update(**changes)


def _is_new(campaign: Campaign, program: Program) -> bool:
    """Whether this isn't the flow that the campaign has now: a mere new name makes no Version.

    What an earlier release wrote is compared as this one reads it.
    """
    current, digest = campaign.current_version, compiling.digest(program)
    if current is None or current.program_digest == digest:
        return current is None
    try:
        return compiling.digest(compiling.load(current.program)) != digest
    except Exception:  # whatever it is, it is another one
        return True


def _write_version(
    campaign: Campaign, candidate: Campaign, program: Program, revision: Revision, user: Any
) -> Version:
    last = campaign.versions.aggregate(last=Max("number"))["last"] or 0
    answered = candidate.choice_over and candidate.choice_over == campaign.current_version_id
    version = Version.objects.create(
        campaign=campaign,
        number=last + 1,
        program=compiling.dump(program),
        program_digest=compiling.digest(program),
        flow=raw(candidate.flow),
        revision=revision,
        created_by=user if getattr(user, "pk", None) else None,
        choice=candidate.choice if answered else Choice.KEEP,
    )
    VersionStep.objects.bulk_create(
        VersionStep(version=version, step_key=key) for key in program.steps()
    )
    return version


def _log_version(campaign: Campaign, version: Version, revision: Revision, user: Any) -> None:
    """The choice and how many it was about, for the log that nobody changes."""
    inside = campaign.enrollments.filter(state=Enrollment.State.ACTIVE).count()
    data = {"version": version.number, "choice": version.choice, "people": inside}
    log(instance=campaign, action=VERSION_LOGGED, user=user, revision=revision, data=data)


# The question


def changed_program(campaign: Campaign, *, gated: bool = True) -> Program | None:
    """What this draft would publish over the flow that people are in; None: nothing new.

    Raises NotReady where the gate would refuse it. Not gated, an unfinished flow is nothing new.
    """
    try:
        program = _prepare(campaign) if gated else compiled(campaign)
    except ValueError:
        return None
    if isinstance(program, list):
        raise NotReady(program)
    return program if campaign.current_version_id and _is_new(campaign, program) else None


def answer(campaign: Campaign, revision: Revision, choice: str) -> None:
    """Keep with this revision what its publishing, now or later, is to do with the people inside.

    It holds while the campaign has the Version it has now.
    """
    revision.content["choice"] = Choice(choice).value
    revision.content["choice_over"] = campaign.current_version_id
    Revision.objects.filter(pk=revision.pk).update(content=revision.content)


# Steps in use


def used_in(*steps: Step) -> list[Campaign]:
    """The campaigns that may still send any of these: live ones, and those with people inside."""
    keys = {step.translation_key for step in steps}
    names = VersionStep.objects.filter(step_key__in=keys)
    current = names.filter(version_id=OuterRef("current_version_id"))
    inside = Enrollment.objects.filter(
        Exists(names.filter(version_id=OuterRef("version_id"))),
        campaign_id=OuterRef("pk"),
        state=Enrollment.State.ACTIVE,
    )
    return list(Campaign.objects.filter(Q(Exists(current), live=True) | Q(Exists(inside))))


def protect_step(sender: type[Step], instance: Step, **kwargs: Any) -> None:
    """Before any deletion of a step: refuse it while a campaign may still send it."""
    if campaigns := used_in(instance):
        text = _("“%(step)s” can't be deleted: it is used in %(campaigns)s.") % {
            "step": instance,
            "campaigns": ", ".join(f"“{campaign}”" for campaign in campaigns),
        }
        raise ProtectedError(text, set(campaigns))


def connect() -> None:
    """Connect the receivers; called once, when apps are ready."""
    pre_delete.connect(protect_step, sender=Step, dispatch_uid="wagtail_drip.protect_step")
