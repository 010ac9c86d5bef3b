"""The page that tries a campaign out: who is asked about, what is told, what odd input gets."""

from __future__ import annotations

import json

import pytest
from bs4 import BeautifulSoup
from django.contrib.auth.models import Group
from django.urls import reverse
from wagtail.models import GroupPagePermission, Page, Site

from tests import factories as make
from tests.engine.test_foretelling import everything
from tests.flow import flows
from wagtail_drip.engine import foretelling
from wagtail_drip.models import Attribute, Campaign, Tag, Topic
from wagtail_drip.streams import with_ids

from .support import client_of, form, send, url

pytestmark = pytest.mark.django_db

PEOPLE = ("view_campaign", "view_contact", "see_personal_data")
CHOOSE = "drip_people:choose"


@pytest.fixture(autouse=True)
def unhurried(monkeypatch):
    """How long a plan takes is the machine's affair."""
    monkeypatch.setattr(foretelling, "SECONDS", 3600)


@pytest.fixture
def campaign() -> Campaign:
    """Live with two mails and a wait for a purchase; its draft has one mail more."""
    hello, bye, more = (make.step(name) for name in ("Hello", "Bye", "More"))
    nodes = {
        "s1": make.send(hello, "e1"),
        "e1": make.wait_event("book_bought", "", "s2", amount=3),
        "s2": make.send(bye),
    }
    campaign = make.campaign(nodes=nodes, topic=make.topic(), time_zone="Europe/Berlin")
    flow = [
        flows.send(hello.pk, id="s1"),
        flows.wait_event([], [flows.send(bye.pk, id="s2")], event="book_bought", id="e1"),
    ]
    campaign.versions.update(flow=with_ids(flow))
    campaign.flow = with_ids([*flow, flows.send(more.pk, id="s3")])
    campaign.save_revision()
    return Campaign.objects.get()


def asked(*events: dict, **fields) -> dict:
    data = {
        "who": "sample",
        "version": "live",
        "start_0": "",
        "start": "2026-03-02 09:00",
        "tells": "",
        "person-topics": [str(pk) for pk in Topic.objects.values_list("pk", flat=True)],
        "person-number": "1",
        "events-TOTAL_FORMS": str(len(events) or 1),
        "events-INITIAL_FORMS": "0",
    }
    for number, event in enumerate(events or [{"name": ""}]):
        data |= {f"events-{number}-{name}": value for name, value in event.items()}
    return data | fields


def plan(response) -> list[tuple[str, str, str]]:
    """Of each entry: the time, what happens, and why."""
    page = BeautifulSoup(response.content, "html.parser")
    return [
        (
            entry.time["datetime"][:16],
            entry.select_one(".drip-plan__what").text.strip(),
            " ".join(why.text for why in entry.select(".drip-plan__why")),
        )
        for entry in page.select(".drip-plan__entry")
    ]


def errors(response) -> str:
    page = BeautifulSoup(response.content, "html.parser")
    found = page.select(".w-field__errors, .messages .error, .help-critical, .error-message")
    return " ".join(one.text for one in found)


def test_a_plan_is_told_day_by_day_by_the_clock_of_the_person(editor, campaign):
    before = everything()
    response = editor.post(url("try", campaign), asked())
    assert plan(response) == [
        ("2026-03-02T09:00", "They enter", ""),
        ("2026-03-02T09:00", "“Hello” is sent", ""),
        (
            "2026-03-02T09:00",
            "Wait until they bought a book, at most 3 days",
            "Waits for the event “book_bought”. Waits until March 5, 2026 9 a.m.",
        ),
        (
            "2026-03-05T09:00",
            "Wait until they bought a book, at most 3 days",
            "It did not happen in time.",
        ),
        ("2026-03-05T09:00", "“Bye” is sent", ""),
        ("2026-03-05T09:00", "The end", "The flow is at its end."),
    ]
    page = BeautifulSoup(response.content, "html.parser")
    assert [day.text for day in page.select(".drip-plan__day")] == [
        "Day 0 · Monday, March 2, 2026",
        "Day 3 · Thursday, March 5, 2026",
    ]
    assert "2 mails, within 3 days" in page.select_one(".drip-plan__head").text
    assert "by the clock of Europe/Berlin" in page.select_one(".drip-plan__head").text
    after = everything()
    assert {name: rows for name, rows in after.items() if rows != before[name]} == {}


def test_if_they_buy_on_day_two(editor, campaign):
    event = {"name": "book_bought", "day": "2", "time": "18:30", "tells": '{"book": 3}'}
    told = plan(editor.post(url("try", campaign), asked(event, {"name": ""})))
    assert [what for _at, what, _why in told[3:]] == [
        "They bought a book",
        "Wait until they bought a book, at most 3 days",
        "The end",
    ]
    assert told[3][0] == "2026-03-04T18:30"


def test_the_draft_is_told_as_it_stands(editor, campaign):
    told = plan(editor.post(url("try", campaign), asked(version="draft")))
    assert [what for _at, what, _why in told][-2:] == ["“More” is sent", "The end"]


def test_a_mail_leads_to_its_preview(editor, campaign):
    from wagtail_drip.models import Step

    step = Step.objects.get(name="Hello")
    step.body = json.dumps([{"type": "text", "value": "<p>Hello</p>"}])
    step.save_revision().publish()
    page = BeautifulSoup(editor.post(url("try", campaign), asked()).content, "html.parser")
    [link] = [link for link in page.select(".drip-plan a") if "Hello" in link.text]
    assert editor.get(link["href"]).status_code == 200


def test_somebody_made_up_has_what_is_said_of_them(editor, campaign):
    Attribute.objects.create(key="city", label="City")
    Tag.objects.create(name="VIP")
    audience = [
        make.condition("attribute", key="city", op="equals", value="Bookham"),
        make.condition("has_tag", tag="vip"),
        make.condition("language", language="en"),
    ]
    Campaign.objects.filter(pk=campaign.pk).update(audience=make._stream(audience))
    known = {
        "person-language": "en",
        "person-time_zone": "Asia/Tehran",
        "person-tags": "vip",
        "person-attribute_city": "Bookham",
    }
    told = plan(editor.post(url("try", campaign), asked(**known)))
    assert told[0][:2] == ("2026-03-02T09:00", "They enter")
    told = plan(editor.post(url("try", campaign), asked(**known | {"person-tags": ""})))
    assert told == [
        (
            "2026-03-02T09:00",
            "They do not enter",
            "They are not among those whom the campaign is for.",
        )
    ]
    told = plan(editor.post(url("try", campaign), asked(**known, **{"person-topics": []})))
    assert told[0][1] == "They do not enter" and "have not chosen" in told[0][2]


# Contacts


def test_a_contact_is_asked_about_by_those_who_may_see_people(campaign):
    marketer = client_of("marketer", *PEOPLE)
    person = make.contact("ann@example.com", time_zone="Asia/Tehran")
    make.consent(person, campaign.topic)
    page = marketer.get(f"{url('try', campaign)}?contact={person.pk}").content.decode()
    assert "ann@example.com" in page
    response = marketer.post(url("try", campaign), asked(who="contact", contact=str(person.pk)))
    assert plan(response)[1][1] == "“Hello” is sent" and "ann@example.com" in str(response.content)
    assert "Asia/Tehran" in response.content.decode()


def test_nobody_is_named_to_those_who_may_not_see_people(campaign):
    person = make.contact("ann@example.com")
    viewer = client_of("viewer", "view_campaign")
    ask = asked(who="contact", contact=str(person.pk))
    for response in (
        viewer.get(f"{url('try', campaign)}?contact={person.pk}"),
        viewer.post(url("try", campaign), ask),
    ):
        assert response.status_code == 200
        assert "ann@example.com" not in response.content.decode()
    assert viewer.get(reverse(CHOOSE)).status_code == 302


def test_people_of_other_sites_can_not_be_chosen(campaign):
    """Neither in the chooser, nor by an address, nor by a form that was tampered with."""
    root = Page.objects.get(depth=1)
    other = root.add_child(instance=Page(title="Other", slug="other"))
    mine = root.add_child(instance=Page(title="Mine", slug="mine"))
    Site.objects.filter(pk=campaign.site_id).update(root_page=mine)
    foreign = Site.objects.create(hostname="other.example.com", root_page=other)
    theirs, ours = make.contact("theirs@example.com"), make.contact("ours@example.com")
    make.consent(theirs, make.topic("theirs", site=foreign))
    make.consent(ours, campaign.topic)
    client = client_of("bound", *PEOPLE)
    group = Group.objects.create(name="Mine")
    group.user_set.add(*group.user_set.model.objects.filter(username="bound"))
    GroupPagePermission.objects.create(
        group=group, page=mine, permission=_permission("change_page")
    )
    listed = client.get(reverse("drip_people:choose_results")).content.decode()
    assert "ours@example.com" in listed and "theirs@example.com" not in listed
    chosen = reverse("drip_people:chosen", args=[theirs.pk])
    assert client.get(chosen).status_code == 404
    ask = asked(who="contact", contact=str(theirs.pk))
    for response in (
        client.get(f"{url('try', campaign)}?contact={theirs.pk}"),
        client.post(url("try", campaign), ask),
    ):
        assert "theirs@example.com" not in response.content.decode()
    assert "Select a valid choice" in errors(response)


def _permission(codename: str):
    from django.contrib.auth.models import Permission

    return Permission.objects.get(codename=codename, content_type__app_label="wagtailcore")


def test_the_chooser_finds_people_by_address_and_name(editor):
    make.contact("ann@example.com", first_name="Ann", last_name="Reader")
    make.contact("bob@example.com")
    for query in ("ann@example.com", "read"):
        found = editor.get(reverse("drip_people:choose_results"), {"q": query}).content.decode()
        assert "ann@example.com" in found and "bob@example.com" not in found


@pytest.mark.parametrize(("rights", "allowed"), [(["view_campaign"], True), ([], False)])
def test_who_may_not_see_campaigns_does_not_try_them(campaign, rights, allowed):
    client = client_of("someone", *rights)
    assert (client.get(url("try", campaign)).status_code == 200) is allowed


# Odd input


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"who": "contact", "contact": ""}, "Choose a contact"),
        ({"who": "contact", "contact": "999999"}, "Select a valid choice"),
        ({"start": "soon"}, "Enter a valid date/time"),
        ({"tells": "no"}, "names and values"),
        ({"tells": "[1]"}, "names and values"),
        ({"version": "9"}, "Select a valid choice"),
        ({"person-tags": "nothing"}, "There is no tag “nothing”"),
        ({"person-number": "0"}, "greater than or equal to 1"),
        ({"person-time_zone": "Mars/Crater"}, "Select a valid choice"),
        ({"events-0-name": "book_bought", "events-0-day": "-1"}, "greater than or equal to 0"),
        ({"events-0-name": "book_bought", "events-0-tells": "{"}, "names and values"),
        (
            {"events-0-name": "book_bought", "events-0-day": "0", "events-0-time": "08:00"},
            "lies before",
        ),
    ],
)
def test_what_can_not_be_understood_is_said_beside_its_field(editor, campaign, fields, said):
    response = editor.post(url("try", campaign), asked() | fields)
    assert response.status_code == 200 and said in errors(response) and not plan(response)


def test_a_form_without_anything_breaks_nothing(editor, campaign):
    response = editor.post(url("try", campaign), {})
    assert response.status_code == 200 and not plan(response)


def test_an_unfinished_flow_says_what_is_missing(editor):
    campaign = make.campaign(live=False)
    campaign.flow = with_ids([flows.send(None, id="s1")])
    campaign.save_revision(clean=False)
    response = editor.post(url("try", campaign), asked(version="draft"))
    assert "no mail is chosen" in response.content.decode() and not plan(response)


def test_events_that_only_the_flow_names_are_offered(editor, campaign):
    campaign.flow = with_ids([flows.wait_event(event="tea_brewed", id="e1")])
    campaign.save_revision()
    page = BeautifulSoup(editor.get(url("try", campaign)).content, "html.parser")
    offered = [option["value"] for option in page.select("[name=events-0-name] option")]
    assert {"", "book_bought", "tea_brewed"} <= set(offered)


def test_hostile_names_stay_text(editor, campaign):
    from wagtail_drip.models import Step

    Step.objects.filter(name="Hello").update(name="<script>x</script>")
    page = editor.post(url("try", campaign), asked()).content.decode()
    assert "<script>x" not in page


@pytest.mark.parametrize("view", ["overview", "edit", "list"])
def test_the_pages_of_a_campaign_lead_there(editor, campaign, view):
    page = editor.get(url(view, None if view == "list" else campaign)).content.decode()
    assert url("try", campaign) in page


# The preview beside the editor


def shown(campaign: Campaign) -> BeautifulSoup:
    response = campaign.make_preview_request(preview_mode="plan")
    assert response.status_code == 200
    return BeautifulSoup(response.content, "html.parser")


def entries(page: BeautifulSoup) -> list[str]:
    return [entry.text.strip() for entry in page.select(".drip-plan__what")]


def test_the_preview_tells_the_draft_for_somebody_made_up(campaign):
    before = everything()
    page = shown(Campaign.objects.get().get_latest_revision_as_object())
    told = entries(page)
    assert told[:2] == ["They enter", "“Hello” is sent"] and told[-2:] == [
        "“More” is sent",
        "The end",
    ]
    assert everything() == before


def test_the_preview_follows_what_is_typed(editor, campaign):
    preview = reverse("wagtailsnippets_wagtail_drip_campaign:preview_on_edit", args=[campaign.pk])
    typed = form({"type": "wait", "amount": 9, "unit": "days"}, topic=campaign.topic_id)
    assert editor.post(preview, typed).json() == {"is_valid": True, "is_available": True}
    page = BeautifulSoup(editor.get(f"{preview}?mode=plan").content, "html.parser")
    assert "Wait 9 days" in entries(page)


def test_the_preview_of_a_campaign_that_is_being_added(editor):
    preview = reverse("wagtailsnippets_wagtail_drip_campaign:preview_on_add")
    assert editor.post(preview, form(send(make.step("Hi")))).json()["is_available"]
    page = BeautifulSoup(editor.get(f"{preview}?mode=plan").content, "html.parser")
    assert "“Hi” is sent" in entries(page) and not Campaign.objects.exists()


def test_the_preview_of_an_unfinished_flow_says_what_is_missing(editor, campaign):
    preview = reverse("wagtailsnippets_wagtail_drip_campaign:preview_on_edit", args=[campaign.pk])
    assert editor.post(preview, form(send(None), topic=campaign.topic_id)).json()["is_available"]
    page = BeautifulSoup(editor.get(f"{preview}?mode=plan").content, "html.parser")
    assert "can't be told yet" in page.text and "no mail is chosen" in page.text


def test_the_preview_of_an_empty_flow_says_so(campaign):
    campaign.flow = []
    assert "The flow is empty." in shown(campaign).text
