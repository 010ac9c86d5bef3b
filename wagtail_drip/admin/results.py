"""What each mail of a campaign has done: by version, period and audience, and as CSV."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

from django import forms
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.generic import TemplateView
from wagtail.admin.views.generic import WagtailAdminTemplateMixin
from wagtail.admin.views.generic.permissions import PermissionCheckedMixin
from wagtail.admin.views.mixins import SpreadsheetExportMixin
from wagtail.admin.widgets import AdminDateInput
from wagtail.admin.widgets.button import HeaderButton

from ..engine.measuring import Numbers, measure, total
from ..flow.outlining import Line
from ..models import Campaign, Contact, Decision, Delivery, Segment, Step, Version
from ..streams import raw
from .places import CampaignPage
from .record_export import FORMULA
from .record_filters import kept
from .wording import Words, words

COLUMNS = [
    ("planned", gettext_lazy("Planned")),
    ("sent", gettext_lazy("Sent")),
    ("delivered", gettext_lazy("Delivered")),
    ("clicked", gettext_lazy("Clicked by people")),
    ("converted", gettext_lazy("Reached the goal")),
    ("value", gettext_lazy("Worth")),
    ("unsubscribed", gettext_lazy("Unsubscribed")),
]
LOOKED_AT = 20  # versions, the newest first, for what a place that is gone was
SPLIT = "split"  # the block whose ways are variants
SHARES = ("delivered", "clicked", "converted", "unsubscribed")


@dataclass(frozen=True, slots=True)
class Row:
    """One mail at one place. `cells`: each number with its share of those sent, in words."""

    place: str
    mail: str
    numbers: Numbers

    @property
    def cells(self) -> list[tuple[int, str]]:
        return [(getattr(self.numbers, name), share(self.numbers, name)) for name, _l in COLUMNS]


def share(numbers: Numbers, name: str) -> str:
    """ "14.2 %", "too few to judge", or "" for what is no share."""
    if name not in SHARES or not numbers.sent:
        return ""
    percent = numbers.percent(getattr(numbers, name))
    if percent is None:
        return _("too few to judge")
    return _("%s %%") % number_format(round(percent, 1))


def notes(numbers: Numbers | None) -> list[str]:
    """What a box of the picture says of its mail."""
    if not numbers or not numbers.sent:
        return []
    said = [[told(numbers, "planned"), told(numbers, "sent")]]
    said += [[told(numbers, name)] for name in ("delivered", "clicked")]
    if numbers.converted:
        said += [[told(numbers, "converted")], [told(numbers, "value")]]
    if numbers.unsubscribed:
        said.append([told(numbers, "unsubscribed")])
    few = [] if numbers.percent(0) is not None else [_("too few to judge")]
    return [*(" · ".join(parts) for parts in said), *few]


def told(numbers: Numbers, name: str) -> str:
    """ "Clicked by people: 18 (11.8 %)", and of few without the share."""
    count = getattr(numbers, name)
    text = f"{dict(COLUMNS)[name]}: {number_format(count)}"
    known = name in SHARES and numbers.percent(count) is not None
    return f"{text} ({share(numbers, name)})" if known else text


class BaseFilterForm(forms.Form):
    """All is optional; what isn't usable is said and not filtered by."""

    version = forms.ModelChoiceField(
        label=gettext_lazy("Version"),
        queryset=Version.objects.none(),
        required=False,
        to_field_name="number",
        empty_label=gettext_lazy("All"),
    )
    audience = forms.ModelChoiceField(
        label=gettext_lazy("Audience"),
        queryset=Segment.objects.all(),
        required=False,
        to_field_name="slug",
        empty_label=gettext_lazy("Everybody"),
    )
    variant = forms.ChoiceField(label=gettext_lazy("Way of a split"), required=False)
    since = forms.DateField(
        label=gettext_lazy("Planned from"), required=False, widget=AdminDateInput
    )
    until = forms.DateField(
        label=gettext_lazy("Planned until"), required=False, widget=AdminDateInput
    )

    def offer(self, versions: QuerySet[Version], ways: Mapping[str, str]) -> None:
        """These versions, and these ways of splits in words."""
        variant: Any = self.fields["variant"]
        variant.choices = [("", _("All")), *ways.items()]
        if not ways:
            del self.fields["variant"]
        version: Any = self.fields["version"]
        version.queryset = versions.defer("program", "flow").order_by("-number")

    def deliveries(self, found: QuerySet[Delivery]) -> QuerySet[Delivery]:
        """Those of them that fit."""
        chosen = self.cleaned_data
        if chosen.get("version"):
            found = found.filter(version=chosen["version"])
        if chosen.get("variant"):
            block, _colon, way = chosen["variant"].rpartition(":")
            drawn = Decision.objects.filter(code="drawn", node=block, seen__way=way)
            found = found.filter(Exists(drawn.filter(enrollment=OuterRef("enrollment"))))
        if chosen.get("since") and kept(chosen["since"]):
            found = found.filter(created_at__gte=_midnight(chosen["since"], time.min))
        if chosen.get("until") and kept(chosen["until"]):
            found = found.filter(created_at__lte=_midnight(chosen["until"], time.max))
        if chosen.get("audience"):
            found = found.filter(contact__in=self._members(chosen["audience"]))
        return found

    def _members(self, segment: Segment) -> QuerySet[Contact]:
        try:
            return segment.members(timezone.now()).order_by().values("pk")  # type: ignore[return-value]
        except ValueError as error:  # conditions that can no longer be asked
            self.add_error("audience", str(error))
            return Contact.objects.none()


class FilterForm(BaseFilterForm):
    def __init__(
        self, *args: Any, campaign: Campaign, told: Sequence[Words] = (), **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.offer(campaign.versions.all(), ways_of(told))
        version: Any = self.fields["version"]
        version.label_from_instance = lambda version: _("Version %s") % version.number


def ways_of(told: Iterable[Words], of: str = "") -> dict[str, str]:
    """The ways of all splits in these flows, as the filter takes them, in words."""
    found = [way for words in told for way in _ways(words.lines)]
    return {
        f"{block}:{way[0]}": " · ".join(filter(None, [of, f"{text}, {way}"]))
        for block, text, way in found
    }


def _ways(lines: Iterable[Line]) -> Iterator[tuple[str, str, str]]:
    """The ways of all splits: the split's block, its words, and the way's."""
    for line in lines:
        for way, inner in line.ways:
            if line.type == SPLIT:
                yield line.block, line.text, way
            yield from _ways(inner)


def _midnight(day: Any, at: time) -> datetime:
    return timezone.make_aware(datetime.combine(day, at))


class ResultsPage(
    PermissionCheckedMixin, SpreadsheetExportMixin, WagtailAdminTemplateMixin, TemplateView
):
    """A page of rows with a filter, and the same as CSV. `named`: what a row is of, by the names
    that its file has for it."""

    any_permission_required = ["view", "change", "add", "publish"]
    template_name = "wagtail_drip/admin/results.html"
    page_title = gettext_lazy("Results")
    named: Mapping[str, Any] = {"place": gettext_lazy("Place"), "mail": gettext_lazy("Mail")}
    form: BaseFilterForm
    rows: list[Row]

    @cached_property
    def list_export(self) -> list[str]:
        return [*self.named, *(name for name, _label in COLUMNS)]

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.GET.get("export") == self.FORMAT_CSV:
            return self.as_spreadsheet(self.rows, self.FORMAT_CSV)
        return super().get(request, *args, **kwargs)

    @cached_property
    def header_buttons(self) -> list[Any]:
        query = self.request.GET.copy()
        query["export"] = self.FORMAT_CSV
        return [HeaderButton("CSV", url=f"?{query.urlencode()}", icon_name="download")]

    def filtered(self, deliveries: QuerySet[Delivery]) -> QuerySet[Delivery]:
        self.form.is_valid()
        return self.form.deliveries(deliveries) if self.form.is_bound else deliveries

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        rows = self.rows
        return {
            **super().get_context_data(**kwargs),
            "form": self.form,
            "named": next(iter(self.named.values())),
            "columns": [label for _name, label in COLUMNS],
            "rows": rows,
            "total": Row(str(_("Total")), "", total(row.numbers for row in rows)),
        }

    def to_row_dict(self, item: Row) -> dict[str, Any]:
        own = dict(zip(self.named, [item.place, item.mail], strict=True))
        return own | {name: getattr(item.numbers, name) for name, _label in COLUMNS}

    def get_heading(self, queryset: Any, field: str) -> str:
        return str({**self.named, **dict(COLUMNS)}[field])

    def preprocess_field_value(self, field: str, value: Any, export_format: str) -> Any:
        value = super().preprocess_field_value(field, value, export_format)
        runs = isinstance(value, str) and value.lstrip().startswith(FORMULA)
        return f"'{value}" if runs else value


class ResultsView(CampaignPage, ResultsPage):
    model: Any = Campaign
    header_icon = "drip"

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.campaign = get_object_or_404(Campaign, pk=kwargs["pk"])
        self.form = FilterForm(request.GET or None, campaign=self.campaign, told=self.told)

    @cached_property
    def rows(self) -> list[Row]:  # type: ignore[override]
        """In reading order of the flow; places that it no longer has come last."""
        deliveries = self.filtered(Delivery.objects.filter(campaign=self.campaign))
        return list(_rows(measure(deliveries, "node", "step_key"), self.told))

    @cached_property
    def told(self) -> list[Words]:
        """The flow as it is, and as it was published the last times."""
        versions = self.campaign.versions.order_by("-number").values_list("flow", flat=True)
        return words([raw(self.campaign.flow), *versions[:LOOKED_AT]])


def _rows(numbers: dict[tuple[Any, ...], Numbers], told: list[Words]) -> Iterator[Row]:
    keys = {key for _node, key in numbers}
    names = dict(
        Step.objects.filter(translation_key__in=keys)
        .order_by("-pk")
        .values_list("translation_key", "name")
    )

    def rank(item: tuple[tuple[Any, ...], Numbers]) -> tuple[int, str]:
        return told[0].rank(item[0][0]), item[0][0]

    for (node, key), found in sorted(numbers.items(), key=rank):
        known = next((one for one in told if one.block(node)), told[0])
        yield Row(known.with_way(node), names.get(key, ""), found)
