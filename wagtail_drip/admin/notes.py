"""Notes on a campaign: dated, signed, kept in its history, never changed."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from wagtail.log_actions import log
from wagtail.models import ModelLogEntry

from ..models import Campaign
from .log_entries import NOTE_LOGGED

SHOWN = 20  # on the campaign's page; all are in its history


class NoteForm(forms.Form):
    text = forms.CharField(
        label=_("Note"),
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("For everybody who works on this campaign. It stays in its history."),
    )


def write(campaign: Campaign, text: str, user: Any) -> None:
    log(instance=campaign, action=NOTE_LOGGED, user=user, data={"text": text})


def latest(campaign: Campaign) -> list[dict[str, Any]]:
    """The newest first: `text`, `by`, `at`. One query."""
    entries = ModelLogEntry.objects.for_instance(campaign).filter(action=NOTE_LOGGED)
    newest = entries.select_related("user").order_by("-timestamp", "-pk")[:SHOWN]
    return [
        {"text": one.data.get("text", ""), "by": one.user_display_name, "at": one.timestamp}
        for one in newest
    ]
