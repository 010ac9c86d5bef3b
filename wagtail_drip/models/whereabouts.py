"""Conditions on where somebody stands: tags, segments, dates, other campaigns, chance."""

from __future__ import annotations

from calendar import isleap
from datetime import timedelta

from django.db.models import CharField, Exists, F, Q, Value
from django.db.models.functions import MD5, Cast, Concat, Substr
from django.db.models.lookups import GreaterThanOrEqual, In, LessThan
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from wagtail.blocks import CharBlock, ChoiceBlock, IntegerBlock, StructBlock
from wagtail.snippets.blocks import SnippetChooserBlock

from ..flow.conditions import ENROLLMENT, Condition
from ..streams import TextChoiceBlock
from . import segments
from .campaigns import Campaign
from .contacts import Contact
from .journeys import Enrollment
from .json_keys import JsonText
from .questions import attribute_of, contact_of, whole
from .segments import Segment
from .tags import Tag, Tagging


class HasTag(Condition):
    """args: tag (a Tag's slug)."""

    slug = "has_tag"
    label = gettext_lazy("they have a tag")

    def block(self):
        return TagBlock()

    def q(self, args, subject, now):
        tagged = Tagging.objects.filter(
            contact_id=contact_of(subject), tag__slug=args.get("tag") or ""
        )
        return Q(Exists(tagged))

    @cached_property
    def names(self) -> dict[str, str]:
        """All tags' names by slug; read once for a pass of checks."""
        return dict(tag_choices())

    def check(self, args, subject=ENROLLMENT):
        tag = args.get("tag") or ""
        return [] if tag in self.names else [_("there is no tag “%s”") % tag]

    def sentence(self, args):
        tag = args.get("tag") or "…"
        return _("they have the tag “%s”") % self.names.get(tag, tag)


def tag_choices() -> list[tuple[str, str]]:
    return list(Tag.objects.values_list("slug", "name"))


class TagBlock(StructBlock):
    tag = TextChoiceBlock(label=gettext_lazy("Tag"), choices=tag_choices)

    class Meta:
        label = gettext_lazy("They have a tag")
        label_format = gettext_lazy("they have the tag “{tag}”")
        icon = "tag"


class InSegment(Condition):
    """args: segment (a Segment's slug)."""

    slug = segments.IN_SEGMENT
    label = gettext_lazy("they are in a segment")

    def block(self):
        return SegmentBlock()

    def q(self, args, subject, now):
        return segments.inside(args.get("segment") or "", subject, contact_of(subject), now)

    @cached_property
    def names(self) -> dict[str, str]:
        """All segments' names by slug; read once for a pass of checks."""
        return dict(segment_choices())

    def check(self, args, subject=ENROLLMENT):
        segment = args.get("segment") or ""
        return [] if segment in self.names else [_("there is no segment “%s”") % segment]

    def sentence(self, args):
        segment = args.get("segment") or "…"
        return _("they are in the segment “%s”") % self.names.get(segment, segment)


def segment_choices() -> list[tuple[str, str]]:
    return list(Segment.objects.values_list("slug", "name"))


class SegmentBlock(StructBlock):
    segment = TextChoiceBlock(label=gettext_lazy("Segment"), choices=segment_choices)

    class Meta:
        label = gettext_lazy("They are in a segment")
        label_format = gettext_lazy("they are in the segment “{segment}”")
        icon = "group"


class InCampaign(Condition):
    """args: campaign (its primary key), how (HOW)."""

    slug = "in_campaign"
    label = gettext_lazy("they are or were in another campaign")

    def block(self):
        return CampaignBlock()

    def q(self, args, subject, now):
        rows = Enrollment.objects.filter(
            contact_id=contact_of(subject), campaign_id=args.get("campaign") or 0
        )
        match args.get("how"):
            case "inside":
                rows = rows.filter(state=Enrollment.State.ACTIVE)
            case "through":
                rows = rows.filter(state=Enrollment.State.COMPLETED)
            case "goal":
                rows = rows.filter(reason=Enrollment.Reason.GOAL)
            case "ever":
                pass
            case how:
                raise ValueError(f"nobody can be {how!r} in a campaign")
        return Q(Exists(rows))

    @cached_property
    def names(self) -> dict[int, str]:
        """All campaigns' names by id; read once for a pass of checks."""
        return dict(Campaign.objects.values_list("pk", "name"))

    def check(self, args, subject=ENROLLMENT):
        campaign, found = args.get("campaign"), []
        if campaign is None:
            found.append(_("no campaign is chosen"))
        elif campaign not in self.names:
            found.append(_("its campaign was deleted"))
        if args.get("how") not in dict(HOW):
            found.append(_("it doesn't say whether they are or were in it"))
        return found

    def sentence(self, args):
        words = {
            "how": dict(HOW).get(args.get("how"), "…"),
            "campaign": self.names.get(args.get("campaign"), "…"),
        }
        return _("they %(how)s “%(campaign)s”") % words


HOW = [
    ("inside", gettext_lazy("are now in")),
    ("ever", gettext_lazy("have ever been in")),
    ("through", gettext_lazy("came to the end of")),
    ("goal", gettext_lazy("reached the goal of")),
]


class CampaignBlock(StructBlock):
    how = ChoiceBlock(label=gettext_lazy("They"), choices=HOW, default="inside")
    campaign = SnippetChooserBlock("wagtail_drip.Campaign", label=gettext_lazy("Campaign"))

    class Meta:
        label = gettext_lazy("In another campaign")
        label_format = gettext_lazy("they {how} “{campaign}”")
        icon = "drip"


class DateCondition(Condition):
    """args: key (of Contact.attributes, an ISO date or moment), op (DATES), days: int.

    Days are those of the site's time zone. Dates compare as ISO texts.
    """

    slug = "date"
    label = gettext_lazy("a date of theirs")

    def block(self):
        return DateBlock()

    def q(self, args, subject, now):
        contacts = Contact.objects.filter(pk=contact_of(subject))
        text, days = JsonText("attributes", args.get("key") or ""), whole(args.get("days"))
        today = timezone.localtime(now, timezone.get_default_timezone()).date()
        op = args.get("op")
        if op == "anniversary":
            coming = [today + timedelta(days=number) for number in range(min(days, 366) + 1)]
            ends = {f"{day:%m-%d}" for day in coming}
            # In a year without it, 29 February is kept on the 28th.
            if any((day.month, day.day) == (2, 28) and not isleap(day.year) for day in coming):
                ends.add("02-29")
            return Q(Exists(contacts.filter(In(Substr(text, 6, 5), sorted(ends)))))
        first, last = {
            "next": (today, today + timedelta(days=days + 1)),
            "last": (today - timedelta(days=days), today + timedelta(days=1)),
            "before": (None, today - timedelta(days=days)),
            "after": (today + timedelta(days=days + 1), None),
        }[str(op)]
        # A year of four figures first: other texts are no dates.
        contacts = contacts.filter(GreaterThanOrEqual(text, Value("1000")))
        contacts = contacts.filter(LessThan(text, Value("3000")))
        if first:
            contacts = contacts.filter(GreaterThanOrEqual(text, Value(first.isoformat())))
        if last:
            contacts = contacts.filter(LessThan(text, Value(last.isoformat())))
        return Q(Exists(contacts))

    def saw(self, args, subject, now):
        return attribute_of(subject, args.get("key") or "")

    def check(self, args, subject=ENROLLMENT):
        found = [] if args.get("key") else [_("it names no date")]
        if args.get("op") not in dict(DATES):
            found.append(_("it doesn't say how to compare the date"))
        if type(args.get("days")) is not int or not 0 <= args["days"] <= 3650:
            found.append(_("it needs a number of days from 0 to 3650"))
        return found

    def sentence(self, args):
        days = whole(args.get("days"))
        words = {
            "key": args.get("key") or "…",
            "days": ngettext("%d day", "%d days", days) % days,
        }
        return SENTENCES.get(args.get("op"), _("their %(key)s …")) % words


DATES = [
    ("next", gettext_lazy("is within the next days")),
    ("last", gettext_lazy("was within the last days")),
    ("before", gettext_lazy("was longer ago than days")),
    ("after", gettext_lazy("is farther ahead than days")),
    ("anniversary", gettext_lazy("has its anniversary within the next days")),
]
SENTENCES = {
    "next": gettext_lazy("their %(key)s is within the next %(days)s"),
    "last": gettext_lazy("their %(key)s was within the last %(days)s"),
    "before": gettext_lazy("their %(key)s was more than %(days)s ago"),
    "after": gettext_lazy("their %(key)s is more than %(days)s ahead"),
    "anniversary": gettext_lazy("the anniversary of their %(key)s is within the next %(days)s"),
}


class DateBlock(StructBlock):
    key = CharBlock(label=gettext_lazy("Date"), help_text=gettext_lazy("Such as birthday."))
    op = ChoiceBlock(label=gettext_lazy("How"), choices=DATES, default="next")
    days = IntegerBlock(label=gettext_lazy("Days"), default=7)

    class Meta:
        label = gettext_lazy("A date of theirs")
        label_format = gettext_lazy("their {key} {op}: {days}")
        icon = "calendar-alt"


class RandomShare(Condition):
    """args: percent: int, draw: text, own: id. A person is in the share or not, always the same.

    Those of one draw are the same wherever it is asked for. Without a name, each condition of a
    flow draws its own (`own`, which programs of earlier releases lack), and so do campaigns.
    """

    slug = "random_share"
    label = gettext_lazy("they are in a share drawn by chance")

    def block(self):
        return ShareBlock()

    def q(self, args, subject, now):
        percent, draw = whole(args.get("percent")), str(args.get("draw") or "")
        name = draw or str(args.get("own") or "")
        parts = [Cast("contact_id" if issubclass(subject, Enrollment) else "pk", CharField())]
        if issubclass(subject, Enrollment) and not draw:
            parts.append(Cast(F("campaign_id"), CharField()))
        ticket = Substr(MD5(Concat(Value(f"{name}:"), *parts, output_field=CharField())), 1, 6)
        if percent >= 100:
            return Q(pk__isnull=False)
        return Q(LessThan(ticket, Value(f"{percent * 16**6 // 100:06x}")))

    def pinned(self, args, id):
        return dict(args) if args.get("draw") else {**args, "own": id}

    def check(self, args, subject=ENROLLMENT):
        percent = args.get("percent")
        if type(percent) is not int or not 1 <= percent <= 99:
            return [_("it needs a percentage from 1 to 99")]
        return []

    def sentence(self, args):
        return _("they are among %s %% drawn by chance") % (args.get("percent") or "…")


class ShareBlock(StructBlock):
    percent = IntegerBlock(label=gettext_lazy("Percent"), default=10)
    draw = CharBlock(
        label=gettext_lazy("Draw"),
        required=False,
        max_length=50,
        help_text=gettext_lazy(
            "People drawn under one name are the same everywhere. Without a name, each such "
            "condition of a flow draws its own."
        ),
    )

    class Meta:
        label = gettext_lazy("A share drawn by chance")
        label_format = gettext_lazy("they are among {percent} % drawn by chance")
        icon = "order"
