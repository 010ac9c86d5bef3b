"""What rows have in common that fill themselves in, and those that belong to a site."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _
from wagtail.models import Site

from .filling import default_site


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
