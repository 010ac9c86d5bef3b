from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wagtail_drip.content.branding import Brand
from wagtail_drip.content.colors import READABLE, contrast, mix, readable, words_on

colors = st.integers(0, 0xFFFFFF).map("#{:06x}".format)


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [("#000000", "#ffffff", 21), ("#777777", "#ffffff", 4.48), ("#ff0000", "#ff0000", 1)],
)
def test_contrast_is_that_of_wcag(one, other, ratio):
    assert contrast(one, other) == contrast(other, one) == pytest.approx(ratio, abs=0.01)


def test_mixing_goes_from_one_to_the_other():
    assert [mix("#000000", "#ff8000", share) for share in (0, 0.5, 1)] == [
        "#000000",
        "#804000",
        "#ff8000",
    ]


def test_a_readable_color_is_left_alone():
    assert readable("#1f5c4d", ("#ffffff",), "#000000") == "#1f5c4d"


@given(colors)
def test_words_on_any_color_can_be_read(ground):
    assert contrast(words_on(ground), ground) >= READABLE


@given(colors)
def test_whatever_the_accent_links_and_small_words_can_be_read(accent):
    brand = Brand("Lantern", accent=accent)
    for palette in (brand.light, brand.dark):
        for ground in (palette.card, palette.panel):
            assert contrast(palette.link, ground) >= READABLE
            assert contrast(palette.words, ground) >= READABLE
        assert contrast(palette.quiet, palette.ground) >= READABLE
        assert contrast(palette.on_accent, palette.accent) >= READABLE
