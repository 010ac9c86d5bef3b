"""The endpoint for other systems: who may record what, and what it answers to everything else."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import DatabaseError
from django.test import Client
from django.utils import timezone
from wagtail.models import Page, Site

from tests import factories
from wagtail_drip.engine import enrolling, recording
from wagtail_drip.flow.triggers import OWN
from wagtail_drip.models import ApiKey, Enrollment, Event
from wagtail_drip.models.api_keys import signature

pytestmark = pytest.mark.django_db
TOLD = {
    "event": "order_placed",
    "email": "Ann@Example.com",
    "key": "7",
    "data": {"book": 3, "order": 7},
}


@pytest.fixture
def key() -> ApiKey:
    return ApiKey.objects.create(name="Till", site=factories.site())


def post(told: Any, *, token: str = "", kind: str = "application/json", **headers: str):
    body = told if isinstance(told, bytes) else json.dumps(told).encode()
    if token:
        headers["Authorization"] = f"Bearer {token}"
    client = Client(enforce_csrf_checks=True)
    return client.generic("POST", "/drip/events/", body, kind, headers=headers)


def signed(key: ApiKey, told: Any, *, at: float | None = None, secret: str = "", **headers: str):
    body = json.dumps(told).encode()
    stamp = str(int(time.time() if at is None else at))
    headers = {
        "X-Drip-Key": key.public_id,
        "X-Drip-Timestamp": stamp,
        "X-Drip-Signature": signature(secret or key.secret(), stamp, body),
        **headers,
    }
    return post(body, **headers)


def refused(response) -> tuple[int, str]:
    error = response.json()["error"]
    assert error["message"].endswith((".", "?")), error
    return response.status_code, error["code"]


def test_an_event_is_recorded_once(key):
    first, again = post(TOLD, token=key.token()), post(TOLD, token=key.token())
    assert (first.status_code, first.json()) == (201, {"recorded": True})
    assert (again.status_code, again.json()) == (200, {"recorded": False})
    event = Event.objects.get()
    assert (event.name, event.contact.email, event.data["order"]) == (
        "order_placed", "ann@example.com", 7,
    )  # fmt: skip
    assert event.key == f"{key.public_id}:7"
    assert first["Cache-Control"] == "no-store"


def test_a_signed_request_sends_no_secret_and_is_good_for_five_minutes(key):
    assert signed(key, TOLD).status_code == 201
    assert signed(key, TOLD).json() == {"recorded": False}  # sent again by whoever saw it
    now = time.time()
    for at in (now - 301, now + 301):
        assert refused(signed(key, TOLD, at=at)) == (401, "timestamp")
    assert signed(key, {**TOLD, "key": "8"}, at=now - 290).status_code == 201


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Drip-Signature": "0" * 64},
        {"X-Drip-Signature": "é"},
        {"X-Drip-Timestamp": "1"},  # not the one that was signed
        {"X-Drip-Key": "0" * 24},
        {"X-Drip-Key": "x' OR 1=1"},
    ],
)
def test_a_wrong_signature_opens_nothing(key, headers):
    assert refused(signed(key, TOLD, **headers)) == (401, "key")
    assert refused(signed(key, TOLD, secret="guessed")) == (401, "key")
    assert not Event.objects.exists()


@pytest.mark.parametrize("stamp", ["", "soon", "-1", "9" * 40, "١٧٠٠٠٠٠٠٠٠"])
def test_an_odd_timestamp_is_told(key, stamp):
    body = json.dumps(TOLD).encode()
    response = post(
        body,
        **{
            "X-Drip-Key": key.public_id,
            "X-Drip-Timestamp": stamp,
            "X-Drip-Signature": signature(key.secret(), stamp, body),
        },
    )
    assert response.status_code == 401


def test_a_key_may_ask_for_signatures(key):
    ApiKey.objects.update(must_sign=True)
    assert refused(post(TOLD, token=key.token())) == (401, "signature")
    assert signed(key, TOLD).status_code == 201


@pytest.mark.parametrize("token", ["", "x", "drip_", "drip__", "drip_" + "0" * 24 + "_x", "a_b_c"])
def test_nobody_without_a_key(key, token):
    response = post(TOLD, token=token)
    assert refused(response) == (401, "key") and response["WWW-Authenticate"] == "Bearer"


def test_a_key_s_id_alone_is_none_and_a_revoked_one_neither(key):
    token = key.token()
    assert post(TOLD, token=token[:-1]).status_code == 401
    assert post(TOLD, token=token.replace(key.public_id, "0" * 24)).status_code == 401
    ApiKey.objects.update(active=False)
    assert post(TOLD, token=token).status_code == signed(key, TOLD).status_code == 401


def test_what_the_database_holds_opens_nothing(key, settings):
    row = ApiKey.objects.values().get()
    assert key.secret() not in str(row) and key.token() not in str(row)
    for value in (row["secret_digest"], row["public_id"]):
        token = f"drip_{key.public_id}_{value}"
        assert post(TOLD, token=token).status_code == 401
        assert signed(key, TOLD, secret=value).status_code == 401
    token = key.token()
    settings.WAGTAIL_DRIP_HASH_KEY, old = "another", settings.WAGTAIL_DRIP_HASH_KEY
    assert signed(key, TOLD, secret="x").status_code == 401
    settings.WAGTAIL_DRIP_HASH_KEY_FALLBACKS = [old]
    assert signed(key, TOLD).status_code == 201
    assert post(TOLD, token=token).status_code == 200


def test_when_it_was_last_used(key):
    assert key.used_at is None
    post({**TOLD, "event": "nonsense"}, token=key.token())
    first = ApiKey.objects.get().used_at
    post(TOLD, token=key.token())
    assert first and ApiKey.objects.get().used_at == first  # no write for each event


# What was sent


SENT = [
    ({"event": ""}, "event"), ({"event": 7}, "event"), ({"event": "nonsense"}, "event"),
    ({"email": "nobody"}, "event"), ({"email": None}, "email"), ({"key": ""}, "key"),
    ({"key": "x" * 151}, "key"), ({"key": "a\0b"}, "event"), ({"data": []}, "data"),
    ({"data": "x"}, "data"), ({"data": {"book": 3, "order": "a\0b"}}, "event"),
    ({"data": {"book": 3, "order": "x" * 70_000}}, "event"), ({"data": {}}, "event"),
    ({"at": "soon"}, "at"), ({"at": 7}, "at"), ({"at": "2026-03-02T09:00"}, "at"),
    ({"at": "0001-01-01T00:00Z"}, "event"), ({"at": "9999-12-31T23:59Z"}, "event"),
    ({"key": "\ud800"}, "key"), ({"email": "\ud800@b.example"}, "email"),
    ({"user": 1}, "fields"), ({"contact": 1}, "fields"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "code"), SENT)
def test_each_refusal_says_what_to_change(key, change, code):
    assert refused(post({**TOLD, **change}, token=key.token())) == (422, code)
    assert not Event.objects.exists()


BODIES = [
    b"", b"{", b"[]", b"7", b"null", b"\xff\xfe", b'{"event": NaN}', b"[" * 100_000,
    b'{"email": "\\ud800"}',
]  # fmt: skip


@pytest.mark.parametrize("body", BODIES, ids=lambda body: repr(body[:30]))
def test_no_body_breaks_it(key, body):
    assert post(body, token=key.token()).status_code in (400, 415, 422)
    assert not Event.objects.exists()


def test_a_megabyte_is_refused_with_a_sentence(key):
    big = {**TOLD, "data": {"order": 7, "x": "x" * 1_000_000}}
    assert refused(post(big, token=key.token())) == (413, "size")
    assert refused(post(b"x" * 4_000_000, token=key.token())) == (413, "size")
    assert refused(post(TOLD, token=key.token(), kind="text/plain")) == (415, "type")
    assert refused(Client().get("/drip/events/")) == (405, "method")


@pytest.mark.parametrize("name", sorted(OWN))
def test_what_the_site_alone_records_is_refused(key, name):
    assert refused(post({**TOLD, "event": name}, token=key.token())) == (422, "event")


def test_the_moment_may_be_told(key):
    at = (timezone.now() - timedelta(days=2)).replace(microsecond=0)
    assert post({**TOLD, "at": at.isoformat()}, token=key.token()).status_code == 201
    assert Event.objects.get().at == at


# Whom it concerns


def test_a_flood_is_held_back(key, settings):
    settings.WAGTAIL_DRIP_EVENTS_PER_MINUTE = 3
    told = [post({**TOLD, "key": str(n)}, token=key.token()) for n in range(5)]
    assert [one.status_code for one in told] == [201, 201, 201, 429, 429]
    assert refused(told[-1]) == (429, "rate") and told[-1]["Retry-After"] == "60"
    other = ApiKey.objects.create(name="Other", site=key.site)
    assert post({**TOLD, "key": "9"}, token=other.token()).status_code == 201


def test_two_keys_don_t_collide_and_a_site_s_own_events_neither(key):
    other = ApiKey.objects.create(name="Other", site=key.site)
    factories.event(factories.contact(), "order_placed", key="7", inbox=False)
    assert post(TOLD, token=key.token()).status_code == 201
    assert post(TOLD, token=other.token()).status_code == 201


def test_it_starts_campaigns_of_the_key_s_site_alone(key):
    root = Page.objects.get(depth=1).add_child(instance=Page(title="Other", slug="other"))
    site = Site.objects.create(hostname="other.example", root_page=root)
    mine = factories.campaign("mine", trigger="order_placed")
    factories.campaign("theirs", trigger="order_placed", site=site)
    post(TOLD, token=key.token())
    enrolling.enroll_new(timezone.now())
    assert Enrollment.objects.get().campaign == mine


def test_trouble_with_the_database_asks_to_send_it_again(key, monkeypatch):
    def fail(*args, **kwargs):
        raise DatabaseError("gone")

    monkeypatch.setattr(recording, "record", fail)
    response = post(TOLD, token=key.token())
    assert refused(response) == (503, "unavailable") and response["Retry-After"]


def test_the_mail_it_leads_to(key, mailoutbox):
    factories.campaign(trigger="order_placed")
    post(TOLD, token=key.token())
    call_command("drip_tick", "--until-idle")
    assert [message.to for message in mailoutbox] == [["ann@example.com"]]
