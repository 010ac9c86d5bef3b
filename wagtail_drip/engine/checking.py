"""Checking: the last word on whether a due delivery may go, over the rows as they are now.

Why people must leave is expelling's word, here as in advancing; the rest is about this one mail.
The number of queries does not depend on how many deliveries are checked.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Q

from .. import registry
from ..conf import conf
from ..content.phone import SMS
from ..flow.program import NO_REASON
from ..flow.reasons import Reason, because
from ..flow.windows import ALWAYS, Calendar
from ..models import Campaign, Cap, Enrollment, Step
from ..models.branding import WITH_BRAND
from ..models.sending_times import WITH_TIMES, calendars
from .expelling import Leaving, reasons_to_leave
from .loading import Due
from .texting import reasons_to_skip
from .walking import zone_of


@dataclass(frozen=True, slots=True)
class Go:
    """It may go: this step, in the contact's language."""

    step: Step
    campaign: Campaign


@dataclass(frozen=True, slots=True)
class Skip:
    """It must not go, ever. `ends`: the person's way through the campaign ends with it.

    `reason`: as the delivery keeps it. `because`: with more of what was seen, where there is more.
    """

    reason: str
    ends: bool = True
    because: Reason = field(default=NO_REASON, compare=False)

    @property
    def told(self) -> Reason:
        return because("skipped", reason=self.because or self.reason)


@dataclass(frozen=True, slots=True)
class Hold:
    """Not now: look again at `until`. No reason: nothing about it changes (a pause).

    `obstacle`: somebody must do something first; time alone changes nothing.
    `zone`: the person's, for the words that the delivery keeps.
    """

    because: Reason
    until: datetime
    obstacle: bool = False
    zone: ZoneInfo | None = None

    @property
    def told(self) -> Reason:
        return because("held", until=self.until, reason=self.because)


Verdict = Go | Skip | Hold


@dataclass(frozen=True, slots=True)
class _Facts:
    """What is known of all deliveries of one check."""

    now: datetime
    campaigns: Mapping[int, Campaign]
    steps: Mapping[UUID, list[Step]]
    leaving: Leaving  # enrollments that must end, and whose goal can't be asked
    channels: Collection[str]
    only_allowed: bool  # whether the allowlist holds
    calendars: Mapping[int, Calendar]  # by campaign
    texts: Mapping[int, Calendar]  # the same for text messages
    unwanted: Mapping[int, str]  # what must not go by its channel, and why; by delivery
    numbers: Mapping[int, str]  # of text messages, by delivery
    # The step in a language; most people of a campaign share theirs.
    chosen: dict[tuple[UUID, str, int], Step | None] = field(default_factory=dict)

    def step(self, delivery: Due, campaign: Campaign) -> Step | None:
        key = (delivery.step_key, delivery.contact.language, campaign.pk)
        if key not in self.chosen:
            self.chosen[key] = choose_step(self.steps.get(key[0], []), key[1], campaign)
        return self.chosen[key]


def check(deliveries: Sequence[Due], now: datetime) -> dict[int, Verdict]:
    """A verdict on each delivery by its primary key."""
    campaigns = (
        Campaign.objects.filter(pk__in={row.campaign_id for row in deliveries})
        .select_related(
            "site__root_page__locale", "site__drip_settings", WITH_TIMES, "topic", "sms_topic"
        )
        # Not a subquery for each row, and in no order: a planner without statistics would expect so
        # much work of it that PostgreSQL compiles the query, which takes a second each time.
        .annotate(capped=Q(site__in=Cap.objects.order_by().values("site")))
        .order_by()
        .in_bulk()
    )
    leaving = reasons_to_leave([row.enrollment for row in deliveries], campaigns, now)
    channels = registry.channels().keys()
    only_allowed = conf.SENDING == "allowlist"
    unwanted, numbers = reasons_to_skip(deliveries, campaigns, now)
    open_hours = calendars(campaigns.values())
    texts = calendars(campaigns.values(), SMS) if numbers else open_hours
    facts = _Facts(
        now, campaigns, _steps(deliveries), leaving, channels, only_allowed,
        open_hours, texts, unwanted, numbers,
    )  # fmt: skip
    return {delivery.pk: _verdict(delivery, facts) for delivery in deliveries}


def _steps(deliveries: Iterable[Due]) -> Mapping[UUID, list[Step]]:
    keys = {row.step_key for row in deliveries}
    steps = defaultdict(list)
    found = Step.objects.filter(translation_key__in=keys)
    for step in found.select_related("locale", "site", *WITH_BRAND):
        steps[step.translation_key].append(step)
    return steps


def _verdict(delivery: Due, facts: _Facts) -> Verdict:
    enrollment = delivery.enrollment
    campaign = facts.campaigns[delivery.campaign_id]
    # Completed: a person had an uncertain delivery sent again after the rest of the flow.
    if enrollment.state not in (Enrollment.State.ACTIVE, Enrollment.State.COMPLETED):
        return Skip(enrollment.reason or Enrollment.Reason.CONDITION)
    if reason := facts.leaving.reasons.get(enrollment.pk):
        return Skip(reason, because=facts.leaving.seen.get(enrollment.pk, NO_REASON))
    if campaign.paused_at:
        return Hold(NO_REASON, delivery.due_at)
    if reason := facts.unwanted.get(delivery.pk):
        return Skip(reason, ends=False)
    if (
        (until := delivery.contact.paused_until)
        and until > facts.now
        and not campaign.is_transactional(delivery.channel)
    ):
        return Hold(because("pausing"), until)
    if (opens := _opens(delivery, campaign, facts)) > facts.now:
        zone = zone_of(delivery.contact.time_zone, campaign.time_zone)
        closed = _calendar(delivery, campaign, facts).closed(facts.now, opens, zone)
        return Hold(because("not_now", reason=closed), opens)
    step = facts.step(delivery, campaign)
    if step is None:
        why = _unpublished(facts.steps.get(delivery.step_key, []))
        return Hold(why, _later(facts), obstacle=True)
    if why := _obstacle(delivery, facts):
        return Hold(why, _later(facts), obstacle=True)
    return Go(step, campaign)


def _opens(delivery: Due, campaign: Campaign, facts: _Facts) -> datetime:
    """From when on it may go, by the quiet hours and holidays of its site."""
    calendar = _calendar(delivery, campaign, facts)
    if calendar == ALWAYS:
        return facts.now
    return calendar.opens(facts.now, zone_of(delivery.contact.time_zone, campaign.time_zone))


def _calendar(delivery: Due, campaign: Campaign, facts: _Facts) -> Calendar:
    return (facts.texts if delivery.channel == SMS else facts.calendars)[campaign.pk]


def _later(facts: _Facts) -> datetime:
    return facts.now + timedelta(minutes=conf.HOLD_MINUTES)


def _obstacle(delivery: Due, facts: _Facts) -> Reason:
    """What stands in the way for now."""
    if fault := facts.leaving.faults.get(delivery.enrollment.pk):
        return because("goal_unknown", fault=fault)
    if facts.only_allowed and not _is_allowed(delivery, facts):
        return because("not_allowed")
    if delivery.channel not in facts.channels:
        return because("no_channel", channel=delivery.channel)
    return NO_REASON


def _is_allowed(delivery: Due, facts: _Facts) -> bool:
    """Of text messages the number itself must be named: an address says nothing of whose it is."""
    if delivery.channel == SMS:
        return facts.numbers.get(delivery.pk, "") in conf.ALLOWLIST
    return on_allowlist(delivery.contact.email)


def _unpublished(steps: Sequence[Step]) -> Reason:
    return because("mail_unpublished", mail=steps[0].name) if steps else because("mail_gone")


def choose_step(steps: Iterable[Step], language: str, campaign: Campaign) -> Step | None:
    """The live step in the contact's language, else in the site's, else in any; None: no live one.

    `de-at` is content with `de`.
    """
    live = {step.locale.language_code.lower(): step for step in steps if step.live}
    root = campaign.site.root_page
    for wanted in (language, root.locale.language_code, settings.LANGUAGE_CODE):
        wanted = wanted.lower()
        for code in (wanted, wanted.partition("-")[0]):
            if code in live:
                return live[code]
    return min(live.values(), key=lambda step: step.pk, default=None)


def on_allowlist(email: str) -> bool:
    """Whether conf.ALLOWLIST names the address or its domain."""
    address = email.lower()
    return not {address, address.rpartition("@")[2]}.isdisjoint(conf.ALLOWLIST)
