"""Resolving: a person's word on deliveries of which the line can't know whether they went."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from ..models import Delivery
from .recording import announce
from .retrying import on_deadlock

State = Delivery.State


@on_deadlock
def mark_sent(ids: Collection[int]) -> int:
    """They did arrive. Returns how many of them were uncertain; others stay as they are."""
    return _uncertain(ids).update(state=State.SENT, reason="", claim="")


@on_deadlock
def send_again(ids: Collection[int], now: datetime) -> int:
    """They did not arrive: due again, under the same Message-ID. Returns how many were uncertain.

    Their people went on in the meantime; sending them again moves nobody.
    """
    with transaction.atomic():
        changed = _uncertain(ids).update(
            state=State.WAITING, reason="", claim="", due_at=now, settled_at=None, attempts=0
        )
        if changed:
            announce()
    return changed


def _uncertain(ids: Collection[int]):
    return Delivery.objects.filter(pk__in=list(ids), state=State.UNCERTAIN)
