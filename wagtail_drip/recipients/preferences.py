"""A person's own page: topics, language, pace; a copy of their data; to be forgotten.

The link to it stands in every mail, and mails are passed on. So the page shows no more than which
topics are on; a copy of the data goes by a mail of its own.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.core.signing import BadSignature, SignatureExpired
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ..content import phone
from ..content.person_links import read_export_key, read_preferences_key
from ..engine import choosing, confirming, erasing
from ..engine.choosing import Wishes
from ..engine.disclosing import disclose
from ..models import Topic
from ..models.consent import suppressed
from ..models.contacts import TRACKED
from ..models.reactions import site_settings
from ..models.signups import Choice
from .doors import LOST, PersonView, closed, kept_ip
from .forms import NumberField, goes_to_a_number

ALL, PAUSE = "all", "pause"
MOST_A_WEEK = (3, 1)  # what is on offer
SOURCE = "preferences page"


class PreferencesForm(forms.Form):
    topics = forms.MultipleChoiceField(required=False)
    language = forms.ChoiceField(required=False)
    pace = forms.ChoiceField(required=False)
    number = NumberField(required=False)
    # What the page asked, of TRACKED, and what of it is allowed: nothing else is changed.
    asked = forms.MultipleChoiceField(required=False)
    seen = forms.MultipleChoiceField(required=False)

    def __init__(self, *args: Any, topics: list[Topic], most: int | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["pace"].choices = paces(most)  # type: ignore[attr-defined]
        for name in ("asked", "seen"):
            self.fields[name].choices = [(one, one) for one in TRACKED]  # type: ignore[attr-defined]
        self.fields["topics"].choices = [(str(topic.pk), topic.name) for topic in topics]  # type: ignore[attr-defined]
        self.fields["language"].choices = [("", ""), *settings.LANGUAGES]  # type: ignore[attr-defined]


class PreferencesView(PersonView):
    template_name = "wagtail_drip/recipients/preferences.html"
    read = staticmethod(read_preferences_key)

    def get(self, request: HttpRequest, signed: str) -> HttpResponse:
        return self.show("saved" if "saved" in request.GET else "")

    def post(self, request: HttpRequest, signed: str) -> HttpResponse:
        if self.posted.get("wish") == "export":
            return self.export()
        most = self.contact.most_per_week
        form = PreferencesForm(self.posted, topics=self.topics(), most=most)
        if not form.is_valid():
            return self.show("number" if "number" in form.errors else "unclear")
        pace = form.cleaned_data["pace"]
        chosen = frozenset(int(pk) for pk in form.cleaned_data["topics"])
        topics, given = self.topics(), form.cleaned_data["number"]
        if any(goes_to_a_number(topic) for topic in topics if topic.pk in chosen):
            if not given and not self.number():
                return self.show("number")
        else:
            given = ""
        number = given or self.number()
        offered = [
            Choice(
                topic,
                topic.agreement,
                topic.wording_version,
                number if goes_to_a_number(topic) else "",
            )
            for topic in topics
        ]
        wishes = Wishes(
            offered=offered,
            chosen=chosen,
            number=given,
            language=form.cleaned_data["language"] or self.contact.language,
            most_per_week=most if pace == PAUSE else int(pace) if pace.isdecimal() else None,
            pause=pace == PAUSE,
            may_see={
                name: name in form.cleaned_data["seen"] for name in form.cleaned_data["asked"]
            },
        )
        choosing.choose(self.contact, wishes, at=timezone.now(), source=SOURCE, ip=kept_ip(request))
        return closed(redirect(f"{request.path}?saved"))

    def export(self) -> HttpResponse:
        site = self.site()
        if site:
            confirming.ask_for_export(self.contact, site=site, at=timezone.now())
        return self.show("export")

    def topics(self) -> list[Topic]:
        site = self.site()
        return choosing.offered_topics(self.contact, site.pk if site else None)

    def number(self) -> str:
        """Where their text messages go; "": nowhere."""
        return phone.number_of(self.contact.attributes)

    def switches(self) -> list[tuple[str, str, bool]]:
        """What this site looks at: whether this person lets it."""
        site = self.site()
        shared = site_settings(site) if site else None
        labels = {
            "track_clicks": _("which links in your mails I follow"),
            "track_opens": _("which of your mails I open"),
        }
        return [
            (name, labels[name], getattr(self.contact, name))
            for name in TRACKED
            if shared is None or getattr(shared, name)
        ]

    def of_texts(self) -> dict[str, Any]:
        """What the page says of the number: no more of it than its owner needs."""
        if not any(goes_to_a_number(topic) for topic in self.topics()):
            return {}
        number = self.number()
        stopped = bool(number and suppressed([number], transactional=True))
        return {"texts": True, "number": phone.masked(number), "stopped": stopped}

    def show(self, state: str) -> HttpResponse:
        contact, chosen = self.contact, choosing.granted_topics(self.contact)
        until = contact.paused_until
        paused = until if until and until > timezone.now() else None
        context = {
            "state": state,
            "topics": [(topic, topic.pk in chosen) for topic in self.topics()],
            **self.of_texts(),
            "languages": languages(self.contact.language or translation.get_language() or ""),
            "paces": [
                (value, label, value == (PAUSE if paused else str(contact.most_per_week or ALL)))
                for value, label in paces(contact.most_per_week)
            ],
            "paused_until": paused,
            "switches": self.switches(),
            "erase_url": reverse("wagtail_drip:erase", args=[self.kwargs["signed"]]),
        }
        return self.page(context)


class EraseView(PersonView):
    """Asks once more; then nobody is left to show a page to."""

    template_name = "wagtail_drip/recipients/erase.html"
    read = staticmethod(read_preferences_key)

    def get(self, request: HttpRequest, signed: str) -> HttpResponse:
        back = reverse("wagtail_drip:preferences", args=[signed])
        return self.page({"state": "ask", "back_url": back})

    def post(self, request: HttpRequest, signed: str) -> HttpResponse:
        language = self.contact.language
        erasing.erase(self.contact, now=timezone.now())
        return self.answer({"state": "done"}, language=language)


class ExportView(PersonView):
    template_name = "wagtail_drip/recipients/export.html"
    read = staticmethod(read_export_key)

    def lost(self, error: BadSignature) -> HttpResponse:
        if isinstance(error, SignatureExpired):
            return self.answer({"state": "expired"}, template=LOST, status=410)
        return super().lost(error)

    def get(self, request: HttpRequest, signed: str) -> HttpResponse:
        return self.page({})

    def post(self, request: HttpRequest, signed: str) -> HttpResponse:
        response = JsonResponse(
            disclose(self.contact, now=timezone.now()),
            json_dumps_params={"indent": 2, "ensure_ascii": False},
        )
        response["Content-Disposition"] = 'attachment; filename="my-data.json"'
        return closed(response)


def paces(most: int | None) -> list[tuple[str, str]]:
    """What to choose from; `most`: the number a week that is chosen, offered or not."""
    numbers = sorted({*MOST_A_WEEK, most or MOST_A_WEEK[0]}, reverse=True)
    fewer = [
        (str(n), ngettext("At most %d mail a week", "At most %d mails a week", n) % n)
        for n in numbers
    ]
    return [
        (ALL, _("As they come")),
        *fewer,
        (PAUSE, _("None for 30 days; then as before")),
    ]


def languages(spoken: str) -> list[tuple[str, str, bool]]:
    """Code, name in itself, and whether it is the one spoken, of all that the site speaks."""
    try:
        mine = translation.get_supported_language_variant(spoken)
    except LookupError:
        mine = settings.LANGUAGE_CODE
    return [(code, _in_itself(code, str(name)), code == mine) for code, name in settings.LANGUAGES]


def _in_itself(code: str, name: str) -> str:
    try:
        return translation.get_language_info(code)["name_local"]
    except KeyError:
        return name
