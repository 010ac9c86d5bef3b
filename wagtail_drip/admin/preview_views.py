"""What Wagtail asks for where a campaign or a mail is previewed beside its editor."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from wagtail.snippets.views.snippets import PreviewOnEditView

from ..models import previewing
from . import stand_ins
from .stand_ins import campaigns_of


class SavedPreview(PreviewOnEditView):
    """As it was saved last, where nothing stands in a form: of somebody who opened the address."""

    def error_response(self) -> HttpResponse:
        saved = self.get_object()
        mode = self.request.GET.get("mode", saved.default_preview_mode)
        return saved.make_preview_request(self.request, mode, self.get_extra_request_attrs())


class MailPreview(SavedPreview):
    """For whom the user has chosen."""

    def get_extra_request_attrs(self) -> dict[str, Any]:
        campaigns = campaigns_of(self.object, self.request.user)
        campaign = campaigns[0] if campaigns else None
        reader = stand_ins.reader_of_kept(stand_ins.kept(self.request), campaign)
        more = {previewing.CAMPAIGN: campaign, previewing.READER: reader}
        return {**super().get_extra_request_attrs(), **more}
