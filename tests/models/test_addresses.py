from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wagtail_drip.models.addresses import digest, keyed_hash, keyed_hashes, normalize


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("  Ann@Example.COM ", "ann@example.com"),
        ("ann+news@bücher.example", "ann+news@xn--bcher-kva.example"),
        ("JOSE\u0301@example.com", "josé@example.com"),
        ("é.martin@example.com", "é.martin@example.com"),
        ("ann@sub.example.co.uk", "ann@sub.example.co.uk"),
    ],
)
def test_one_person_has_one_form(written, kept):
    assert normalize(written) == kept


@pytest.mark.parametrize(
    "text",
    ["", "ann", "@example.com", "ann@", "ann@-x.com", "a b@example.com", "ann@example.com\nBcc: b",
     "a\u202enn@example.com", "a\ud800@example.com", "x" * 250 + "@example.com"],
)  # fmt: skip
def test_what_is_no_address_is_refused(text):
    with pytest.raises(ValueError):
        normalize(text)


@given(st.emails())
def test_normalizing_twice_changes_nothing(email):
    try:
        once = normalize(email)
    except ValueError:
        return
    assert normalize(once) == once


def test_digests_tell_apart_what_a_collation_merges():
    assert digest("josé@example.com") != digest("jose@example.com")


def test_a_hash_depends_on_the_key_and_older_keys_still_find_it(settings):
    settings.WAGTAIL_DRIP_HASH_KEY = "old"
    old = keyed_hash("ann@example.com")
    settings.WAGTAIL_DRIP_HASH_KEY, settings.WAGTAIL_DRIP_HASH_KEY_FALLBACKS = "new", ["old"]
    assert keyed_hash("ann@example.com") != old
    assert keyed_hashes("ann@example.com") == [keyed_hash("ann@example.com"), old]
