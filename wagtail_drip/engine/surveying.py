"""Surveying: once a day it is written down how many people stand in each stage of the lifecycle."""

from __future__ import annotations

from datetime import datetime

from ..models import Stage, StageCount, lifecycle
from ..models.inserting import insert_all
from .reviewing import today


def count_stages(now: datetime) -> int:
    """Count, unless today (by the site's clock) has its counts. Returns how many rows were written.

    One query on the day's other passes. A day on which nothing ran has no row.
    """
    day = today(now)
    if StageCount.objects.filter(day=day).exists():
        return 0
    found = lifecycle.count(now)
    rows = [StageCount(day=day, stage=stage, number=max(0, found[stage])) for stage in Stage.values]
    return len(rows) - len(insert_all(rows))
