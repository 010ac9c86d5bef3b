from __future__ import annotations

import pytest
from wagtail.models import ModelLogEntry

from tests import factories as make
from wagtail_drip.models import Delivery

from .support import client_of, texts

pytestmark = pytest.mark.django_db
RESOLVE = "/admin/drip/resolve/"
LIST = "/admin/drip/deliveries/"


def uncertain(number: int = 1) -> list[Delivery]:
    campaign = make.campaign()
    enrollments = [make.enrollment(campaign, make.contact()) for _ in range(number)]
    return [make.delivery(e, state="uncertain", reason="Nobody knows.") for e in enrollments]


def say(client, word: str, rows: list[Delivery], **more):
    ids = [row.pk for row in rows]
    return client.post(RESOLVE, {"delivery": ids, "word": word, "confirmed": "1", **more})


@pytest.fixture
def keeper(db):
    """Somebody who may say what became of mails."""
    return client_of("keeper", "view_delivery", "resolve_uncertain", "see_personal_data")


@pytest.mark.parametrize(("word", "state"), [("sent", "sent"), ("resend", "waiting")])
def test_a_persons_word_settles_what_nobody_knows(keeper, word, state):
    rows = uncertain(2)
    response = say(keeper, word, rows)
    assert set(Delivery.objects.values_list("state", "reason")) == {(state, "")}
    assert "2 mails" in texts(keeper.get(response.url))


@pytest.mark.parametrize("word", ["sent", "resend"])
def test_each_word_is_in_the_log_with_who_said_it(keeper, word):
    rows = uncertain(2)
    say(keeper, word, rows)
    entries = ModelLogEntry.objects.filter(action=f"wagtail_drip.{word}")
    assert {(int(e.object_id), e.user.username) for e in entries} == {
        (row.pk, "keeper") for row in rows
    }


def test_what_is_known_already_is_left_alone_and_not_logged(keeper):
    row = make.delivery(make.enrollment(make.campaign()), state="sent")
    say(keeper, "resend", [row])
    assert Delivery.objects.get().state == "sent"
    assert not ModelLogEntry.objects.filter(action="wagtail_drip.resend").exists()


def test_it_is_asked_for_first_with_the_number(keeper):
    rows = uncertain(2)
    content = keeper.post(RESOLVE, {"delivery": [r.pk for r in rows], "word": "resend"}).content
    assert "2 mails will be sent at once." in content.decode()
    assert set(Delivery.objects.values_list("state", flat=True)) == {"uncertain"}


def test_the_list_offers_it_only_for_what_is_uncertain(keeper):
    row = uncertain()[0]
    box = f'name="delivery" value="{row.pk}"'
    assert box in keeper.get(LIST, {"state": "uncertain"}).content.decode()
    assert box not in keeper.get(LIST).content.decode()
    assert box in keeper.get(f"{LIST}inspect/{row.pk}/").content.decode()


def test_reading_alone_settles_nothing():
    row, reader = uncertain()[0], client_of("reader", "view_delivery")
    say(reader, "sent", [row])
    assert Delivery.objects.get().state == "uncertain"
    assert "drip-resolve" not in reader.get(LIST, {"state": "uncertain"}).content.decode()
    assert "drip-resolve" not in reader.get(f"{LIST}inspect/{row.pk}/").content.decode()


@pytest.mark.parametrize("data", [{}, {"delivery": "x", "word": "sent"}, {"word": "sent"}])
def test_without_a_choice_it_asks_for_one(keeper, data):
    response = keeper.post(RESOLVE, data)
    assert "Choose at least one mail." in texts(keeper.get(response.url))


def test_another_word_changes_nothing(keeper):
    say(keeper, "delete", uncertain())
    assert Delivery.objects.get().state == "uncertain"


def test_a_look_changes_nothing(keeper):
    assert keeper.get(RESOLVE).status_code == 405
