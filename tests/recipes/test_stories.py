"""Each recipe from its signal to its last mail: who gets what on which day, and who must not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.db import connection
from wagtail import hooks

from tests import factories
from wagtail_drip import api, registry
from wagtail_drip.channels.memory import MemoryChannel
from wagtail_drip.channels.sms import SmsChannel
from wagtail_drip.engine.files.making import make
from wagtail_drip.engine.files.mapping import Recorded, guess
from wagtail_drip.engine.ticking import tick
from wagtail_drip.models import Campaign, Contact, Delivery, Enrollment, Step, Topic

from . import buying, staying
from .story import ORDER, Story

NOW = factories.NOW
STORIES = [*buying.STORIES, *staying.STORIES]
# Of these the way is told on each database; of the others on SQLite.
EVERYWHERE = {"welcome", "interested", "cart", "first_order", "order_confirmation", "inactive"}


def stories() -> list[Any]:
    ids = [f"{one.recipe} {' '.join(one.answers)}".strip() for one in STORIES]
    return [pytest.param(story, id=id) for story, id in zip(STORIES, ids, strict=True)]


def test_every_recipe_has_its_story():
    assert {story.recipe for story in STORIES} == set(registry.recipes())
    assert set(registry.recipes()) >= EVERYWHERE and len(EVERYWHERE) == 6


@pytest.mark.django_db
@pytest.mark.parametrize("story", stories())
def test_story(
    story: Story, topic: Topic, events: Any, books: list[Any], shop_of_events: None
) -> None:
    if connection.vendor != "sqlite" and story.recipe not in EVERYWHERE:
        pytest.skip("told on SQLite; six of them on each database")
    told, texts = Telling(story, topic, books), MemoryChannel(slug="sms")
    channels = {"sms": SmsChannel(texts)}
    with (
        time_machine.travel(NOW, tick=False) as clock,
        hooks.register_temporarily("register_drip_channels", lambda: channels),
    ):
        told.tell(clock)
    assert told.got == {who: _rounded(_mails(said)) for who, said in story.gets.items()}
    assert not Enrollment.objects.filter(state="failed").exists()
    assert set(Delivery.objects.values_list("state", flat=True)) <= {"sent", "skipped"}
    mails = [one.subject + one.body + one.alternatives[0][0] for one in mail.outbox]
    for shown in [*mails, *(one.text for one in texts.taken)]:
        assert not [odd for odd in ("{{", "[[", "}}", "@hello", "…") if odd in shown], shown
    said = told.said(texts)
    assert {name for _who, name, _shown in said} == {key.split()[-1] for key in story.says}
    for key, words in story.says.items():
        whose, _space, name = key.rpartition(" ")
        shown = [one for who, what, one in said if what == name and whose in ("", who)]
        wrong = [(word, one) for one in shown for word in words if not stands(word, one)]
        assert shown and not wrong, (key, wrong[:1])


def stands(word: str, shown: str) -> bool:
    return word[1:] not in shown if word.startswith("!") else word in shown


class Telling:
    """One story, told by the real line with its clock moved."""

    def __init__(self, story: Story, topic: Topic, books: list[Any]) -> None:
        self.story, self.topic, self.books = story, topic, books
        self.got: dict[str, list[tuple[float, str]]] = {who: [] for who in story.gets}
        self.seen: set[int] = set()

    def tell(self, clock: Any) -> None:
        for who in self.story.gets:
            person = factories.contact(f"{who}@example.com", first_name=who.title())
            if who != "cyd":
                factories.consent(person, self.topic)
        before = [one for one in self.story.happens if one[0] < 0]
        for one in before:
            self.happen(clock, *one)
        clock.move_to(NOW)
        self.names = self.make()
        # Somebody else once bought both books: so one goes with the other.
        both = [self.item(number) for number in range(len(self.books))]
        api.record(
            "order_placed",
            email="zed@example.com",
            data={**ORDER, **both[0], "items": both},
            at=NOW - timedelta(days=300),
        )
        due = sorted((one for one in self.story.happens if one[0] >= 0), key=lambda one: one[0])
        for day in self.days():
            clock.move_to(NOW + timedelta(days=day))
            while due and due[0][0] <= day:
                self.happen(clock, *due.pop(0))
            self.run(NOW + timedelta(days=day), day)

    def make(self) -> dict[Any, str]:
        """The campaigns, live; their mails' names in the recipes by their keys."""
        found = {}
        for slug in filter(None, (self.story.general, self.story.recipe)):
            recipe = registry.recipes()[slug]
            answers = {**guess(recipe, Recorded.read()), "topic": "news"}
            if slug == self.story.recipe:
                answers |= self.story.answers
            campaign = make(recipe, answers, site=factories.site(), publish=True)
            assert campaign.status == "live"
            texts = recipe.texts("en")
            names = {texts[key]: key[:-5] for key in texts if key.endswith(".name")}
            for step in Step.objects.exclude(translation_key__in=found):
                found[step.translation_key] = names[step.name]
        return found

    def days(self) -> list[float]:
        """When to look: a little before and at each moment that matters."""
        moments = {day for said in self.story.gets.values() for day, _mail in _mails(said)}
        found = {one[0] for one in self.story.happens if one[0] >= 0} | {self.story.until}
        found |= set(self.story.looks)
        for day in moments:
            found |= {max(0, day - 0.02), day + 0.001}
        return sorted(found)

    def happen(self, clock: Any, day: float, who: str, what: str, data: Any = None) -> None:
        clock.move_to(NOW + timedelta(days=day))
        email, data = f"{who}@example.com", dict(data or {})
        if "book" in data:
            data |= self.item(data["book"]) | {"items": [self.item(data["book"])]}
        match what:
            case "user_signed_up":
                factories.user(email)
            case "chose_topic":
                other, _new = Topic.objects.get_or_create(
                    slug="tips", defaults={"name": "Tips", "site": self.topic.site}
                )
                factories.consent(Contact.objects.get(email=email), other)
            case "agreed_to_texts":
                texts = {"name": "Texts", "channel": "sms", "site": self.topic.site}
                other, _new = Topic.objects.get_or_create(slug="texts", defaults=texts)
                factories.consent(Contact.objects.get(email=email), other)
            case "left_topic":
                api.unsubscribe(data["topic"], email=email)
            case "is_known":
                person = Contact.objects.get(email=email)
                person.attributes = data
                person.save()
            case _:
                api.record(what, email=email, data=data)

    def said(self, texts: MemoryChannel) -> list[tuple[str, str, str]]:
        """What went out: who got it, which mail, its subject and plain text."""
        keys = dict(Delivery.objects.values_list("message_id", "step_key"))
        mails = [
            (one.to[0], one.extra_headers["Message-ID"], f"{one.subject}\n{one.body}")
            for one in mail.outbox
        ]
        messages = [(one.reader.email, one.message_id, one.text) for one in texts.taken]
        return [
            (email.partition("@")[0], self.names[keys[id]], shown)
            for email, id, shown in [*mails, *messages]
        ]

    def item(self, number: int) -> dict[str, Any]:
        book = self.books[number]
        return {"book": book.pk, "title": book.title, "quantity": 1, "price": "18.50"}

    def run(self, now: Any, day: float) -> None:
        while tick(now).any:
            pass
        sent = Delivery.objects.filter(state="sent").exclude(pk__in=self.seen).order_by("pk")
        for delivery in sent.select_related("contact"):
            self.seen.add(delivery.pk)
            who = delivery.contact.email.partition("@")[0]
            told = self.got.setdefault(who, [])
            told.extend(_rounded([(day, self.names[delivery.step_key])]))


def _mails(said: str) -> list[tuple[float, str]]:
    """ "0 hello, 2 picks" as days and names."""
    pairs = (one.split() for one in said.split(", ") if one)
    return [(float(day), name) for day, name in pairs]


def _rounded(mails: list[tuple[float, str]]) -> list[tuple[float, str]]:
    return [(round(day, 1), name) for day, name in mails]


def test_two_of_one_recipe_stand_beside_each_other(topic: Topic) -> None:
    recipe = registry.recipes()["welcome"]
    answers = {**guess(recipe, Recorded()), "topic": "news"}
    first, second = (make(recipe, answers, site=factories.site()) for _twice in range(2))
    assert (first.slug, second.slug) == ("welcome", "welcome-2")
    assert Step.objects.count() == 8 and not Step.objects.filter(live=True).exists()
    assert Campaign.objects.filter(live=True).count() == 0


def test_who_has_only_signed_up_is_recommended_what_most_people_chose(
    topic: Topic, events: Any, books: list[Any], shop_of_events: None
) -> None:
    """The welcome says “we picked a few things”: then there have to be some."""
    story = Story(
        "welcome",
        [(0, "dot", "order_placed", {**ORDER, "book": 1}), (0, "ann", "user_signed_up")],
        {"dot": "", "ann": "0 hello, 2 picks, 5 how, 9 gift"},
    )
    told = Telling(story, topic, books)
    with time_machine.travel(NOW, tick=False) as clock:
        told.tell(clock)
    assert "Letters to a Lighthouse" in mail.outbox[1].body
