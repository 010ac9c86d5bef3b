"""Each right of ours opens its own door, and no other."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.core import mail as outbox
from django.test import Client

from tests import factories as make
from wagtail_drip.models import Contact, Delivery, Step

from .support import client_of, url

pytestmark = pytest.mark.django_db
BODY = [{"type": "text", "value": "<p>Hello</p>", "id": "b1"}]
TYPED = {"name": "Typed", "subject": "Typed", "body-count": "0"}


@pytest.fixture(autouse=True)
def sending(settings):
    settings.WAGTAIL_DRIP_SENDING = "on"
    settings.WAGTAIL_DRIP_BASE_URL = "https://shop.example"
    settings.WAGTAIL_DRIP_FROM_EMAIL = "shop@shop.example"


def edits(client: Client) -> bool:
    step = Step.objects.get()
    client.post(url("edit", step), TYPED)
    return Step.objects.get().get_latest_revision_as_object().name == "Typed"


def publishes(client: Client) -> bool:
    step = Step.objects.get()
    step.subject = "To be live"
    step.save_revision()
    full = {
        "name": step.name, "subject": "To be live", "body-count": "1", "body-0-type": "divider",
        "body-0-order": "0", "body-0-deleted": "", "body-0-id": "", "body-0-value": "",
        "action-publish": "1",
    }  # fmt: skip
    client.post(url("edit", step), full)
    return Step.objects.get().subject == "To be live"


def sends_tests(client: Client) -> bool:
    client.post(url("test", Step.objects.get()), {"to": "me@shop.example", "who": "sample"})
    return bool(outbox.outbox)


def sees_people(client: Client) -> bool:
    person = Contact.objects.first()
    page = client.get("/admin/drip/contacts/")
    return person.email in page.content.decode().replace("<wbr>", "")


def resolves(client: Client) -> bool:
    row = Delivery.objects.get()
    client.post("/admin/drip/resolve/", {"delivery": row.pk, "word": "sent", "confirmed": "1"})
    return Delivery.objects.get().state == "sent"


DOORS: dict[str, tuple[set[str], Callable[[Client], bool]]] = {
    "edit": ({"change_step"}, edits),
    "publish": ({"change_step", "publish_step"}, publishes),
    "send tests": ({"change_step", "send_tests"}, sends_tests),
    "see personal data": ({"view_contact", "see_personal_data"}, sees_people),
    "resolve uncertain": ({"resolve_uncertain"}, resolves),
}
ALL = set.union(*(rights for rights, _open in DOORS.values()))


@pytest.mark.parametrize("name", DOORS)
@pytest.mark.parametrize("without", [None, *sorted(ALL)])
def test_it_takes_just_these_rights(name, without):
    step = make.step("Hello", body=BODY)
    make.delivery(make.enrollment(make.campaign(nodes={"n1": make.send(step)})), state="uncertain")
    needed, opens = DOORS[name]
    given = (needed if without is None else ALL) - {without}
    client = client_of("somebody", *given, email="me@shop.example")
    client.raise_request_exception = False
    assert opens(client) is (needed <= given)
