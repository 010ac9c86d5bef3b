"""Asking many people the same conditions at once, so that one bad apple spoils only itself."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import models, transaction

from ..models import matching
from .retrying import is_outage

logger = logging.getLogger("wagtail_drip")


@dataclass(frozen=True, slots=True)
class Answers:
    """`met`: primary keys for which the conditions hold. `faults`: those who can't be asked."""

    met: set[int] = field(default_factory=set)
    faults: Mapping[int, str] = field(default_factory=dict)


def ask(
    group: Mapping[str, Any], model: type[models.Model], ids: Collection[int], now: datetime
) -> Answers:
    """For which of these contacts or enrollments does the group hold? One query.

    Where that query fails (an unknown condition, a value that the database can't compare),
    each is asked alone. Raises only where the database itself is at fault.
    """
    if not ids:
        return Answers()
    try:
        return Answers(met=_met(group, model, ids, now))
    except Exception as error:
        if is_outage(error):
            raise
        logger.exception("The conditions %r can't be asked", group)
        return _one_by_one(group, model, ids, now)


def explained(error: Exception) -> str:
    """An error as the reason of a failed enrollment, as records and editors see it."""
    text = f"no such place in the flow: {error}" if type(error) is KeyError else str(error)
    return text.replace("\0", "")[:200] or type(error).__name__


def _met(
    group: Mapping[str, Any], model: type[models.Model], ids: Collection[int], now: datetime
) -> set[int]:
    with transaction.atomic():
        return set(matching.met(group, model._default_manager.filter(pk__in=list(ids)), now))


def _one_by_one(
    group: Mapping[str, Any], model: type[models.Model], ids: Collection[int], now: datetime
) -> Answers:
    met: set[int] = set()
    faults: dict[int, str] = {}
    for pk in ids:
        try:
            met |= _met(group, model, [pk], now)
        except Exception as error:
            if is_outage(error):
                raise
            faults[pk] = explained(error)
    return Answers(met, faults)
