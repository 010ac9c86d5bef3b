"""The home page: a page with SignUpMixin, whose form offers what editors chose."""

from __future__ import annotations

from bs4 import BeautifulSoup
from django.test import Client
from django.urls import reverse

from example_site.shop import seeding
from example_site.shop.models import HomePage
from wagtail_drip.models import Consent, Topic


def form_of(client: Client):
    page = client.get(HomePage.objects.get().url)
    assert page.status_code == 200
    return BeautifulSoup(page.content, "html.parser").select_one("form.drip-sign-up")


def test_who_signs_up_there_gets_the_topic_of_the_page(shelf):
    home = HomePage.objects.get()
    strict = Client(enforce_csrf_checks=True)
    assert form_of(strict) is None  # nothing was chosen yet
    seeding.offer(home)
    form = form_of(strict)
    sent = {field["name"]: field.get("value", "") for field in form.select("input")}
    answer = strict.post(form["action"], {**sent, "email": "ann@example.com"})
    assert answer.status_code == 302
    [consent] = Consent.objects.select_related("contact", "topic")
    assert (consent.contact.email, consent.topic.slug) == ("ann@example.com", "news")
    assert consent.contact.consent_records.get().source == home.url


def test_editors_choose_the_topics_and_the_draft_keeps_them(shelf, admin_client):
    home = HomePage.objects.get()
    panel = admin_client.get(reverse("wagtailadmin_pages:edit", args=[home.pk]))
    assert 'name="sign_up_topics"' in panel.content.decode()
    home.sign_up_topics.set(Topic.objects.filter(slug="after-your-order"))
    home.save_revision()
    assert form_of(Client()) is None
    home.get_latest_revision_as_object().save_revision().publish()
    assert form_of(Client()) is not None
