"""Foretelling: the dated plan of what a campaign would do for somebody, and why.

Nothing is worked out here that the engine works out elsewhere. One person enters, is carried on and
gets their mails by the very functions that do it in earnest, with the clock set from one moment
that matters to the next; all of it in a transaction that is always rolled back. So nothing is sent,
nobody is told, and what the plan says is what would happen.

While it lasts it has the campaign's row, and on SQLite the place of the one writer. So it is short.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Sequence
from copy import copy
from datetime import datetime, timedelta

from django.db import OperationalError, connection, transaction
from django.utils.translation import gettext as _

from ..conf import conf
from ..content.making import SAMPLE_NUMBER
from ..flow import compiling
from ..flow.program import KINDS, Program, Stay
from ..flow.reasons import Reason, because
from ..models import (
    Campaign,
    Consent,
    Contact,
    Delivery,
    Enrollment,
    Event,
    Step,
    Tagging,
    Version,
)
from ..models.addresses import digest
from ..models.filling import default_site
from ..models.publishing import compiled
from ..models.quietly import create, quietly
from .advancing import advance
from .checking import Go, Hold, choose_step
from .claiming import changes_of, holding, judge
from .dating import AGAIN
from .entering import Candidate, admit, refusals
from .expelling import reasons_to_leave
from .explaining import Place, worth_telling
from .foretold import Busy, Item, Plan, Sample, WhatIf
from .listening import wake
from .loading import load_to_make
from .locking import hurried
from .reconsidering import ends_early
from .retrying import is_conflict, is_lock_timeout, is_too_slow, on_deadlock
from .settling import Change, write
from .walking import Passed, zone_of

MOST_MOMENTS = 300  # of one plan
SECONDS = 2.0  # that it may take
HORIZON = timedelta(days=3660)
SAMPLE_DOMAIN = "sample.invalid"  # which no mail reaches (RFC 2606)
_KINDS = {kind: name for name, kind in KINDS.items()}


def foretell(
    campaign: Campaign,
    who: Contact | Sample,
    *,
    start: datetime,
    what_if: Sequence[WhatIf] = (),
    draft: bool = False,
    by_hand: bool = False,
    seconds: float | None = None,
) -> Plan:
    """What would happen if `who` entered at `start`, and if those events came.

    `draft`: by the flow and settings on the instance, else by the version that is live. An event of
    the campaign's own trigger at `start` is the one that enrolls; else one without data is.
    The campaign counts as live and not paused, and need not be saved. Somebody who was in it before
    enters anew, which the plan says. `by_hand`: a person puts them in, so there is no event, the
    audience isn't asked, and who may not enter does not. After so many `seconds` (default: SECONDS)
    the plan ends.

    Raises ValueError where there is no such flow, or it isn't finished; Busy, which is one, where
    the database lets it wait.
    """
    if not draft and campaign.current_version is None:
        raise ValueError(f"{campaign.slug} has no version yet: ask for its draft")
    program = compiled(campaign) if draft else None
    try:
        limit = SECONDS if seconds is None else seconds
        return _foretell(campaign, program, who, start, what_if, by_hand, limit)
    except OperationalError as error:
        if is_conflict(error) or is_lock_timeout(error) or is_too_slow(error):
            text = _("The database is too busy to tell it just now. Try again in a moment.")
            raise Busy(text) from error
        raise


@on_deadlock
def _foretell(
    campaign: Campaign,
    draft: Program | None,
    who: Contact | Sample,
    start: datetime,
    what_if: Sequence[WhatIf],
    by_hand: bool,
    seconds: float,
) -> Plan:
    until = time.monotonic() + seconds
    with hurried(max(seconds, 1)), quietly():
        try:
            return _Foretelling(campaign, draft, who, start, what_if, by_hand, until).plan()
        finally:
            transaction.set_rollback(True)


class _Foretelling:
    """One run. Whatever it writes is rolled back."""

    def __init__(
        self,
        campaign: Campaign,
        draft: Program | None,
        who: Contact | Sample,
        start: datetime,
        what_if: Sequence[WhatIf],
        by_hand: bool,
        until: float,
    ) -> None:
        self.campaign, self.start, self.until = self._held(campaign), start, until
        self.version = self._version(draft)
        self.number = None if draft else self.version.number
        self.program = draft or compiling.load(self.version.program)
        self.contact = who if isinstance(who, Contact) else self._made_up(who)
        self.zone = zone_of(self.contact.time_zone, campaign.time_zone)
        self.events = sorted(what_if, key=lambda one: one.at)
        self.by_hand = by_hand
        self.items: list[Item] = []
        self.told: Passed | None = None

    def plan(self) -> Plan:
        self._go_live()
        enrollment = self._enter()
        if enrollment:
            self._run(enrollment)
        name = "" if self.contact.email.endswith(f"@{SAMPLE_DOMAIN}") else self.contact.email
        return Plan(self.campaign, self.number, name, self.zone, tuple(self.items))

    # Making ready

    def _held(self, campaign: Campaign) -> Campaign:
        """As it is given; its row locked before all others, as publishing does, or made."""
        if campaign.pk is None:
            made = copy(campaign)
            made.site = campaign.site if campaign.site_id else default_site()
            made.slug = uuid.uuid4().hex
            create([made])
            return made
        no_key = connection.features.has_select_for_no_key_update
        rows = Campaign.objects.filter(pk=campaign.pk).order_by().values_list("pk", flat=True)
        rows.select_for_update(no_key=no_key).get()
        return campaign

    def _version(self, draft: Program | None) -> Version:
        if draft is None:
            assert self.campaign.current_version  # foretell has asked
            return self.campaign.current_version
        version = Version(
            campaign_id=self.campaign.pk,
            number=2**31 - 1,  # no other has it: publishing need not wait for this one
            program=compiling.dump(draft),
            program_digest=compiling.digest(draft),
        )
        create([version])
        return version

    def _go_live(self) -> None:
        """The row is what the engine reads: it is to be as on the instance, and live."""
        fields = ("goals", "audience", "leave_audience", "topic", "sms_topic",
                  "transactional_reason", "time_zone", "priority", "entry_rule", "entry_days",
                  "trigger")  # fmt: skip
        values = {name: getattr(self.campaign, name) for name in fields} if not self.number else {}
        Campaign.objects.filter(pk=self.campaign.pk).update(
            live=True, paused_at=None, started_at=None, current_version=self.version, **values
        )
        self.campaign = Campaign.objects.select_related("topic", "sms_topic", "site").get(
            pk=self.campaign.pk
        )

    def _made_up(self, sample: Sample) -> Contact:
        email = f"person-{sample.number}@{SAMPLE_DOMAIN}"
        attributes = sample.attributes
        if attributes is None:
            attributes = {conf.SMS_ATTRIBUTE: SAMPLE_NUMBER}
        contact = Contact(
            pk=-sample.number,  # chance looks at keys; of no real contact, whatever comes
            uuid=uuid.UUID(int=sample.number),
            email=email,
            email_digest=digest(email),
            first_name=sample.first_name,
            last_name=sample.last_name,
            language=sample.language,
            time_zone=sample.time_zone,
            attributes=dict(attributes),
            created_at=self.start,
        )
        create([contact])
        topics = sample.topics
        if topics is None:
            chosen = (self.campaign.topic_id, self.campaign.sms_topic_id)
            topics = [pk for pk in chosen if pk]
        granted = {"state": Consent.State.GRANTED, "changed_at": self.start}
        create([Consent(contact=contact, topic_id=pk, **granted) for pk in topics])
        create([Tagging(contact=contact, tag_id=pk, at=self.start) for pk in sample.tags])
        return contact

    def _enter(self) -> Enrollment | None:
        refused = refusals(self.campaign, [self.contact], self.start, not self.by_hand)
        if reason := refused.get(self.contact.pk):
            self._tell(self.start, "", "entry", "refused", reason)
            return None
        if self.by_hand:
            return self._enter_by_hand()
        event = self._enrolling_event()
        candidate = Candidate(self.contact, self.start, event.data, event)
        if not admit(self.campaign, [candidate], now=self.start):
            self._tell(self.start, "", "entry", "refused", because("entered_before"))
            # What would happen otherwise can still be told: each event is an entry of its own.
            self.campaign.entry_rule = Campaign.EntryRule.PER_EVENT
            admit(self.campaign, [candidate], now=self.start)
        enrollment = self.contact.enrollments.filter(event=event).first()
        if enrollment:
            self._tell(self.start, "", "entry", "entered", because("entered"))
        return enrollment

    def _enter_by_hand(self) -> Enrollment | None:
        candidate = Candidate(self.contact, self.start)
        if not admit(self.campaign, [candidate], now=self.start, audience=False):
            self._tell(self.start, "", "entry", "refused", because("entered_before"))
            return None
        self._tell(self.start, "", "entry", "entered", because("entered"))
        return self.contact.enrollments.filter(campaign=self.campaign).latest("pk")

    def _enrolling_event(self) -> Event:
        mine = [one for one in self.events if one.at <= self.start]
        mine = [one for one in mine if one.name == self.campaign.trigger]
        if mine:
            self.events.remove(mine[-1])
        data = dict(mine[-1].data) if mine else {}
        return self._event(WhatIf(self.campaign.trigger, self.start, data))

    def _event(self, what_if: WhatIf) -> Event:
        event = Event(
            contact=self.contact,
            name=what_if.name,
            at=what_if.at,
            data=dict(what_if.data),
            recorded_at=what_if.at,
        )
        create([event])
        return event

    # From moment to moment

    def _run(self, enrollment: Enrollment) -> None:
        now = self.start
        for _moment in range(MOST_MOMENTS):
            if time.monotonic() > self.until:
                self._tell(now, "", "end", "cut", because("too_slow"))
                return
            enrollment = self._inside(enrollment.pk)
            if enrollment.state != Enrollment.State.ACTIVE:
                self._tell_end(enrollment, now)
                return
            upcoming = self._next(enrollment)
            if upcoming is None:
                return
            now = max(now, upcoming)
            if now > self.start + HORIZON:
                self._tell(now, "", "end", "cut", because("too_far", until=self.start + HORIZON))
                return
            for what_if in self._happening(now):
                wake([self._event(what_if)], now)
                self._tell(now, "", "event", "happens", because("event", event=what_if.name))
            self._turn(self._inside(enrollment.pk), now)
        self._tell(now, "", "end", "cut", because("too_long"))

    def _inside(self, pk: int) -> Enrollment:
        return Enrollment.objects.select_related("contact").get(pk=pk)

    def _waiting(self, enrollment: Enrollment) -> Delivery | None:
        return enrollment.deliveries.filter(state=Delivery.State.WAITING).first()

    def _next(self, enrollment: Enrollment) -> datetime | None:
        waiting = self._waiting(enrollment)
        due = [enrollment.due_at, waiting and waiting.due_at]
        due += [self.events[0].at] if self.events else []
        return min((moment for moment in due if moment), default=None)

    def _happening(self, now: datetime) -> Iterator[WhatIf]:
        while self.events and self.events[0].at <= now:
            yield self.events.pop(0)

    def _turn(self, enrollment: Enrollment, now: datetime) -> None:
        """Whatever is due for them by now, once."""
        if enrollment.due_at and enrollment.due_at <= now:
            for walker in advance([enrollment], now):
                for passed in walker.trail:
                    self._tell_passed(passed, now)
                if isinstance(walker.outcome, Stay) and walker.outcome.moving:
                    due_at = self._next_look(enrollment, now, walker.outcome.until)
                    Enrollment.objects.filter(pk=enrollment.pk).update(due_at=due_at)
        waiting = self._waiting(enrollment)
        if waiting and waiting.due_at <= now:
            self._send(waiting, now)

    def _next_look(self, enrollment: Enrollment, now: datetime, until: datetime) -> datetime:
        """The first of the daily looks until then at which something happens.

        Nothing here changes the date that they wait for; but goals may come with the time.
        """
        if not ends_early(self.campaign, by_events=False):
            return until
        campaigns = {self.campaign.pk: self.campaign}
        while (now := now + AGAIN) < until and time.monotonic() < self.until:
            if reasons_to_leave([enrollment], campaigns, now).reasons:
                return now
        return until

    def _send(self, delivery: Delivery, now: datetime) -> None:
        verdicts = judge(load_to_make([delivery.pk]), holding(), now)
        verdict = verdicts[delivery.pk]
        row = Delivery.objects.filter(pk=delivery.pk)
        place = Place(delivery.enrollment_id, delivery.node, delivery.visit, delivery.version_id)
        owner = {delivery.pk: place}
        if isinstance(verdict, Go):
            sent = Change(Delivery.State.SENT, step_id=verdict.step.pk)
            write({delivery.pk: sent}, now, row, owner, {delivery.pk})
            self._tell_send(delivery, now, "sent", because("sent"), verdict.step)
            return
        if isinstance(verdict, Hold) and verdict.obstacle:
            sent = Change(Delivery.State.SENT)
            write({delivery.pk: sent}, now, row, owner, {delivery.pk})
            self._tell_send(delivery, now, "blocked", because("as_if", reason=verdict.because))
            return
        change = changes_of(verdicts)[delivery.pk]
        write({delivery.pk: change}, now, row, owner, {delivery.pk})
        self._tell_send(delivery, now, "held" if change.due_at else "skipped", change.because)

    # Telling

    def _tell(self, at: datetime, node: str, kind: str, outcome: str, why: Reason) -> None:
        self.items.append(Item(at, node, kind, outcome, why))

    def _tell_passed(self, passed: Passed, now: datetime) -> None:
        if passed == self.told or not worth_telling(passed, self.program):
            return
        self.told = passed
        outcome = "waits" if passed.until or passed.because.code == "listens" else "goes_on"
        outcome = "failed" if passed.because.code == "fault" else outcome
        kind = _KINDS[type(self.program.nodes[passed.node])]
        self._tell(now, passed.node, kind, outcome, passed.because)

    def _tell_send(
        self, delivery: Delivery, now: datetime, outcome: str, why: Reason, step: Step | None = None
    ) -> None:
        if step is None:
            steps = Step.objects.filter(translation_key=delivery.step_key)
            steps = steps.select_related("locale").order_by("pk")
            step = choose_step(steps, self.contact.language, self.campaign) or steps.first()
        name, pk = (step.name, step.pk) if step else ("", None)
        self.items.append(Item(now, delivery.node, "send", outcome, why, name, pk))

    def _tell_end(self, enrollment: Enrollment, now: datetime) -> None:
        if enrollment.state == Enrollment.State.COMPLETED:
            self._tell(now, "", "end", "completed", because("end"))
        elif enrollment.state == Enrollment.State.LEFT:
            # Kept where they stood, if more is known of it than the reason.
            kept = enrollment.decisions.filter(node=enrollment.node, code="left").first()
            why = kept.because if kept else because("left", reason=enrollment.reason)
            self._tell(now, "", "end", "left", why)
        else:
            self._tell(now, "", "end", "failed", because("fault", fault=enrollment.reason))
