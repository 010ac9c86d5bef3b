"""What a stranger on the internet sends first."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

import pytest
from django.test import Client
from django.urls import resolve
from django.utils import translation
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import factories
from wagtail_drip.content import links, person_links
from wagtail_drip.models import Consent, Contact
from wagtail_drip.models.consent import grant, granted
from wagtail_drip.recipients.forms import Offer
from wagtail_drip.urls import urlpatterns

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.recipients.urls")]

KINDS = ["leave", "preferences", "confirm"]
TYPES = [
    "application/x-www-form-urlencoded",
    "application/x-www-form-urlencoded; charset=nonsense",
    "multipart/form-data; boundary=x",
    "text/html",
    "",
]
# In a path and in a header there is no NUL, no line end and no lone surrogate to be sent.
TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=200)
FUZZ = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def delivery(now):
    news = factories.topic("news")
    ann = factories.contact("ann@example.com")
    grant(ann, news, at=now, source="form")
    return factories.delivery(factories.enrollment(factories.campaign(topic=news), ann))


@pytest.fixture
def paths(delivery):
    key = delivery.contact.uuid.hex
    urls = [
        links.leave_url(delivery.token),
        person_links.preferences_url(key),
        person_links.confirm_url(key),
    ]
    return [urlsplit(url).path for url in urls]


def wants(delivery):
    return bool(granted([delivery.contact_id], delivery.campaign.topic_id))


@FUZZ
@given(signed=TEXT.filter(lambda text: "/" not in text and text not in ("", ".", "..")))
def test_no_text_is_a_link(signed, delivery):
    for kind in KINDS:
        for method in ("get", "post"):
            path = f"/post/{kind}/{quote(signed)}/"
            assert getattr(Client(), method)(path, {"wish": "everything"}).status_code == 404
    assert wants(delivery)


@FUZZ
@given(st.data())
def test_a_link_with_one_character_changed_is_none(delivery, data):
    signed = links.leave_url(delivery.token).rstrip("/").rpartition("/")[2]
    place = data.draw(st.integers(0, len(signed) - 2))  # of the last one, base64 ignores some bits
    other = data.draw(st.sampled_from("aZ09-_:").filter(lambda c: c != signed[place]))
    changed = signed[:place] + other + signed[place + 1 :]
    assert Client().post(f"/post/leave/{changed}/").status_code == 404
    assert wants(delivery)


@pytest.mark.parametrize("place", range(3))
def test_a_link_of_one_kind_opens_no_other(paths, delivery, place):
    signed = paths[place].split("/")[-2]
    for kind in {*KINDS, "preferences"} - {KINDS[place]}:
        assert Client().post(f"/post/{kind}/{signed}/").status_code == 404
    assert wants(delivery)


@FUZZ
@given(
    wish=TEXT, topics=st.lists(TEXT, max_size=5), language=TEXT, pace=TEXT, words=TEXT,
    accept=TEXT, agent=TEXT,
)  # fmt: skip
def test_no_form_and_no_header_breaks_a_page(
    paths, wish, topics, language, pace, words, accept, agent
):
    form = {"wish": wish, "topics": topics, "language": language, "pace": pace, "words": words,
            "why": wish, "email": words, "form": wish, "website": ""}  # fmt: skip
    headers = {
        "HTTP_ACCEPT_LANGUAGE": accept.encode().decode("latin-1"),
        "HTTP_USER_AGENT": agent.encode().decode("latin-1"),
        "HTTP_X_FORWARDED_FOR": accept.encode().decode("latin-1"),
        "REMOTE_ADDR": agent,
    }
    for path in (*paths, "/post/sign-up/"):
        assert Client().post(path, form, **headers).status_code < 500
        assert Client().get(path, form, **headers).status_code < 500


@FUZZ
@given(form=st.binary(max_size=100), kind=st.sampled_from(TYPES))
def test_no_bytes_break_a_page(paths, form, kind):
    for path in (*paths, "/post/sign-up/"):
        assert Client().generic("POST", path, form, content_type=kind).status_code < 500


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"a=" + b"x" * 3_000_000, "application/x-www-form-urlencoded"),
        (b"&".join(b"a%d=1" % n for n in range(2000)), "application/x-www-form-urlencoded"),
        (b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\n" + b"y" * 3_000_000 + b"\r\n--x--",
         "multipart/form-data; boundary=x"),
        (b"x", "application/x-www-form-urlencoded; charset=no-such"),
    ],
)  # fmt: skip
def test_whatever_the_body_one_click_leaves(paths, delivery, body, kind):
    assert Client().generic("POST", paths[0], body, content_type=kind).status_code == 200
    assert not wants(delivery)


@pytest.mark.parametrize("path", ["/post/sign-up/", "preferences"])
def test_other_pages_refuse_what_is_too_large(paths, path):
    body = b"a=" + b"x" * 3_000_000
    path = paths[1] if path == "preferences" else path
    kind = "application/x-www-form-urlencoded"
    assert Client().generic("POST", path, body, content_type=kind).status_code < 500


def test_only_one_click_and_other_systems_go_without_a_csrf_token():
    exempt = {p.name for p in urlpatterns if getattr(p.callback, "csrf_exempt", False)}
    assert exempt == {"leave", "events", "twilio", "twilio_status"}


def test_no_page_asks_for_a_login_or_hangs_on_the_requests_transaction(paths):
    for path in paths:
        view = resolve(path).func
        assert view.login_required is False
        assert view._non_atomic_requests == {"default"}


@pytest.mark.parametrize(
    "email",
    [
        "Ann <ann@example.com>",
        "ann@example.com\nBcc: x@y.z",
        "a@b@c.example",
        "ann@exa mple.com",
        "ann@example.com\0",
    ],
)
def test_no_address_smuggles_anything(client, email):
    form = Offer.of([factories.topic("news")]).signed
    response = client.post("/post/sign-up/", {"form": form, "email": email})
    assert response.status_code in (302, 422)
    assert not Contact.objects.exclude(email="ann@example.com").exists()


def test_names_in_a_topic_are_text(client, paths, delivery):
    type(delivery.campaign.topic).objects.update(name="<i>News</i>", description="<i>x</i>")
    for path in paths:
        assert "<i>" not in client.get(path).text
        with translation.override("ar"):
            assert "<i>" not in client.get(path).text
    assert Consent.objects.exists()
