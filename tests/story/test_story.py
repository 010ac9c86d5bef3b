"""What the product does, told once from a reader's first visit to the end of each series.

Told twice over: with the line run in this process, and by two real clusters at once.
"""

from __future__ import annotations

import pytest

from example_site.shop.models import BookPage, DiscountCode
from wagtail_drip.models import Campaign, Delivery, Enrollment

from .conftest import Shop, code_in

NADIA = "nadia@example.com"
INTERESTED = "interested-in-a-book"


def state(campaign: str) -> tuple[str, str]:
    enrollment = Enrollment.objects.get(campaign__slug=campaign, contact__email=NADIA)
    return enrollment.state, enrollment.reason


class Story:
    @pytest.fixture
    def book(self, shop: Shop) -> BookPage:
        return BookPage.objects.order_by("pk").first()

    def test_welcome_comes_on_days_0_2_5_and_9_and_only_with_consent(self, shop: Shop):
        shop.sign_up("Nadia", NADIA, news=True)
        shop.sign_up("Omar", "omar@example.com", news=False)
        assert len(shop.mails(NADIA)) == 1

        for day, expected in [(1, 1), (2, 2), (4, 2), (5, 3), (8, 3), (9, 4), (30, 4)]:
            shop.days_pass(day - getattr(shop, "day", 0))
            shop.day = day
            shop.run()
            assert len(shop.mails(NADIA)) == expected, f"day {day}"

        assert "Nadia" in shop.mails(NADIA)[0]["text"]
        assert not shop.mails("omar@example.com")
        assert state("welcome") == ("completed", "")

    def test_interest_brings_that_very_book_and_buying_it_ends_the_series(
        self, shop: Shop, book: BookPage
    ):
        shop.ask_about(book, "Nadia", NADIA)
        assert shop.mails(NADIA) == []

        shop.days_pass(1)
        shop.run()
        (first,) = shop.mails(NADIA)
        assert book.title in first["subject"] + first["text"]
        assert book.url in first["html"] and "<img" in first["html"]

        shop.days_pass(2)
        shop.run()
        assert len(shop.mails(NADIA)) == 2
        shop.buy(book, NADIA, code=code_in(shop.mails(NADIA)[1]))
        assert DiscountCode.objects.get(code=code_in(shop.mails(NADIA)[1])).used_at

        shop.days_pass(10)
        shop.run()
        assert len(shop.mails(NADIA, INTERESTED)) == 2
        assert state(INTERESTED) == ("left", "goal")

    def test_who_does_not_buy_gets_the_better_code_on_day_7(self, shop: Shop, book: BookPage):
        shop.ask_about(book, "Nadia", NADIA)
        for days in (1, 2, 4, 30):
            shop.days_pass(days)
            shop.run()
        codes = [code_in(mail) for mail in shop.mails(NADIA)[1:]]
        percents = DiscountCode.objects.filter(code__in=codes).values_list("percent", flat=True)
        assert sorted(percents) == [10, 15]
        assert state(INTERESTED) == ("completed", "")

    def test_the_next_mail_shows_the_new_price(self, shop: Shop, book: BookPage):
        shop.ask_about(book, "Nadia", NADIA)
        book.price = "47.11"
        book.save_revision().publish()
        shop.days_pass(1)
        shop.run()
        assert "47.11" in shop.mails(NADIA)[0]["text"]

    def test_a_mail_about_an_unpublished_book_waits_and_says_why(self, shop: Shop, book: BookPage):
        shop.ask_about(book, "Nadia", NADIA)
        book.unpublish()
        shop.days_pass(1)
        shop.run()
        assert shop.mails(NADIA) == []
        held = Delivery.objects.get(contact__email=NADIA)
        assert held.state == "waiting" and book.title in held.reason

        book.save_revision().publish()
        shop.days_pass(0.1)
        shop.run()
        assert len(shop.mails(NADIA)) == 1

    def test_bought_a_minute_before_it_is_due_means_no_mail(self, shop: Shop, book: BookPage):
        shop.ask_about(book, "Nadia", NADIA)
        shop.days_pass(1 - 60 / 86400)
        shop.buy(book, NADIA)
        shop.days_pass(61 / 86400)
        shop.run()
        assert shop.mails(NADIA, INTERESTED) == []
        assert state(INTERESTED) == ("left", "goal")

    def test_buying_it_among_other_books_ends_the_series_too(self, shop: Shop, book: BookPage):
        shop.ask_about(book, "Nadia", NADIA)
        shop.add_to_cart(BookPage.objects.exclude(pk=book.pk).first())
        shop.add_to_cart(book)
        shop.check_out("Nadia", NADIA)
        shop.days_pass(1)
        shop.run()
        assert shop.mails(NADIA, INTERESTED) == []
        assert state(INTERESTED) == ("left", "goal")

    def test_a_first_order_over_20_brings_confirmation_thanks_and_tips_after_a_week(
        self, shop: Shop, book: BookPage
    ):
        shop.add_to_cart(book, quantity=2)
        shop.check_out("Nadia", NADIA)
        (confirmation,) = shop.mails(NADIA, "order-confirmation")
        (thanks,) = shop.mails(NADIA, "first-order")
        for mail in (confirmation, thanks):
            assert f"2 × {book.title}" in mail["text"] and "Nadia" in mail["text"]

        shop.days_pass(6.9)
        shop.run()
        assert len(shop.mails(NADIA)) == 2
        shop.days_pass(0.2)
        shop.run()
        assert [mail["step"] for mail in shop.mails(NADIA)][2:] == ["Tips for readers"]

    def test_one_click_ends_it_without_login_cookie_or_token(self, shop: Shop):
        shop.sign_up("Nadia", NADIA, news=True)
        url = shop.mails(NADIA)[0]["headers"]["List-Unsubscribe"].strip("<>")
        path = "/" + url.split("/", 3)[3]
        provider = type(shop.visitor)(enforce_csrf_checks=True)
        assert provider.get(path).status_code == 200
        assert state("welcome")[0] == "active"

        answer = provider.post(path, {"List-Unsubscribe": "One-Click"})
        assert answer.status_code == 200 and not answer.cookies
        shop.days_pass(10)
        shop.run()
        assert len(shop.mails(NADIA)) == 1
        assert state("welcome") == ("left", "unsubscribed")

    def test_everything_planned_is_accounted_for(self, shop: Shop, book: BookPage):
        shop.sign_up("Nadia", NADIA, news=True)
        shop.ask_about(book, "Nadia", NADIA)
        shop.days_pass(3)
        shop.run()
        for campaign in Campaign.objects.all():
            rows = Delivery.objects.filter(campaign=campaign)
            assert rows.count() == sum(rows.filter(state=s).count() for s in Delivery.State.values)
            assert not rows.filter(state__in=["failed", "uncertain"]).exists()


@pytest.mark.django_db
class TestInThisProcess(Story):
    @pytest.fixture
    def shop(self, shop_in_process: Shop) -> Shop:
        return shop_in_process


@pytest.mark.processes
@pytest.mark.django_db(transaction=True)
class TestWithTwoClusters(Story):
    @pytest.fixture
    def shop(self, shop_with_clusters: Shop) -> Shop:
        return shop_with_clusters
