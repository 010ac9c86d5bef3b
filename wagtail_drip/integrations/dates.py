"""Dates in rows of a site's own (a booking, a renewal), by one declaration."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db import models, transaction
from django.db.models.signals import post_delete, post_save
from django.utils import timezone
from django.utils.translation import gettext as _

from .. import registry
from ..engine.noting import note_rows
from ..engine.recording import as_json
from ..models import Occasion
from .picking import Pick, lost_way, pick, picked, sheltered

logger = logging.getLogger("wagtail_drip")


@dataclass(frozen=True, slots=True)
class Dated:
    """What a row says. `day`: a date or a moment, None for none."""

    ref: str
    day: Any
    whose: Mapping[str, Any]
    data: dict[str, Any] = field(default_factory=dict)


class RowDate:
    """The date in `field` of each row of `model`, under `name`, for a `DateTrigger`.

    Exactly one of `email`, `user` and `contact` says whose it is; they and the values of `data` are
    dotted paths that start at the row, or functions of it.
    """

    def __init__(
        self,
        model: type[models.Model],
        field: str,
        *,
        name: str,
        email: Pick | None = None,
        user: Pick | None = None,
        contact: Pick | None = None,
        data: Mapping[str, Pick] | None = None,
    ) -> None:
        whose = {"email": email, "user": user, "contact": contact}
        self.whose = {kind: how for kind, how in whose.items() if how is not None}
        self.model, self.field, self.name, self.data = model, field, name, dict(data or {})

    def __str__(self) -> str:
        return f"RowDate({self.name})"

    def connect(self) -> None:
        """To be called once, when apps are ready."""
        registry.SOURCES.append(self)
        registry.DATES[self.name] = self
        uid = f"wagtail_drip.integrations.dates.{self.name}"
        post_save.connect(self._saved, sender=self.model, weak=False, dispatch_uid=uid)
        post_delete.connect(self._deleted, sender=self.model, weak=False, dispatch_uid=uid)

    def disconnect(self) -> None:
        registry.SOURCES.remove(self)
        del registry.DATES[self.name]
        uid = f"wagtail_drip.integrations.dates.{self.name}"
        post_save.disconnect(sender=self.model, dispatch_uid=uid)
        post_delete.disconnect(sender=self.model, dispatch_uid=uid)

    def faults(self) -> list[str]:
        """What can't work, for the system check."""
        found = [lost_way(self.model, how) for how in [*self.whose.values(), *self.data.values()]]
        if len(self.whose) != 1:
            found.append(_("it must name exactly one of email, user and contact."))
        try:
            kind = self.model._meta.get_field(self.field)
        except FieldDoesNotExist:
            kind = None
        if not isinstance(kind, models.DateField):
            found.append(
                _("%(model)s has no date “%(name)s”.")
                % {"model": self.model._meta.label, "name": self.field}
            )
        return [f"{self}: {text}" for text in found if text]

    # What engine/noting.py and occurring.py ask

    def rows(self, after: str, limit: int) -> list[Any]:
        """The rows that follow the one with this primary key; "": the first ones."""
        rows = self._rows().order_by("pk")
        return list((rows.filter(pk__gt=after) if after else rows)[:limit])

    def fresh(self, refs: list[str]) -> dict[str, Any]:
        return {str(row.pk): row for row in self._rows().filter(pk__in=refs)}

    def read(self, row: Any) -> Dated:
        who = {kind: pick(row, how) for kind, how in self.whose.items()}
        data = as_json(picked(row, self.data))
        return Dated(str(row.pk), getattr(row, self.field), who, data)

    def _rows(self) -> Any:
        ways = [self._way(how) for how in (*self.whose.values(), *self.data.values())]
        related = set(filter(None, ways))
        rows = self.model._default_manager.all()
        return rows.select_related(*related) if related else rows

    def _way(self, how: Pick) -> str:
        """As much of a path as one query can follow."""
        at, way = self.model, []
        for name in () if callable(how) else how.split("."):
            try:
                relation: Any = at._meta.get_field(name)
            except FieldDoesNotExist:
                break
            if not (relation.many_to_one or relation.one_to_one):
                break
            way.append(name)
            at = relation.related_model
        return "__".join(way)

    # What Django tells

    def _saved(self, *, instance: Any, raw: bool = False, **kwargs: Any) -> None:
        if not raw:
            self._quietly(partial(note_rows, self, [instance], timezone.now()))

    def _deleted(self, *, instance: Any, **kwargs: Any) -> None:
        rows = Occasion.objects.filter(name=self.name, ref=str(instance.pk))
        self._quietly(rows.delete)

    def _quietly(self, do: Any) -> None:
        try:
            with sheltered(), transaction.atomic():
                do()
        except Exception:
            logger.exception("%s could not be noted", self)
