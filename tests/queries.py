"""Query counts that must not depend on how many people there are."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import groupby
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext


def queries(function: Callable[..., Any], *args: Any, **kwargs: Any) -> list[str]:
    """The beginnings of the statements it runs, in order.

    On SQLite, Django splits a bulk write at 999 parameters: its parts count as the one
    statement that they are elsewhere.
    """
    with CaptureQueriesContext(connection) as captured:
        function(*args, **kwargs)
    begun = [re.sub(r"\d+", "", query["sql"])[:60] for query in captured.captured_queries]
    if connection.vendor != "sqlite":
        return begun
    whole: list[str] = []
    for sql, parts in groupby(begun):
        whole += [sql] if sql.startswith(("INSERT", "UPDATE")) else parts
    return whole
