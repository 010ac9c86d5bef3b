"""The page "Send a test"."""

from __future__ import annotations

import pytest
from bs4 import BeautifulSoup
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core import mail
from wagtail.models import ModelLogEntry

from tests import factories as make
from wagtail_drip.models import Step

from .support import client_of, texts, url

pytestmark = pytest.mark.django_db
BODY = [{"type": "text", "value": "<p>Hi {{ first_name|you }}</p>", "id": "b1"}]
RIGHTS = ("change_step", "send_tests")


@pytest.fixture(autouse=True)
def sending(settings):
    settings.WAGTAIL_DRIP_SENDING = "on"
    settings.WAGTAIL_DRIP_BASE_URL = "https://shop.example"
    settings.WAGTAIL_DRIP_FROM_EMAIL = "shop@shop.example"


@pytest.fixture
def step() -> Step:
    return make.step("Hello", body=BODY)


@pytest.fixture
def tester():
    return client_of("tester", *RIGHTS, email="me@shop.example")


@pytest.fixture
def seer():
    return client_of("seer", *RIGHTS, "see_personal_data", email="me@shop.example")


def names(client, step) -> set[str]:
    page = BeautifulSoup(client.get(url("test", step)).content, "html.parser")
    return {field["name"] for field in page.select("main [name]")} - {"csrfmiddlewaretoken"}


def test_it_goes_to_oneself_as_it_was_saved_last_and_is_logged(tester, step):
    step.subject = "Draft words"
    step.save_revision()
    page = tester.get(url("test", step))
    assert page.context["form"].initial["to"] == "me@shop.example"
    response = tester.post(url("test", step), {"to": "me@shop.example"}, follow=True)
    assert "on its way to me@shop.example" in texts(response)
    assert mail.outbox[0].subject == "[Test] Draft words" and "Hi Alex" in mail.outbox[0].body
    entry = ModelLogEntry.objects.get(action="wagtail_drip.test")
    assert entry.data == {"count": 1} and entry.message == "Test sent to 1 address"
    assert "me@shop.example" not in str(entry.__dict__)


@pytest.mark.parametrize(
    "rights", [["change_step"], ["send_tests"], ["change_step", "publish_step"]]
)
def test_it_takes_a_right_of_its_own(step, rights):
    client = client_of("other", *rights)
    assert client.get(url("test", step)).status_code == 302
    assert client.post(url("test", step), {"to": "me@shop.example"}).status_code == 302
    assert mail.outbox == []


def test_real_people_are_for_those_who_may_see_them(tester, seer, step):
    make.contact("ann@example.com", first_name="Ann")
    assert names(tester, step) == {"to"}
    assert names(seer, step) == {"to", "who", "contact"}
    said = {"to": "me@shop.example", "who": "contact", "contact": "ann@example.com"}
    tester.post(url("test", step), said)
    seer.post(url("test", step), said)
    assert [("Hi Ann" in one.body, one.to) for one in mail.outbox] == [
        (False, ["me@shop.example"]), (True, ["me@shop.example"]),
    ]  # fmt: skip
    assert "as contact" in ModelLogEntry.objects.filter(action="wagtail_drip.test").first().message


def test_as_somebody_to_whom_something_happened(seer):
    campaign = make.campaign()
    step = Step.objects.get()
    step.body = BODY
    step.save()
    event = make.event(make.contact("bo@example.com", first_name="Bo"))
    assert "event" in names(seer, step)
    said = {"to": "x@shop.example", "campaign": campaign.pk, "who": "event", "event": event.pk}
    seer.post(url("test", step), said)
    assert "Hi Bo" in mail.outbox[0].body


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ({"to": ""}, "This field is required"),
        ({"to": "nobody"}, "is not an e-mail address"),
        ({"to": ",".join(f"{n}@a.example" for n in range(6))}, "5 addresses at most"),
        ({"to": "a@a.example", "who": "contact", "contact": "x@y.example"}, "no contact with this"),
    ],
)
def test_what_is_wrong_is_said_beside_it(seer, step, said, error):
    response = seer.post(url("test", step), said)
    assert response.status_code == 200 and error in response.content.decode()
    assert mail.outbox == []


def test_it_says_beforehand_that_nothing_is_sent(tester, step, settings):
    settings.WAGTAIL_DRIP_SENDING = "off"
    page = tester.get(url("test", step)).content.decode()
    assert "WAGTAIL_DRIP_SENDING is off." in page and "disabled" in page


def test_the_editor_leads_there_and_back(editor, step):
    page = editor.get(url("edit", step)).content.decode()
    assert url("test", step) in page
    data = {"name": "Hello", "subject": "Typed last", "body-count": "0", "drip-go": "test"}
    response = editor.post(url("edit", step), data)
    assert response.url == url("test", step)
    assert url("edit", step) in editor.get(response.url).content.decode()


# For whom previews are


def preview(client, step, mode="html") -> str:
    """As the preview panel asks for it: what is in the form, then the picture of it."""
    block = {"type": "heading", "value-text": "Hi {{ first_name|you }}", "value-size": "large"}
    typed = {f"body-0-{name}": value for name, value in block.items()}
    typed |= {"body-count": "1", "body-0-order": "0", "body-0-deleted": "", "body-0-id": "b1"}
    client.post(url("preview_on_edit", step), {"name": "Hello", "subject": "Hi", **typed})
    return client.get(url("preview_on_edit", step), {"mode": mode}).content.decode()


def test_previews_are_for_whom_the_user_has_chosen(seer, step):
    make.contact("ann@example.com", first_name="Ann")
    seer.post(url("preview", step), {"who": "contact", "contact": "ann@example.com"})
    assert "Hi Ann" in preview(seer, step)
    assert "ann@example.com" in seer.get(url("edit", step)).content.decode()
    seer.post(url("preview", step), {"who": "sample"})
    assert "Hi Alex" in preview(seer, step)


def test_whose_right_was_taken_sees_the_sample_person(seer, step):
    make.contact("ann@example.com", first_name="Ann")
    seer.post(url("preview", step), {"who": "contact", "contact": "ann@example.com"})
    get_user_model().objects.get(username="seer").user_permissions.remove(
        Permission.objects.get(codename="see_personal_data")
    )
    assert "Hi Alex" in preview(seer, step)
    page = seer.get(url("edit", step)).content.decode()
    assert "ann@example.com" not in page and url("preview", step) not in page


def test_who_may_not_see_people_chooses_none(tester, step):
    assert tester.get(url("preview", step)).status_code == 302


def test_a_preview_of_a_past_event(seer):
    make.campaign()
    step = Step.objects.get()
    step.body = BODY
    step.save()
    event = make.event(make.contact("bo@example.com", first_name="Bo"))
    seer.post(url("preview", step), {"who": "event", "event": event.pk})
    assert "Hi Bo" in preview(seer, step)


def test_who_has_no_address_of_their_own_is_told_so(step):
    client = client_of("nobody", *RIGHTS)
    page = client.get(url("test", step)).content.decode()
    assert "Your account has no e-mail address" in page
    soup = BeautifulSoup(page, "html.parser")
    assert soup.select_one(".w-slim-header, [class*=slim-header]") is not None
