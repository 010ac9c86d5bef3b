"""Asking many people the same conditions at once, so that one bad apple spoils only itself."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import models, transaction

from ..flow.program import Answer
from ..flow.reasons import because
from ..models import matching
from ..models.among import among
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

    def met(some: Collection[int]) -> dict[int, bool]:
        found = matching.met(group, model._default_manager.filter(among("pk", some)), now)
        return dict.fromkeys(found, True)

    answers, faults = for_all(met, ids)
    return Answers(set(answers), faults)


def ask_why(
    group: Mapping[str, Any],
    model: type[models.Model],
    ids: Collection[int],
    now: datetime,
    code: str = "holds",
    code_not: str = "",
) -> tuple[dict[int, Answer], Mapping[int, str]]:
    """As `ask`, with reasons of these codes; in one query as well. Without `code_not`, of those
    alone for whom it holds. And why some can't be asked."""
    everybody = bool(code_not)

    def answers(some: Collection[int]) -> dict[int, Answer]:
        rows = model._default_manager.filter(among("pk", some))
        found = matching.met_and_seen(group, rows, now, everybody=everybody)
        # People who were seen alike share one answer.
        distinct = {id(one): one for one in found.values()}
        told = {
            key: Answer(met, because(code if met else code_not, asked=seen))
            for key, (met, seen) in distinct.items()
        }
        return {pk: told[id(one)] for pk, one in found.items()}

    def plainly(some: Collection[int]) -> dict[int, Answer]:
        met = matching.met(group, model._default_manager.filter(among("pk", some)), now)
        yes, no = Answer(True, because(code)), Answer(False, because(code_not))
        return {pk: yes if pk in met else no for pk in some if everybody or pk in met}

    # What can't be told of keeps nobody from going on.
    return for_all(answers, ids, or_else=plainly)


Question = Callable[[Collection[int]], Mapping[int, Any]]


def for_all(
    question: Question, ids: Collection[int], or_else: Question | None = None
) -> tuple[dict[int, Any], dict[int, str]]:
    """What the question finds for these ids, and why some can't be asked.

    All are asked at once; where that fails, each alone, by the other question if there is one.
    Raises only where the database itself is at fault.
    """
    if not ids:
        return {}, {}
    found: dict[int, Any] = {}
    try:
        with transaction.atomic():
            return dict(question(ids)), {}
    except Exception as error:
        if is_outage(error):
            raise
        logger.exception("%d people can't be asked at once", len(ids))
        if or_else is not None:
            return for_all(or_else, ids)
        if len(ids) == 1:
            return {}, dict.fromkeys(ids, explained(error))
    faults: dict[int, str] = {}
    for pk in ids:
        one, fault = for_all(question, [pk])
        found |= one
        faults |= fault
    return found, faults


def explained(error: Exception) -> str:
    """An error as the reason of a failed enrollment, as records and editors see it."""
    text = f"no such place in the flow: {error}" if type(error) is KeyError else str(error)
    return text.replace("\0", "")[:200] or type(error).__name__
