"""What rows have in common that fill themselves in, and those that belong to a site."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _
from wagtail.models import Site

from .filling import default_site

# Whose rows blocks offer to choose; they know no request. None: those of all sites.
_offered: ContextVar[frozenset[int] | None] = ContextVar("offered", default=None)


@contextmanager
def offering(sites: frozenset[int] | None) -> Iterator[None]:
    """While it lasts, what blocks offer is of these sites."""
    token = _offered.set(sites)
    try:
        yield
    finally:
        _offered.reset(token)


def offered(rows: models.QuerySet[Any]) -> models.QuerySet[Any]:
    """Those of the rows, of a model that belongs to sites, that a block may offer here."""
    sites = _offered.get()
    return rows if sites is None else rows.filter(site__in=sites)


class Filling(models.Model):
    """Fills in what nobody gave it, before it is checked and before it is saved."""

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.fill_in()
        super().save(*args, **kwargs)

    def full_clean(self, *args: Any, **kwargs: Any) -> None:
        self.fill_in()
        super().full_clean(*args, **kwargs)

    def fill_in(self) -> None:
        """Give what is empty and can be known its value; calling it again changes nothing."""


class OfSite(Filling):
    """Belongs to a site: the default one, where nobody said which."""

    site = models.ForeignKey(
        Site, verbose_name=_("site"), on_delete=models.CASCADE, related_name="+"
    )

    class Meta:
        abstract = True

    def fill_in(self) -> None:
        super().fill_in()
        if self.site_id is None and (site := default_site()):
            self.site = site
