"""A shop with two books, whose events are all that the recipes may ask for."""

from __future__ import annotations

import pytest
from wagtail import hooks
from wagtail.models import Site

from example_site.shop import seeding
from example_site.shop.models import BookPage, ShopPage
from tests import factories
from tests.example_site.conftest import add_book
from wagtail_drip.flow.triggers import Trigger

BOOK, ORDER = {"book": 1}, {"book": 1, "order": 1, "total": "18.50"}
# What the bookshop itself doesn't record, by name: what its data looks like.
EVENTS = {
    "product_viewed": BOOK, "back_in_stock": BOOK, "price_dropped": BOOK, "product_liked": BOOK,
    "payment_failed": {"invoice": 1}, "payment_made": {"invoice": 1}, "order_shipped": ORDER,
    "order_delivered": ORDER, "review_written": BOOK, "service_done": {}, "appointment_done": {},
    "appointment_booked": {"day": "2026-03-20", "booking": 1},
    "appointment_canceled": {"booking": 1},
    "subscription_started": {"renews_at": "2026-05-01", "plan": "Reading club"},
    "subscription_renewed": {}, "guide_asked": {}, "event_attended": {}, "tutorial_started": {},
    "tutorial_watched": {}, "ticket_closed": {}, "feedback_given": {},
}  # fmt: skip


@pytest.fixture(autouse=True)
def own_journals(settings, tmp_path):
    settings.WAGTAIL_DRIP_JOURNAL_DIR = tmp_path / "journals"


@pytest.fixture
def events():
    found = {name: Trigger(name, name.replace("_", " "), data) for name, data in EVENTS.items()}
    with hooks.register_temporarily("register_drip_triggers", lambda: found):
        yield found


@pytest.fixture
def topic(db):
    return factories.topic("news", name="News")


@pytest.fixture
def books(db) -> list[BookPage]:
    seeding.site_of(seeding.pages())
    Site.clear_site_root_paths_cache()
    shelf = ShopPage.objects.get()
    return [add_book(shelf, title) for title in ("Swifts", "Letters to a Lighthouse")]


@pytest.fixture
def shop_of_events(settings) -> None:
    """Whoever tells a story needs events alone: no orders in the shop's own tables."""
    settings.WAGTAIL_DRIP_LINES = "wagtail_drip.models.event_lines.EventLines"
    settings.WAGTAIL_DRIP_RECOMMENDATIONS = "wagtail_drip.models.recommending.EventRecommender"
