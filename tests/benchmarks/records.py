"""How long a page of records takes with a million rows of each kind: `make records`.

Fills the PostgreSQL database that DATABASE_URL names, once, then asks for each list, filter,
search and page as an editor's browser would. Ends with 1 where one took more than a second.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator

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
FILL = {
    "contact": f"""
        INSERT INTO wagtail_drip_contact (uuid, email, email_digest, first_name, last_name,
            language, time_zone, attributes, created_at)
        SELECT gen_random_uuid(), lower({NAMES}) || '.' || lower({SURNAMES}) || n || '@example.com',
            md5(n::text), {NAMES}, {SURNAMES}, 'en', '', '{{}}', {MOMENT} FROM {SERIES}""",
    "event": f"""
        INSERT INTO wagtail_drip_event (contact_id, name, at, data, key, recorded_at)
        SELECT c.id, CASE WHEN n % 5 = 0 THEN 'order_placed' ELSE 'user_signed_up' END, {MOMENT},
            '{{"book": 7}}', '', now()
        FROM {SERIES} JOIN wagtail_drip_contact c ON c.email_digest = md5(n::text)""",
    "enrollment": f"""
        INSERT INTO wagtail_drip_enrollment (contact_id, campaign_id, version_id, data, entry_key,
            state, reason, node, visit, arrived_at, entered_at)
        SELECT c.id, campaign.id, campaign.current_version_id, '{{}}', '',
            (ARRAY['active','completed','left'])[1 + n % 3], '', 'n1', 1, now(), {MOMENT}
        FROM {SERIES} JOIN wagtail_drip_contact c ON c.email_digest = md5(n::text)
        CROSS JOIN (SELECT * FROM wagtail_drip_campaign WHERE slug = 'many') campaign""",
    "delivery": f"""
        INSERT INTO wagtail_drip_delivery (enrollment_id, contact_id, campaign_id, step_key, node,
            visit, channel, state, reason, priority, due_at, created_at, settled_at, attempts,
            claim, token, message_id, provider_id, bounce_type)
        SELECT e.id, e.contact_id, e.campaign_id, gen_random_uuid(), 'n1', 1, 'email',
            CASE WHEN n % {ROWS // 3} = 0 THEN 'failed' ELSE {STATES} END, '', 0, {MOMENT},
            {MOMENT}, {MOMENT}, 1, '', md5(n::text), '', '', ''
        FROM {SERIES} JOIN wagtail_drip_contact c ON c.email_digest = md5(n::text)
        JOIN wagtail_drip_enrollment e ON e.contact_id = c.id""",
}
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
        for kind, sql in FILL.items():
            cursor.execute(f"SELECT EXISTS (SELECT FROM wagtail_drip_{kind})")
            if not cursor.fetchone()[0]:
                sys.stdout.write(f"Filling {kind} …\n")
                cursor.execute(sql)
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
