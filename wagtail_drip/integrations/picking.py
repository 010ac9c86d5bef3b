"""Picking: from an object of a site to what an event says, by dotted paths or functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

from django.core.exceptions import FieldDoesNotExist, ObjectDoesNotExist
from django.db import connection, models, transaction
from django.db.models.fields.files import FieldFile
from django.utils.translation import gettext as _

# A dotted path ("customer.email"), or a function of the object.
Pick = str | Callable[[Any], Any]


def pick(subject: Any, how: Pick) -> Any:
    """What is found there; None where the way ends early (an order without a customer).

    Raises AttributeError or KeyError where there is no such way at all.
    """
    if callable(how):
        return how(subject)
    for name in how.split("."):
        if subject is None:
            return None
        try:
            subject = subject[name] if isinstance(subject, Mapping) else getattr(subject, name)
        except ObjectDoesNotExist:  # the other end of a one-to-one
            return None
    return subject


def picked(subject: Any, data: Mapping[str, Pick]) -> dict[str, Any]:
    """The data of an event. A row of a table is its primary key, a file its name."""
    return {name: _plain(pick(subject, how)) for name, how in data.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, models.Model):
        return value.pk
    if isinstance(value, FieldFile):
        return value.name
    if isinstance(value, list | tuple | set | frozenset | models.QuerySet):
        return [_plain(item) for item in value]
    return value


@contextmanager
def sheltered() -> Iterator[None]:
    """A query inside that fails leaves the caller's transaction usable."""
    if not connection.in_atomic_block:
        yield
        return
    with transaction.atomic():
        yield


# Before anything happens: is there such a way?


def lost_way(model: type[models.Model], how: Pick) -> str:
    """What is wrong with the path, or "". What a property gives can't be told."""
    if callable(how):
        return ""
    at: Any = model
    for name in how.split("."):
        try:
            field = at._meta.get_field(name)
        except FieldDoesNotExist:
            if hasattr(at, name):
                return ""
            return _("%(model)s has no “%(name)s” (“%(path)s”).") % {
                "model": at._meta.label, "name": name, "path": how,
            }  # fmt: skip
        if not field.is_relation or field.related_model is None:
            return ""
        at = field.related_model
    return ""


def example(model: type[models.Model] | None, how: Pick) -> Any:
    """What such a value looks like, for previews."""
    if model is None or callable(how):
        return "…"
    at: Any = model
    field: Any = None
    for name in how.split("."):
        try:
            field = at._meta.pk if name == "pk" else at._meta.get_field(name)
        except (FieldDoesNotExist, AttributeError):
            return "…"
        at = field.related_model
    return next((value for kinds, value in _EXAMPLES if isinstance(field, kinds)), "…")


_EXAMPLES: list[tuple[Any, Any]] = [
    (models.DecimalField, "18.50"),
    (models.BooleanField, True),
    ((models.IntegerField, models.ForeignObject, models.ForeignObjectRel), 1),
    (models.FloatField, 1.5),
    (models.DateTimeField, datetime(2026, 3, 2, 9).isoformat() + "+00:00"),
    (models.DateField, date(2026, 3, 2).isoformat()),
    (models.EmailField, "ann@example.com"),
]
