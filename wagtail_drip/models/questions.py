"""The conditions that come with the package."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db.models import Exists, Model, OuterRef, Q, Value
from django.db.models.functions import Coalesce, Lower
from django.db.models.lookups import Contains, Exact, GreaterThan, IContains, LessThan
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from wagtail.blocks import CharBlock, ChoiceBlock, IntegerBlock, StructBlock
from wagtail.coreutils import get_content_languages

from .. import registry
from ..flow.conditions import ENROLLMENT, Condition
from .consent import Consent, Topic
from .contacts import Contact
from .journeys import Enrollment, Event
from .json_keys import JsonNumber, JsonSame, JsonText


def contact_of(subject: type[Model]) -> OuterRef:
    """The subject's contact, seen from inside a subquery."""
    return OuterRef("contact_id" if issubclass(subject, Enrollment) else "pk")


class EventHappened(Condition):
    """args: event (a trigger's slug); since: "entering" | "ever" | "days"; days: int;
    same: the data field that must equal the enrollment's own, "" for none."""

    slug = "event_happened"
    label = gettext_lazy("they did something")

    def block(self):
        return EventBlock()

    def block_for(self, subject):
        return EventBlock() if subject == ENROLLMENT else ContactEventBlock()

    def q(self, args, subject, now):
        events = Event.objects.filter(contact_id=contact_of(subject), name=args.get("event", ""))
        since, same = args.get("since", "ever"), args.get("same")
        if (since == "entering" or same) and not issubclass(subject, Enrollment):
            raise ValueError("“since entering” and “same” can be asked of an enrollment only")
        if since == "entering":
            # What made them enter doesn't count, or a series that an order starts could not ask
            # for another order. Coalesce: who entered by hand has no such event.
            entered_by = Coalesce(OuterRef("event_id"), Value(0))
            events = events.filter(at__gte=OuterRef("entered_at")).exclude(pk=entered_by)
        elif since == "days":
            events = events.filter(at__gte=now - timedelta(days=int(args.get("days") or 0)))
        if same:
            events = events.filter(Exact(JsonSame("data", same), JsonSame(OuterRef("data"), same)))
        return Q(Exists(events))

    def check(self, args, subject=ENROLLMENT):
        if not args.get("event"):
            return [_("it isn't chosen what they did")]
        trigger = registry.triggers().get(args["event"])
        if trigger is None:
            return [_("this site knows no event “%s”") % args["event"]]
        found, since, same = [], args.get("since", "ever"), args.get("same")
        if since not in dict(SINCE):
            found.append(_("it doesn't say since when"))
        if since == "days" and not 0 < _int(args.get("days")) <= 3650:
            found.append(_("it needs a number of days from 1 to 3650"))
        if subject != ENROLLMENT and since == "entering":
            found.append(_("“since they entered” can't be asked before somebody has entered"))
        if subject != ENROLLMENT and same:
            found.append(_("“about the same” can't be asked before somebody has entered"))
        elif same and trigger.sample and same not in trigger.sample:
            found.append(_("“%(event)s” has no “%(key)s”") % {"event": trigger.label, "key": same})
        return found

    def sentence(self, args):
        trigger = registry.triggers().get(args.get("event"))
        text = _("they %s") % (trigger.label if trigger else args.get("event") or "…")
        if args.get("same"):
            text += " " + _("(the same %s)") % args["same"]
        if args.get("since") == "entering":
            text += " " + _("since they entered")
        elif args.get("since") == "days":
            days = _int(args.get("days"))
            text += " " + ngettext("within %d day", "within %d days", days) % days
        return text


SINCE = [
    ("entering", gettext_lazy("since they entered")),
    ("ever", gettext_lazy("at any time")),
    ("days", gettext_lazy("within a number of days")),
]


def event_choices() -> list[tuple[str, Any]]:
    choose = [("", _("choose what they did"))]
    return choose + [(slug, trigger.label) for slug, trigger in registry.triggers().items()]


def same_choices() -> list[tuple[str, str]]:
    """The names of data that any kind of event carries."""
    keys = {key for t in registry.triggers().values() for key in (*t.sample, *t.required)}
    return [("", _("no matter what")), *((key, key) for key in sorted(keys))]


class ContactEventBlock(StructBlock):
    """Asked of somebody who has not entered yet: an audience."""

    event = ChoiceBlock(label=gettext_lazy("They"), choices=event_choices)
    since = ChoiceBlock(label=gettext_lazy("When"), choices=SINCE[1:], default="ever")
    days = IntegerBlock(
        label=gettext_lazy("Days"),
        required=False,
        help_text=gettext_lazy("For “within a number of days”."),
    )

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


OPERATORS = [
    ("equals", gettext_lazy("is")),
    ("not_equals", gettext_lazy("is not")),
    ("contains", gettext_lazy("contains")),
    ("greater", gettext_lazy("is greater or later than")),
    ("less", gettext_lazy("is less or earlier than")),
    ("set", gettext_lazy("is filled in")),
    ("not_set", gettext_lazy("is not filled in")),
]


class AttributeCondition(Condition):
    """args: key (of Contact.attributes), op (OPERATORS), value (text).

    "is" and "is not" compare texts to the letter; "contains" ignores case. "greater" and "less"
    compare numbers with numbers, and ISO dates as texts.
    """

    slug = "attribute"
    label = gettext_lazy("an attribute of theirs")

    def block(self):
        return AttributeBlock()

    def q(self, args, subject, now):
        key, op, value = args.get("key", ""), args.get("op"), str(args.get("value") or "")
        contacts = Contact.objects.filter(pk=contact_of(subject))
        text = JsonText("attributes", key)
        if op in ("equals", "not_equals"):
            contacts = contacts.filter(Exact(text, Value(value)))
        elif op == "contains":
            # The second for MariaDB, the first for capitals outside ASCII on SQLite.
            contacts = contacts.filter(
                Q(IContains(text, value)) | Q(Contains(Lower(text), value.lower()))
            )
        elif op in ("set", "not_set"):
            contacts = contacts.filter(~Exact(text, Value("")))  # not NULL either
        elif op in ("greater", "less"):
            lookup = GreaterThan if op == "greater" else LessThan
            number = _number(value)
            contacts = contacts.filter(
                lookup(text, Value(value))
                if number is None
                else lookup(JsonNumber("attributes", key), Value(number))
            )
        else:
            raise ValueError(f"an attribute can't be compared by {op!r}")
        exists = Q(Exists(contacts))
        return ~exists if op in ("not_equals", "not_set") else exists

    def check(self, args, subject=ENROLLMENT):
        op, value = args.get("op"), str(args.get("value") or "")
        if not args.get("key"):
            return [_("it names no attribute")]
        if op not in dict(OPERATORS):
            return [_("it doesn't say how to compare the attribute")]
        if op in ("greater", "less") and _number(value) is None and not _date(value):
            return [_("it needs a number or a date like 2026-12-31 to compare with")]
        if op in ("equals", "not_equals", "contains") and not value:
            return [_("it needs a value to compare with")]
        return []

    def sentence(self, args):
        op = dict(OPERATORS).get(args.get("op"), "…")
        value = args.get("value") if args.get("op") not in ("set", "not_set") else ""
        words = {"key": args.get("key") or "…", "op": op, "value": value or ""}
        return (_("their %(key)s %(op)s %(value)s") % words).strip()


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
    return list(Topic.objects.values_list("slug", "name"))


class TopicBlock(StructBlock):
    topic = ChoiceBlock(label=gettext_lazy("Topic"), choices=topic_choices)

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


def _int(value: Any) -> int:
    return value if type(value) is int else 0


def _number(value: str) -> Decimal | None:
    try:
        number = Decimal(value)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _date(value: str) -> bool:
    try:
        date.fromisoformat(value[:10])
    except ValueError:
        return False
    return True
