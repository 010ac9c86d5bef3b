"""Whether a page or a mail is in one language throughout."""

from __future__ import annotations

import re
from typing import Any

from bs4 import BeautifulSoup

LANGUAGES = [
    ("en", "English"),
    ("fa", "فارسی"),
    ("ar", "العربيّة"),
    ("ru", "Русский"),
    ("de", "Deutsch"),
]
# A word of each that no other of the five has, at the foot of every mail.
FOOTS = {
    "en": "Choose what you get",
    "fa": "انتخاب ایمیل‌هایی که می‌گیرید",
    "ar": "اختيار ما يصلكم",
    "ru": "Выбрать, что получать",
    "de": "Auswählen, was Sie bekommen",
}
DIRECTIONS = {"en": "ltr", "fa": "rtl", "ar": "rtl", "ru": "ltr", "de": "ltr"}
_LATIN = re.compile(r"[A-Za-z]{2,}")


def latin_words(html: str, allowed: tuple[str, ...] = ()) -> list[str]:
    """English that is left in a page of another script: words that nobody typed.

    Names of topics and sites stand in `bdi`, languages in `option`: those are data.
    """
    page: Any = BeautifulSoup(html, "html.parser")
    for element in page(["style", "script", "bdi", "option"]):
        element.decompose()
    texts = page.get_text(" ")
    texts += " ".join(
        str(element[name])
        for name in ("alt", "title", "placeholder", "aria-label")
        for element in page.select(f"[{name}]")
    )
    return [word for word in _LATIN.findall(texts) if word not in allowed]
