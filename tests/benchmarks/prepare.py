"""Making the rows of a case, in SQL: a million people by Django would take longer than the rest.

`python -m tests.benchmarks.prepare base` migrates and makes a live campaign with its mail;
`… people N [HOURS]` enrolls N new people who are due now, or in so many hours.
"""

from __future__ import annotations

import sys

import django

PEOPLE = """
INSERT INTO wagtail_drip_contact (uuid, email, email_digest, first_name, last_name, language,
  time_zone, attributes, created_at)
SELECT gen_random_uuid(), 'u' || i || '@example.com',
  encode(sha256(convert_to('u' || i || '@example.com', 'UTF8')), 'hex'),
  (ARRAY['Anna','Ben','Chloe','José','David','Emma','Farid','Grace'])[1 + i %% 8], 'Reader', '', '',
  '{}', now()
FROM generate_series((SELECT count(*) FROM wagtail_drip_contact),
  (SELECT count(*) FROM wagtail_drip_contact) + %(amount)s - 1) i"""
CONSENTS = """
INSERT INTO wagtail_drip_consent (contact_id, topic_id, state, changed_at)
SELECT c.id, t.id, 'granted', now() FROM wagtail_drip_contact c, wagtail_drip_topic t
WHERE NOT EXISTS (SELECT 1 FROM wagtail_drip_consent o WHERE o.contact_id = c.id)"""
ENROLLMENTS = """
INSERT INTO wagtail_drip_enrollment (contact_id, campaign_id, version_id, data, entry_key, state,
  reason, node, visit, arrived_at, due_at, entered_at)
SELECT c.id, p.id, p.current_version_id, '{}', '', 'active', '', 'n1', 1, now(),
  now() + make_interval(hours => %(hours)s), now()
FROM wagtail_drip_contact c, wagtail_drip_campaign p
WHERE NOT EXISTS (SELECT 1 FROM wagtail_drip_enrollment o WHERE o.contact_id = c.id)"""


def base() -> None:
    from django.core.management import call_command

    from tests import factories as make
    from tests.benchmarks.mail import body

    call_command("migrate", verbosity=0)
    step = make.step("Hello {{ first_name|friend }}", body=body())
    nodes = {"n1": make.send(step, "n2"), "n2": make.wait("n3"), "n3": make.send(step)}
    make.campaign(nodes=nodes, topic=make.topic())


def people(amount: int, hours: int = 0) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        for statement in (PEOPLE, CONSENTS, ENROLLMENTS):
            cursor.execute(statement, {"amount": amount, "hours": hours})
        cursor.execute("VACUUM ANALYZE")


if __name__ == "__main__":
    django.setup()
    case, *numbers = sys.argv[1:]
    {"base": base, "people": people}[case](*map(int, numbers))
