from __future__ import annotations

import pytest

from wagtail_drip.content.richtext import as_text, clean, safe_url, tidy_lines


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>a</p> <p>b</p>", "a\n\nb"),
        ("a<br/>b", "a\nb"),
        ('<a href="https://x.example/">https://x.example/</a>', "https://x.example/"),
        ('<a href="mailto:a@x.example">a@x.example</a>', "a@x.example"),
        ('<a href="/x/"><img alt="A shop" src="y"></a>', "A shop (/x/)"),
        ("<ul><li>a<ul><li>b</li></ul></li><li>c</li></ul>", "- a\n  - b\n- c"),
        ("<ol><li>a</li><li>b</li></ol>", "1. a\n2. b"),
        ("<p>a &amp; &lt;b&gt;</p><script>x</script><style>y</style>", "a & <b>"),
        ("<table><tr><td>a</td></tr><tr><td>b</td></tr></table>", "a\nb"),
    ],
)
def test_html_reads_as_text(html, text):
    assert as_text(html) == text


@pytest.mark.parametrize(
    ("html", "kept"),
    [
        ("<p>a <b>b", "<p>a <b>b</b></p>"),
        ("<i><b>a</i>b</b>", "<i><b>a</b></i>b"),
        ("</p></td>a", "a"),
        ('<p style="x" onclick="y">a</p>', "<p>a</p>"),
        ('<a href="javascript:x">a</a>', "a"),
        ("<a>a</a>", "a"),
        ("a & b < c", "a &amp; b &lt; c"),
        ("<!-- <b> --><custom>a</custom>", "a"),
    ],
)
def test_only_what_is_allowed_is_kept(html, kept):
    assert clean(html, merge=str, absolute=str) == kept


@pytest.mark.parametrize(
    "url", ["https://x.example", "/a/", "#a", "mailto:a@b", "tel:1", "a/b:c", ""]
)
def test_an_ordinary_address_is_safe(url):
    assert safe_url(url) == url


@pytest.mark.parametrize(
    "url", ["javascript:x", "JaVa\nScript:x", "\x01data:x", "vbscript:x", "file:x"]
)
def test_an_address_that_could_run_something_is_not(url):
    assert safe_url(url) == ""


def test_many_spaces_cost_little():
    assert tidy_lines("a" + " " * 200_000 + "b \n\n\n\nc").endswith("b\n\nc")
