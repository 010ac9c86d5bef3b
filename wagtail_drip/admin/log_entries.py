"""What the log says of our own actions, on campaigns and with people."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from wagtail.log_actions import LogFormatter

from ..models import Choice
from ..models.gating import REFUSED_LOGGED
from ..models.publishing import VERSION_LOGGED
from . import contact_actions

TEST_LOGGED = "wagtail_drip.test"  # its data: {"count": 2, "contact": 7, "mail": "Hello"}
NOTE_LOGGED = "wagtail_drip.note"  # its data: {"text": "Prices checked"}

ACTIONS = [
    ("pause", gettext_lazy("Pause"), gettext_lazy("Campaign paused")),
    ("brake", gettext_lazy("Brake"), gettext_lazy("Campaign paused by itself")),
    ("resume", gettext_lazy("Resume"), gettext_lazy("Campaign resumed")),
    ("review", gettext_lazy("Review"), gettext_lazy("Campaign reviewed")),
    ("sent", gettext_lazy("Mark as sent"), gettext_lazy("Uncertain mail sent")),
    ("resend", gettext_lazy("Send again"), gettext_lazy("Uncertain mail sent again")),
]


class VersionFormatter(LogFormatter):
    """ "Version 3 published: 120 people were inside; they move to the new flow"."""

    label = gettext_lazy("New version")

    def format_message(self, entry: Any) -> str:
        people = entry.data.get("people", 0)
        said = _("Version %s published") % entry.data.get("version", "?")
        if not people:
            return said
        inside = ngettext("%d person was inside", "%d people were inside", people) % people
        choice = dict(Choice.choices).get(entry.data.get("choice"), "")
        return f"{said}: {inside}; {choice}"


class TestFormatter(LogFormatter):
    """ "Test sent to 2 addresses". To whom is nobody's business later."""

    label = gettext_lazy("Send a test")

    def format_message(self, entry: Any) -> str:
        count = entry.data.get("count", 0)
        said = ngettext("Test sent to %d address", "Test sent to %d addresses", count) % count
        if mail := entry.data.get("mail"):  # in the history of its campaign
            said = f"{said}: " + _("“%s”") % mail
        contact = entry.data.get("contact")
        return _("%(said)s, as contact %(pk)s") % {"said": said, "pk": contact} if contact else said


class RefusedFormatter(LogFormatter):
    """ "Not published: Step 1, Send: no mail is chosen"."""

    label = gettext_lazy("Refuse to publish")

    def format_message(self, entry: Any) -> str:
        reason = " · ".join(str(entry.data.get("reason", "")).splitlines())
        return _("Not published: %s") % reason


class NoteFormatter(LogFormatter):
    """What somebody wrote down about a campaign, word for word."""

    label = gettext_lazy("Note")

    def format_message(self, entry: Any) -> str:
        return _("Note: %s") % entry.data.get("text", "")


def register(registry: Any) -> None:
    for action, label, message in ACTIONS:
        registry.register_action(f"wagtail_drip.{action}", label, message)
    for slug, (verb, done) in contact_actions.LOGGED.items():
        registry.register_action(f"wagtail_drip.contact_{slug}", verb, done)
    registry.register_action(VERSION_LOGGED)(VersionFormatter)
    registry.register_action(TEST_LOGGED)(TestFormatter)
    registry.register_action(REFUSED_LOGGED)(RefusedFormatter)
    registry.register_action(NOTE_LOGGED)(NoteFormatter)
