"""A StreamField whose blocks stay out of migrations."""

from __future__ import annotations

from typing import Any

from django.db import models
from wagtail.fields import StreamField

from .streams import OpenStreamBlock


class OpenStreamField(StreamField):
    """A StreamField that hooks may add blocks to.

    Blocks come from hooks, so they differ from site to site: written into our migrations they
    would ask every integrator for a migration in our app. The column is JSON whatever they are.
    In a migration the field knows no block, and so keeps them all as they are.
    """

    def __init__(self, block_types: Any, **kwargs: Any) -> None:
        super().__init__(block_types or OpenStreamBlock, **kwargs)

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        name, path, _args, kwargs = models.Field.deconstruct(self)
        return name, path, [[]], kwargs
