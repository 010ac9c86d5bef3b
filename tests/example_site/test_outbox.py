from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.core.mail import EmailMultiAlternatives, get_connection
from django.utils import timezone

from example_site.outbox.backend import OutboxBackend
from example_site.outbox.models import Letter
from example_site.seeding import campaign
from example_site.shop import seeding
from tests import factories
from wagtail_drip import api
from wagtail_drip.engine import ticking
from wagtail_drip.models import Delivery, Event, Topic

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def open_outbox(settings):
    settings.OUTBOX = True
    settings.WAGTAIL_DRIP_TIME_TRAVEL = True


def post(subject="Hällo", token="", html="<p>Hi &amp; ho</p>", to="ada@example.com") -> Letter:
    message = EmailMultiAlternatives(
        subject, "Hi & ho", "Shop <shop@example.com>", [to], headers={"X-Test": "yes"}
    )
    message.attach_alternative(html, "text/html")
    if token:
        message.metadata = {"drip": token}
    assert OutboxBackend().send_messages([message]) == 1
    return Letter.objects.first()


def listed(client) -> list[dict]:
    return json.loads(client.get("/outbox.json").content)


def test_a_letter_is_kept_as_received():
    letter = post()
    assert b"\r\n" in letter.raw and b"\n" not in bytes(letter.raw).replace(b"\r\n", b"")
    assert (letter.subject, letter.to) == ("Hällo", "ada@example.com")
    assert (letter.text.strip(), letter.html.strip()) == ("Hi & ho", "<p>Hi &amp; ho</p>")


def test_a_text_message_is_kept_among_them(client, shelf, now):
    campaign(seeding.CAMPAIGNS / "by-text.json")
    person = factories.contact(first_name="Ada", attributes={"phone": "07400 123456"})
    texts = Topic.objects.get(slug="by-text")
    api.subscribe("by-text", contact=person, source="a test", confirmed=True)
    ticking.tick(timezone.now())
    assert texts.channel == "sms" and Delivery.objects.get().state == "sent"
    (told,) = listed(client)
    assert (told["to"], told["subject"], told["html"]) == ("+447400123456", "Text message", "")
    assert told["text"].startswith("Ada, The Paper Lantern here") and told["step"]
    page = client.get(f"/outbox/{told['id']}/").content.decode()
    assert "The Paper Lantern here" in page and "This mail has no HTML part." in page


def test_the_json_lists_the_newest_first(client):
    post("One")
    post("Two")
    two, one = listed(client)
    assert (two["subject"], one["subject"], one["to"]) == ("Two", "One", "ada@example.com")
    assert one["headers"]["X-Test"] == "yes"
    keys = {"id", "to", "subject", "headers", "text", "html", "campaign", "step", "received"}
    assert set(one) == keys


def test_a_delivery_tells_campaign_and_step(client):
    enrollment = factories.enrollment(factories.campaign("welcome"))
    post(token=factories.delivery(enrollment).token)
    (mail,) = listed(client)
    assert (mail["campaign"], mail["step"]) == ("welcome", "welcome 1")


def test_the_token_is_read_from_the_message_id_too():
    message = EmailMultiAlternatives(
        "Hi", "Hi", "a@example.com", ["b@example.com"], headers={"Message-ID": "<abc@example.com>"}
    )
    OutboxBackend().send_messages([message])
    assert Letter.objects.get().token == "abc"


def test_the_page_shows_a_letter_in_a_frame_where_nothing_runs(client):
    letter = post(html="<script>alert(1)</script>")
    page = client.get(f"/outbox/{letter.pk}/").content.decode()
    assert 'sandbox="allow-popups' in page and "<script>alert" not in page
    frame = client.get(f"/outbox/{letter.pk}/html/")
    assert "script-src 'none'" in frame["Content-Security-Policy"]
    assert frame["X-Frame-Options"] == "SAMEORIGIN"


def test_moving_time_takes_a_post(client, now):
    event = factories.event(factories.contact(), at=now)
    assert client.get("/outbox/move/").status_code == 405
    client.post("/outbox/move/", {"by": "day"})
    assert Event.objects.get(pk=event.pk).at == now - timedelta(days=1)


def test_what_was_done_before_comes_first(client, mailoutbox):
    contact = factories.contact()
    hello, later = factories.step("Hello"), factories.step("Later")
    nodes = {"h": factories.send(hello, "w"), "w": factories.wait("l"), "l": factories.send(later)}
    factories.campaign(nodes=nodes)
    factories.event(contact, at=timezone.now())
    client.post("/outbox/move/", {"by": "day"})
    ticking.tick(timezone.now())  # finds the wait over
    assert [mail.subject for mail in mailoutbox] == ["Hello", "Later"]


def test_moving_by_something_else_moves_nothing(client, now):
    event = factories.event(factories.contact(), at=now)
    page = client.post("/outbox/move/", {"by": "century"}, follow=True)
    assert "Choose an hour" in page.content.decode()
    assert Event.objects.get(pk=event.pk).at == now


def test_the_page_learns_of_new_mail(client):
    letter = post()
    assert client.get("/outbox/since/0/").json() == {"new": 1}
    assert client.get(f"/outbox/since/{letter.pk}/").json() == {"new": 0}


@pytest.mark.parametrize("url", ["/outbox/", "/outbox.json", "/outbox/since/0/"])
def test_strangers_find_no_outbox(client, settings, url):
    settings.OUTBOX = False
    assert client.get(url).status_code == 404


@pytest.mark.parametrize("shown", [True, False])
def test_the_shop_leads_to_the_outbox_where_there_is_one(client, settings, shown):
    settings.OUTBOX = shown
    assert ('href="/outbox/"' in client.get("/signup/").content.decode()) is shown


def test_the_back_end_is_named_by_its_path():
    backend = get_connection("example_site.outbox.backend.OutboxBackend")
    assert isinstance(backend, OutboxBackend)
