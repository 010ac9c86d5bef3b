from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.test import RequestFactory

from tests import factories as make
from wagtail_drip.content.branding import Brand, Social
from wagtail_drip.models import SiteBrand
from wagtail_drip.models.branding import brand_of

pytestmark = pytest.mark.django_db


def brand(**fields) -> SiteBrand:
    return SiteBrand(site=make.site(), **fields)


def test_a_site_without_a_look_has_the_one_that_comes_with_us(settings):
    settings.WAGTAIL_DRIP_POSTAL_ADDRESS = "1 Harbour Street"
    plain = brand_of(make.site())
    assert (plain.accent, plain.postal_address) == (Brand.accent, "1 Harbour Street")


def test_what_editors_set_is_in_the_next_mail(settings):
    settings.WAGTAIL_DRIP_POSTAL_ADDRESS = "1 Harbour Street"
    one = brand(accent="#8a1538", name="The Lantern")
    one.social = [("link", {"name": "Mastodon", "url": "https://m.example/@us"})]
    one.full_clean()
    one.save()
    used = make.step().source().brand
    assert (used.accent, used.name) == ("#8a1538", "The Lantern")
    assert used.social == (Social("Mastodon", "https://m.example/@us"),)
    assert used.postal_address == "1 Harbour Street"  # it named none of its own


def test_the_brand_costs_a_mail_one_query(django_assert_num_queries):
    brand().save()
    site = make.site()
    with django_assert_num_queries(1):
        brand_of(site)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"accent": "red"}, "accent"),
        ({"accent": "#12345g"}, "accent"),
        ({"ground": "#fff;}</style>"}, "ground"),
        ({"words": "#dddddd"}, "words"),  # on white paper
        ({"width": 2000}, "width"),
        ({"heading_font": "wingdings"}, "heading_font"),
    ],
)
def test_what_makes_no_mail_is_refused(fields, named):
    with pytest.raises(ValidationError) as refused:
        brand(**fields).full_clean()
    assert list(refused.value.message_dict) == [named]


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_the_preview_shows_a_mail_while_a_color_is_half_typed(mode):
    request = RequestFactory().get("/")
    html = brand(accent="#8a1", words="").serve_preview(request, mode).content.decode()
    assert Brand.accent in html and ("@media all" in html) == (mode == "dark")
