"""A StreamField whose blocks stay out of migrations."""

from __future__ import annotations

from typing import Any

from django.db import models
from wagtail.fields import StreamField


class OpenStreamField(StreamField):
    """A StreamField that hooks may add blocks to.

    Blocks come from hooks, so they differ from site to site: written into our migrations they
    would ask every integrator for a migration in our app. The column is JSON whatever they are.
    """

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        name, path, _args, kwargs = models.Field.deconstruct(self)
        return name, path, [[]], kwargs
