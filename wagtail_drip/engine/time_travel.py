"""Time travel, for demos and tests: everything that is recorded becomes that much older.

So what waits is due that much sooner, and what happened is that much longer ago, as if the
time in between had passed.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from django.db import models, transaction
from django.db.models import F

from ..models import (
    Alias,
    ApiKey,
    Campaign,
    Consent,
    ConsentRecord,
    Contact,
    ContactImport,
    Conversion,
    Decision,
    Delivery,
    EarlyFact,
    Enrollment,
    Event,
    Farewell,
    ImportedContact,
    PendingConsent,
    Reaction,
    Refusal,
    Resumption,
    Review,
    Suppression,
    Tagging,
    Task,
    Throttle,
    Topic,
    Version,
)
from .recording import announce

MOMENTS: dict[type[models.Model], tuple[str, ...]] = {
    Contact: ("created_at", "erased_at", "paused_until"),
    ApiKey: ("created_at", "used_at"),
    Alias: ("merged_at",),
    Tagging: ("at",),
    ContactImport: ("created_at", "finished_at", "agreed_at"),
    ImportedContact: ("at",),
    Topic: ("created_at",),
    Consent: ("changed_at",),
    ConsentRecord: ("at",),
    PendingConsent: ("asked_at",),
    Farewell: ("at",),
    Throttle: ("until",),
    Suppression: ("created_at",),
    Campaign: ("started_at", "paused_at", "resumed_at", "refused_at", "launched_for"),
    Review: ("reviewed_at",),
    Task: ("created_at", "due_at", "done_at", "notified_at"),
    Resumption: ("paused_at", "at", "stale_before"),
    Version: ("created_at",),
    Conversion: ("at",),
    Decision: ("at",),
    Refusal: ("at",),
    Event: ("at", "recorded_at"),
    Reaction: ("at",),
    EarlyFact: ("received_at",),
    Enrollment: ("arrived_at", "due_at", "entered_at", "ended_at"),
    Delivery: (
        "due_at", "created_at", "settled_at",
        "delivered_at", "bounced_at", "complained_at", "opened_at", "clicked_at",
    ),
}  # fmt: skip

MOMENT = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+\+00:00")


def fast_forward(delta: timedelta) -> None:
    """Let `delta` pass. Leases and the heartbeat keep real time."""
    with transaction.atomic():
        for model, names in MOMENTS.items():
            model._default_manager.update(**{name: F(name) - delta for name in names})
        _age_what_was_seen(delta)
        announce()


def _age_what_was_seen(delta: timedelta) -> None:
    """The moments inside decisions ("waits until …"), as flow/reasons.py writes them."""
    told = Decision.objects.order_by().values_list("pk", "seen")
    rows = [(pk, seen, _aged(seen, delta)) for pk, seen in told]
    changed = [Decision(pk=pk, seen=aged) for pk, seen, aged in rows if aged != seen]
    Decision.objects.bulk_update(changed, ["seen"], batch_size=500)


def _aged(value: Any, delta: timedelta) -> Any:
    match value:
        case dict():
            return {key: _aged(inner, delta) for key, inner in value.items()}
        case list():
            return [_aged(inner, delta) for inner in value]
        case str() if MOMENT.fullmatch(value):
            return (datetime.fromisoformat(value) - delta).isoformat()
    return value
