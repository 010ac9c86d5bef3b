"""How a mail is previewed: in mail programs, on phones and dark screens, as text, in a list.

For a sample person, or for the one that the admin's preview names on the request. In each language
of the mail: a translation is shown as it was saved last.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from email.utils import parseaddr
from typing import Any

from django.http import HttpResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from wagtail.blocks import StreamValue

from ..conf import conf
from ..content import making, sampling
from ..content.compiling import Source
from ..content.messages import Message
from ..content.personalizing import Mail, Recipient
from ..content.rendering import direction_of
from .sources import words
from .steps import Step

READER, CAMPAIGN = "drip_reader", "drip_campaign"  # attributes of the request: for whom, of what
MODES: list[tuple[str, Any]] = [
    ("html", gettext_lazy("Mail")),
    ("phone", gettext_lazy("On a phone")),
    ("dark", gettext_lazy("On a dark screen")),
    ("text", gettext_lazy("Text")),
    ("inbox", gettext_lazy("In the inbox")),
]
MESSAGE: tuple[str, Any] = ("message", gettext_lazy("Message"))  # of other channels
_IN = "@"  # between a mode and a language


def modes(step: Step) -> list[tuple[str, Any]]:
    """The modes of the step's own language, and its other languages as mail and in the inbox."""
    shown = MODES if words(step) is None else [MESSAGE]
    more = [
        (f"{mode}{_IN}{code}", f"{name}: {label}")
        for code, name in _languages(step)
        for mode, label in shown
    ]
    return [*shown, *more]


def _languages(step: Step) -> list[tuple[str, str]]:
    """Code and name of the languages it is translated into. One query for an instance."""
    if not hasattr(step, "_drip_languages"):
        others = _translations(step).select_related("locale") if step.pk else []
        step._drip_languages = [
            (one.locale.language_code, one.locale.get_display_name()) for one in others
        ]
    return step._drip_languages


def _translations(step: Step) -> Any:
    found = Step.objects.filter(translation_key=step.translation_key).exclude(pk=step.pk)
    return found.order_by("locale__language_code")


def serve(step: Step, request: Any, mode_name: str) -> HttpResponse:
    mode, _in, language = mode_name.partition(_IN)
    if language:
        step = _in_language(step, language)
    campaign, reader = getattr(request, CAMPAIGN, None), getattr(request, READER, None)
    try:
        source = step.source(campaign=campaign)
        mail = making.sample(source, recipient=reader)
    except Exception as error:  # a draft may hold anything
        text = _("This mail can't be shown yet: %s") % error
        return HttpResponse(text, content_type="text/plain; charset=utf-8")
    if isinstance(mail, Message):
        return HttpResponse(message_page(mail, step, source))
    if mode == "inbox":
        return HttpResponse(_inbox(mail, step, campaign, _preheader(source, reader)))
    return HttpResponse(_SHOWN.get(mode, _html)(mail, step))


def message_page(message: Message, step: Step, source: Source) -> str:
    """A message of another channel, such as a text message on a phone."""
    block = source.words.child.block if source.words else None
    shown = block.shown(message) if block else []
    kind = block.meta.preview if block else "message"
    return _page(kind, message, step, shown=shown)


def _preheader(source: Source, reader: Recipient | None) -> str:
    """Made as a subject is, so that it is what this reader's inbox shows."""
    empty = StreamValue(source.body.stream_block, [])
    return making.sample(
        replace(source, subject=source.preheader, body=empty), recipient=reader
    ).subject


def _in_language(step: Step, language: str) -> Step:
    found = _translations(step).filter(locale__language_code=language).first()
    return found.get_latest_revision_as_object() if found else step


def _html(mail: Mail, step: Step) -> str:
    return mail.html


def _dark(mail: Mail, step: Step) -> str:
    return sampling.as_on_dark_screens(mail.html)


def _phone(mail: Mail, step: Step) -> str:
    return _page("phone", mail, step)


def _text(mail: Mail, step: Step) -> str:
    return _page("text", mail, step)


def _inbox(mail: Mail, step: Step, campaign: Any, preheader: str) -> str:
    name, address = parseaddr(conf.FROM_EMAIL)
    of_campaign = campaign.sender_name if campaign else ""
    sender = step.sender_name or of_campaign or name or step.sender_email or address
    return _page("inbox", mail, step, sender=sender, preheader=preheader)


def _page(kind: str, mail: Mail, step: Step, **more: Any) -> str:
    language = step.locale.language_code
    context = {"mail": mail, "language": language, "direction": direction_of(language), **more}
    return render_to_string(f"wagtail_drip/mail_preview_{kind}.html", context)


_SHOWN: dict[str, Callable[[Mail, Step], str]] = {
    "html": _html,
    "phone": _phone,
    "dark": _dark,
    "text": _text,
}
