from __future__ import annotations

import json

import pytest
from wagtail.log_actions import log

from tests import factories as make
from tests.queries import queries
from wagtail_drip.engine.disclosing import disclose
from wagtail_drip.engine.merging import merge
from wagtail_drip.models import (
    Contact,
    ContactImport,
    Conversion,
    ImportChunk,
    ImportedContact,
    Link,
    Reaction,
    Tag,
)
from wagtail_drip.models.consent import grant, suppress
from wagtail_drip.models.reactions import keys_of

pytestmark = pytest.mark.django_db


OFFER = "https://www.example.com/offer"


def lived(now, email="ann@example.com", number=1) -> Contact:
    contact = make.contact(
        email, first_name="Ann", attributes={"city": "Bookham"}, user=make.user()
    )
    for _ in range(number):
        event = make.event(contact, data={"book": 7})
        enrollment = make.enrollment(make.campaign(make.uuid4().hex), contact, event=event)
        mail = make.delivery(enrollment, state="sent", opened_at=now)
        link = Link.objects.get(key=keys_of([OFFER])[OFFER])
        Reaction.objects.create(delivery=mail, kind="clicked", link=link, at=now, by="agent")
        grant(contact, make.topic(make.uuid4().hex), at=now, source="/signup/", ip="192.0.2.7")
        contact.tags.add(Tag.objects.create(name=make.uuid4().hex))
    return contact


def test_all_that_is_kept_is_told(now):
    contact = lived(now)
    contact = merge(contact, make.contact("old@example.com"), now=now)
    suppress("old@example.com", reason="bounced", at=now)
    job = ContactImport.objects.create(file_name="people.csv", encoding="UTF-8", delimiter=",")
    ImportedContact.objects.create(contact=contact, job=job, at=now)
    row = contact.enrollments.get()
    Conversion.objects.create(enrollment=row, contact=contact, campaign=row.campaign, at=now)
    told = json.loads(json.dumps(disclose(contact, now=now)))
    assert told["other"]["wagtail_drip.conversion"][0]["at"] == now.isoformat()
    assert told["format"] == 1 and told["contact"]["attributes"] == {"city": "Bookham"}
    assert told["contact"]["account"] == contact.user.username
    assert told["former_addresses"][0]["email"] == "old@example.com"
    assert told["suppressions"][0]["reason"] == "bounced"
    assert told["consent_records"][0]["ip"] == "192.0.2.7"
    assert told["events"][0]["data"] == {"book": 7}
    assert told["mails"][0]["opened_at"] == now.isoformat()
    assert told["mails"][0]["campaign"] == told["campaigns"][0]["campaign"] != ""
    (click,) = told["opens_and_clicks"]
    assert (click["link"], click["by"], click["at"]) == (OFFER, "agent", now.isoformat())
    assert len(told["tags"]) == len(told["consents"]) == 1
    assert "wagtail_drip.importedcontact" in told["other"]


def test_nothing_of_somebody_else_is_told(now):
    lived(now, "other@example.com")
    told = disclose(make.contact("ann@example.com"), now=now)
    assert "other@example.com" not in json.dumps(told)
    assert not told["events"] and not told["mails"] and not told["other"]


def test_the_rows_of_files_that_have_an_address_of_theirs_are_told(now):
    """Refused ones, and those of a file that nobody has imported yet."""
    contact = merge(make.contact("ann@example.com"), make.contact("old@example.com"), now=now)
    job = ContactImport.objects.create(
        file_name="people.csv", encoding="UTF-8", delimiter=",", header=["mail", "city"]
    )
    cells = [["Ann <ANN@example.com>", "Bookham"], ["ann@example.com.au", "X"],
             ["bob@example.com", "Y"], ["old@example.com", "Z"]]  # fmt: skip
    rows = [[number, row] for number, row in enumerate(cells, 2)]
    ImportChunk.objects.create(job=job, number=0, rows=json.dumps(rows))
    told = disclose(contact, now=now)["uploaded_rows"]
    assert [(one["row"], one["cells"][1]) for one in told] == [(2, "Bookham"), (5, "Z")]
    assert told[0]["file"] == "people.csv" and told[0]["columns"] == ["mail", "city"]


def test_it_costs_the_same_for_much_and_for_little(now):
    few, many = lived(now, "few@example.com"), lived(now, "many@example.com", 4)
    few, many = Contact.objects.get(pk=few.pk), Contact.objects.get(pk=many.pk)
    assert queries(disclose, few, now=now) == queries(disclose, many, now=now)


def test_of_the_erased_there_is_nothing_to_tell(now):
    with pytest.raises(ValueError, match="nothing"):
        disclose(make.contact(erased_at=now, email_digest="x"), now=now)


def test_what_was_done_by_hand_is_told_without_who_did_it(now):
    contact, other = make.contact(), make.contact("b@example.com")
    staff = make.user(username="staff")
    for person in (contact, other):
        log(person, "wagtail_drip.contact_tag", user=staff, data={"tag": "VIP"})
    told = disclose(contact, now=now)["by_hand"]
    assert [(one["action"], one["data"]) for one in told] == [
        ("wagtail_drip.contact_tag", {"tag": "VIP"})
    ]
    assert "staff" not in json.dumps(told)
