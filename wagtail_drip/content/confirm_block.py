"""The block that makes a mail ask for confirmation: what was asked for, and the button."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from wagtail.blocks import CharBlock

from . import person_links
from .email_block import PREVIEW, EmailStructBlock
from .personalizing import Hold, Recipient
from .rendering import Rendering

# What a mail may ask its reader to confirm, as the event's data says in `asks`: where the button
# leads.
_LEADS = {"topics": person_links.confirm_url, "export": person_links.export_url}


class ConfirmBlock(EmailStructBlock):
    """Shows nothing that a visitor typed: topics' names are the site's own words."""

    depends_on = "person"
    label = CharBlock(label=gettext_lazy("What the button says"), max_length=80)

    class Meta:
        label = gettext_lazy("Confirmation")
        description = gettext_lazy("What the reader asked for, and the button that confirms it.")
        icon = "check"
        group = gettext_lazy("Pictures and buttons")
        label_format = "{label}"
        template = "wagtail_drip/email/confirm.html"
        preview_template = PREVIEW
        preview_value = {"label": gettext_lazy("Yes, send me that")}

    def get_context(self, value: Any, parent_context: Any = None) -> dict[str, Any]:
        context = super().get_context(value, parent_context=parent_context)
        return {"topics": [_("Book news")], "link": "#", **context, "label": value.get("label")}

    def values(
        self, value: Any, recipients: Sequence[Recipient], rendering: Rendering
    ) -> dict[int, dict[str, Any] | Hold | None]:
        return {recipient.id: _asked(recipient) for recipient in recipients}

    def sample_values(self, value: Any, rendering: Rendering) -> dict[str, Any]:
        return {"topics": [_("Book news")], "link": rendering.absolute("/")}

    def plain(self, value: Any, rendering: Rendering, **context: Any) -> str:
        lines = [f"- {topic}" for topic in context.get("topics", ())]
        return "\n".join([*lines, "", f"{value.get('label')}: {context.get('link', '')}"]).strip()

    def problems(self, value: Any) -> list[str]:
        return [] if str(value.get("label") or "").strip() else [_("It says nothing.")]


def _asked(recipient: Recipient) -> dict[str, Any] | Hold:
    leads = _LEADS.get(str(recipient.data.get("asks")))
    if leads is None:
        return Hold(_("The reader asked for nothing that could be confirmed."))
    topics = recipient.data.get("topics") or []
    return {"topics": topics, "link": leads(str(recipient.data.get("key")))}
