"""Consent of many people at once, by the same rules as `consent.grant`."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from .consent import Consent, ConsentRecord, Topic
from .inserting import insert_all


def grant_all(
    contact_ids: Collection[int], topic: Topic, *, at: datetime, source: str, wording: str = ""
) -> int:
    """All of them want `topic`, since `at`. Returns for how many that changed something.

    The later word counts: who left it after `at` has left it. Call it in a transaction that holds
    the contacts' locks. A fixed number of queries.
    """
    granted, withdrawn = Consent.State.GRANTED, Consent.State.WITHDRAWN
    known = Consent.objects.filter(contact_id__in=list(contact_ids), topic=topic)
    found = {row.contact_id: row for row in known.order_by("pk")}
    back = [row.pk for row in found.values() if row.state == withdrawn and row.changed_at <= at]
    returned = [row.contact_id for row in found.values() if row.pk in set(back)]
    if back:
        known.filter(pk__in=back).update(state=granted, changed_at=at)
    new = [
        Consent(contact_id=pk, topic=topic, state=granted, changed_at=at)
        for pk in sorted(contact_ids)
        if pk not in found
    ]
    refused = {row.contact_id for row in insert_all(new)}
    changed = returned + [row.contact_id for row in new if row.contact_id not in refused]
    ConsentRecord.objects.bulk_create(
        ConsentRecord(
            contact_id=pk, topic=topic, state=granted, at=at, source=source, wording=wording
        )
        for pk in changed
    )
    return len(changed)
