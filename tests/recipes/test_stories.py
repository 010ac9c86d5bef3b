"""Each recipe from its signal to its last mail: who gets what on which day, and who must not."""

from __future__ import annotations

from dataclasses import dataclass, field
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

NOW = factories.NOW
PHONE = {"phone": "+447400123456"}
ORDER = {"book": 0, "order": 1, "total": "18.50"}
# Of these the way is told on each database; of the others on SQLite.
EVERYWHERE = {"welcome", "interested", "cart", "first_order", "order_confirmation", "inactive"}


@dataclass(frozen=True)
class Story:
    """`happens`: (day, who, event, data); `gets`: by person, each mail by its day and name.

    A book in the data is the number of one. Ann, Bob and Dot chose the topic; Cyd did not.
    """

    recipe: str
    happens: list[tuple[Any, ...]]
    gets: dict[str, str]
    answers: dict[str, Any] = field(default_factory=dict)
    until: float = 40

    def __str__(self) -> str:
        return self.recipe


STORIES = [
    Story(
        "welcome",
        [(0, "ann", "user_signed_up"), (0, "cyd", "user_signed_up"), (3, "bob", "user_signed_up")],
        {
            "ann": "0 hello, 2 picks, 5 how, 9 gift",
            "bob": "3 hello, 5 picks, 8 how, 12 gift",
            "cyd": "",
        },
    ),
    Story(
        "interested",
        [
            (0, "ann", "interest_shown", {"book": 0}),
            (0, "bob", "interest_shown", {"book": 0}),
            (0, "cyd", "interest_shown", {"book": 0}),
            (2, "bob", "order_placed", {**ORDER, "book": 0}),
            (2, "ann", "order_placed", {**ORDER, "book": 1, "order": 2}),  # another one
        ],
        {"ann": "1 more, 3 ten, 7 fifteen", "bob": "1 more", "cyd": ""},
    ),
    Story(
        "cart",
        [
            (0, "ann", "cart_changed", {"book": 0}),
            (0.1, "ann", "cart_item_removed", {"book": 1}),
            (0, "bob", "cart_changed", {"book": 0}),
            (0, "dot", "cart_changed", {"book": 0}),
            (0, "cyd", "cart_changed", {"book": 0}),
            (0.1, "bob", "order_placed", ORDER),
            (2, "dot", "order_placed", {**ORDER, "order": 2}),
        ],
        {
            "ann": "0.167 waits, 1.167 hand, 3.167 code",
            "bob": "",
            "dot": "0.167 waits, 1.167 hand",
            "cyd": "",
        },
    ),
    Story(
        "first_order",
        [
            (0, "ann", "order_placed", ORDER),
            (0, "bob", "order_placed", {**ORDER, "order": 2}),
            (0, "cyd", "order_placed", {**ORDER, "order": 3}),
            (10, "bob", "order_placed", {**ORDER, "order": 4}),
            (-90, "dot", "order_placed", {**ORDER, "order": 5}),  # before the campaign was there
            (1, "dot", "order_placed", {**ORDER, "order": 6}),
        ],
        {
            "ann": "0.042 thanks, 5.042 tips, 21.042 again",
            "bob": "0.042 thanks, 5.042 tips",
            "cyd": "",
            "dot": "",
        },
    ),
    Story(
        "order_confirmation",
        [
            (0, "ann", "order_placed", ORDER),
            (1, "ann", "order_placed", {**ORDER, "order": 2}),
            (2, "ann", "order_shipped", {**ORDER, "order": 2}),
            (4, "ann", "order_shipped", ORDER),
            (0, "cyd", "order_placed", {**ORDER, "order": 3}),  # without any topic
            (30, "cyd", "order_shipped", {**ORDER, "order": 3}),  # too late to be news
        ],
        {"ann": "0 confirmed, 1 confirmed, 2 shipped, 4 shipped", "cyd": "0 confirmed"},
    ),
    Story(
        "inactive",
        [
            (0, "ann", "called_support"),
            (0, "bob", "called_support"),
            (0, "cyd", "called_support"),
            (95, "bob", "mail_clicked", {"mail": "We miss you"}),
            (89, "dot", "called_support"),
        ],
        {"ann": "90 miss, 97 gift, 111 stay", "bob": "90 miss", "cyd": "", "dot": ""},
        until=130,
    ),
    Story(
        "browsed",
        [
            *((0, who, "product_viewed", {"book": 0}) for who in ("ann", "bob", "cyd")),
            (2, "bob", "order_placed", ORDER),
        ],
        {"ann": "1 look, 4 like", "bob": "1 look", "cyd": ""},
    ),
    Story(
        "taken_out",
        [
            *((0, who, "cart_item_removed", {"book": 0}) for who in ("ann", "bob", "cyd")),
            (0.5, "bob", "order_placed", ORDER),
        ],
        {"ann": "1 why, 5 instead", "bob": "", "cyd": ""},
    ),
    Story(
        "back_in_stock",
        [
            *((0, who, "back_in_stock", {"book": 0}) for who in ("ann", "bob", "cyd")),
            (1, "bob", "order_placed", {**ORDER, "book": 0}),
            (1, "ann", "order_placed", {**ORDER, "book": 1, "order": 2}),
        ],
        {"ann": "0 back, 2 still", "bob": "0 back", "cyd": ""},
    ),
    Story(
        "on_sale",
        [
            (-5, "ann", "product_liked", {"book": 0}),
            (-5, "bob", "product_liked", {"book": 1}),  # another one
            (-5, "cyd", "product_liked", {"book": 0}),
            *((0, who, "price_dropped", {"book": 0}) for who in ("ann", "bob", "cyd", "dot")),
        ],
        {"ann": "0 less, 3 last", "bob": "", "cyd": "", "dot": ""},
    ),
    Story(
        "product_launch",
        [(5, "bob", "order_placed", ORDER)],
        {"ann": "0 soon, 3 here, 7 heard", "bob": "0 soon, 3 here", "cyd": ""},
    ),
    Story(
        "big_first_order",
        [
            (0, "ann", "order_placed", {**ORDER, "total": "120.00"}),
            (0, "bob", "order_placed", {**ORDER, "order": 2, "total": "80.00"}),
            (0, "cyd", "order_placed", {**ORDER, "order": 3, "total": "120.00"}),
            (-30, "dot", "order_placed", {**ORDER, "order": 4, "total": "120.00"}),
            (0, "dot", "order_placed", {**ORDER, "order": 5, "total": "150.00"}),
        ],
        {"ann": "0.042 thanks, 7.042 perks, 21.042 yours", "bob": "", "cyd": "", "dot": ""},
    ),
    Story(
        "order_thanks",
        [
            (0, "ann", "order_placed", ORDER),
            (10, "ann", "order_placed", {**ORDER, "order": 2}),  # too soon after the first
            (35, "ann", "order_placed", {**ORDER, "order": 3}),
            (0, "cyd", "order_placed", {**ORDER, "order": 4}),
        ],
        {"ann": "1 thanks, 7 tips, 36 thanks, 42 tips", "cyd": ""},
        until=50,
    ),
    Story(
        "after_order",
        [
            *((0, who, "order_placed", ORDER) for who in ("ann", "bob", "cyd")),
            (20, "bob", "order_placed", {**ORDER, "order": 2}),
        ],
        {"ann": "10 goes, 30 next", "bob": "10 goes", "cyd": ""},
    ),
    Story(
        "failed_payment",
        [
            *((0, who, "payment_failed", {"invoice": 1}) for who in ("ann", "bob", "cyd")),
            (1, "bob", "payment_made", {"invoice": 1}),
        ],
        # It is nothing that one chooses to get.
        {"ann": "0 failed, 3 again, 7 last", "bob": "0 failed", "cyd": "0 failed, 3 again, 7 last"},
    ),
    Story(
        "review_request",
        [
            *((0, who, "order_delivered", {"book": 0}) for who in ("ann", "bob", "cyd")),
            (15, "bob", "review_written", {"book": 0}),
        ],
        {"ann": "14 please, 21 again", "bob": "14 please", "cyd": ""},
    ),
    Story(
        "loyalty",
        [
            *((-day, "ann", "order_placed", {**ORDER, "order": day}) for day in (40, 20)),
            *((-day, "dot", "order_placed", {**ORDER, "order": day}) for day in (40, 20)),
            *((-day, "cyd", "order_placed", {**ORDER, "order": day}) for day in (40, 20)),
            (-40, "bob", "order_placed", ORDER),  # his second is no third
            *((0, who, "order_placed", ORDER) for who in ("ann", "bob", "cyd", "dot")),
            (5, "dot", "order_placed", ORDER),
        ],
        {"ann": "1 thanks, 14 still", "bob": "", "cyd": "", "dot": "1 thanks"},
        answers={"times": 3},
    ),
    Story(
        "reorder",
        [
            *((0, who, "book_bought", {"book": 0, "order": 1}) for who in ("ann", "bob", "cyd")),
            (10, "ann", "book_bought", {"book": 1, "order": 2}),  # lasts on its own
            (30, "bob", "book_bought", {"book": 0, "order": 3}),
        ],
        {
            "ann": "60 again, 67 still, 70 again, 77 still",
            "bob": "90 again, 97 still",
            "cyd": "",
        },
        until=130,
    ),
    Story(
        "overdue",
        [
            *((day, "ann", "order_placed", ORDER) for day in (-20, -10, 0)),
            *((day, "cyd", "order_placed", ORDER) for day in (-20, -10, 0)),
            *((day, "bob", "order_placed", ORDER) for day in (-10, 0)),  # no habit yet
            *((day, "dot", "order_placed", ORDER) for day in (-80, -40, 0)),  # slower by habit
        ],
        {"ann": "30 miss, 37 code", "bob": "", "cyd": "", "dot": ""},
        until=60,
    ),
    Story(
        "renewal",
        [
            *(
                (0, who, "subscription_started", {"renews_at": "2026-05-01", "plan": "Club"})
                for who in ("ann", "bob", "cyd")
            ),
            (0, "dot", "subscription_started", {"plan": "Club"}),  # of no date
            (40, "bob", "subscription_renewed"),
        ],
        {
            "ann": "30 ahead, 53 soon, 59 tomorrow",
            "bob": "30 ahead",
            "cyd": "30 ahead, 53 soon, 59 tomorrow",
        },
        until=80,
    ),
    Story(
        "service_followup",
        [
            *((0, who, "service_done") for who in ("ann", "bob", "cyd")),
            (190, "bob", "appointment_booked", {"day": "2026-10-01"}),
        ],
        {"ann": "184 due, 198 remind", "bob": "184 due", "cyd": ""},
        until=220,
    ),
    Story(
        "before_service",
        [
            *(
                (0, who, "appointment_booked", {"day": "2026-03-20"})
                for who in ("ann", "bob", "cyd")
            ),
            (0, "dot", "appointment_booked", {"day": "2026-03-04"}),  # in two days
            (10, "bob", "appointment_canceled"),
        ],
        {
            "ann": "0 booked, 15 ready, 17 tomorrow",
            "bob": "0 booked",
            "cyd": "0 booked, 15 ready, 17 tomorrow",
            "dot": "0 booked, 0 ready, 1 tomorrow",
        },
    ),
    Story(
        "service_canceled",
        [
            *((0, who, "service_canceled", {"service": "Club"}) for who in ("ann", "bob", "cyd")),
            (20, "bob", "subscription_started", {"plan": "Club"}),
        ],
        {"ann": "1 why, 14 offer, 84 three, 176 six", "bob": "1 why, 14 offer", "cyd": ""},
        until=200,
    ),
    Story(
        "guide",
        [
            *((0, who, "guide_asked") for who in ("ann", "bob", "cyd")),
            (3, "ann", "interest_shown", {"book": 0}),
        ],
        {
            "ann": "0 here, 2 deeper, 5 yours, 8 talk",
            "bob": "0 here, 2 deeper, 5 wider",
            "cyd": "",
        },
    ),
    Story(
        "event_followup",
        [(0, who, "event_attended") for who in ("ann", "cyd")],
        {"ann": "1 thanks, 4 wish, 11 next", "bob": "", "cyd": ""},
    ),
    Story(
        "tutorial",
        [
            *((0, who, "tutorial_started") for who in ("ann", "bob", "cyd")),
            (5, "bob", "tutorial_watched"),
        ],
        {"ann": "3 waits, 7 short, 14 hand", "bob": "3 waits", "cyd": ""},
    ),
    Story(
        "support_lessons",
        [
            *((0, who, "called_support") for who in ("ann", "cyd")),
            (30, "ann", "called_support"),  # had it a month ago
        ],
        {"ann": "1 found, 7 three, 21 how", "cyd": ""},
        until=60,
    ),
    Story(
        "support_feedback",
        [
            *((0, who, "ticket_closed") for who in ("ann", "bob", "cyd")),
            (2, "bob", "feedback_given"),
        ],
        {"ann": "1 how, 5 again", "bob": "1 how", "cyd": ""},
    ),
    Story(
        "birthday",
        [
            (0, "ann", "is_known", {"birthday": "1990-03-04"}),
            (0, "bob", "is_known", {"birthday": "2000-02-20"}),  # it is over
            (0, "cyd", "is_known", {"birthday": "1990-03-04"}),
            (0, "dot", "is_known", {"birthday": "some day"}),
        ],
        {"ann": "2 wish", "bob": "", "cyd": "", "dot": ""},
    ),
    Story(
        "birthday",
        [
            *((-1, who, "agreed_to_texts") for who in ("ann", "cyd", "dot")),
            *((0, who, "is_known", {"birthday": "1990-03-04", **PHONE}) for who in ("ann", "bob")),
            (0, "cyd", "is_known", {"birthday": "1990-03-04", **PHONE}),  # not to mails
            (0, "dot", "is_known", {"birthday": "1990-03-04", "phone": "none of yours"}),
        ],
        {"ann": "2 wish, 2 short", "bob": "2 wish", "cyd": "", "dot": "2 wish"},
        answers={"texts": "texts"},
    ),
    Story(
        "holiday",
        [(4, "bob", "order_placed", ORDER)],
        {"ann": "3 wish, 8 last", "bob": "3 wish", "cyd": ""},
        answers={"day": "2026-03-05"},
    ),
    Story(
        "order_anniversary",
        [
            *((0, who, "order_placed", ORDER) for who in ("ann", "cyd")),
            (-100, "bob", "order_placed", ORDER),
            (0, "bob", "order_placed", {**ORDER, "order": 2}),  # not his first
        ],
        {"ann": "365 year", "bob": "", "cyd": ""},
        until=400,
    ),
    Story(
        "left_topic",
        [
            *((-1, who, "chose_topic") for who in ("ann", "bob", "cyd")),
            *((0, who, "left_topic", {"topic": "tips"}) for who in ("ann", "bob", "cyd")),
            (2, "bob", "left_topic", {"topic": "news"}),  # and this one, too
        ],
        {"ann": "1 why, 15 back", "bob": "1 why", "cyd": ""},
    ),
]


def stories() -> list[Any]:
    ids = [f"{one.recipe} {' '.join(one.answers)}".strip() for one in STORIES]
    return [pytest.param(story, id=id) for story, id in zip(STORIES, ids, strict=True)]


def test_every_recipe_has_its_story():
    assert {story.recipe for story in STORIES} == set(registry.recipes())
    assert set(registry.recipes()) >= EVERYWHERE and len(EVERYWHERE) == 6


@pytest.mark.django_db
@pytest.mark.parametrize("story", stories())
def test_story(story: Story, topic: Topic, events: Any, books: list[Any]) -> None:
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
        due = sorted((one for one in self.story.happens if one[0] >= 0), key=lambda one: one[0])
        for day in self.days():
            clock.move_to(NOW + timedelta(days=day))
            while due and due[0][0] <= day:
                self.happen(clock, *due.pop(0))
            self.run(NOW + timedelta(days=day), day)

    def make(self) -> dict[Any, str]:
        """The campaign, live; its mails' names in the recipe by their keys."""
        recipe = registry.recipes()[self.story.recipe]
        likely = {**guess(recipe, Recorded.read()), "topic": "news"}
        campaign = make(
            recipe, {**likely, **self.story.answers}, site=factories.site(), publish=True
        )
        assert campaign.status == "live"
        texts = recipe.texts("en")
        names = {texts[key]: key[:-5] for key in texts if key.endswith(".name")}
        return {step.translation_key: names[step.name] for step in Step.objects.all()}

    def days(self) -> list[float]:
        """When to look: a little before and at each moment that matters."""
        moments = {day for said in self.story.gets.values() for day, _mail in _mails(said)}
        found = {one[0] for one in self.story.happens if one[0] >= 0} | {self.story.until}
        for day in moments:
            found |= {max(0, day - 0.02), day + 0.001}
        return sorted(found)

    def happen(self, clock: Any, day: float, who: str, what: str, data: Any = None) -> None:
        clock.move_to(NOW + timedelta(days=day))
        email, data = f"{who}@example.com", dict(data or {})
        if "book" in data:
            data["book"] = self.books[data["book"]].pk
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
    topic: Topic, events: Any, books: list[Any], settings: Any
) -> None:
    """The welcome says “we picked a few things”: then there have to be some."""
    settings.WAGTAIL_DRIP_RECOMMENDATIONS = "wagtail_drip.models.recommending.EventRecommender"
    story = Story(
        "welcome",
        [(0, "dot", "order_placed", {**ORDER, "book": 1}), (0, "ann", "user_signed_up")],
        {"dot": "", "ann": "0 hello, 2 picks, 5 how, 9 gift"},
    )
    told = Telling(story, topic, books)
    with time_machine.travel(NOW, tick=False) as clock:
        told.tell(clock)
    assert "Letters to a Lighthouse" in mail.outbox[1].body
