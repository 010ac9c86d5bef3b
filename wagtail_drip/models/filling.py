"""What a row gets where nobody filled it in: its site, its short name."""

from __future__ import annotations

from typing import Any

from django.db.models import Model
from django.utils.text import slugify
from wagtail.coreutils import string_to_ascii
from wagtail.models import Site


def default_site() -> Site | None:
    """The default site, else the only one; None where there are several and none is default."""
    return Site.objects.filter(is_default_site=True).first() or (
        Site.objects.first() if Site.objects.count() == 1 else None
    )


def as_draft(copy: Any) -> Any:
    """A copy made for translation, as one that nobody has published."""
    copy.live, copy.has_unpublished_changes = False, True
    copy.first_published_at = copy.last_published_at = copy.live_revision = None
    copy.was_live = False
    return copy


def ascii_slug(text: str, length: int = 100) -> str:
    """Lower-case ASCII letters, digits and dashes; "" where nothing of `text` can be kept."""
    return slugify(string_to_ascii(text))[:length].strip("-")


def free_slug(model: type[Model], text: str, fallback: str) -> str:
    """A slug made of `text` that no row of `model` has: `welcome`, `welcome-2`, …"""
    base = ascii_slug(text, 90) or fallback
    taken = set(model._default_manager.filter(slug__startswith=base).values_list("slug", flat=True))
    slug, number = base, 1
    while slug in taken:
        number += 1
        slug = f"{base}-{number}"
    return slug
