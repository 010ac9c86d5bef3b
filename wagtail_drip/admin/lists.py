"""What our lists of snippets have in common."""

from __future__ import annotations

from typing import Any

from django.forms import Media
from wagtail.admin.staticfiles import versioned_static

EMPTY_STATE = "wagtail_drip/admin/index_results.html"
WIDE = "drip-wide"  # columns that a phone does without
WIDER = "drip-wider"  # columns that a small window does without, too


class ListMixin:
    """An empty list says what it is for; a narrow one leaves some columns out."""

    empty: Any = ""

    def get_context_data(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(*args, **kwargs)  # type: ignore[misc]
        context["media"] += Media(css={"all": [versioned_static("wagtail_drip/lists.css")]})
        return {**context, "empty": self.empty}
