from __future__ import annotations

import pytest
from django.core.exceptions import ImproperlyConfigured

from wagtail_drip.conf import conf


def test_nothing_is_sent_until_a_site_says_so(settings):
    del settings.WAGTAIL_DRIP_SENDING
    assert conf.SENDING == "off"


def test_a_wrong_word_never_counts_as_on(settings):
    settings.WAGTAIL_DRIP_SENDING = "yes"
    with pytest.raises(ImproperlyConfigured, match="'yes'"):
        conf.SENDING  # noqa: B018 - reading it is the test


@pytest.mark.parametrize(
    ("own", "expected"), [(None, "https://a.example"), ("https://b/", "https://b")]
)
def test_links_start_with_the_site_s_address_or_our_own(settings, own, expected):
    settings.WAGTAILADMIN_BASE_URL, settings.WAGTAIL_DRIP_BASE_URL = "https://a.example/", own
    assert expected == conf.BASE_URL


def test_suppressions_hang_on_their_own_key_where_there_is_one(settings):
    settings.WAGTAIL_DRIP_HASH_KEY = ""
    assert conf.HASH_KEY == settings.SECRET_KEY
    settings.WAGTAIL_DRIP_HASH_KEY = "own"
    assert conf.HASH_KEY == "own"
