"""Planning: the rows of messages to come. They exist before anything is transmitted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import parseaddr
from functools import lru_cache
from typing import Any
from uuid import UUID

from ..conf import conf
from ..models import Campaign, Delivery, Step
from ..models.addresses import normalize
from ..models.deliveries import new_token
from ..models.inserting import insert_values
from .loading import Carried


@dataclass(frozen=True, slots=True)
class Plan:
    """`enrollment` came to the send at `node`, of the step with this translation key."""

    enrollment: Carried
    node: str
    step: str
    put_back: bool = False  # its delivery is there, skipped when this place was taken out


def lay_down(plans: Sequence[Plan], campaigns: Mapping[int, Campaign], now: datetime) -> set[int]:
    """Insert a delivery, due now, for each plan; those of places put back wait again.

    Two queries, however many they are, and one more for each place put back.

    Returns the enrollments that had theirs laid down by somebody else meanwhile.
    """
    if not plans:
        return set()
    steps = _steps(plan.step for plan in plans)
    _lay_down_again([plan for plan in plans if plan.put_back], steps, now)
    new = [plan for plan in plans if not plan.put_back]
    rows = [_row(plan, campaigns[plan.enrollment.campaign_id], steps, now) for plan in new]
    return {row["enrollment_id"] for row in insert_values(Delivery, rows, key="enrollment_id")}


def message_id(token: str, sender: str) -> str:
    """`<token@domain of the sender>`: every attempt of one delivery carries the same."""
    return f"<{token}@{_domain(sender)}>"


@lru_cache(maxsize=256)
def _domain(sender: str) -> str:
    try:
        return normalize(parseaddr(sender)[1]).rpartition("@")[2]
    except ValueError:
        return "localhost"


@dataclass(frozen=True, slots=True)
class _Step:
    """What of a step its deliveries need; of a deleted step, nothing is known."""

    channel: str = "email"
    sender_email: str = ""


def _steps(keys: Iterable[str]) -> dict[UUID, _Step]:
    found = Step.objects.filter(translation_key__in=set(keys)).order_by("-pk")
    # Where translations differ, the oldest one's sender counts: it is the original.
    return {
        key: _Step(channel, sender)
        for key, channel, sender in found.values_list("translation_key", "channel", "sender_email")
    }


def _lay_down_again(plans: Sequence[Plan], steps: Mapping[UUID, _Step], now: datetime) -> None:
    alike = defaultdict(list)
    for plan in plans:
        row = plan.enrollment
        alike[plan.node, row.visit, row.version_id, plan.step].append(row.pk)
    states = Delivery.State
    moved = Delivery.objects.filter(state=states.SKIPPED, reason=Delivery.Reason.MOVED)
    for (node, visit, version, step), ids in alike.items():
        key = UUID(step)
        moved.filter(enrollment_id__in=ids, node=node, visit=visit).update(
            state=states.WAITING,
            reason="",
            due_at=now,
            settled_at=None,
            version_id=version,
            step_key=key,
            channel=steps.get(key, _Step()).channel,
        )


def _row(
    plan: Plan, campaign: Campaign, steps: Mapping[UUID, _Step], now: datetime
) -> dict[str, Any]:
    key = UUID(plan.step)
    step = steps.get(key, _Step())
    token = new_token()
    sender = step.sender_email or campaign.sender_email or conf.FROM_EMAIL
    return {
        "enrollment_id": plan.enrollment.pk,
        "contact_id": plan.enrollment.contact_id,
        "campaign_id": plan.enrollment.campaign_id,
        "step_key": key,
        "version_id": plan.enrollment.version_id,
        "node": plan.node,
        "visit": plan.enrollment.visit,
        "channel": step.channel,
        "priority": campaign.priority,
        "due_at": now,
        "created_at": now,
        "token": token,
        "message_id": message_id(token, sender),
    }
