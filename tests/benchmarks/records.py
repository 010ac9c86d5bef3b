"""How long a page of records takes with a million rows of each kind: `make records`.

Fills the PostgreSQL database that DATABASE_URL names, once, then asks for each list, filter,
search and page as an editor's browser would. Ends with 1 where one took more than a second.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from typing import Any

import django

ROWS = int(os.environ.get("ROWS", "1_000_000"))
MOST = 1.0  # seconds
TRIES = 3  # the quickest counts: other work on the machine is not the page's fault
NAMES = "(ARRAY['Ada','Ben','Cleo','Dan','Eva','Finn','Gil','Hana','Ida','Jon'])[1 + n % 10]"
SURNAMES = "(ARRAY['Arrieta','Bloom','Castellane','Dahl','Ekman','Falk','Gray'])[1 + n % 7]"
SERIES = f"generate_series(1, {ROWS}) n"
# Made over two years; the newest come last.
MOMENT = f"now() - ({ROWS} - n) * interval '63 seconds'"
STATES = "(ARRAY['sent','sent','sent','sent','skipped','waiting'])[1 + n % 6]"
NUMBERED = f"{SERIES} JOIN wagtail_drip_contact c ON c.email_digest = md5(n::text)"


def fill(cursor: Any, kind: str, campaign: Any) -> None:
    """What the sort of SQL here does not say, the models' own defaults do."""
    from tests.benchmarks.prepare import insert
    from wagtail_drip import models

    its = {"contact_id": "c.id"}
    enrolled = f"{NUMBERED} JOIN wagtail_drip_enrollment e ON e.contact_id = c.id"
    prototype, source, values = {
        "contact": lambda: (
            models.Contact(language="en"),
            SERIES,
            {
                "uuid": "gen_random_uuid()",
                "email": f"lower({NAMES}) || '.' || lower({SURNAMES}) || n || '@example.com'",
                "email_digest": "md5(n::text)",
                "first_name": NAMES,
                "last_name": SURNAMES,
                "created_at": MOMENT,
            },
        ),
        "event": lambda: (
            models.Event(data={"book": 7}),
            NUMBERED,
            its
            | {
                "name": "CASE WHEN n % 5 = 0 THEN 'order_placed' ELSE 'user_signed_up' END",
                "at": MOMENT,
                "recorded_at": "now()",
            },
        ),
        "enrollment": lambda: (
            models.Enrollment(campaign=campaign, version=campaign.current_version, node="n1"),
            NUMBERED,
            its
            | {
                "state": "(ARRAY['active','completed','left'])[1 + n % 3]",
                "arrived_at": "now()",
                "entered_at": MOMENT,
            },
        ),
        "delivery": lambda: (
            models.Delivery(campaign=campaign, node="n1", channel="email", attempts=1),
            enrolled,
            its
            | {
                "enrollment_id": "e.id",
                "step_key": "gen_random_uuid()",
                "state": f"CASE WHEN n % {ROWS // 3} = 0 THEN 'failed' ELSE {STATES} END",
                "due_at": MOMENT,
                "created_at": MOMENT,
                "settled_at": MOMENT,
                "token": "md5(n::text)",
            },
        ),
    }[kind]()
    insert(cursor, prototype, source, values)


KINDS = ("contact", "event", "enrollment", "delivery")
SEARCHES = {
    "a whole address": "ida.bloom8@example.com",
    "the beginning of many names": "ida",
    "two words": "ida bloom",
    "the beginning of few": "ida.bloom99999",
    "one letter": "a",
    "the middle of a word": "loom99",
    "what nobody has": "zzzz",
    "two that nobody has": "zzzz yyyy",
}
LISTS = {
    "contacts": ["created_from=2026-01-01", "created_to=2001-01-01", "o=3"],
    "events": ["name=order_placed", "name=cart_changed", "when_to=2001-01-01"],
    "people": ["state=active", "state=failed", "campaign={many}", "campaign={few}",
               "state=left&campaign={many}", "state=failed&campaign={many}",
               "entered_to=2001-01-01"],
    "deliveries": ["state=waiting", "state=failed", "state=uncertain", "campaign={many}",
                   "campaign={few}", "state=failed&campaign={many}", "state=sent&campaign={few}",
                   "planned_to=2001-01-01"],
}  # fmt: skip


def main() -> int:
    django.setup()
    from django.db import connection

    name = connection.settings_dict["NAME"]
    if connection.vendor != "postgresql" or "bench" not in name:
        sys.exit(f"“{name}” is not filled with rows: name a PostgreSQL database …bench….")
    campaigns = filled()
    slow = 0
    for path in paths(campaigns):
        took = min(seconds(path) for _try in range(TRIES))
        slow += took > MOST
        sys.stdout.write(f"{took:6.2f} s{' !' if took > MOST else '  '} {path}\n")
    return 1 if slow else 0


def filled() -> dict[str, int]:
    """The campaigns' ids by slug; all rows are there."""
    from django.core.management import call_command
    from django.db import connection

    from tests import factories as make
    from wagtail_drip.models import Campaign

    call_command("migrate", verbosity=0)
    for slug in ("many", "few"):
        Campaign.objects.filter(slug=slug).exists() or make.campaign(slug)
    with connection.cursor() as cursor:
        many = Campaign.objects.get(slug="many")
        for kind in KINDS:
            cursor.execute(f"SELECT EXISTS (SELECT FROM wagtail_drip_{kind})")
            if not cursor.fetchone()[0]:
                sys.stdout.write(f"Filling {kind} …\n")
                fill(cursor, kind, many)
        cursor.execute("ANALYZE")
    return dict(Campaign.objects.values_list("slug", "pk"))


def paths(campaigns: dict[str, int]) -> Iterator[str]:
    from wagtail_drip import models

    kinds = (models.Contact, models.Event, models.Enrollment, models.Delivery)
    for (name, filters), model in zip(LISTS.items(), kinds, strict=True):
        yield f"{name}/"
        yield f"{name}/?p=200"
        yield from (f"{name}/?{one.format(**campaigns)}" for one in filters)
        yield from (f"{name}/?q={text.replace(' ', '+')}" for text in SEARCHES.values())
        yield f"{name}/inspect/{model.objects.order_by('pk').last().pk}/"
    yield "people/?q=ida&state=left"
    yield "deliveries/?q=ida&state=failed"


def seconds(path: str) -> float:
    client = _client()
    begun = time.perf_counter()
    response = client.get(f"/admin/drip/{path}")
    took = time.perf_counter() - begun
    assert response.status_code == 200, f"{path}: {response.status_code}"
    return took


def _client():
    from django.contrib.auth import get_user_model
    from django.test import Client

    users = get_user_model().objects
    user = users.filter(username="bench").first() or users.create_superuser("bench")
    client = Client()
    client.force_login(user)
    return client


if __name__ == "__main__":
    sys.exit(main())
