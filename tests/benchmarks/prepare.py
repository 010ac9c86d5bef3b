"""Making the rows of a case, in SQL: a million people by Django would take longer than the rest.

`python -m tests.benchmarks.prepare base` migrates and makes a live campaign with its mail;
`… people N [HOURS]` enrolls N new people who are due now, or in so many hours; `… contacts N` makes
N who are in no campaign; `… rate N` lets the campaign send N a minute.
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
    from django.utils import timezone

    from tests import factories as make
    from tests.benchmarks.mail import body
    from wagtail_drip.engine import ticking

    call_command("migrate", verbosity=0)
    step = make.step("Hello {{ first_name|friend }}", body=body())
    nodes = {"n1": make.send(step, "n2"), "n2": make.wait("n3"), "n3": make.send(step)}
    make.campaign(nodes=nodes, topic=make.topic())
    ticking.tick(timezone.now())  # what is done once a day, and by the first pump of all


def contacts(amount: int) -> None:
    from django.db import connection

    from wagtail_drip.models import Consent, Contact, Topic

    address = "'u' || i || '@example.com'"
    with connection.cursor() as cursor:
        named = {
            "uuid": "gen_random_uuid()",
            "email": address,
            "email_digest": f"encode(sha256(convert_to({address}, 'UTF8')), 'hex')",
            "first_name": "(ARRAY['Anna','Ben','José','David','Emma','Farid'])[1 + i % 6]",
            "created_at": "now()",
        }
        insert(cursor, Contact(last_name="Reader"), NUMBERED.format(amount=amount), named)
        agreed = {"contact_id": "c.id", "changed_at": "now()"}
        consent = Consent(topic=Topic.objects.get(), state="granted")
        insert(cursor, consent, without(Consent), agreed)
        cursor.execute("VACUUM ANALYZE")


def people(amount: int, hours: int = 0) -> None:
    from django.db import connection

    from wagtail_drip.models import Campaign, Enrollment

    contacts(amount)
    campaign = Campaign.objects.get()
    enrollment = Enrollment(campaign=campaign, version=campaign.current_version, node="n1")
    stands = {
        "contact_id": "c.id",
        "arrived_at": "now()",
        "entered_at": "now()",
        "due_at": f"now() + make_interval(hours => {hours})",
    }
    with connection.cursor() as cursor:
        insert(cursor, enrollment, without(Enrollment), stands)
        cursor.execute("VACUUM ANALYZE")


def rate(a_minute: int) -> None:
    from wagtail_drip.models import Campaign

    Campaign.objects.update(rate=a_minute)


def without(model: type[Model]) -> str:
    """The contacts that have no row of the model yet."""
    from wagtail_drip.models import Contact

    return WITHOUT.format(table=Contact._meta.db_table, other=model._meta.db_table)


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
    {"base": base, "people": people, "contacts": contacts, "rate": rate}[case](*map(int, numbers))
