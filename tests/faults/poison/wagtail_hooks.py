from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from typing import Any

from wagtail import hooks

from wagtail_drip.content.merge_fields import MergeField

MEGABYTE = 2**20


class Poison(MergeField):
    """What the contact's attribute `poison` says."""

    slug = "poison"
    label = "Poison"

    def values(self, recipients: Sequence[Any]) -> dict[int, Any]:
        return {one.id: self._value(one.attributes.get("poison")) for one in recipients}

    def _value(self, poison: str | None) -> str:
        match poison:
            case "raise":
                raise ValueError("poisoned")
            case "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            case "exit":
                os._exit(1)
            case "large":
                return "x" * 20 * MEGABYTE
        return "well"


@hooks.register("register_drip_merge_fields")
def merge_fields() -> dict[str, MergeField]:
    return {Poison.slug: Poison()}
