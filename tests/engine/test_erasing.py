from __future__ import annotations

import io
import json
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.apps import apps
from django.db import connection
from django.test import Client
from wagtail import hooks
from wagtail.contrib.forms.models import FormSubmission
from wagtail.log_actions import log
from wagtail.models import ModelLogEntry, Page

from tests import factories as make
from wagtail_drip.admin.segments import count
from wagtail_drip.channels.base import Refused
from wagtail_drip.channels.memory import MemoryChannel
from wagtail_drip.content.person_links import preferences_url
from wagtail_drip.engine import importing, tracking, uploading
from wagtail_drip.engine.erasing import erase
from wagtail_drip.engine.merging import merge
from wagtail_drip.engine.reporting import status
from wagtail_drip.engine.sending import send_due
from wagtail_drip.models import (
    Contact,
    ContactImport,
    Conversion,
    Delivery,
    EarlyFact,
    ImportChunk,
    Segment,
    Suppression,
    Tag,
    Watch,
)
from wagtail_drip.models.consent import grant, may_return, suppress, suppressed
from wagtail_drip.models.contacts import relations
from wagtail_drip.signals import post_transmit

pytestmark = pytest.mark.django_db
NAMES = ("ann.unusual@example.com", "ann.unusual@old.example", "Unusualson", "tag of unusual")


def everything() -> str:
    """All that stands in our tables and in Wagtail's log, as one text."""
    models = [*apps.get_app_config("wagtail_drip").get_models(), ModelLogEntry]
    with connection.cursor() as cursor:
        tables = []
        for model in models:
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(model._meta.db_table)}")
            tables.append(repr(cursor.fetchall()))
    return "\n".join(tables)


def upload(text: str, now, **fields) -> ContactImport:
    job = uploading.upload(io.BytesIO(text.encode()), name="a.csv", now=now)
    ContactImport.objects.filter(pk=job.pk).update(mapping={"0": "email"}, **fields)
    return ContactImport.objects.get(pk=job.pk)


@pytest.fixture
def ann(now):
    """Somebody with a trace in every table."""
    contact = make.contact(NAMES[0], last_name=NAMES[2], attributes={"note": NAMES[2]})
    merge(contact, make.contact(NAMES[1]), now=now)
    contact = Contact.objects.get(pk=contact.pk)
    event = make.event(contact, data={"to": NAMES[2]}, key=NAMES[0])
    enrollment = make.enrollment(make.campaign(), contact, event=event, data={"to": NAMES[2]})
    make.delivery(enrollment, state="failed", reason=f"550 <{NAMES[0]}> unknown")
    make.delivery(enrollment, node="n2")
    failed = make.enrollment(make.campaign("b"), contact, state="failed", reason=NAMES[0])
    grant(contact, make.topic(), at=now, source="/signup/", wording=NAMES[2], ip="192.0.2.7")
    EarlyFact.objects.create(
        provider_id="x", told={"email": NAMES[0].title()}, told_digest="x", received_at=now
    )
    for row in (contact, event, failed, *contact.deliveries.all()):
        log(instance=row, action="wagtail.edit", data={"email": NAMES[0]})
    return contact


def test_nothing_is_left_that_names_the_person(ann, now):
    upload(f"email,name\nAnn.Unusual@Example.com,{NAMES[2]}\nb@example.com,Bob\n", now)
    before = everything()
    assert all(name in before for name in NAMES[:3])
    assert erase(ann, now=now)
    left = everything()
    assert [name for name in (*NAMES, "192.0.2.7", "Ann.Unusual") if name in left] == []
    assert "b@example.com" in left


def test_an_address_amid_other_words_goes_too(ann, now):
    cells = [f"Ann <{NAMES[0].upper()}>", f"see {NAMES[1]}.", f"mailto:{NAMES[0]}"]
    upload("email\n" + "\n".join(cells) + "\nBob <b@example.com>\n", now, state="checking")
    importing.import_due(now)
    assert all(name in everything() for name in NAMES[:2])
    erase(ann, now=now)
    left = everything()
    assert [name for name in NAMES[:2] if name in left.lower()] == []
    assert "Bob <b@example.com>" in left


def test_what_was_written_beside_a_suppression_goes(ann, now, settings):
    settings.WAGTAIL_DRIP_SMS_REGION = "DE"
    Contact.objects.filter(pk=ann.pk).update(attributes={"phone": "+4915112345678"})
    for address in (*NAMES[:2], "+4915112345678", "b@example.com"):
        suppress(address, reason="manual", at=now, note=f"{NAMES[2]} asked for it")
    erase(ann, now=now)
    assert sorted(Suppression.objects.values_list("reason", "scope", "note")) == [
        *[("manual", "all", "")] * 3,
        ("manual", "all", f"{NAMES[2]} asked for it"),
    ]


def test_what_they_sent_in_by_a_form_goes_and_what_others_did_stays(now):
    def sent_in(email, who):
        row = FormSubmission.objects.create(page=make.site().root_page, form_data={"from": email})
        make.event(who, name="form_submitted", key=f"wagtailforms.formsubmission:{row.pk}")
        return row

    who = make.contact(NAMES[0])
    sent_in(NAMES[0].title(), who)
    # Whoever may record events may name a row that isn't theirs, or nothing that is one.
    another = sent_in("b@example.com", who)
    for key in ("auth.user:1", "wagtailforms.formsubmission:x", "x.y:2", "wagtailcore.page:1"):
        make.event(who, name="form_submitted", key=key)
    erase(who, now=now)
    assert list(FormSubmission.objects.all()) == [another]
    assert Page.objects.exists()


def test_what_was_counted_stays_counted(ann, now):
    before = status(now)["campaigns"]
    erase(ann, now=now)
    after = status(now)["campaigns"]
    assert [row["planned"] for row in after] == [row["planned"] for row in before] == [0, 2]
    assert after[1]["failed"] == 1 and after[1]["skipped"] == {"erased": 1}


def test_every_relation_is_either_anonymised_or_deleted_with_the_contact():
    """A new model that points to a contact is erased by its CASCADE, or has to be thought of."""
    kept = {
        relation.related_model
        for relation in relations()
        if relation.on_delete.__name__ != "CASCADE"
    }
    assert kept == {Delivery, make.Enrollment}
    pointing = {
        model
        for model in apps.get_models(include_auto_created=True)
        for field in model._meta.concrete_fields
        if field.is_relation and field.related_model is Contact
    }
    assert pointing == {relation.related_model for relation in relations()}
    assert {Watch, Conversion} <= pointing  # which have no way back


def test_who_waits_for_an_event_is_let_go_and_a_goal_stays_counted(ann, now):
    row = make.enrollment(make.campaign("c"), ann)
    Watch.objects.create(enrollment=row, contact=ann, name="paid", node="n1")
    Conversion.objects.create(enrollment=row, contact=ann, campaign=row.campaign, at=now, value=9)
    erase(ann, now=now)
    assert not Watch.objects.exists() and Conversion.objects.get().value == 9


def test_late_webhooks_bring_nothing_back(ann, now):
    token = ann.deliveries.first().token
    erase(ann, now=now)
    Delivery.objects.filter(token=token).update(state="sent")
    later = now + timedelta(days=1)
    tracking.note(token, "bounced", later, bounce_type="hard", detail=NAMES[0], email=NAMES[0])
    tracking.note(token, "complained", later, email=NAMES[0])
    assert NAMES[0] not in everything()
    assert Contact.objects.get().erased_at and Delivery.objects.get(token=token).bounced_at


def test_what_a_provider_tells_of_them_for_later_is_not_kept(ann, now):
    erase(ann, now=now)
    tracking.keep_for_later("y", now, tracking.BOUNCED, now, email=NAMES[0], detail=NAMES[0])
    tracking.keep_for_later("z", now, tracking.BOUNCED, now, email="b@example.com", detail="")
    assert list(EarlyFact.objects.values_list("provider_id", flat=True)) == ["z"]


def test_a_late_complaint_is_heard_under_the_address_it_names(ann, now):
    token = ann.deliveries.first().token
    erase(ann, now=now)
    tracking.note(token, "complained", now + timedelta(days=1), email=NAMES[0])
    assert not may_return(NAMES[0]) and may_return(NAMES[1])
    assert NAMES[0] not in everything()


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_late_import_brings_nobody_back(ann, when, now):
    text = f"email\n{NAMES[0]}\n{NAMES[1]}\nb@example.com\n"
    if when == "before":
        upload(text, now, state="importing")
    erase(ann, now=now)
    if when == "after":
        upload(text, now, state="importing")
    importing.import_due(now)
    assert set(Contact.objects.filter(erased_at=None).values_list("email", flat=True)) == {
        "b@example.com"
    }
    job = ContactImport.objects.get()
    assert job.counts["new"] == 1 and job.counts.get("refused", 0) == (2 if when == "after" else 0)


def test_both_addresses_are_suppressed_for_marketing_alone(ann, now):
    erase(ann, now=now)
    assert suppressed(NAMES[:2], transactional=False) == set(NAMES[:2])
    assert not suppressed(NAMES[:2], transactional=True)


def test_other_peoples_traces_stay(ann, now):
    other = make.contact("ann.unusual@example.org", first_name="Other")
    other.tags.add(Tag.objects.create(name="VIP"))
    log(instance=other, action="wagtail.edit")
    job = upload(f"email\n{other.email}\nxann.unusual@example.com\n", now)
    erase(ann, now=now)
    assert other.tags.count() == 1
    assert ModelLogEntry.objects.filter(label=other.email).exists()
    rows = json.loads(ImportChunk.objects.get(job=job).rows)
    assert [cells[0] for _row, cells in rows] == [other.email, "xann.unusual@example.com"]


def test_erasing_twice_does_nothing(ann, now):
    assert erase(ann, now=now) and not erase(ann, now=now)


def test_no_file_and_no_cache_names_the_person(ann, now, settings, tmp_path):
    """A journal goes when its slice is settled, pages are kept by nobody, and what is cached are
    counts."""
    settings.WAGTAIL_DRIP_JOURNAL_DIR = tmp_path
    settings.ROOT_URLCONF = "tests.recipients.urls"
    settings.WAGTAIL_DRIP_BASE_URL = "https://www.example.com"
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
                    "LOCATION": tmp_path / "cache"}
    }  # fmt: skip
    Delivery.objects.filter(state="waiting").update(due_at=now + timedelta(days=1))
    nodes = {"n1": make.send(make.step())}
    make.delivery(make.enrollment(make.campaign("c", nodes=nodes), ann), due_at=now)
    seen: list[str] = []

    def refuse(mail):
        return Refused(f"550 <{mail.to}> is unknown")

    def look(**kwargs):
        seen.extend(p.read_text() for p in tmp_path.rglob("*.journal"))

    post_transmit.connect(look)
    try:
        channel = MemoryChannel(refuse)
        with hooks.register_temporarily("register_drip_channels", lambda: {"email": channel}):
            assert send_due(now)
    finally:
        post_transmit.disconnect(look)
    assert seen and [mail.to for mail in channel.tried] == [NAMES[0]]
    assert NAMES[0] in everything()
    count(Segment.objects.create(name="All", slug="all"), now)
    preferences = urlsplit(preferences_url(ann.uuid.hex)).path
    assert Client().get(preferences).status_code == 200
    erase(ann, now=now)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    left = b"".join(path.read_bytes() for path in files).decode(errors="replace")
    assert [name for name in NAMES[:3] if name in left] == []
    assert [name for name in NAMES[:3] if name in everything()] == []
