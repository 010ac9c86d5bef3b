"""Dating: the dates of people's own that their waits count from, read for many at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any

from ..flow.waiting import user_dates
from ..models import Enrollment

AGAIN = timedelta(days=1)  # a date may change while somebody waits for it: so often it is read


def days(source: Mapping[str, Any], enrollment_ids: Collection[int]) -> dict[int, Any]:
    """What the source (`flow.program.WaitDay`) holds for each, as it is stored. One query.

    Raises ValueError where it names none.
    """
    of, key = source["of"], source["key"]
    rows = Enrollment.objects.filter(pk__in=list(enrollment_ids)).order_by()
    if of == "user" and key in user_dates():
        return dict(rows.values_list("pk", f"contact__user__{key}"))
    if of not in ("contact", "event"):
        raise ValueError(f"nobody has a date {key!r} of {of!r}")
    held = rows.values_list("pk", "contact__attributes" if of == "contact" else "data")
    return {pk: data.get(key) for pk, data in held}
