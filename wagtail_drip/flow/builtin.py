"""The parts of a flow that come with the package, in the picker's order."""

from __future__ import annotations

from . import deciding, doing, waiting
from .parts import Part


def builtin() -> dict[str, Part]:
    return {
        "send": doing.SendBlock(),
        "sms": doing.TextMessageBlock(),
        "webhook": doing.WebhookBlock(),
        "task": doing.TaskBlock(),
        "wait": waiting.WaitBlock(),
        "wait_hours": waiting.WaitHoursBlock(),
        "wait_date": waiting.WaitDateBlock(),
        "wait_day": waiting.WaitDayBlock(),
        "wait_event": deciding.WaitEventBlock(),
        "if_else": deciding.IfElseBlock(),
        "split": deciding.SplitBlock(),
        "enroll": doing.EnrollBlock(),
        "set_tag": doing.TagBlock(),
        "set_attribute": doing.SetAttributeBlock(),
        "leave": doing.LeaveBlock(),
    }
