"""What Wagtail asks for where a campaign or a mail is previewed beside its editor."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from wagtail.admin.userbar import Userbar
from wagtail.snippets.views.snippets import PreviewOnCreateView, PreviewOnEditView

from ..models import previewing
from . import stand_ins
from .stand_ins import campaigns_of


def watched(response: HttpResponse, request: HttpRequest) -> HttpResponse:
    """A mail in the panel, with Wagtail's user bar, hidden there: axe and the counts run by it."""
    if request.GET.get("in_preview_panel") != "true" or response.streaming:
        return response
    request.in_preview_panel = True  # type: ignore[attr-defined]
    bar = Userbar().render_html({"request": request})
    before, end, after = response.text.rpartition("</body>")
    if end:
        response.content = f"{before}{bar}{end}{after}"
        response.headers.pop("Content-Length", None)  # a middleware has measured the mail alone
    return response


class SavedPreview(PreviewOnEditView):
    """As it was saved last, where nothing stands in a form: of somebody who opened the address."""

    def error_response(self) -> HttpResponse:
        saved = self.get_object()
        mode = self.request.GET.get("mode", saved.default_preview_mode)
        return saved.make_preview_request(self.request, mode, self.get_extra_request_attrs())


class Watched:
    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return watched(super().get(request, *args, **kwargs), request)  # type: ignore[misc]


class NewMailPreview(Watched, PreviewOnCreateView):
    pass


class MailPreview(Watched, SavedPreview):
    """For whom the user has chosen."""

    def get_extra_request_attrs(self) -> dict[str, Any]:
        campaigns = campaigns_of(self.object, self.request.user)
        campaign = campaigns[0] if campaigns else None
        reader = stand_ins.reader_of_kept(stand_ins.kept(self.request), campaign)
        more = {previewing.CAMPAIGN: campaign, previewing.READER: reader}
        return {**super().get_extra_request_attrs(), **more}
