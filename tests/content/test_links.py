from __future__ import annotations

import pytest
from django.core.signing import BadSignature, Signer

from wagtail_drip.content.links import leave_url, read_leave_token, signing


def test_a_leave_link_leads_back_to_its_token(settings):
    settings.WAGTAIL_DRIP_BASE_URL = "https://shop.example/"
    url = leave_url("a" * 32)
    assert url.startswith("https://shop.example/")
    assert read_leave_token(url.rstrip("/").rpartition("/")[2]) == "a" * 32


@pytest.mark.parametrize("forged", ["", "a", "a:b", "a" * 32, "é:x", leave_url])
def test_a_forged_link_is_refused(forged):
    with pytest.raises(BadSignature):
        read_leave_token(str(forged))


@pytest.mark.parametrize("secret", ["a secret", b"a secret in bytes"])
def test_many_links_are_signed_as_django_signs_one(settings, secret):
    settings.SECRET_KEY = secret
    for value in ("a" * 32, "", "josé:1"):
        assert signing("some.salt")(value) == Signer(salt="some.salt").sign(value)
