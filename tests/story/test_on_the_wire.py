"""What a mail server is handed when somebody signs up: the bytes, parsed."""

from __future__ import annotations

import email
import email.policy
from urllib.parse import urlsplit

import pytest
from bs4 import BeautifulSoup

from example_site.shop.models import BookPage
from tests.smtp import MailServer

from .conftest import Shop


@pytest.fixture
def server(bookshop, settings):
    with MailServer() as server:
        for name, value in server.settings().items():
            setattr(settings, name, value)
        yield server


@pytest.mark.django_db
def test_a_series_reaches_a_mail_server_as_a_proper_mail(server, shop_in_process: Shop):
    shop_in_process.ask_about(BookPage.objects.order_by("pk").first(), "Nadia", "nadia@example.com")
    shop_in_process.days_pass(1)
    shop_in_process.run()
    [taken] = [taken for taken in server.taken if taken.to == "nadia@example.com"]
    assert len(taken.content) < 102 * 1024
    assert max(map(len, taken.content.split(b"\r\n"))) <= 998
    message = email.message_from_bytes(taken.content, policy=email.policy.default)
    assert message["To"] == "nadia@example.com" and message["Subject"]
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    leave = message["List-Unsubscribe"].strip("<>")
    assert leave in message.get_body(("plain",)).get_content()
    page = BeautifulSoup(message.get_body(("html",)).get_content(), "html.parser")
    assert (page.html["lang"], page.html["dir"]) == ("en", "ltr")
    assert page.find("a", href=leave) and page.find("td", style=True)
    assert all(image["alt"] for image in page.find_all("img")) and page.img
    urls = [tag.get("href") or tag.get("src") for tag in page.find_all(["a", "img"])]
    assert all(urlsplit(url).scheme in ("http", "https") for url in urls)
