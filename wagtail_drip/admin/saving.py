"""Savings of one row come one after the other.

Wagtail compares revisions before it saves, and autosaves while people type. Without a lock an
autosave that was under way undoes the form's own saving that came in between: the mail just
chosen in a flow would be gone again.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse


class SerialSaves:
    """Mixed into an edit view of something with revisions."""

    object: Any

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        with transaction.atomic():
            self._lock()
            return super().post(request, *args, **kwargs)  # type: ignore[misc]

    def _lock(self) -> None:
        """Wait for savings under way, then look at the revision that is the latest now."""
        rows = type(self.object)._default_manager.select_for_update().filter(pk=self.object.pk)
        latest = rows.values_list("latest_revision_id", flat=True).first()
        self.object._state.fields_cache.pop("latest_revision", None)
        self.object.latest_revision_id = latest
