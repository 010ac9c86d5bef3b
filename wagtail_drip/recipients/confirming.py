"""The page behind the button of a mail that asks for confirmation.

Opening it confirms nothing: scanners open every link. The button on it does.
"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from ..content.person_links import preferences_url, read_confirm_key
from ..engine import confirming
from ..models.consent import may_return
from .doors import PersonView, kept_ip


class ConfirmView(PersonView):
    template_name = "wagtail_drip/recipients/confirm.html"
    read = staticmethod(read_confirm_key)

    def get(self, request: HttpRequest, signed: str) -> HttpResponse:
        asked = confirming.pending(self.contact)
        if not may_return(self.contact.email):
            return self.page({"state": "closed"})
        return self.page({"state": "ask" if asked else "nothing", "asked": asked})

    def post(self, request: HttpRequest, signed: str) -> HttpResponse:
        topics = confirming.confirm(self.contact, at=timezone.now(), ip=kept_ip(request))
        if not topics:
            return self.get(request, signed)
        url = preferences_url(self.contact.uuid.hex)
        return self.page({"state": "done", "topics": topics, "preferences_url": url})
