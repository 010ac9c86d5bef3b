"""Ready-made series on a shop of Oscar's: chosen in the gallery, started by the shop's pages."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core import mail
from django.urls import reverse
from django.utils import timezone

from tests import factories
from wagtail_drip.engine.ticking import tick
from wagtail_drip.engine.time_travel import fast_forward
from wagtail_drip.integrations.oscar.triggers import triggers
from wagtail_drip.models import Campaign, Contact, Enrollment, Step

from .shop import book, model, offer

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ZOE, GUEST = "zoe@example.com", "guest@example.com"
# Those that need no more than what Oscar tells by itself.
OF_OSCAR = (
    "welcome", "browsed", "cart", "taken_out", "back_in_stock", "product_launch", "first_order",
    "big_first_order", "order_thanks", "after_order", "order_confirmation", "review_request",
    "loyalty", "reorder", "overdue", "holiday", "order_anniversary", "inactive",
)  # fmt: skip


@pytest.fixture
def topic():
    return factories.topic("news", name="News")


@pytest.fixture
def choose(admin_client):
    """`choose("cart", code="…")`: as the gallery fills it in, but for these; live at once."""

    def choose(slug: str, **answers: str) -> Campaign:
        url = reverse("wagtail_drip_admin:recipe", args=[slug])
        form = admin_client.get(url).context["form"]
        given = {name: form[name].value() or "" for name in form.fields} | answers
        page = admin_client.post(url, given | {"make": "1"})
        assert page.status_code == 302, page.context["form"].errors
        campaign = Campaign.objects.latest("pk")
        for step in Step.objects.filter(live=False):
            step.latest_revision.publish()
        campaign.latest_revision.publish()
        campaign.refresh_from_db()
        assert campaign.status == "live"
        return campaign

    return choose


def later(by: timedelta) -> list[mail.EmailMessage]:
    """What goes out when so much time has passed."""
    before = len(mail.outbox)
    fast_forward(by)
    while tick(timezone.now()).any:
        pass
    return mail.outbox[before:]


def test_a_cart_left_reminded_of_and_bought_with_the_code(choose, topic, visit):
    offer("10 % off")
    choose("cart", cart="/store/basket/")
    visit.register(ZOE)
    factories.consent(Contact.objects.get(email=ZOE), topic)
    visit.add(book(), 2)
    assert later(3 * HOUR) == []
    [reminder] = later(HOUR)
    assert reminder.to == [ZOE] and reminder.subject.startswith("You left something behind")
    assert "2 × Swifts: €37.00" in reminder.body and "/store/basket/" in reminder.body
    [help_] = later(DAY)
    assert help_.subject == "Can we help with your order?"
    [incentive] = later(2 * DAY)
    code = model("voucher.Voucher").objects.get().code
    assert code in incentive.body and "Swifts" in incentive.body
    assert code not in reminder.body + help_.body
    visit.enter(code)
    assert visit.order().total_incl_tax == Decimal("33.30")
    assert later(10 * DAY) == []
    assert Enrollment.objects.get().state != "active"


def test_who_orders_before_the_reminder_gets_none(choose, topic, visit):
    choose("cart", cart="/store/basket/")
    visit.register(ZOE)
    factories.consent(Contact.objects.get(email=ZOE), topic)
    visit.add(book())
    assert later(HOUR) == []
    visit.order()
    assert later(5 * DAY) == []


def test_a_guest_s_order_is_confirmed_with_what_goes_with_it(choose, visit, another):
    swifts, moon = book(), book("The Moon")
    for one in (swifts, moon):
        another.add(one)
    another.order("other@example.com")
    choose("order_confirmation")
    visit.add(swifts)
    order = visit.order(GUEST)
    [sent] = later(timedelta(0))
    assert sent.to == [GUEST] and order.number in sent.subject
    ordered, also = re.split("People who chose this also liked", sent.body)
    assert "Swifts: €18.50" in ordered and "The Moon" not in ordered and "The Moon" in also
    assert later(30 * DAY) == []


def test_what_was_waited_for_and_is_back(choose, topic, visit):
    choose("back_in_stock")
    visit.register(ZOE)
    factories.consent(Contact.objects.get(email=ZOE), topic)
    swifts = book(stock=0)
    visit.post(f"accounts/alerts/create/{swifts.pk}/")
    assert later(DAY) == []
    stock = swifts.stockrecords.get()
    stock.num_in_stock = 3
    stock.save()
    [back] = later(timedelta(0))
    assert back.to == [ZOE] and back.subject == "Swifts is back"


@pytest.mark.parametrize("slug", OF_OSCAR)
def test_what_oscar_tells_is_filled_in_and_can_go_live(choose, topic, slug):
    later = (timezone.now() + 30 * DAY).date().isoformat()
    day = {"day": later} if slug == "holiday" else {}
    campaign = choose(slug, **day)
    assert campaign.trigger in {*triggers(), "user_signed_up", "launched", "inactive"}
