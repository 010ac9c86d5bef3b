from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from wagtail.models import Site

from example_site.shop import covers
from example_site.shop.models import BookPage
from wagtail_drip.models import Campaign, Heartbeat, Step, Version


@pytest.fixture
def small_covers(monkeypatch):
    monkeypatch.setattr(covers, "SIZE", (60, 90))
    monkeypatch.setattr(covers, "SCENE", (120, 52))
    monkeypatch.setattr(covers, "FINE", 1)


def state():
    campaigns = [(c.slug, c.status) for c in Campaign.objects.order_by("slug")]
    counts = [m.objects.count() for m in (BookPage, Step, Version, get_user_model())]
    return campaigns, counts


@pytest.mark.django_db
def test_seed_fills_the_shop_and_changes_nothing_the_second_time(small_covers, settings):
    settings.WAGTAIL_DRIP_BASE_URL = "http://127.0.0.1:8123"
    call_command("seed", adopt=True)
    first = state()
    assert first[0] == [("interested-in-a-book", "live"), ("welcome", "live")]
    assert first[1][0] >= 12 and all(book.cover for book in BookPage.objects.all())
    BookPage.objects.filter(slug="swifts").update(price="1.00")

    call_command("seed")
    assert state() == first
    assert BookPage.objects.get(slug="swifts").price == 1
    assert Heartbeat.load().base_url == "http://127.0.0.1:8123"
    assert Site.objects.get().port == 8123


def test_the_same_book_has_the_same_cover():
    one, two = (
        covers.draw("Swifts", "Oriel", motif="birds", palette="frost", size=(60, 90))
        for _time in range(2)
    )
    assert one == two and one.startswith(b"\x89PNG")


@pytest.mark.parametrize("motif", covers.MOTIFS)
def test_every_motif_draws(motif):
    drawn = covers.draw("A Long Title of Words", "Ada", motif=motif, palette="sea", size=(40, 60))
    assert len(drawn) > 500
