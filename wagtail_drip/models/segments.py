"""Segments: people by what is true of them now, as saved conditions."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Exists, Model, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from wagtail.search import index

from ..fields import OpenStreamField
from ..flow import conditions
from ..flow.blocks import AudienceBlock
from ..streams import raw
from .contacts import Contact
from .filling import ascii_slug, free_slug
from .owned import Filling

IN_SEGMENT = "in_segment"  # the condition whose args name a segment by its slug


class Segment(Filling, index.Indexed):
    """A group of conditions under a name. Who is in it is asked each time."""

    class Match(models.TextChoices):
        ALL = "all", gettext_lazy("all of these are true")
        ANY = "any", gettext_lazy("any of these is true")
        NONE = "none", gettext_lazy("none of these is true")

    name = models.CharField(gettext_lazy("name"), max_length=100)
    slug = models.SlugField(gettext_lazy("short name"), max_length=100, unique=True)
    description = models.TextField(gettext_lazy("description"), blank=True)
    match = models.CharField(
        gettext_lazy("people of whom"), max_length=4, choices=Match.choices, default=Match.ALL
    )
    conditions = OpenStreamField(
        AudienceBlock,
        blank=True,
        verbose_name=gettext_lazy("conditions"),
        help_text=gettext_lazy("Without any, everybody is in this segment."),
    )

    search_fields = [index.SearchField("name"), index.AutocompleteField("name")]

    class Meta:
        verbose_name = gettext_lazy("segment")
        verbose_name_plural = gettext_lazy("segments")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Conditions that can't be asked are refused, and so is a segment inside itself."""
        found = self.problems()
        if found:
            raise ValidationError({"conditions": [problem.capitalize() for problem in found]})

    def fill_in(self) -> None:
        super().fill_in()
        self.slug = ascii_slug(self.slug) or free_slug(Segment, self.name, "segment")

    def group(self) -> dict[str, Any]:
        """As models/matching.py takes it."""
        asked = conditions.from_stream(raw(self.conditions))
        if not asked:  # under "any" an empty group is nobody
            return conditions.group("all", [])
        return conditions.group(self.match, asked)

    def problems(self) -> list[str]:
        """Why its conditions can't be asked, in an editor's words."""
        asked = self.group()["conditions"]
        found = conditions.problems(asked, conditions.CONTACT)
        if self.slug in named_within(asked):
            found.append(_("this segment would be inside itself"))
        return found

    def sentence(self) -> str:
        asked = self.group()
        if not asked["conditions"]:
            return _("everybody")
        return conditions.sentence(asked["conditions"], asked["match"])

    def members(self, now: datetime) -> QuerySet[Contact]:
        """Who is in it now. Raises UnknownCondition and ValueError as `matching.q` does."""
        from . import matching

        with _inside(self.slug):
            found = matching.q(self.group(), subject=Contact, now=now)
        return Contact.objects.filter(found, erased_at=None)


def inside(slug: str, subject: type[Model], contact: Any, now: datetime) -> Q:
    """Being in the segment of this slug as a Q over `subject`, for a condition.

    `contact`: an OuterRef to the subject's contact. Raises ValueError where there is no such
    segment any more, or it leads back to itself.
    """
    known = _known.get()
    known = {} if known is None else known
    if slug not in known:
        known[slug] = Segment.objects.filter(slug=slug).first()
    segment = known[slug]
    if segment is None:
        raise ValueError(_("there is no segment “%s”") % slug)
    return Q(Exists(segment.members(now).filter(pk=contact)))


def named_within(asked: Collection[dict[str, Any]]) -> set[str]:
    """Slugs of all segments these conditions lead to, however deep."""
    found: set[str] = set()
    to_see = _segments(asked)
    while to_see:
        found |= to_see
        segments = Segment.objects.filter(slug__in=list(to_see))
        to_see = {slug for one in segments for slug in _segments(one.group()["conditions"])} - found
    return found - {""}


def _segments(asked: Collection[dict[str, Any]]) -> set[str]:
    everything = conditions.flattened(asked)
    return {str(c["args"].get("segment") or "") for c in everything if c["slug"] == IN_SEGMENT}


_known: ContextVar[dict[str, Segment | None] | None] = ContextVar("segments read", default=None)


@contextmanager
def read_once() -> Iterator[None]:
    """What is asked within this reads each segment but once."""
    token = _known.set({})
    try:
        yield
    finally:
        _known.reset(token)


_asked: ContextVar[tuple[str, ...]] = ContextVar("segments being asked", default=())


@contextmanager
def _inside(slug: str) -> Iterator[None]:
    """Raises ValueError where the segment is being asked already: a file may bring a circle."""
    if slug in _asked.get():
        raise ValueError(_("the segment “%s” is inside itself") % slug)
    token = _asked.set((*_asked.get(), slug))
    try:
        yield
    finally:
        _asked.reset(token)
