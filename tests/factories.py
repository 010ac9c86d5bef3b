"""Plain functions that make rows for tests. Keyword arguments name model fields."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import uuid4

from django.contrib.auth import get_user_model
from wagtail.models import Locale, Page, Site

from wagtail_drip.models import (
    Campaign,
    Consent,
    Contact,
    Delivery,
    Enrollment,
    Event,
    Inbox,
    Step,
    Topic,
    Version,
    VersionStep,
)
from wagtail_drip.models.addresses import digest

# The same moment as the fixture `now`: a Monday, 09:00 UTC.
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

_numbers = count(1)


def locale() -> Locale:
    return Locale.objects.first() or Locale.objects.create(language_code="en")


def site() -> Site:
    """The default site; made anew where a test with real transactions has flushed it."""
    if found := Site.objects.filter(is_default_site=True).first():
        return found
    locale()
    root = Page.get_first_root_node() or Page.add_root(instance=Page(title="Root", slug="root"))
    return Site.objects.create(hostname="localhost", root_page=root, is_default_site=True)


def user(email: str = "", **fields: Any) -> Any:
    number = next(_numbers)
    fields.setdefault("username", f"user{number}")
    return get_user_model().objects.create(email=email, **fields)


def contact(email: str = "", **fields: Any) -> Contact:
    email = email or f"person{next(_numbers)}@example.com"
    return Contact.objects.create(email=email, **fields)


def contacts(amount: int, **fields: Any) -> list[Contact]:
    """Many at once, with one INSERT."""
    rows = []
    for _ in range(amount):
        email = f"person{next(_numbers)}@example.com"
        rows.append(Contact(email=email, email_digest=digest(email), **fields))
    return Contact.objects.bulk_create(rows)


def topic(slug: str = "news", **fields: Any) -> Topic:
    fields.setdefault("name", slug.title())
    fields.setdefault("site", site())
    fields.setdefault("opt_in", "single")
    return Topic.objects.create(slug=slug, **fields)


def consent(contact: Contact, topic: Topic, state: str = "granted", **fields: Any) -> Consent:
    """The present state alone, without its proof (`models.consent.grant` writes both)."""
    fields.setdefault("changed_at", NOW - timedelta(days=30))
    return Consent.objects.create(contact=contact, topic=topic, state=state, **fields)


def step(name: str = "Hello", **fields: Any) -> Step:
    """A live step. `body`: raw stream data, a list of `{"type": ..., "value": ...}`."""
    fields.setdefault("subject", name)
    fields.setdefault("site", site())
    fields.setdefault("locale", locale())
    fields.setdefault("live", True)
    body = fields.pop("body", [])
    row = Step(name=name, **fields)
    row.body = json.dumps(body) if isinstance(body, list) else body
    row.save()
    return row


# Nodes of a program, in the JSON shape of flow.compiling.dump


def send(step: Step, next: str = "") -> dict[str, Any]:
    return {"kind": "send", "step": str(step.translation_key), "next": next}


def wait(next: str = "", *, amount: int = 1, unit: str = "days") -> dict[str, Any]:
    return {
        "kind": "wait",
        "spec": {"type": "duration", "amount": amount, "unit": unit},
        "next": next,
    }


def wait_event(
    event: str, happened: str = "", timeout: str = "", *, amount: int = 3, unit: str = "days"
) -> dict[str, Any]:
    spec = {"type": "duration", "amount": amount, "unit": unit}
    told = {"event": event, "same": ""}
    return {
        "kind": "wait_event", "event": told, "spec": spec, "happened": happened, "timeout": timeout,
    }  # fmt: skip


def wait_day(of: str, key: str, next: str = "", *, amount: int = 0, leave: bool = True, **spec):
    spec = {"amount": amount, "unit": "days", "time": "09:00", "yearly": False, **spec}
    source = {"of": of, "key": key}
    return {"kind": "wait_day", "source": source, "spec": spec, "leave": leave, "next": next}


def do(next: str = "", **action: Any) -> dict[str, Any]:
    return {"kind": "do", "action": action, "next": next}


def branch(group: dict[str, Any], yes: str = "", no: str = "") -> dict[str, Any]:
    return {"kind": "branch", "group": group, "yes": yes, "no": no}


def leave(reason: str = "") -> dict[str, Any]:
    return {"kind": "leave", "reason": reason}


def group(*conditions: dict[str, Any], match: str = "all") -> dict[str, Any]:
    return {"match": match, "conditions": list(conditions)}


def condition(slug: str, **args: Any) -> dict[str, Any]:
    return {"slug": slug, "args": args}


def version(
    campaign: Campaign, nodes: dict[str, dict[str, Any]], *, start: str = "", **fields: Any
) -> Version:
    """A published version that the campaign points to. `start`: default the first node."""
    program = {"format": 2, "start": start or next(iter(nodes), ""), "nodes": nodes}
    text = json.dumps(program, sort_keys=True)
    fields.setdefault("number", campaign.versions.count() + 1)
    row = Version.objects.create(
        campaign=campaign,
        program=program,
        program_digest=hashlib.sha256(text.encode()).hexdigest(),
        **fields,
    )
    keys = {node["step"] for node in nodes.values() if node["kind"] == "send"}
    VersionStep.objects.bulk_create(VersionStep(version=row, step_key=key) for key in keys)
    campaign.current_version = row
    Campaign.objects.filter(pk=campaign.pk).update(current_version=row)
    return row


def _stream(conditions: Sequence[dict[str, Any]]) -> str:
    return json.dumps(
        [{"type": c["slug"], "value": c["args"], "id": str(uuid4())} for c in conditions]
    )


def campaign(
    slug: str = "welcome",
    *,
    nodes: dict[str, dict[str, Any]] | None = None,
    start: str = "",
    audience: Sequence[dict[str, Any]] = (),
    goals: Sequence[dict[str, Any]] = (),
    **fields: Any,
) -> Campaign:
    """A live campaign since a week with a version of `nodes` (default: one send of a new step).

    Without a `topic` it is transactional. `audience`, `goals`: what `condition()` makes.
    """
    fields.setdefault("name", slug.title())
    fields.setdefault("site", site())
    fields.setdefault("trigger", "user_signed_up")
    fields.setdefault("live", True)
    fields.setdefault("started_at", NOW - timedelta(days=7))
    if not fields.get("topic"):
        fields.setdefault("transactional_reason", "They asked for it")
    row = Campaign(slug=slug, **fields)
    row.audience, row.goals, row.flow = _stream(audience), _stream(goals), "[]"
    row.save()
    version(row, nodes if nodes is not None else {"n1": send(step(f"{slug} 1"))}, start=start)
    return row


def event(contact: Contact, name: str = "user_signed_up", *, inbox: bool = True, **fields: Any):
    """An event as recording writes it: with its Inbox row, unless `inbox` is False."""
    fields.setdefault("at", NOW)
    if key := fields.get("key"):
        fields["key_digest"] = digest(f"{name}\0{key}")
    row = Event.objects.create(contact=contact, name=name, **fields)
    if inbox:
        Inbox.objects.create(event=row)
    return row


def enrollment(campaign: Campaign, contact: Contact | None = None, **fields: Any) -> Enrollment:
    """An active enrollment at the program's start, due now."""
    contact = contact or contacts(1)[0]
    fields.setdefault("version", campaign.current_version)
    fields.setdefault("node", fields["version"].program["start"])
    fields.setdefault("entered_at", NOW)
    fields.setdefault("arrived_at", fields["entered_at"])
    if fields.get("state", "active") == "active":
        fields.setdefault("due_at", NOW)
    return Enrollment.objects.create(campaign=campaign, contact=contact, **fields)


def enrollments(campaign: Campaign, amount: int, **fields: Any) -> list[Enrollment]:
    """Many at once, each with a contact of its own, with two INSERTs."""
    fields.setdefault("version", campaign.current_version)
    fields.setdefault("node", fields["version"].program["start"])
    fields.setdefault("entered_at", NOW)
    fields.setdefault("arrived_at", fields["entered_at"])
    fields.setdefault("due_at", NOW)
    return Enrollment.objects.bulk_create(
        Enrollment(campaign=campaign, contact=person, **fields) for person in contacts(amount)
    )


def _delivery(enrollment: Enrollment, fields: dict[str, Any]) -> Delivery:
    fields = dict(fields)
    node = fields.setdefault("node", enrollment.node)
    known = enrollment.version.program["nodes"].get(node, {})
    fields.setdefault("step_key", known.get("step") or uuid4())
    fields.setdefault("due_at", NOW)
    fields.setdefault("created_at", NOW)
    row = Delivery(
        enrollment=enrollment,
        contact_id=enrollment.contact_id,
        campaign_id=enrollment.campaign_id,
        **fields,
    )
    row.message_id = row.message_id or f"<{row.token}@example.com>"
    return row


def delivery(enrollment: Enrollment, **fields: Any) -> Delivery:
    """A delivery of the node where the enrollment stands, waiting and due now."""
    row = _delivery(enrollment, fields)
    row.save()
    if row.state in Delivery.OPEN:
        enrollment.due_at = None
        Enrollment.objects.filter(pk=enrollment.pk).update(due_at=None)
    return row


def deliveries(campaign: Campaign, amount: int, **fields: Any) -> list[Delivery]:
    """Many at once, each with an enrollment and a contact of its own, waiting and due now."""
    standing = enrollments(campaign, amount, due_at=None)
    return Delivery.objects.bulk_create(_delivery(row, fields) for row in standing)
