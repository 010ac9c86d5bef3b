"""Acting: what a flow does besides sending, in the transaction that carries its people on.

So each happens exactly once, and the next condition sees it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from ..flow import compiling
from ..models import Attribute, Contact, Enrollment, Tagging
from ..models.quietly import delete
from ..models.tags import tag_all, tag_slug, tags_named
from .enrolling import open_campaigns
from .entering import Candidate, admit
from .loading import Carried
from .recording import announce

logger = logging.getLogger("wagtail_drip")

MAX_HOPS = 10  # campaigns that lead on to others; the gate refuses a round, not every race

Action = Mapping[str, Any]


def act(action: Action, enrollments: Sequence[Carried], now: datetime) -> bool:
    """Do this for all of them. The number of queries does not depend on how many they are.

    False: nothing was done, since a later release must do it (a rolling deploy). Raises KeyError
    for an action that this release doesn't know.
    """
    return ACTIONS[action["do"]](action, enrollments, now) is not False


def _enroll(action: Action, enrollments: Sequence[Carried], now: datetime) -> bool:
    """They enter another campaign, if it is live and lets them."""
    campaign = open_campaigns().filter(pk=action["campaign"]).first()
    if campaign is None:
        logger.warning("Nobody can enter campaign %s: it is not live", action["campaign"])
        return True
    if campaign.current_version and compiling.is_newer(campaign.current_version.program):
        logger.warning("Nobody can enter campaign %s before a newer release is here", campaign.slug)
        return False
    near = [row for row in enrollments if row.hops < MAX_HOPS]
    if len(near) < len(enrollments):
        logger.error("People go round and round into campaign %s: stopped", campaign.slug)
    rows = Enrollment.objects.filter(pk__in=[row.pk for row in near])
    data = dict(rows.order_by().values_list("pk", "data"))
    people = Contact.objects.in_bulk([row.contact_id for row in near])
    candidates = [
        Candidate(people[row.contact_id], now, data[row.pk], hops=row.hops + 1) for row in near
    ]
    if admit(campaign, candidates, now=now, audience=False):
        announce()
    return True


def _set_attribute(action: Action, enrollments: Sequence[Carried], now: datetime) -> None:
    """One of their attributes gets a value, or goes. Their rows are locked by advancing.

    Raises ValueError where the attribute can't have this value (any more).
    """
    key = action["key"]
    attribute = Attribute.objects.filter(key=key).first()
    if attribute is None:
        raise ValueError(_("there is no attribute “%s”") % key)
    value = attribute.read(action["value"])
    ids = {row.contact_id for row in enrollments}
    changed = []
    for contact in Contact.objects.filter(pk__in=ids).only("attributes").order_by("pk"):
        before = dict(contact.attributes)
        contact.attributes.pop(key, None)
        if value is not None:
            contact.attributes[key] = value
        if contact.attributes != before:
            changed.append(contact)
    if changed:
        Contact.objects.bulk_update(changed, ["attributes"])


def _tag(action: Action, enrollments: Sequence[Carried], now: datetime) -> None:
    """They get a tag, which is made if need be, or lose it."""
    ids = sorted({row.contact_id for row in enrollments})
    if action["side"] == "remove":
        slug = tag_slug(action["tag"])
        delete(Tagging.objects.filter(contact__in=ids, tag__slug=slug))
    else:
        tag_all(ids, list(tags_named([action["tag"]]).values()), at=now)


ACTIONS: dict[str, Callable[[Action, Sequence[Carried], datetime], bool | None]] = {
    "enroll": _enroll,
    "attribute": _set_attribute,
    "tag": _tag,
}
