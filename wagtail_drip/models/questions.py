"""The conditions that come with the package."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Exists, Model, OuterRef, Q, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce
from django.db.models.lookups import Exact
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext
from wagtail.blocks import CharBlock, ChoiceBlock, IntegerBlock, ListBlock, StructBlock
from wagtail.coreutils import get_content_languages

from .. import registry
from ..flow.conditions import ENROLLMENT, Condition
from ..flow.triggers import event_choices, keys_of_data, same_choices
from ..streams import TextChoiceBlock
from .comparisons import OPERATORS, WhereBlock, compare_problems, compare_sentence, compared
from .consent import Consent, Topic
from .contacts import Contact
from .journeys import Enrollment, Event
from .json_keys import JsonDecimal, JsonSame, JsonText
from .owned import offered


def contact_of(subject: type[Model]) -> OuterRef:
    """The subject's contact, seen from inside a subquery."""
    return OuterRef("contact_id" if issubclass(subject, Enrollment) else "pk")


def events_since(args: Mapping[str, Any], subject: type[Model], now: datetime) -> QuerySet[Event]:
    """The subject's events since `args["since"]`, of any name; for a subquery."""
    events = Event.objects.filter(contact_id=contact_of(subject))
    since = args.get("since", "ever")
    if since == "days":
        return events.filter(at__gte=now - timedelta(days=int(args.get("days") or 0)))
    if since not in BEGINNINGS:
        return events
    if not issubclass(subject, Enrollment):
        raise ValueError("“since entering” can be asked of an enrollment only")
    # What made them enter doesn't count, or a series that an order starts could not ask for
    # another order. Coalesce: who entered by hand has no such event.
    entered_by = Coalesce(OuterRef("event_id"), Value(0))
    return events.filter(at__gte=OuterRef(BEGINNINGS[since])).exclude(pk=entered_by)


# The latter is an annotation of engine/listening.py.
BEGINNINGS = {"entering": "entered_at", "arriving": "listens_since"}


class EventHappened(Condition):
    """args: event (a trigger's slug); since: "entering" | "ever" | "days"; days: int;
    same: the data field that must equal the enrollment's own, "" for none;
    where: a list of `{"key", "op", "value"}` that the data of each must meet;
    times: how many of them it takes, or, with of: what that data field of them must sum to."""

    slug = "event_happened"
    label = gettext_lazy("they did something")

    def block(self):
        return EventBlock()

    def block_for(self, subject):
        return EventBlock() if subject == ENROLLMENT else ContactEventBlock()

    def q(self, args, subject, now):
        events, times, of = (
            self.events(args, subject, now),
            whole(args.get("times")),
            args.get("of"),
        )
        if times <= 1 and not of:
            return Q(Exists(events))
        return Q(Exists(self._total(events, of).filter(total__gte=times)))

    def _total(self, events, of):
        """How many these events are, or what that data field of them sums to, as `total`."""
        total = Sum(JsonDecimal("data", of)) if of else Count("pk")
        return events.order_by().values("contact_id").annotate(total=total)

    def saw(self, args, subject, now):
        total = self._total(self.events(args, subject, now), args.get("of"))
        return Subquery(total.values("total")[:1])

    def told(self, args, saw):
        if args.get("of"):
            return _("%(total)s of %(key)s") % {"total": saw or 0, "key": args["of"]}
        times = whole(saw)
        return ngettext("%d time", "%d times", times) % times

    def events(self, args, subject, now):
        """The events that count, seen from the subject. Since "arriving": where they stand now."""
        events = events_since(args, subject, now).filter(name=args.get("event", ""))
        if same := args.get("same"):
            if not issubclass(subject, Enrollment):
                raise ValueError("“same” can be asked of an enrollment only")
            events = events.filter(Exact(JsonSame("data", same), JsonSame(OuterRef("data"), same)))
        for where in wheres(args):
            events = events.filter(compared("data", **where))
        return events

    def check(self, args, subject=ENROLLMENT):
        if not args.get("event"):
            return [_("it isn't chosen what they did")]
        trigger = registry.triggers().get(args["event"])
        if trigger is None:
            return [_("this site knows no event “%s”") % args["event"]]
        found, since, same = [], args.get("since", "ever"), args.get("same")
        if since not in dict(SINCE):
            found.append(_("it doesn't say since when"))
        if since == "days" and not 0 < whole(args.get("days")) <= 3650:
            found.append(_("it needs a number of days from 1 to 3650"))
        if subject != ENROLLMENT and since == "entering":
            found.append(_("“since they entered” can't be asked before somebody has entered"))
        if subject != ENROLLMENT and same:
            found.append(_("“about the same” can't be asked before somebody has entered"))
        if type(args.get("times") or 1) is not int or not 1 <= (args.get("times") or 1) <= 10**9:
            found.append(_("it needs a whole number of at least 1 to reach"))
        for where in wheres(args):
            found += compare_problems(**where)
        keys = [same, args.get("of"), *(where["key"] for where in wheres(args))]
        for key in dict.fromkeys(filter(None, keys)):
            if trigger.sample and key not in trigger.sample:
                words = {"event": trigger.label, "key": key}
                found.append(_("“%(event)s” has no “%(key)s”") % words)
        return found

    def sentence(self, args):
        trigger = registry.triggers().get(args.get("event"))
        text = _("they %s") % (trigger.label if trigger else args.get("event") or "…")
        if args.get("same"):
            text += " " + _("(the same %s)") % args["same"]
        if asked := wheres(args):
            text += " " + _("where %s") % _(" and ").join(compare_sentence(**w) for w in asked)
        times = whole(args.get("times"))
        if args.get("of"):
            text += ", " + _("%(total)s of %(key)s or more") % {"total": times, "key": args["of"]}
        elif times > 1:
            text += ", " + ngettext("%d time or more", "%d times or more", times) % times
        if args.get("since") == "entering":
            text += " " + _("since they entered")
        elif args.get("since") == "days":
            days = whole(args.get("days"))
            text += " " + ngettext("within %d day", "within %d days", days) % days
        return text


SINCE = [
    ("entering", gettext_lazy("since they entered")),
    ("ever", gettext_lazy("at any time")),
    ("days", gettext_lazy("within a number of days")),
]


def wheres(args: Mapping[str, Any]) -> list[dict[str, str]]:
    """The comparisons of an event's data, from a ListBlock's raw data or a bare list."""
    found = []
    for item in args.get("where") or []:
        raw = item.get("value") if isinstance(item, Mapping) and "type" in item else item
        raw = raw if isinstance(raw, Mapping) else {}
        found.append({name: str(raw.get(name) or "") for name in ("key", "op", "value")})
    return found


def sum_choices() -> list[tuple[str, str]]:
    return [("", _("times")), *((key, _("of “%s” in all") % key) for key in keys_of_data())]


class ContactEventBlock(StructBlock):
    """Asked of somebody who has not entered yet: an audience."""

    event = ChoiceBlock(label=gettext_lazy("They"), choices=event_choices)
    since = ChoiceBlock(label=gettext_lazy("When"), choices=SINCE[1:], default="ever")
    days = IntegerBlock(
        label=gettext_lazy("Days"),
        required=False,
        help_text=gettext_lazy("For “within a number of days”."),
    )
    where = ListBlock(
        WhereBlock(),
        label=gettext_lazy("Only those where"),
        default=[],
        required=False,
        collapsed=True,
    )
    times = IntegerBlock(label=gettext_lazy("At least"), default=1, required=False)
    of = ChoiceBlock(label=gettext_lazy("Counted in"), choices=sum_choices, required=False)

    class Meta:
        label = gettext_lazy("They did something")
        label_format = gettext_lazy("they {event}")
        icon = "history"


class EventBlock(ContactEventBlock):
    since = ChoiceBlock(label=gettext_lazy("When"), choices=SINCE, default="entering")
    same = ChoiceBlock(
        label=gettext_lazy("About the same"),
        choices=same_choices,
        required=False,
        help_text=gettext_lazy("Only if it is about the very thing that made them enter."),
    )


def attribute_of(subject: type[Model], key: str) -> Subquery:
    """An attribute of the subject's contact, as a text."""
    text = Contact.objects.filter(pk=contact_of(subject)).annotate(text=JsonText("attributes", key))
    return Subquery(text.values("text")[:1])


class AttributeCondition(Condition):
    """args: key (of Contact.attributes), op (OPERATORS), value (text).

    Compared as `compared` does; who has no such attribute has another one than any.
    """

    slug = "attribute"
    label = gettext_lazy("an attribute of theirs")

    def block(self):
        return AttributeBlock()

    def q(self, args, subject, now):
        op = args.get("op")
        # Nobody's attribute is another one's: so the opposite is asked of those who have it.
        positive = {"not_equals": "equals", "not_set": "set"}.get(op, op)
        value = str(args.get("value") or "")
        contacts = Contact.objects.filter(
            compared("attributes", args.get("key", ""), positive, value),
            pk=contact_of(subject),
        )
        exists = Q(Exists(contacts))
        return exists if op == positive else ~exists

    def saw(self, args, subject, now):
        return attribute_of(subject, args.get("key", ""))

    def check(self, args, subject=ENROLLMENT):
        if not args.get("key"):
            return [_("it names no attribute")]
        return compare_problems(args["key"], args.get("op"), args.get("value"))

    def sentence(self, args):
        said = compare_sentence(args.get("key"), args.get("op"), args.get("value"))
        return pgettext("what is asked of an attribute", "their %s") % said


class AttributeBlock(StructBlock):
    key = CharBlock(label=gettext_lazy("Attribute"), help_text=gettext_lazy("Such as city."))
    op = ChoiceBlock(label=gettext_lazy("How"), choices=OPERATORS, default="equals")
    value = CharBlock(label=gettext_lazy("Value"), required=False)

    class Meta:
        label = gettext_lazy("An attribute of theirs")
        label_format = gettext_lazy("their {key} {op} {value}")
        icon = "tag"


class HasTopic(Condition):
    """args: topic (a Topic's slug): they have chosen it and not taken it back."""

    slug = "topic"
    label = gettext_lazy("they chose a mailing topic")

    def block(self):
        return TopicBlock()

    def q(self, args, subject, now):
        granted = Consent.objects.filter(
            contact_id=contact_of(subject),
            topic__slug=args.get("topic") or "",
            state=Consent.State.GRANTED,
        )
        return Q(Exists(granted))

    @cached_property
    def names(self) -> dict[str, str]:
        """All topics' names by slug; read once for a pass of checks."""
        return dict(topic_choices())

    def check(self, args, subject=ENROLLMENT):
        topic = args.get("topic") or ""
        return [] if topic in self.names else [_("there is no mailing topic “%s”") % topic]

    def sentence(self, args):
        topic = args.get("topic") or "…"
        return _("they chose the topic “%s”") % self.names.get(topic, topic)


def topic_choices() -> list[tuple[str, str]]:
    return list(offered(Topic.objects.all()).values_list("slug", "name"))


class TopicBlock(StructBlock):
    topic = TextChoiceBlock(label=gettext_lazy("Topic"), choices=topic_choices)

    class Meta:
        label = gettext_lazy("They chose a topic")
        label_format = gettext_lazy("they chose “{topic}”")
        icon = "tasks"


class SpeaksLanguage(Condition):
    """args: language (a code). German (de) holds for Austrian German (de-at) too."""

    slug = "language"
    label = gettext_lazy("their language")

    def block(self):
        return LanguageBlock()

    def q(self, args, subject, now):
        code = args.get("language") or ""
        spoken = Q(language__iexact=code) | Q(language__istartswith=f"{code}-")
        return Q(Exists(Contact.objects.filter(spoken, pk=contact_of(subject))))

    def saw(self, args, subject, now):
        contacts = Contact.objects.filter(pk=contact_of(subject))
        return Subquery(contacts.values("language")[:1])

    def check(self, args, subject=ENROLLMENT):
        code = args.get("language") or ""
        return [] if code in get_content_languages() else [_("unknown language “%s”") % code]

    def sentence(self, args):
        code = args.get("language") or "…"
        return _("their language is %s") % get_content_languages().get(code, code)


def language_choices() -> list[tuple[str, Any]]:
    return list(get_content_languages().items())


class LanguageBlock(StructBlock):
    language = ChoiceBlock(label=gettext_lazy("Language"), choices=language_choices)

    class Meta:
        label = gettext_lazy("Their language")
        label_format = gettext_lazy("their language is {language}")
        icon = "globe"


def whole(value: Any) -> int:
    """A whole number, whatever a file made of it; 0 for none."""
    return value if type(value) is int else 0
