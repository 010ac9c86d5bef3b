"""What a stranger may call: nothing answers 500, and CSRF is off only where it must be."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import factories
from wagtail_drip.content import links, person_links
from wagtail_drip.models import (
    Consent,
    ConsentRecord,
    Contact,
    Enrollment,
    Event,
    Inbox,
    PendingConsent,
    Suppression,
)
from wagtail_drip.models.reactions import keys_of

from .routes import routes

# One-click leaving, as RFC 8058 has it: mail programs know no CSRF token.
# And what other systems call by a key, without a browser.
WITHOUT_CSRF = {
    "wagtail_drip.recipients.leaving",
    "wagtail_drip.integrations.endpoint",
    "wagtail_drip.integrations.twilio",
}


def _views(resolver):
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver):
            yield from _views(pattern)
        elif isinstance(pattern, URLPattern):
            yield pattern.callback


def test_csrf_is_off_only_for_one_click_and_webhooks():
    exempt = {view.__module__ for view in _views(get_resolver()) if getattr(view, "csrf_exempt", 0)}
    ours = {name for name in exempt if name.startswith(("wagtail_drip", "example_site"))}
    assert ours == WITHOUT_CSRF


PUBLIC = routes("/drip/")
TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=120)
PIECES = st.one_of(
    TEXT,
    st.sampled_from(["0" * 16, "a" * 64, "../..", "%00", "a:b", "é" * 64, ".", "%0d%0aX:1"]),
)


@pytest.fixture
def valid(db):
    """Arguments that lead somewhere, to be mixed with those that don't."""
    enrollment = factories.enrollment(factories.campaign(topic=factories.topic()))
    token = factories.delivery(enrollment, state="sent").token
    key = keys_of(["https://elsewhere.example/"])["https://elsewhere.example/"]
    leave = links.leave_url(token).rstrip("/").rpartition("/")[2]
    return [key, links.sign_reaction(token), leave, token]


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
@pytest.mark.parametrize("route", PUBLIC, ids=str)
def test_nothing_that_is_asked_of_a_public_page_breaks_it(route, valid, data):
    client = Client(raise_request_exception=False)
    piece = st.one_of(PIECES, st.sampled_from(valid))
    url = route.fill({name: data.draw(piece) for name in route.arguments})
    method = data.draw(st.sampled_from(["get", "head", "post", "put", "options"]))
    fields = data.draw(st.dictionaries(st.sampled_from(["wish", "x", "email", "topics"]), TEXT))
    response = getattr(client, method)(url, fields)
    assert response.status_code < 500


KINDS = ["multipart/form-data", "multipart/form-data; boundary=x", "application/json",
         "text/plain; charset=klingon", "x"]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("route", PUBLIC, ids=str)
def test_no_body_breaks_it(route, valid, kind):
    client = Client(raise_request_exception=False)
    for body in (b"", b"\xff\x00", b"--x\r\n", b"{" * 5000, b"wish=" + b"%" * 100):
        for value in valid:
            url = route.fill(dict.fromkeys(route.arguments, value))
            assert client.generic("POST", url, body, kind).status_code < 500


@pytest.fixture
def somebody(db):
    """Somebody inside a campaign, with something to confirm; and a good link of each kind."""
    topic = factories.topic("offers", opt_in="double")
    enrollment = factories.enrollment(factories.campaign(topic=topic))
    contact, delivery = enrollment.contact, factories.delivery(enrollment, state="sent")
    factories.consent(contact, topic)
    asked = PendingConsent(contact=contact, topic=topic, asked_at=factories.NOW)
    asked.save()
    url, key = "https://elsewhere.example/", contact.uuid.hex
    last = {
        "leave": links.leave_url(delivery.token),
        "preferences": person_links.preferences_url(key),
        "erase": person_links.preferences_url(key),
        "export": person_links.export_url(key),
        "confirm": person_links.confirm_url(key),
        "click": f"/{links.sign_reaction(delivery.token)}/",
        "open": f"/{links.sign_reaction(delivery.token)}/",
    }
    signed = {name: url.rstrip("/").rpartition("/")[2] for name, url in last.items()}
    return {name: {"signed": one, "key": keys_of([url])[url]} for name, one in signed.items()}


DECIDED = (Consent, ConsentRecord, PendingConsent, Suppression, Enrollment, Contact, Event, Inbox)


def decided() -> list[object]:
    return [list(model.objects.order_by("pk").values()) for model in DECIDED]


@pytest.mark.parametrize("method", ["get", "head", "options"])
def test_looking_by_good_links_decides_nothing(somebody, method):
    before, found = decided(), {}
    for route in PUBLIC:
        name = route.name.rpartition(":")[2]
        response = getattr(Client(), method)(route.fill(somebody.get(name, {})))
        found[name] = response.status_code
    assert decided() == before
    good = {name for name, status in found.items() if status in (200, 302)}
    assert somebody.keys() <= good, found
