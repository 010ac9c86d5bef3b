"""Wagtail's form pages, with the mixin and without it."""

from __future__ import annotations

import pytest
from django.utils import timezone
from wagtail.contrib.forms.models import FormSubmission

from example_site.shop.models import HomePage, QuestionField, QuestionPage
from tests import factories
from wagtail_drip import checks
from wagtail_drip.engine import enrolling
from wagtail_drip.integrations.forms import FormTrigger
from wagtail_drip.models import Consent, Contact, Enrollment, Event, PendingConsent
from wagtail_drip.recipients import form_pages

pytestmark = pytest.mark.django_db
SENT = {"your_e_mail": "Ann@Example.com", "question": "How long?", "shelf": "novel"}


@pytest.fixture
def page():
    site = factories.site()
    home = HomePage(title="Home", slug="shop-home")
    site.root_page.add_child(instance=home)
    found = QuestionPage(title="Ask us", slug="ask-us")
    home.add_child(instance=found)
    kinds = (("Your e-mail", "email"), ("Question", "multiline"), ("Shelf", "singleline"),
             ("Send me news", "checkbox"))  # fmt: skip
    for label, kind in kinds:
        QuestionField.objects.create(page=found, label=label, field_type=kind, required=False)
    return QuestionPage.objects.get(pk=found.pk)


def names(page) -> dict[str, str]:
    return {field.label: field.clean_name for field in page.get_form_fields()}


def send(client, page, **fields):
    by = names(page)
    data = {by["Your e-mail"]: "Ann@Example.com", by["Question"]: "How long?", by["Shelf"]: "novel"}
    return client.post(page.url, {**data, **fields})


def test_what_is_sent_in_starts_the_page_s_campaign(client, page):
    mine = factories.campaign("mine", trigger="form_submitted")
    factories.campaign("other", trigger="form_submitted")
    page.drip_campaign = mine
    page.save()
    assert send(client, page).status_code == 200
    event = Event.objects.get()
    assert (event.name, event.contact.email) == ("form_submitted", "ann@example.com")
    by = names(page)
    expected = {by["Question"]: "How long?", by["Shelf"]: "novel", "page": page.pk}
    assert {name: event.data[name] for name in expected} == expected
    assert event.data["form"] == "Ask us" and "Ann" not in str(event.data)
    enrolling.enroll_new(timezone.now())
    assert Enrollment.objects.get().campaign == mine
    assert FormSubmission.objects.get().page_id == page.pk


def test_without_a_choice_it_starts_all_of_them(client, page):
    for slug in ("one", "two"):
        factories.campaign(slug, trigger="form_submitted")
    send(client, page)
    enrolling.enroll_new(timezone.now())
    assert Enrollment.objects.count() == 2


@pytest.mark.parametrize(("ticked", "opt_in"), [(1, "single"), (1, "double"), (0, "single")])
def test_it_asks_for_the_consent_it_needs(client, page, ticked, opt_in):
    topic = factories.topic("news", name="Book news", opt_in=opt_in)
    page.drip_topics = [topic]
    page.drip_campaign = factories.campaign("mine", trigger="form_submitted", topic=topic)
    page.save()
    assert topic.agreement in client.get(page.url).content.decode()
    send(client, page, **{f"{form_pages.BOX}{topic.pk}": "on"} if ticked else {})
    enrolling.enroll_new(timezone.now())
    granted = bool(ticked and opt_in == "single")
    inside = Enrollment.objects.filter(campaign__slug="mine").exists()
    assert Consent.objects.exists() == granted == inside
    assert PendingConsent.objects.exists() == (ticked and opt_in == "double")
    assert FormSubmission.objects.count() == 1


@pytest.mark.parametrize("email", ["", "x@localhost", "a@b.example\n"])
def test_nobody_to_write_to_is_a_submission_all_the_same(client, page, email):
    send(client, page, **{names(page)["Your e-mail"]: email})
    assert Event.objects.count() <= 1


def test_trouble_loses_no_submission(client, page, monkeypatch, caplog):
    def fail(*args, **kwargs):
        raise RuntimeError("boom")

    monkeypatch.setattr(form_pages, "address_in", fail)
    assert send(client, page).status_code == 200
    assert FormSubmission.objects.count() == 1 and "boom" in caplog.text


def test_a_flood_starts_nothing_more(client, page, settings):
    settings.WAGTAIL_DRIP_SIGN_UPS_PER_HOUR = 2
    for number in range(4):
        send(client, page, **{names(page)["Your e-mail"]: f"p{number}@example.com"})
    assert (Contact.objects.count(), FormSubmission.objects.count()) == (2, 4)


def test_editors_choose_among_what_a_form_may_start(admin_client, page):
    factories.campaign("asked", name="Asked us", trigger="form_submitted")
    factories.campaign("welcome", name="Welcome them")
    factories.topic("news", name="Book news")
    html = admin_client.get(f"/admin/pages/{page.pk}/edit/").content.decode()
    assert "Asked us" in html and "Book news" in html
    options = html.split('name="drip_campaign"')[1][:400]
    assert "Welcome them" not in options, options


# A page whose model stays as it is


@pytest.fixture
def declared(page):
    source = FormTrigger(
        "asked", "asked us", page="ask-us", topics={"news": names(page)["Send me news"]}
    )
    source.connect()
    yield source
    source.disconnect()


def submit(page, **fields):
    by = names(page)
    data = {by["Your e-mail"]: "ann@example.com", by["Shelf"]: "novel", **fields}
    return FormSubmission.objects.create(page=page, form_data=data)


def test_a_declared_form(page, declared):
    topic = factories.topic("news")
    submit(page, **{names(page)["Send me news"]: True})
    event = Event.objects.get(name="asked")
    assert (event.contact.email, event.data["form"]) == ("ann@example.com", "Ask us")
    assert event.data[names(page)["Shelf"]] == "novel"
    consent = Consent.objects.get()
    assert (consent.topic, consent.contact) == (topic, event.contact)
    assert checks.sources() == []


def test_another_page_and_an_empty_box(page, declared):
    factories.topic("news")
    submit(page)
    assert Event.objects.filter(name="asked").count() == 1 and not Consent.objects.exists()
    declared.page = "elsewhere"
    submit(page)
    assert Event.objects.filter(name="asked").count() == 1
