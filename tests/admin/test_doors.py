"""Doors that a missing right closes, and the rows of another site's editors behind them."""

from __future__ import annotations

import json

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.urls import reverse
from wagtail.models import GroupPagePermission, Page, Site

from tests import factories as make
from tests.flow import flows
from wagtail_drip.admin.contacts import act_url
from wagtail_drip.models import Cap, Contact
from wagtail_drip.models.consent import grant

from .support import STEPS, client_of, url

pytestmark = pytest.mark.django_db
PEOPLE = (
    "view_contact", "see_personal_data", "add_contact", "change_contact", "add_consent",
    "change_enrollment", "view_campaign", "change_campaign", "view_cap", "change_cap",
)  # fmt: skip
NEW = {"email": "ann@example.com", "first_name": "Ann"}


def at(name: str, *args: int) -> str:
    return reverse(f"wagtail_drip_admin:{name}", args=args)


def without(right: str) -> Client:
    return client_of("somebody", *(name for name in PEOPLE if name != right))


@pytest.fixture
def neighbor(db) -> Client:
    """With every right over people, on another site than `make.site()`."""
    root = Page.objects.get(depth=1).add_child(instance=Page(title="O", slug="other"))
    Site.objects.create(hostname="other.example", root_page=root)
    group = Group.objects.create(name="Other site")
    change = Permission.objects.get(codename="change_page", content_type__app_label="wagtailcore")
    GroupPagePermission.objects.create(group=group, page=root, permission=change)
    client = client_of("neighbor", *PEOPLE)
    get_user_model().objects.get(username="neighbor").groups.add(group)
    return client


@pytest.fixture
def shared(neighbor, now) -> Contact:
    """Somebody whom both sites know, inside a campaign of ours."""
    contact = make.contact()
    other = Site.objects.get(hostname="other.example")
    grant(contact, make.topic("theirs", name="Theirs", site=other), at=now, source="form")
    make.topic("ours", name="Our topic")
    make.enrollment(make.campaign(name="Our series", by_hand=True), contact)
    return contact


@pytest.mark.parametrize(("right", "denied"), [("change_contact", True), ("view_cap", False)])
def test_editing_a_contact_takes_its_right(right, denied):
    contact, client = make.contact(), without(right)
    address = at("edit_contact", contact.pk)
    assert (client.get(address).status_code != 200) is denied
    client.post(address, {"first_name": "Ann"})
    contact.refresh_from_db()
    assert (contact.first_name != "Ann") is denied


@pytest.mark.parametrize(("right", "denied"), [("add_contact", True), ("view_cap", False)])
def test_adding_a_contact_takes_its_right(right, denied):
    client = without(right)
    assert (client.get(at("add_contact")).status_code != 200) is denied
    client.post(at("add_contact"), NEW)
    assert Contact.objects.exists() is not denied


def test_a_contact_of_another_site_s_alone_is_edited_by_nobody_there(neighbor, now):
    contact = make.contact()
    grant(contact, make.topic("ours"), at=now, source="form")
    address = at("edit_contact", contact.pk)
    assert neighbor.get(address).status_code == 404
    assert neighbor.post(address, {"first_name": "Ann"}).status_code == 404


@pytest.mark.parametrize(
    ("slug", "name"),
    [("enroll", "Our series"), ("remove", "Our series"), ("subscribe", "Our topic")],
)
def test_what_is_done_by_hand_offers_the_own_site_s_alone(neighbor, editor, shared, slug, name):
    address = act_url(slug, shared.pk)
    assert name in editor.get(address).text
    page = neighbor.get(address)
    assert page.status_code == 200 and name not in page.text


def test_caps_of_another_site_are_not_listed(neighbor, editor):
    Cap.objects.create(site=make.site(), most=7, days=1)
    listed = reverse(Cap.snippet_viewset.get_url_name("list"))
    said = str(Cap.objects.get())
    assert said in editor.get(listed).text
    assert said not in neighbor.get(listed).text


@pytest.mark.parametrize("publisher", [True, False])
@pytest.mark.parametrize(("status", "label"), [("live", "Pause"), ("paused", "Resume")])
def test_the_editor_offers_to_pause_to_those_who_publish(publisher, status, label):
    campaign = make.campaign(
        nodes={"n1": make.send(make.step())}, paused_at=make.NOW if status == "paused" else None
    )
    rights = ["change_campaign", *(["publish_campaign"] if publisher else [])]
    page = client_of("somebody", *rights).get(url("edit", campaign)).text
    assert (url(label.lower(), campaign) in page) is publisher


@pytest.mark.parametrize("missing", [None, "publish_campaign", "publish_step"])
def test_the_editor_offers_all_at_once_to_those_who_publish_both(missing):
    campaign = make.campaign()
    campaign.flow = json.dumps([flows.send(make.step(live=False).pk, id="a")])
    campaign.save_revision()
    rights = {"change_campaign", "publish_campaign", "publish_step", "view_step"} - {missing}
    page = client_of("somebody", *rights).get(url("edit", campaign)).text
    assert ("action-publish-with-mails" in page) is (missing is None)


@pytest.mark.parametrize("right", ["add_step", "change_step"])
def test_messages_are_offered_to_those_who_add_mails(right):
    page = client_of("somebody", "view_step", right).get(reverse(f"{STEPS}:list")).text
    assert ("?channel=sms" in page) is (right == "add_step")
