"""A voucher of a mail: once, for its person alone, and issued by nothing but a mail."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.core import mail
from django.utils import timezone

from tests import factories
from tests.queries import queries
from wagtail_drip import api
from wagtail_drip.content.coupons import Coupon
from wagtail_drip.content.personalizing import Hold, Recipient
from wagtail_drip.engine.foretelling import foretell
from wagtail_drip.engine.ticking import tick
from wagtail_drip.integrations.oscar.coupons import OscarCoupons
from wagtail_drip.integrations.oscar.models import IssuedVoucher
from wagtail_drip.models import Contact

from .shop import book, model, offer

pytestmark = pytest.mark.django_db
ZOE, EVE, GUEST = "zoe@example.com", "eve@example.com", "guest@example.com"
OTHERS = "This voucher is for somebody else."


def vouchers():
    return model("voucher.Voucher").objects


@pytest.fixture
def campaign():
    body = [{"type": "coupon", "value": {"offer": offer().slug, "intro": "For you"}}]
    return factories.campaign(
        "code", trigger="wishlist_added", started_at=timezone.now() - timedelta(days=1),
        nodes={"n1": factories.send(factories.step("A code", body=body))},
    )  # fmt: skip


def mailed_code(email: str) -> str:
    """The code in the mail that this person gets."""
    api.record("wishlist_added", email=email, data={"product": 1})
    tick(timezone.now())
    return re.search(r"[A-Z0-9]{4}-[A-Z0-9]{4}-[A-Z0-9]{4}", mail.outbox[-1].body)[0]


def said(messages: list[str], text: str) -> bool:
    return any(text in one for one in messages)


def test_the_cart_takes_it_once_from_its_person(visit, campaign):
    swifts = book(price="20.00")
    visit.register(ZOE)
    code = mailed_code(ZOE)
    visit.add(swifts)
    assert said(visit.enter(code), "added to")
    order = visit.order()
    assert str(order.total_incl_tax) == "18.00"
    visit.add(swifts)
    assert said(visit.enter(code), "already been used")
    assert str(visit.order().total_incl_tax) == "20.00"


def test_it_is_refused_to_another_account(visit, another, campaign):
    visit.register(ZOE)
    code = mailed_code(ZOE)
    another.register(EVE)
    another.add(book(price="20.00"))
    assert said(another.enter(code), OTHERS)
    assert str(another.order().total_incl_tax) == "20.00"


def test_who_registers_after_the_mail_is_its_person(visit, campaign):
    code = mailed_code(ZOE)
    visit.register(ZOE)
    visit.add(book())
    assert said(visit.enter(code), "added to")


def test_a_guest_by_the_address_they_give_before_or_after(visit, another, campaign):
    code, swifts = mailed_code(GUEST), book(price="20.00")
    another.add(swifts)
    another.enter(code)
    assert str(another.order(EVE).total_incl_tax) == "20.00"
    another.add(swifts)
    another.go_to_checkout(EVE)
    assert said(another.enter(code), OTHERS)
    visit.add(swifts)
    visit.enter(code)
    assert str(visit.order(GUEST).total_incl_tax) == "18.00"


def test_put_in_as_a_stranger_it_is_in_nobody_s_way(visit, another, campaign):
    visit.register(ZOE)
    code = mailed_code(ZOE)
    another.add(book(price="20.00"))
    another.enter(code)
    another.register(EVE)
    assert str(another.order().total_incl_tax) == "20.00"


def test_an_ordinary_voucher_is_anybody_s(visit):
    now = timezone.now()
    row = vouchers().create(
        name="All", code="ALL", start_datetime=now, end_datetime=now + timedelta(days=1)
    )
    row.offers.add(offer())
    visit.register(ZOE)
    visit.add(book())
    assert said(visit.enter("ALL"), "added to")


def test_it_is_over_after_thirty_days(visit, campaign):
    from wagtail_drip.engine.time_travel import fast_forward

    code = mailed_code(ZOE)
    fast_forward(timedelta(days=31))
    visit.register(ZOE)
    visit.add(book())
    assert said(visit.enter(code), "expired")


def test_previews_and_plans_issue_nothing(campaign, admin_client):
    step = campaign.current_version.program["nodes"]["n1"]["step"]
    from wagtail_drip.models import Step

    row = Step.objects.get(translation_key=step)
    for mode, _label in row.preview_modes:
        shown = row.make_preview_request(preview_mode=mode).content.decode()
        assert "SAMP-LECO-DE00" in shown or mode != "text"
    contact = factories.contact(ZOE)
    foretell(campaign, contact, start=timezone.now())
    assert not vouchers().exists() and not IssuedVoucher.objects.exists()


def people(amount: int) -> list[Recipient]:
    rows = factories.contacts(amount)
    return [Recipient(id=100 + n, contact_id=row.pk, email=row.email) for n, row in enumerate(rows)]


def test_the_same_mail_has_the_same_code():
    slug, readers = offer().slug, people(3)
    first = OscarCoupons().issue(slug, readers)
    assert OscarCoupons().issue(slug, readers) == first
    assert len({one.code for one in first.values()}) == vouchers().count() == 3
    other = OscarCoupons().issue(offer("15 % off", 15).slug, readers)
    assert set(other.values()).isdisjoint(first.values())
    assert all(isinstance(one, Coupon) and one.until for one in first.values())


def test_an_offer_that_is_gone_or_suspended_holds_the_mail():
    row, readers = offer(), people(1)
    assert OscarCoupons().offers() == [("10-off", "10 % off")]
    row.suspend()
    [held] = OscarCoupons().issue(row.slug, readers).values()
    assert isinstance(held, Hold) and "10-off" in held.reason
    assert OscarCoupons().offers() == [] and not vouchers().exists()


@pytest.mark.parametrize("amount", [10, 500])
def test_the_number_of_queries_does_not_depend_on_readers(amount):
    slug, readers = offer().slug, people(amount)
    seen = queries(OscarCoupons().issue, slug, readers)
    assert len(seen) <= 12, seen


def test_an_erased_person_s_code_is_no_longer_theirs(visit, campaign):
    visit.register(ZOE)
    code = mailed_code(ZOE)
    assert api.erase(email=ZOE)
    assert not IssuedVoucher.objects.exists() and vouchers().filter(code=code).exists()


def test_a_merged_person_keeps_it(campaign):
    from wagtail_drip.engine.merging import merge

    mailed_code(ZOE)
    kept = factories.contact("zoe@new.example")
    merge(kept, Contact.objects.get(email=ZOE), now=timezone.now())
    assert IssuedVoucher.objects.get().contact == kept
    assert get_user_model().objects.count() == 0
