"""A cart that nobody has touched for hours: by Oscar's pages, and with time moved."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone
from wagtail import hooks

from tests import factories
from tests.queries import queries
from wagtail_drip.engine.occurring import occur
from wagtail_drip.engine.ticking import tick
from wagtail_drip.engine.time_travel import fast_forward
from wagtail_drip.integrations.oscar.abandoning import AbandonedCart
from wagtail_drip.models import Campaign, Contact, Enrollment, Event

from .shop import book, model

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ZOE, GUEST = "zoe@example.com", "guest@example.com"


@pytest.fixture
def campaign() -> Campaign:
    """Of what was left in a cart; whoever orders leaves it."""
    step = factories.step(
        "Your cart waits",
        body=[{"type": "cart_lines", "value": {"heading": "Yours", "which": "latest"}}],
    )
    return factories.campaign(
        "cart", trigger="cart_abandoned", entry_rule="per_event",
        nodes={"n1": factories.send(step)}, started_at=timezone.now() - 900 * DAY,
    )  # fmt: skip


def told() -> list[str]:
    rows = Event.objects.filter(name="cart_abandoned").order_by("at", "pk")
    return list(rows.values_list("contact__email", flat=True))


def later(by: timedelta) -> None:
    fast_forward(by)
    tick(timezone.now())


def test_a_cart_left_for_four_hours(visit, campaign):
    visit.register(ZOE)
    visit.add(book(), 2)
    later(3 * HOUR)
    assert told() == [] and mail.outbox == []
    later(HOUR)
    assert told() == [ZOE]
    [sent] = mail.outbox
    assert sent.to == [ZOE]
    assert "2 × Swifts: €37.00" in sent.body and "/store/basket/" in sent.body
    event = Event.objects.get(name="cart_abandoned")
    assert event.data["total"] == "37.00" and event.data["lines"] == 1
    for _turn in range(3):
        later(HOUR)
    assert told() == [ZOE] and len(mail.outbox) == 1


def test_a_cart_touched_and_left_again_is_left_anew(visit, campaign):
    visit.register(ZOE)
    visit.add(book())
    later(5 * HOUR)
    visit.add(book("The Moon"))
    later(3 * HOUR)
    assert told() == [ZOE]
    later(2 * HOUR)
    assert told() == [ZOE, ZOE]
    assert len(mail.outbox) == 2 and "The Moon" in mail.outbox[-1].body


def test_an_ordered_an_emptied_and_a_strangers_cart_are_not_left(visit, another, campaign):
    another.add(book())
    visit.register(ZOE)
    visit.add(book())
    visit.order()
    visit.add(book())
    visit.take_out(model("basket.Basket").objects.get(owner__isnull=False, status="Open"))
    later(5 * HOUR)
    assert told() == []


def test_a_guest_s_cart_is_that_of_the_last_address_they_gave(visit, campaign):
    visit.add(book())
    visit.go_to_checkout("wrong@example.com")
    visit.go_to_checkout(GUEST)
    later(5 * HOUR)
    assert told() == [GUEST]
    assert [one.to for one in mail.outbox] == [[GUEST]]
    assert "1 × Swifts" in mail.outbox[0].body


def test_a_guest_who_logs_in_is_told_once_by_their_account(visit, campaign):
    visit.add(book())
    visit.go_to_checkout(GUEST)
    visit.register(ZOE)
    visit.get("basket/")
    later(5 * HOUR)
    assert told() == [ZOE]


def test_an_account_that_was_never_heard_of(visit, campaign):
    visit.register(ZOE)
    visit.add(book())
    Event.objects.all().delete()
    Contact.objects.all().delete()
    later(5 * HOUR)
    assert told() == [ZOE] and len(mail.outbox) == 1


@pytest.mark.parametrize(("late", "starts"), [(23 * HOUR, True), (25 * HOUR, False)])
def test_after_an_outage_it_catches_up_within_a_day(visit, campaign, late, starts):
    visit.register(ZOE)
    visit.add(book())
    later(4 * HOUR + late)
    assert (told() == [ZOE]) == starts
    if starts:
        event = Event.objects.get(name="cart_abandoned")
        touched = model("basket.Line").objects.get().date_updated
        assert event.at == touched + 4 * HOUR


def test_other_hours_and_a_longer_outage(visit, campaign):
    other = AbandonedCart("cart_abandoned", "left their cart", hours=24, catch_up=7)
    visit.register(ZOE)
    visit.add(book())
    with hooks.register_temporarily("register_drip_triggers", lambda: {other.slug: other}):
        later(23 * HOUR)
        assert told() == []
        later(6 * DAY)
        assert told() == [ZOE]


@pytest.mark.parametrize("hours", [0, -1, 1.5, 24 * 91])
def test_hours_that_can_t_be_get_a_sentence(hours):
    with pytest.raises(ValueError, match="hours"):
        AbandonedCart("x", "left", hours=hours)


def test_two_clusters_at_once_tell_it_once(visit, campaign):
    """The second has found it before the first has written it down."""
    visit.register(ZOE)
    visit.add(book())
    fast_forward(5 * HOUR)
    from wagtail_drip import registry
    from wagtail_drip.engine import occurring

    trigger, now = registry.triggers()["cart_abandoned"], timezone.now()
    rows = list(trigger.due(now))
    assert occur(now) == 1
    assert occurring._record(occurring._occurred(trigger, now, rows)) == 0
    assert told() == [ZOE]


def many(amount: int) -> None:
    product = book()
    for number in range(amount):
        user = factories.user(f"u{number}@example.com")
        basket = model("basket.Basket").objects.create(owner=user)
        basket.lines.create(
            product=product, stockrecord=product.stockrecords.get(), line_reference="x",
            price_excl_tax="18.50", price_incl_tax="18.50", price_currency="EUR",
        )  # fmt: skip


@pytest.mark.parametrize("amount", [10, 100])
def test_the_number_of_queries_does_not_depend_on_carts(campaign, amount):
    many(amount)
    fast_forward(5 * HOUR)
    seen = queries(occur, timezone.now())
    assert len(told()) == amount
    assert len(seen) <= 14, seen
    again = queries(occur, timezone.now())
    assert len(told()) == amount and len(again) <= 3, again


def test_an_ended_cart_is_left_by_nobody_whose_goal_it_was(visit, campaign):
    """They came back and ordered while the mail waited."""
    ordered = {"event": "order_placed", "since": "entering", "days": None, "same": ""}
    goals = factories._stream([factories.condition("event_happened", **ordered)])
    Campaign.objects.filter(pk=campaign.pk).update(goals=goals)
    visit.register(ZOE)
    visit.add(book())
    fast_forward(5 * HOUR)
    occur(timezone.now())
    visit.order()
    tick(timezone.now())
    assert mail.outbox[1:] == [] and Enrollment.objects.get().reason == "goal"
