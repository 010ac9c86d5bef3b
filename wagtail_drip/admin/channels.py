"""The list of mails and of what goes by other channels: a button for each, a filter, a column."""

from __future__ import annotations

from typing import Any

import django_filters
from django.utils.translation import gettext_lazy as _
from wagtail.admin.filters import WagtailFilterSet
from wagtail.admin.widgets.button import Button
from wagtail.snippets.views import snippets

from .. import registry
from ..models import Step
from .lists import ListMixin
from .permissions import may


class StepFilterSet(WagtailFilterSet):
    channel = django_filters.ChoiceFilter(
        label=_("Channel"), choices=lambda: channel_choices(), empty_label=_("All")
    )

    class Meta:
        model = Step
        fields = ["channel", "stage"]


def channel_choices() -> list[tuple[str, Any]]:
    return [(slug, channel.label) for slug, channel in registry.channels().items()]


def channel_label(step: Step) -> str:
    channel = registry.channels().get(step.channel)
    return str(channel.label) if channel else step.channel


class StepIndexView(ListMixin, snippets.IndexView):
    empty = _("A mail is what a campaign sends. One mail may stand in several campaigns.")

    @property
    def header_more_buttons(self) -> list[Any]:
        """One more button for each further channel: what is written is another thing."""
        buttons = list(super().header_more_buttons)
        if not may(self.request.user, "add", Step):
            return buttons
        offered = [one for one in registry.channels().values() if one.block is not None]
        for number, channel in enumerate(offered):
            label = _("Add: %s") % channel.label
            url = f"{self.get_add_url()}?channel={channel.slug}"
            buttons.append(Button(label, url=url, icon_name=channel.icon, priority=20 + number))
        return buttons
