"""Making the rows of a case, in SQL: a million people by Django would take longer than the rest.

`python -m tests.benchmarks.prepare base` migrates and makes a live campaign with its mail;
`… people N [HOURS]` enrolls N new people who are due now, or in so many hours.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import django

if TYPE_CHECKING:
    from django.db.models import Model

NUMBERED = """generate_series((SELECT count(*) FROM wagtail_drip_contact),
  (SELECT count(*) FROM wagtail_drip_contact) + {amount} - 1) i"""
WITHOUT = "{table} c WHERE NOT EXISTS (SELECT 1 FROM {other} o WHERE o.contact_id = c.id)"


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

    from wagtail_drip.models import Campaign, Consent, Contact, Enrollment, Topic

    contacts, consents, enrollments = (
        model._meta.db_table for model in (Contact, Consent, Enrollment)
    )
    campaign, topic = Campaign.objects.get(), Topic.objects.get()
    address = "'u' || i || '@example.com'"
    with connection.cursor() as cursor:
        for prototype, source, values in (
            (
                Contact(last_name="Reader"),
                NUMBERED.format(amount=amount),
                {
                    "uuid": "gen_random_uuid()",
                    "email": address,
                    "email_digest": f"encode(sha256(convert_to({address}, 'UTF8')), 'hex')",
                    "first_name": "(ARRAY['Anna','Ben','José','David','Emma','Farid'])[1 + i % 6]",
                    "created_at": "now()",
                },
            ),
            (
                Consent(topic=topic, state="granted"),
                WITHOUT.format(table=contacts, other=consents),
                {"contact_id": "c.id", "changed_at": "now()"},
            ),
            (
                Enrollment(campaign=campaign, version=campaign.current_version, node="n1"),
                WITHOUT.format(table=contacts, other=enrollments),
                {
                    "contact_id": "c.id",
                    "arrived_at": "now()",
                    "entered_at": "now()",
                    "due_at": f"now() + make_interval(hours => {hours})",
                },
            ),
        ):
            insert(cursor, prototype, source, values)
        cursor.execute("VACUUM ANALYZE")


def insert(cursor: Any, prototype: Model, source: str, values: dict[str, str]) -> None:
    """One row for each of `source`: what `values` says in SQL, and else what Django would write."""
    from django.db import connection

    fields = [field for field in prototype._meta.local_concrete_fields if not field.primary_key]
    said = [values.get(field.column) for field in fields]
    written = [
        field.get_db_prep_save(getattr(prototype, field.attname), connection)
        for field, sql in zip(fields, said, strict=True)
        if sql is None
    ]
    columns = ", ".join(field.column for field in fields)
    selected = ", ".join("%s" if sql is None else sql.replace("%", "%%") for sql in said)
    table = prototype._meta.db_table
    cursor.execute(f"INSERT INTO {table} ({columns}) SELECT {selected} FROM {source}", written)


if __name__ == "__main__":
    django.setup()
    case, *numbers = sys.argv[1:]
    {"base": base, "people": people}[case](*map(int, numbers))
