"""Codes of one's own: issued once for each delivery, by the mails that go out alone."""

from __future__ import annotations

from datetime import timedelta

import pytest
from wagtail import hooks

from tests import factories as make
from wagtail_drip.channels.base import Again, Sent
from wagtail_drip.channels.memory import MemoryChannel
from wagtail_drip.content import coupons, making
from wagtail_drip.content.checking import problems
from wagtail_drip.content.coupons import Coupon, CouponAdapter
from wagtail_drip.content.personalizing import Fault, Hold
from wagtail_drip.engine import sending

from .support import make_all, make_one, person, soup, source

pytestmark = pytest.mark.django_db


class Codes(CouponAdapter):
    """Keeps what it issued, by offer and delivery."""

    issued: dict[tuple[str, int], str] = {}
    calls = 0
    broken: set[int] = set()

    def offers(self):
        return [("ten", "10 %"), ("twenty", "20 %")]

    def issue(self, offer, recipients):
        type(self).calls += 1
        for one in recipients:
            if one.id in self.broken:
                raise RuntimeError("no more codes")
            self.issued.setdefault((offer, one.id), f"{offer}-{len(self.issued)}")
        return {one.id: Coupon(self.issued[offer, one.id], "31 May") for one in recipients}


@pytest.fixture(autouse=True)
def codes(settings):
    Codes.issued, Codes.calls, Codes.broken = {}, 0, set()
    settings.WAGTAIL_DRIP_COUPONS = f"{__name__}.Codes"


def coupon(offer="ten", **value):
    given = {"offer": offer, "intro": "For you", "button": "", "page": None, "url": "", **value}
    return "coupon", given


def test_each_gets_a_code_of_their_own_in_one_call():
    message = source(coupon(button="Use it", url="/shop/"))
    made = make_all(message, [person(n) for n in range(1, 50)])
    assert Codes.calls == 1 and len(set(Codes.issued.values())) == 49
    mine = Codes.issued["ten", 7]
    assert soup(made[7]).select_one(".coupon-code").text == mine
    foot = "Valid until 31 May\nUse it: https://shop.example/shop/"
    assert f"For you\n{mine}\n{foot}" in made[7].text


def test_a_mail_that_is_made_again_shows_the_same_code(now):
    step = make.step(body=[{"type": "coupon", "value": coupon()[1], "id": "c"}])
    [delivery] = make.deliveries(make.campaign(nodes={"n1": make.send(step)}), 1)
    answers = [Again("busy"), Sent()]
    channel = MemoryChannel(lambda mail: answers.pop(0))
    with hooks.register_temporarily("register_drip_channels", lambda: {"email": channel}):
        sending.send_due(now)
        sending.send_due(now + timedelta(days=1))
    first, second = [mail.text for mail in channel.tried]
    assert first == second and list(Codes.issued) == [("ten", delivery.pk)]
    assert Codes.issued["ten", delivery.pk] in second


def test_one_whose_code_cannot_be_issued_stops_nobody_else():
    Codes.broken = {2}
    made = make_all(source(coupon()), [person(n) for n in (1, 2, 3)])
    assert isinstance(made[2], Fault) and "no more codes" in made[2].reason
    assert "ten-" in made[1].text and "ten-" in made[3].text


@pytest.mark.parametrize("given", [None, Coupon(""), Coupon("a\nb"), Coupon("x" * 200), "text"])
def test_a_mail_that_promises_a_code_and_has_none_goes_to_nobody(monkeypatch, given):
    monkeypatch.setattr(Codes, "issue", lambda self, offer, people: {1: given})
    assert isinstance(make_one(source(coupon())), Fault)


def test_a_site_may_let_mails_wait(monkeypatch):
    monkeypatch.setattr(Codes, "issue", lambda self, offer, people: {1: Hold("Tomorrow")})
    assert make_one(source(coupon())) == Hold("Tomorrow")


def test_previews_and_checks_issue_nothing():
    message = source(coupon())
    assert "SAMPLE" in making.sample(message).text and problems(message) == []
    assert making.sample(message, recipient=person(7)).text.count("SAMPLE") == 1
    assert Codes.calls == 0


def test_an_offer_that_the_site_has_no_more_holds_the_mail():
    message = source(coupon("fifty"))
    assert problems(message) == ["Block 1 (Coupon): The site has no coupons “fifty”."]
    assert make_one(message) == Hold("The site has no coupons “fifty”.")


def test_a_button_must_lead_somewhere():
    [problem] = problems(source(coupon(button="Use it")))
    assert "leads nowhere" in problem


def test_without_an_adapter_the_block_is_not_offered(settings):
    settings.WAGTAIL_DRIP_COUPONS = ""
    assert coupons.offers() == []
    [problem] = problems(source(coupon()))
    assert "no such block as “coupon”" in problem
