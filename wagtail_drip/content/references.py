"""What the rich text of a mail leads to on the site, and whether readers can still open it."""

from __future__ import annotations

import re

from django.apps import apps
from django.utils.translation import gettext as _
from wagtail.models import Page

_LINK = re.compile(r"<a\b[^>]*>")
_KIND = re.compile(r'\blinktype="(page|document)"')
_ID = re.compile(r'\bid="(\d{1,18})"')


def broken(source: str) -> list[str]:
    """Why its links lead nowhere, in sentences; [] where all can be opened. Two queries at most."""
    ids: dict[str, list[int]] = {"page": [], "document": []}
    for tag in _LINK.findall(source):
        if (kind := _KIND.search(tag)) and (pk := _ID.search(tag)):
            ids[kind[1]].append(int(pk[1]))
    return [*_pages(ids["page"]), *_documents(ids["document"])]


def _pages(ids: list[int]) -> list[str]:
    if not ids:
        return []
    rows = Page.objects.filter(pk__in=ids).values_list("pk", "title", "live")
    found = {pk: (title, live) for pk, title, live in rows}
    gone = [_("A page that it leads to no longer exists.")] * bool(set(ids) - found.keys())
    drafts = [title for title, live in found.values() if not live]
    return [*gone, *(_('The page "%s" that it leads to is not published.') % t for t in drafts)]


def _documents(ids: list[int]) -> list[str]:
    if not ids or not apps.is_installed("wagtail.documents"):
        return []
    from wagtail.documents import get_document_model

    there = get_document_model().objects.filter(pk__in=ids).values_list("pk", flat=True)
    gone = set(ids) - set(there)
    return [_("A document that it leads to no longer exists.")] * bool(gone)
