"""One form of each phone number."""

from __future__ import annotations

import sys

import pytest

from wagtail_drip.content import phone


@pytest.fixture(autouse=True)
def no_country(settings):
    settings.WAGTAIL_DRIP_SMS_REGION = ""


@pytest.mark.parametrize(
    ("typed", "region", "number"),
    [
        ("+49 170 1234567", "", "+491701234567"),
        ("0170/1234567", "DE", "+491701234567"),
        ("0049 170 1234567", "DE", "+491701234567"),
        ("(0)170 1234567", "DE", "+491701234567"),
        ("۰۹۱۲ ۳۴۵ ۶۷۸۹", "IR", "+989123456789"),
        ("8 (912) 345-67-89", "RU", "+79123456789"),
        ("+44 7400 123456", "DE", "+447400123456"),
        ("+44\u00a07400\u202f123456", "", "+447400123456"),
    ],
)
def test_one_form(typed, region, number):
    assert phone.normalize(typed, region) == number


@pytest.mark.parametrize(
    "typed",
    ["", None, "hello", "0170 1234567", "+49", "+490000", "12", "+49 170 1234567 ext. 5",
     "+44 7400 123456 or so", "a@b.example", "+1" * 40, "\x00", True],
)  # fmt: skip
def test_none(typed):
    with pytest.raises(ValueError):
        phone.normalize(typed, "")


@pytest.mark.parametrize("value", [None, "", "nonsense", True, 5, [], {"a": 1}, "0170 1234567"])
def test_whoever_has_no_usable_number_is_nowhere(value):
    assert phone.number_of({"phone": value}) == "" == phone.number_of({})


def test_the_settings_say_which_attribute_and_country(settings):
    settings.WAGTAIL_DRIP_SMS_ATTRIBUTE = "mobile"
    settings.WAGTAIL_DRIP_SMS_REGION = "de"
    assert phone.number_of({"mobile": "0170 1234567", "phone": "x"}) == "+491701234567"


def test_without_the_library_whole_numbers_alone_are_understood(monkeypatch):
    monkeypatch.setitem(sys.modules, "phonenumbers", None)
    assert phone.normalize("+44 7400 123456") == "+447400123456"
    for typed in ("0170 1234567", "+44 7400 x", "+0123456789"):
        with pytest.raises(ValueError):
            phone.normalize(typed, "DE")


def test_enough_for_its_owner_alone():
    assert phone.masked("+491701234567") == "+49••••67" and phone.masked("") == ""
