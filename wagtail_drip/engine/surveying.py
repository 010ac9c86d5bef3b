"""Surveying: once a day it is written down how many people stand in each stage of the lifecycle."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Count

from ..models import Contact, Stage, StageCount
from ..models.inserting import insert_all
from ..models.lifecycle import with_stages
from .reviewing import today


def count_stages(now: datetime) -> int:
    """Count, unless today (by the site's clock) has its counts. Returns how many rows were written.

    One query on the day's other passes. A day on which nothing ran has no row.
    """
    day = today(now)
    if StageCount.objects.filter(day=day).exists():
        return 0
    people = with_stages(Contact.objects.filter(erased_at=None), now).order_by()
    found = dict(people.values_list("stage").annotate(number=Count("pk")))
    rows = [StageCount(day=day, stage=stage, number=found.get(stage, 0)) for stage in Stage.values]
    return len(rows) - len(insert_all(rows))
