from __future__ import annotations

import pytest
from bs4 import BeautifulSoup
from django.test import Client
from django.urls import reverse
from wagtail.test.utils.form_data import rich_text

from tests import factories as make
from tests.queries import queries
from wagtail_drip.models import Campaign, Step, Topic, pruned

from .support import client_of, form, url, wait

pytestmark = pytest.mark.django_db


def page(client, address: str, **params) -> str:
    return client.get(address, params).content.decode()


def submenu(client) -> list[str]:
    from django.test import RequestFactory
    from wagtail.admin.menu import admin_menu

    request = RequestFactory().get("/")
    request.user = client.get("/admin/").wsgi_request.user
    drip = next(i for i in admin_menu.menu_items_for_request(request) if i.name == "drip")
    return [str(item.label) for item in drip.render_component(request).menu_items]


def test_all_of_ours_stands_in_one_menu_group(editor):
    # By name: Wagtail versions order settings and snippets differently.
    assert sorted(submenu(editor)) == sorted([
        "Campaigns", "Mails", "Shared content", "Mailing topics", "Segments", "Frequency caps",
        "Tags", "Attributes", "Suppressed addresses", "Why people leave", "Look of the mails",
        "Contacts", "Events", "People in campaigns", "Deliveries", "Keys for other systems",
        "Ready-made series", "Staff tasks",
    ])  # fmt: skip


def test_the_menu_shows_what_one_may_see(db):
    assert submenu(client_of("reader", "view_delivery", "view_campaign", "see_personal_data")) == [
        "Campaigns",
        "Deliveries",
    ]


def test_the_list_shows_status_trigger_and_counts(editor):
    campaign = make.campaign(paused_at=make.NOW)
    make.deliveries(campaign, 3, state="sent")
    make.enrollments(campaign, 2, state="left", due_at=None)
    cells = BeautifulSoup(page(editor, url("list")), "html.parser").select("tbody td")
    shown = [cell.get_text(strip=True) for cell in cells]
    assert shown[2:7] == ["Paused", "signed up", "", "3", "3"]


@pytest.mark.parametrize(
    ("status", "fields"),
    [
        ("draft", {"live": False, "started_at": None}),
        ("live", {}),
        ("paused", {"paused_at": make.NOW}),
        ("stopped", {"live": False}),
    ],
)
def test_the_list_is_filtered_by_the_status_that_editors_see(editor, status, fields):
    campaign = make.campaign(name="The one", **fields)
    assert campaign.status == status
    found = [s for s in ("draft", "live", "paused", "stopped")
             if "The one" in page(editor, url("list"), status=s)]  # fmt: skip
    assert found == [status]


def test_the_list_of_campaigns_costs_the_same_for_2_and_20(editor):
    for number in range(2):
        make.enrollment(make.campaign(f"c{number}"))
    page(editor, url("list"))
    few = queries(page, editor, url("list"))
    for number in range(2, 20):
        make.enrollment(make.campaign(f"c{number}"))
    assert queries(page, editor, url("list")) == few


@pytest.mark.parametrize("view", ["list", "add"])
def test_a_stranger_is_sent_to_the_login(db, view):
    response = Client().get(url(view))
    assert response.status_code == 302 and "login" in response.url


def test_who_has_no_right_sees_no_campaign(outsider):
    campaign = make.campaign()
    for address in (url("list"), url("edit", campaign), url("pause", campaign)):
        assert outsider.get(address).status_code in (302, 403)


def test_a_topic_shows_how_many_chose_it(editor):
    topic = make.topic()
    make.consent(make.contact(), topic)
    make.consent(make.contact(), topic, state="withdrawn")
    content = page(editor, reverse("wagtailsnippets_wagtail_drip_topic:list"))
    assert BeautifulSoup(content, "html.parser").select("tbody td")[-1].get_text(strip=True) == "1"


@pytest.mark.parametrize("mode", ["html", "text"])
def test_the_preview_of_a_mail_shows_it(editor, mode):
    step = make.step("Morning")
    fields = {"name": "Morning", "subject": "Hi", "body-count": "1"}
    block = {"deleted": "", "order": "0", "type": "text", "id": "b1"}
    block = {f"body-0-{name}": value for name, value in block.items()}
    rich = rich_text("<p>Good morning</p>", features=["bold"])
    address = url("preview_on_edit", step)
    editor.post(address, {**fields, **block, "body-0-value": rich})
    response = editor.get(address, {"mode": mode})
    assert "Good morning" in response.content.decode()
    assert response.headers["Content-Type"].startswith("text/html")


def test_the_preview_of_a_campaign_tells_its_flow(editor):
    address = url("preview_on_edit", make.campaign())
    assert editor.post(address, form(wait(2))).json()["is_valid"]
    assert "Wait 2 days" in editor.get(address).content.decode()


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (Campaign, "sends a series of mails"),
        (Step, "is what a campaign sends"),
        (Topic, "is what people agree to get"),
    ],
)
def test_an_empty_list_says_what_it_is_for(editor, model, words):
    listing = reverse(model.snippet_viewset.get_url_name("list"))
    assert words in editor.get(listing).content.decode()
    assert words not in editor.get(listing, {"q": "nothing like it"}).content.decode()


def test_mails_that_were_pruned_count_as_sent(editor, now):
    campaign = make.campaign()
    make.deliveries(campaign, 3, state="sent")
    step_key = make.uuid4()
    pruned.add({(campaign.pk, step_key, "sent", ""): 40, (campaign.pk, step_key, "opened", ""): 9})
    cells = BeautifulSoup(page(editor, url("list")), "html.parser").select("tbody td")
    assert cells[6].get_text(strip=True) == "43"


@pytest.mark.parametrize("name", ["campaign", "step", "topic", "segment", "cap", "tag", "attribute",
                                  "suppression", "sitebrand", "sitesettings"])  # fmt: skip
def test_an_empty_list_says_what_it_is_for_and_leads_to_the_first_one(admin_client, name):
    page = admin_client.get(reverse(f"wagtailsnippets_wagtail_drip_{name}:list")).content.decode()
    assert len(page.partition('class="drip-empty">')[2].partition("</p>")[0]) > 40
    assert "Add the first one" in page and "to display" not in page
