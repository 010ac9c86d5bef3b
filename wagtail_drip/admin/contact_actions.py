"""What editors may do with people by hand, one or many: each with its permission, and logged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from wagtail.models import ModelLogEntry

from ..engine import enrolling, entering, erasing, foretelling, handling, merging
from ..models import Campaign, Consent, Contact, Enrollment, Event, Suppression
from . import contact_forms as forms
from . import telling
from .permissions import may, may_see_people

Done = tuple[int, dict[str, Any]]  # for how many it counted, and what the log says of it
Answers = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Action:
    slug: str
    label: Any
    icon: str
    permission: tuple[str, type[Model]]
    form: type[forms.ActionForm]
    do: Callable[[Sequence[Contact], Answers, datetime], Done]
    logged: Any  # as the log names it
    most: int = 10_000  # people at once
    # Of one person: what would come of it, as context of act.html; shown before it is done.
    foresee: Callable[[Contact, Answers, datetime], dict[str, Any]] | None = None

    def allowed(self, user: Any) -> bool:
        action, model = self.permission
        return may_see_people(user) and may(user, action, model)


def _enroll(people: Sequence[Contact], said: Answers, now: datetime) -> Done:
    campaign = said["campaign"]
    return enrolling.enroll(campaign, people, now=now), {"campaign": campaign.slug}


def _foresee(person: Contact, said: Answers, now: datetime) -> dict[str, Any]:
    """The dated plan, and which campaigns they leave for this one."""
    campaign = said["campaign"]
    left = Campaign.objects.filter(
        pk__in=entering.taken_over(campaign),
        enrollments__contact=person,
        enrollments__state=Enrollment.State.ACTIVE,
    )
    text = _("They leave “%s”: this campaign takes over from it.")
    context: dict[str, Any] = {"leaves": [text % one for one in left.distinct()]}
    try:
        plan = foretelling.foretell(campaign, person, start=now, by_hand=True)
        context["plan"] = telling.told(plan, campaign.current_version.flow)
    except ValueError as error:
        context["no_plan"] = str(error)
    return context


def _take_out(people: Sequence[Contact], said: Answers, now: datetime) -> Done:
    campaign = said["campaign"]
    return handling.take_out(people, campaign, at=now), {"campaign": campaign.slug}


def _note(people: Sequence[Contact], said: Answers, now: datetime) -> Done:
    data = {"note": said["note"]} if said["note"] else {}
    count = handling.note(people, said["name"], at=said["at"], data=data, now=now)
    return count, {"event": said["name"]}


def _tag(people: Sequence[Contact], said: Answers, now: datetime) -> Done:
    tags = said["names"]
    return handling.tag(people, tags, at=now), {"tags": [tag.slug for tag in tags]}


def _untag(people: Sequence[Contact], said: Answers, now: datetime) -> Done:
    tags = said["tags"]
    return handling.untag(people, tags, at=now), {"tags": [tag.slug for tag in tags]}


def _subscribe(people: Sequence[Contact], said: Answers, now: datetime) -> Done:
    topic = said["topic"]
    proof = {"at": said["at"], "source": said["source"], "wording": said["wording"]}
    return handling.subscribe(people, topic, **proof, now=now), {"topic": topic.slug}


def _unsubscribe(people: Sequence[Contact], said: Answers, now: datetime) -> Done:
    topic = said["topic"]
    count = handling.unsubscribe(people, topic, at=now, source=said["source"])
    return count, {"topic": topic.slug if topic else "*"}


def _suppress(people: Sequence[Contact], said: Answers, now: datetime) -> Done:
    return handling.shut_out(people, scope=said["scope"], at=now), {"scope": said["scope"]}


def _merge(people: Sequence[Contact], said: Answers, now: datetime) -> Done:
    kept = said.get("kept") or people[0]
    gone = said.get("other") or next(one for one in people if one.pk != kept.pk)
    gone_id = gone.pk
    merging.merge(kept, gone, now=now)
    return 1, {"kept": kept.pk, "gone": gone_id}


def _erase(people: Sequence[Contact], said: Answers, now: datetime) -> Done:
    return sum(erasing.erase(one, now=now) for one in people), {}


ACTIONS = {
    action.slug: action
    for action in (
        Action(
            "enroll", gettext_lazy("Add to a campaign"), "plus", ("change", Enrollment),
            forms.EnrollForm, _enroll, gettext_lazy("Added to a campaign"), foresee=_foresee,
        ),
        Action(
            "remove", gettext_lazy("Take out of a campaign"), "minus", ("change", Enrollment),
            forms.TakeOutForm, _take_out, gettext_lazy("Taken out of a campaign"), most=1000,
        ),
        Action(
            "note", gettext_lazy("Record an event"), "calendar-alt", ("add", Event),
            forms.EventForm, _note, gettext_lazy("Event recorded"), most=1000,
        ),
        Action(
            "tag", gettext_lazy("Tag"), "tag", ("change", Contact),
            forms.TagForm, _tag, gettext_lazy("Tagged"),
        ),
        Action(
            "untag", gettext_lazy("Remove tags"), "cross", ("change", Contact),
            forms.UntagForm, _untag, gettext_lazy("Tags removed"),
        ),
        Action(
            "subscribe", gettext_lazy("Subscribe to a topic"), "check", ("add", Consent),
            forms.SubscribeForm, _subscribe, gettext_lazy("Subscribed"),
        ),
        Action(
            "unsubscribe", gettext_lazy("Unsubscribe"), "circle-xmark", ("add", Consent),
            forms.UnsubscribeForm, _unsubscribe, gettext_lazy("Unsubscribed"), most=1000,
        ),
        Action(
            "suppress", gettext_lazy("Suppress"), "no-view", ("add", Suppression),
            forms.SuppressForm, _suppress, gettext_lazy("Suppressed"), most=1000,
        ),
        Action(
            "merge", gettext_lazy("Merge"), "link", ("delete", Contact),
            forms.MergeForm, _merge, gettext_lazy("Merged"), most=2,
        ),
        Action(
            "erase", gettext_lazy("Erase"), "bin", ("delete", Contact),
            forms.EraseForm, _erase, gettext_lazy("Erased"), most=1000,
        ),
    )
}  # fmt: skip
EXPORT = "export"
LOGGED = {
    **{slug: (action.label, action.logged) for slug, action in ACTIONS.items()},
    EXPORT: (gettext_lazy("Export"), gettext_lazy("Exported")),
    "edit": (gettext_lazy("Edit"), gettext_lazy("Contact changed")),
    "add": (gettext_lazy("Add"), gettext_lazy("Contact added")),
    "import": (gettext_lazy("Import"), gettext_lazy("Contacts imported")),
}


def allowed(user: Any) -> list[Action]:
    return [action for action in ACTIONS.values() if action.allowed(user)]


def write_down(
    people: Sequence[Model], slug: str, user: Any, now: datetime, data: dict[str, Any]
) -> None:
    """One entry for each in Wagtail's log; it names nobody, since it outlives erasing."""
    if not people:
        return
    kind = ContentType.objects.get_for_model(people[0])
    operation = uuid4()
    name = _("Contact %s") if isinstance(people[0], Contact) else "%s"
    ModelLogEntry.objects.bulk_create(
        [
            ModelLogEntry(
                content_type=kind, object_id=str(one.pk), label=name % one.pk, user=user,
                action=f"wagtail_drip.contact_{slug}", timestamp=now, uuid=operation, data=data,
            )
            for one in people
        ],
        batch_size=1000,
    )  # fmt: skip


def told(action: Action, count: int, asked: int) -> str:
    words = ngettext(
        "%(what)s: %(count)d of %(asked)d person.",
        "%(what)s: %(count)d of %(asked)d people.",
        asked,
    )
    return words % {"what": action.logged, "count": count, "asked": asked}
