"""Links in the rich text editor of mails: out of what was loaded at once for the whole form.

Imported when a form is made: Wagtail's converters need its models loaded.
"""

from __future__ import annotations

from typing import Any

from wagtail.admin.rich_text.converters.contentstate import ContentstateConverter
from wagtail.admin.rich_text.converters.html_to_contentstate import PageLinkElementHandler
from wagtail.documents.rich_text.contentstate import DocumentLinkElementHandler

from ..chosen import DOCUMENT, PAGE, linked


class _PageLink(PageLinkElementHandler):
    def get_attribute_data(self, attrs: dict[str, str]) -> dict[str, Any]:
        page = linked(PAGE, attrs.get("id", ""))
        if page is None:
            return super().get_attribute_data(attrs)
        parent = page.get_parent()
        return {"id": page.pk, "url": page.url, "parentId": parent.pk if parent else None}


class _DocumentLink(DocumentLinkElementHandler):
    def get_attribute_data(self, attrs: dict[str, str]) -> dict[str, Any]:
        found = linked(DOCUMENT, attrs.get("id", ""))
        if found is None:
            return super().get_attribute_data(attrs)
        return {"id": found.pk, "url": found.url, "filename": found.filename}


_FROM_KNOWN = {PageLinkElementHandler: _PageLink, DocumentLinkElementHandler: _DocumentLink}


class _Rules:
    """A set of rules with Wagtail's own for links replaced; a site's own ones stay."""

    def __init__(self, rules: Any) -> None:
        self.rules = rules

    def match(self, name: str, attrs: dict[str, str]) -> Any:
        found = self.rules.match(name, attrs)
        ours = _FROM_KNOWN.get(type(found))
        return ours(found.entity_type) if ours else found


class LinksAtOnce(ContentstateConverter):
    """Wagtail's, with links to what `chosen.at_once` has loaded."""

    def __init__(self, features: Any = None) -> None:
        super().__init__(features)
        handler = self.html_to_contentstate_handler
        handler.element_handlers = _Rules(handler.element_handlers)
