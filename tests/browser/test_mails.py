"""A mail with every block, as it comes: on a phone and a desk, light and dark, in a language from
the left and one from the right."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import pytest
from django.conf import settings
from django.core.files.storage import default_storage
from wagtail.models import Locale, Page

from tests import factories
from tests.content import support
from tests.content.test_coupons import Codes
from wagtail_drip import registry
from wagtail_drip.content import making
from wagtail_drip.content.branding import Brand, Social
from wagtail_drip.content.colors import contrast
from wagtail_drip.content.products import PageProducts, Product
from wagtail_drip.models import SharedContent

from .surfing import Browser

pytestmark = [pytest.mark.browser, pytest.mark.django_db]
WORDS = {
    "en": ["Good evening", "Read more", "A point", "Somebody", "The Lantern"],
    "ar": ["مساء الخير", "اقرأ المزيد", "نقطة", "أحد", "الفانوس الورقي"],
    "fa": ["عصر به‌خیر", "بیشتر بخوانید", "یک نکته", "کسی", "فانوس کاغذی"],
}
SIDEWAYS = """
const outside = (e) => {
  const r = e.getBoundingClientRect();
  return r.width > 1 && (r.left < -1 || r.right > document.documentElement.clientWidth + 1);
};
return [...document.querySelectorAll('td, img, p, h1, h2, a')].filter(outside)
  .map((e) => e.outerHTML.slice(0, 120));
"""
# What marks a part off by a line: the line's color and that of the ground it stands on.
LINES = """
const ground = (e) => {
  const color = getComputedStyle(e).backgroundColor;
  return color === 'rgba(0, 0, 0, 0)' ? ground(e.parentElement) : color;
};
return [...document.querySelectorAll('.quote, .coupon-code, .gate-note')].map((e) => {
  const style = getComputedStyle(e);
  const side = ['Left', 'Right'].find((s) => parseFloat(style[`border${s}Width`]));
  return [e.className, style[`border${side}Color`], ground(e)];
});
"""
SEEN = 3  # times lighter or darker a line is: WCAG 2.2, success criterion 1.4.11


class Shown(Codes):
    pass


class Books(PageProducts):
    def sample(self) -> Product:
        words, cover = "Over the hills. " * 9, support.image(size=(600, 900))
        return Product("7", "Nine Passes", "/books/7/", words, cover, "€ 22.00")


@pytest.fixture(params=["ar", "en", "fa"])
def language(request: Any, settings: Any, tmp_path: Any) -> str:
    settings.MEDIA_ROOT = tmp_path
    settings.WAGTAIL_DRIP_COUPONS = f"{__name__}.Shown"
    settings.WAGTAIL_DRIP_PRODUCTS = f"{__name__}.Books"
    names = [("ar", "Arabic"), ("en", "English"), ("fa", "Persian")]
    settings.LANGUAGES = settings.WAGTAIL_CONTENT_LANGUAGES = names
    return request.param


def blocks(language: str) -> dict[str, Any]:
    """One of each block of ours, by its kind."""
    hello, more, point, who, _shop = WORDS[language]
    image, home = support.image(), Page.objects.get(depth=2)
    home.add_child(instance=Page(title="Swifts are back – خبر", slug="swifts"))
    locale, _new = Locale.objects.get_or_create(language_code=language)
    told = json.dumps([{"type": "text", "value": f"<p>{hello}</p>", "id": "t"}])
    shared = SharedContent.objects.create(
        name="Hours", body=told, site=factories.site(), locale=locale
    )
    text = f'<p>{hello}, {{{{ first_name|{who} }}}} <b>42</b> (<a href="/x/">{more}</a>).</p>'
    picture = {"image": image.pk, "alt": hello, "page": home.pk}
    heading = {"text": f"{hello} – Wagtail 8", "size": "large"}
    button = {"label": more, "url": "/x/"}
    column = [
        {"type": "image", "value": picture, "id": "c1"},
        {"type": "text", "value": text, "id": "c2"},
        {"type": "button", "value": button, "id": "c3"},
    ]
    share = {"type": "random_share", "value": {"percent": 100}, "id": "s1"}
    lines = {"heading": hello, "pictures": True}
    return {
        "heading": heading,
        "text": f"{text}<ul><li>{point}</li><li>{point}</li></ul>",
        "image": picture,
        "button": button,
        "divider": None,
        "quote": {"text": hello, "by": who},
        "points": {"marks": "checks", "points": [f"{point} {n}" for n in range(3)]},
        "columns": {"first": column, "second": column},
        "spacer": {"size": "large"},
        "social": None,
        "product": {"which": "event", "button": more},
        "latest_pages": {"heading": hello, "kind": "", "number": 2, "pictures": True},
        "order_lines": {**lines, "which": "event"},
        "cart_lines": {**lines, "which": "latest"},
        "recommended": {"heading": hello, "number": 3},
        "coupon": {"offer": "ten", "intro": hello, "button": more, "url": "/x/"},
        "raw": f'<table><tr><td style="padding:8px">{hello} 100 %</td></tr></table>',
        "show_if": {"conditions": [share], "content": [{"type": "text", "value": text, "id": "i"}]},
        "shared": shared.pk,
        "confirm": {"label": more},
    }


def mail(language: str) -> str:
    shop, rows = WORDS[language][4], blocks(language)
    assert set(rows) == set(registry.email_blocks())
    brand = Brand(
        shop,
        "https://shop.example",
        "1 Harbour Street\nBookham",
        footer="<p>Since 1912</p>",
        social=(Social("Mastodon", "https://m.example/"), Social("RSS", "https://r.example/")),
    )
    made = making.sample(
        support.source(*rows.items(), language=language, brand=brand, preheader="Look", topic=shop)
    )
    return with_pictures(made.html)


def with_pictures(html: str) -> str:
    """The pictures in the mail itself, since nobody serves them here."""

    def data(found: re.Match) -> str:
        content = base64.b64encode(default_storage.open(found[1]).read())
        return f"data:image/jpeg;base64,{content.decode()}"

    address = f"https://shop.example{settings.MEDIA_URL}"
    return re.sub(re.escape(address) + r"""([^"' ]+)""", data, html)


def faint_lines(driver: Any) -> list[str]:
    found = driver.execute_script(LINES)
    assert {name for name, *_ in found} == {"quote", "coupon-code", "gate-note"}
    return [
        f"{name}: {line} on {ground}"
        for name, line, ground in found
        if contrast(hexadecimal(line), hexadecimal(ground)) < SEEN
    ]


def hexadecimal(color: str) -> str:
    """`rgb(0, 1, 2)` as `#000102`."""
    return "#" + "".join(f"{int(number):02x}" for number in re.findall(r"\d+", color)[:3])


def test_a_mail_of_all_blocks_can_be_read_by_all(driver: Any, language: str):
    html, browser = mail(language), Browser(driver, "")
    assert f'lang="{language}" dir="{"ltr" if language == "en" else "rtl"}"' in html
    found: list[str] = []
    for width in (375, 800):
        for scheme in ("light", "dark"):
            browser.look(width=width, scheme=scheme, height=4800)
            browser.show(html)
            browser.picture(f"mail-{language}-{width}-{scheme}")
            said = [*browser.problems(), *driver.execute_script(SIDEWAYS), *faint_lines(driver)]
            found += [f"{width} {scheme}: {text}" for text in said]
    assert not found, "\n".join(found)
