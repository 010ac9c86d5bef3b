from __future__ import annotations

import json

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from wagtail.models import Site

from example_site.shop import covers, seeding
from example_site.shop.models import BookPage
from wagtail_drip.models import Campaign, Heartbeat, SiteBrand, Step, Version


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
    series = ["by-text", "first-order", "interested-in-a-book", "order-confirmation", "welcome"]
    assert first[0] == [(slug, "live") for slug in series]
    assert first[1][0] >= 12 and all(book.cover for book in BookPage.objects.all())
    BookPage.objects.filter(slug="swifts").update(price="1.00")

    brand = SiteBrand.objects.get()
    assert brand.brand().logo.width > 2 * brand.logo.height and brand.dark_logo
    brand.delete()
    SiteBrand.objects.create(site=Site.objects.get(), name="Ours")

    call_command("seed")
    assert state() == first and SiteBrand.objects.get().name == "Ours"
    assert BookPage.objects.get(slug="swifts").price == 1
    assert Heartbeat.load().base_url == "http://127.0.0.1:8123"
    assert Site.objects.get().port == 8123


def file_of(tmp_path, monkeypatch, **changes) -> None:
    """Another release's campaign file, and nothing else to seed."""
    data = json.loads((seeding.CAMPAIGNS / "order-confirmation.json").read_text())
    data["campaign"] |= changes
    (tmp_path / "order-confirmation.json").write_text(json.dumps(data))
    monkeypatch.setattr(seeding, "CAMPAIGNS", tmp_path)


def seed_campaigns() -> Campaign:
    for file in seeding.CAMPAIGNS.glob("order-confirmation.json"):
        seeding.campaign(file)
    return Campaign.objects.get()


def test_a_campaign_follows_its_file_until_somebody_edits_it(shelf, tmp_path, monkeypatch):
    made = seed_campaigns()
    file_of(tmp_path, monkeypatch, name="Receipt")
    assert seed_campaigns().name == "Receipt"
    made.save_revision(user=get_user_model().objects.create_user("editor"))
    file_of(tmp_path, monkeypatch, name="Slip")
    assert seed_campaigns().name == "Receipt"


def test_a_stopped_campaign_stays_stopped(shelf):
    seed_campaigns().unpublish()
    assert not seed_campaigns().live


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
