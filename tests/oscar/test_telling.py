"""Each thing that happens in the shop becomes an event, by Oscar's own pages."""

from __future__ import annotations

import logging

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from wagtail_drip import registry
from wagtail_drip.engine.files.mapping import Recorded, guess
from wagtail_drip.models import Contact, Event, lifecycle

from .shop import PASSWORD, book, model

pytestmark = pytest.mark.django_db
ZOE, GUEST = "zoe@example.com", "guest@example.com"


def told(*names: str) -> list[tuple[str, str]]:
    rows = Event.objects.order_by("pk")
    rows = rows.filter(name__in=names) if names else rows
    return list(rows.values_list("name", "contact__email"))


def data(name: str) -> dict:
    return Event.objects.filter(name=name).latest("pk").data


def test_a_registration_is_told_once(visit):
    visit.register(ZOE)
    assert told() == [("user_signed_up", ZOE)]
    assert Contact.objects.get().user == get_user_model().objects.get()


def test_a_product_is_looked_at_once_a_day(visit):
    swifts, moon = book(), book("The Moon")
    visit.look(swifts)
    assert told() == []  # by a stranger
    visit.register(ZOE)
    visit.client.head(swifts.get_absolute_url())
    visit.client.get(moon.get_absolute_url(), headers={"sec-purpose": "prefetch;prerender"})
    assert told("product_viewed") == []
    for product in (swifts, swifts, moon):
        assert visit.look(product).status_code == 200
    assert told("product_viewed") == [("product_viewed", ZOE)] * 2
    assert data("product_viewed") == {"product": moon.pk, "title": "The Moon"}


def test_a_cart_is_filled_and_emptied(visit):
    swifts, moon = book(), book("The Moon", "10.00")
    visit.register(ZOE)
    visit.add(swifts, 2)
    visit.add(moon)
    basket = model("basket.Basket").objects.get(status="Open")
    assert data("cart_changed") == {
        "basket": basket.pk, "product": swifts.pk, "products": [swifts.pk, moon.pk], "lines": 2,
        "items": [
            {"product": swifts.pk, "title": "Swifts", "price": "18.50", "quantity": 2},
            {"product": moon.pk, "title": "The Moon", "price": "10.00", "quantity": 1},
        ],
        "total": "47.00", "currency": "EUR",
    }  # fmt: skip
    visit.take_out(basket)
    assert told("cart_item_removed") == [("cart_item_removed", ZOE)] * 2
    assert not basket.lines.exists()


def test_a_cart_that_goes_with_its_account_takes_nothing_out(visit):
    visit.register(ZOE)
    visit.add(book())
    model("basket.Basket").objects.all().delete()
    assert told("cart_item_removed") == []


def test_an_order_of_an_account(visit):
    swifts, moon = book(), book("The Moon", "10.00")
    visit.register(ZOE)
    visit.add(swifts, 2)
    visit.add(moon)
    order = visit.order()
    assert told("checkout_started", "order_placed", "product_bought") == [
        ("checkout_started", ZOE), ("order_placed", ZOE), ("product_bought", ZOE),
        ("product_bought", ZOE),
    ]  # fmt: skip
    found = data("order_placed")
    assert found["order"] == order.number and found["total"] == "47.00"
    assert found["products"] == [swifts.pk, moon.pk] and found["currency"] == "EUR"
    bought = data("product_bought")
    assert (bought["product"], bought["price"], bought["order"]) == (moon.pk, "10.00", order.number)


def test_an_order_of_a_guest(visit):
    visit.add(book())
    assert told() == []  # whose cart it is nobody knows yet
    visit.go_to_checkout(GUEST)
    visit.add(book("The Moon"))
    assert told() == [("checkout_started", GUEST), ("cart_changed", GUEST)]
    order = visit.order(GUEST)
    assert order.user is None
    assert told("order_placed") == [("order_placed", GUEST)]
    assert told("checkout_started") == [("checkout_started", GUEST)]
    assert Contact.objects.get().first_name == "Zoe"


def test_a_guest_who_takes_something_out(visit):
    visit.add(book())
    visit.go_to_checkout(GUEST)
    visit.take_out(model("basket.Basket").objects.get())
    assert told("cart_item_removed") == [("cart_item_removed", GUEST)]


@pytest.fixture
def staff(another):
    get_user_model().objects.create_superuser("boss", "boss@example.com", PASSWORD)
    another.log_in("boss@example.com")
    return another


def test_an_order_s_status_changed_in_the_dashboard(visit, staff):
    visit.add(book())
    order = visit.order(GUEST)
    page = f"dashboard/orders/{order.number}/"
    staff.post(page, order_action="change_order_status", new_status="Being wrapped")
    staff.post(page, order_action="change_order_status", new_status="Being wrapped")
    assert told("order_status_changed") == [("order_status_changed", GUEST)]
    found = data("order_status_changed")
    assert (found["status"], found["before"]) == ("Being wrapped", "Pending")
    assert found["order"] == order.number and found["items"][0]["title"] == "Swifts"


def test_an_order_is_one_however_often_its_status_changes(visit, staff):
    visit.add(book())
    order = visit.order(GUEST)
    for status in ("Being wrapped", "Shipped"):
        order.set_status(status)
    assert len(told("order_status_changed")) == 2
    people = lifecycle.with_stages(Contact.objects.filter(email=GUEST), timezone.now())
    assert people.get().stage == "customer"
    assert lifecycle.count(timezone.now())["repeat"] == 0


def test_no_change_of_status_is_taken_for_shipping(visit):
    """Many are none: being wrapped, canceled. A shop that has one declares an event for it."""
    visit.add(book())
    visit.order(GUEST).set_status("Being wrapped")
    found = guess(registry.recipes()["order_confirmation"], Recorded.read())
    assert (found["start"], found["shipped"]) == ("order_placed", "")


def test_a_wish(visit):
    swifts = book()
    visit.register(ZOE)
    visit.post(f"accounts/wishlists/add/{swifts.pk}/")
    visit.post(f"accounts/wishlists/add/{swifts.pk}/")
    assert told("wishlist_added") == [("wishlist_added", ZOE)]
    assert data("wishlist_added")["product"] == swifts.pk


def test_an_alert_of_an_account_and_the_product_s_return(visit):
    swifts = book(stock=0)
    visit.register(ZOE)
    visit.post(f"accounts/alerts/create/{swifts.pk}/")
    assert told("alert_asked", "back_in_stock") == [("alert_asked", ZOE)]
    stock = swifts.stockrecords.get()
    stock.num_in_stock = 3
    stock.save()
    assert told("alert_asked", "back_in_stock")[1:] == [("back_in_stock", ZOE)]
    assert data("back_in_stock")["title"] == "Swifts"


def test_an_alert_of_a_guest_counts_once_it_is_confirmed(visit):
    swifts = book(stock=0)
    visit.post(f"accounts/alerts/create/{swifts.pk}/", email=GUEST)
    assert told() == []
    alert = model("customer.ProductAlert").objects.get()
    visit.get(f"accounts/alerts/confirm/{alert.key}/")
    assert told() == [("alert_asked", GUEST)]


@pytest.mark.parametrize("broken", ["wagtail_drip.api.record", "django.db.models.sql.compiler"])
def test_whatever_goes_wrong_with_us_the_order_is_placed(visit, monkeypatch, caplog, broken):
    """Our code raises, or our tables are gone, within the shop's own transaction."""
    visit.add(book())
    if broken == "wagtail_drip.api.record":
        monkeypatch.setattr("wagtail_drip.api.record", lambda *a, **k: 1 / 0)
        monkeypatch.setattr("wagtail_drip.integrations.oscar.knowing.claim", lambda *a: 1 / 0)
    else:
        monkeypatch.setattr(Event._meta, "db_table", "not_there")
        monkeypatch.setattr(Contact._meta, "db_table", "not_there_either")
    with caplog.at_level(logging.CRITICAL):
        order = visit.order(GUEST)
    assert order.lines.count() == 1
    monkeypatch.undo()
    assert told() == []
