"""What each mail has done, where editors need it."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from bs4 import BeautifulSoup
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from wagtail.models import GroupPagePermission, Page, Site

from tests import factories as make
from tests.flow import flows
from tests.queries import queries
from wagtail_drip.engine.advancing import advance_due, go_on
from wagtail_drip.flow import compiling
from wagtail_drip.models import Decision, Delivery, Segment
from wagtail_drip.streams import with_ids

from .support import client_of, url

pytestmark = pytest.mark.django_db


@pytest.fixture
def hello():
    return make.step("=Hello")


@pytest.fixture
def campaign(hello):
    """Two versions: 150 mails of the first were sent, 3 of the second."""
    flow = with_ids([flows.send(hello.pk, id="s1")])
    campaign = make.campaign(nodes={"s1": make.send(hello)})
    first = campaign.current_version
    second = make.version(campaign, {"s1": make.send(hello, "w1"), "w1": make.wait()})
    campaign.versions.update(flow=flow)
    for version, amount in ((first, 150), (second, 3)):
        rows = make.deliveries(campaign, amount, state="sent", version=version)
        Delivery.objects.filter(pk__in=[r.pk for r in rows[:15]]).update(clicked_at=make.NOW)
    return campaign


def cells(client, campaign, query="") -> list[str]:
    response = client.get(url("results", campaign) + query)
    assert response.status_code == 200
    row = BeautifulSoup(response.content, "html.parser").select_one("tbody tr")
    return [cell.get_text(" ", strip=True) for cell in row.select("td")] if row else []


def test_each_mail_has_its_numbers_and_shares(editor, campaign):
    assert cells(editor, campaign)[:5] == [
        "Send “=Hello”", "153", "153", "0 0.0 %", "18 11.8 %",
    ]  # fmt: skip


def test_by_version_few_are_too_few_to_judge(editor, campaign):
    assert cells(editor, campaign, "?version=2")[2:5] == [
        "3", "0 too few to judge", "3 too few to judge",
    ]  # fmt: skip


def test_by_period(editor, campaign):
    day = make.NOW.date()
    assert cells(editor, campaign, f"?since={day}&until={day}")[1] == "153"
    assert cells(editor, campaign, f"?since={day + timedelta(days=1)}") == []


def test_by_audience(editor, campaign):
    person = Delivery.objects.first().contact
    type(person).objects.filter(pk=person.pk).update(language="de")
    asked = [{"type": "language", "value": {"language": "de"}, "id": "c"}]
    Segment.objects.create(name="Germans", slug="germans", conditions=asked)
    assert cells(editor, campaign, "?audience=germans")[1] == "1"


def test_by_variant(editor, now):
    """Those who went one way of a split, also for what comes after it; the ways are told apart."""
    one, both = make.step("One"), make.step("Both")
    sends = [flows.send(one.pk, id=name) for name in "ab"]
    split = flows.split(*((50, [send]) for send in sends), id="x")
    raw = with_ids([split, flows.send(both.pk, id="s")])
    keys = {step.pk: str(step.translation_key) for step in (one, both)}
    program = compiling.compile_flow(raw, keys)
    campaign = make.campaign(nodes=compiling.dump(program)["nodes"], start=program.start)
    campaign.versions.update(flow=raw)
    make.enrollments(campaign, 40)
    for number in range(3):
        advance_due(now + timedelta(days=number))
        waiting = Delivery.objects.filter(state="waiting")
        people = list(waiting.values_list("enrollment_id", flat=True))
        waiting.update(state="sent")
        go_on(people, now)
    went = Counter(Delivery.objects.values_list("node", flat=True))
    assert went["a"] + went["b"] == went["s"] == 40 and went["a"] and went["b"]
    page = BeautifulSoup(editor.get(url("results", campaign)).content, "html.parser")
    places = [row.td.get_text(strip=True) for row in page.select("tbody tr")]
    assert places == ["A: 50 % · Send “One”", "B: 50 % · Send “One”", "Send “Both”", "Total"]
    for way, node in (("A", "a"), ("B", "b")):
        page = editor.get(url("results", campaign) + f"?variant=x:{way}")
        rows = BeautifulSoup(page.content, "html.parser").select("tbody tr")
        planned = [row.select("td")[1].get_text(strip=True) for row in rows]
        assert planned == [str(went[node]), str(went[node]), str(2 * went[node])]


@pytest.mark.parametrize("query", ["?version=x", "?since=soon", "?audience=gone"])
def test_what_can_not_be_filtered_by_is_said(editor, campaign, query):
    page = editor.get(url("results", campaign) + query).content.decode()
    assert "error-message" in page


def test_as_csv_without_a_cell_that_a_spreadsheet_would_run(editor, campaign):
    response = editor.get(url("results", campaign) + "?version=1&export=csv")
    heading, row = b"".join(response.streaming_content).decode().splitlines()
    assert heading.startswith("Place,Mail,Planned,Sent,Delivered,Clicked by people")
    assert row.startswith("Send “=Hello”,'=Hello,150,150,0,15,0,")


def test_the_picture_says_it_too(editor, campaign):
    page = BeautifulSoup(editor.get(url("overview", campaign)).content, "html.parser")
    title = page.select_one("svg.drip-flow a title").text
    assert "Planned: 153 · Sent: 153" in title and "Clicked by people: 18 (11.8 %)" in title
    assert "Unsubscribed" not in title and "too few" not in title


def test_the_picture_says_of_few_that_they_are_too_few(editor, hello):
    campaign = make.campaign(nodes={"s1": make.send(hello)})
    campaign.versions.update(flow=with_ids([flows.send(hello.pk, id="s1")]))
    make.deliveries(campaign, 3, state="sent", node="s1")
    page = BeautifulSoup(editor.get(url("overview", campaign)).content, "html.parser")
    title = page.select_one("svg.drip-flow a title").text
    assert "Clicked by people: 0, too few to judge" in title and "%" not in title


def test_the_mails_own_page_says_it_by_campaign_and_version(editor, campaign, hello):
    hello.save_revision(clean=False)
    page = BeautifulSoup(editor.get(url("edit", hello)).content, "html.parser")
    rows = [row.get_text(" ", strip=True) for row in page.select(".drip-table tbody tr")]
    assert rows[0].startswith("Welcome Version 1 150 150")
    assert rows[1].startswith("Welcome Version 2 3 3")


def test_the_mails_own_page_leads_to_all_of_it(editor, campaign, hello):
    hello.save_revision(clean=False)
    page = BeautifulSoup(editor.get(url("edit", hello)).content, "html.parser")
    assert url("results", hello) in [a.get("href") for a in page.select("a")]
    row = cells(editor, hello)
    assert row[:4] == ["Welcome", "150", "150", "0 0.0 %"]


@pytest.fixture
def two(campaign, hello):
    """The mail stands in a second campaign too, on both ways of a split; four people went B."""
    sends = [flows.send(hello.pk, id=name) for name in "ab"]
    raw = with_ids([flows.split(*((50, [one]) for one in sends), id="x")])
    program = compiling.compile_flow(raw, {hello.pk: str(hello.translation_key)})
    other = make.campaign("other", nodes=compiling.dump(program)["nodes"], start=program.start)
    other.versions.update(flow=raw)
    rows = make.deliveries(other, 7, state="sent", node="b", version=other.current_version)
    Decision.objects.bulk_create(
        Decision(enrollment=row.enrollment, node="x", at=make.NOW, code="drawn", seen={"way": way})
        for row, way in zip(rows, "AAABBBB", strict=True)
    )
    return other


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", [("Welcome", "150"), ("Welcome", "3"), ("Other", "7"), ("Total", "160")]),
        ("?variant=x:B", [("Other", "4")]),
        ("?campaign={other}", [("Other", "7")]),
        ("?version={version}", [("Welcome", "3")]),
        ("?until=2026-03-01", []),
        ("?audience=germans", [("Welcome", "1")]),
    ],
)
def test_the_mails_results_by_all_that_a_campaigns_are(editor, hello, two, campaign, query, found):
    first = Delivery.objects.order_by("pk").first()
    type(first.contact).objects.filter(pk=first.contact_id).update(language="de")
    asked = [{"type": "language", "value": {"language": "de"}, "id": "c"}]
    Segment.objects.create(name="Germans", slug="germans", conditions=asked)
    query = query.format(other=two.pk, version=campaign.versions.get(number=2).pk)
    page = BeautifulSoup(editor.get(url("results", hello) + query).content, "html.parser")
    rows = [row.select("td") for row in page.select("tbody tr")]
    told = [(row[0].find(string=True).strip(), row[1].get_text(strip=True)) for row in rows]
    assert told == found
    assert not page.select(".error-message")
    if not query:
        offered = [option.text for option in page.select("[name=variant] option")]
        assert offered == ["All", "Other · Split by chance: 50 % / 50 %, A: 50 %", offered[2]]
        assert "B: 50 %" in offered[2]


def test_the_mails_results_as_csv(editor, hello, two):
    response = editor.get(url("results", hello) + "?variant=x:A&export=csv")
    heading, row = b"".join(response.streaming_content).decode().splitlines()
    assert heading.startswith("Campaign,Version,Planned,Sent,Delivered")
    assert row.startswith("Other,Version 1,3,3,0,0,0,")


def test_another_sites_campaign_is_not_told_of(campaign, hello, two):
    """A mail of one site's may stand in a campaign of another one."""
    root = Page.objects.get(depth=1)
    home = root.add_child(instance=Page(title="Away", slug="away"))
    away = Site.objects.create(hostname="away.example", root_page=home)
    type(two).objects.filter(pk=two.pk).update(site=away)
    client = client_of("bound", "view_campaign", "view_step")
    group = Group.objects.create(name="Bound")
    group.user_set.add(get_user_model().objects.get(username="bound"))
    change = Permission.objects.get(codename="change_page")
    here = root.add_child(instance=Page(title="Here", slug="here"))
    Site.objects.filter(pk=campaign.site_id).update(root_page=here)
    GroupPagePermission.objects.create(group=group, page=here, permission=change)
    page = BeautifulSoup(client.get(url("results", hello)).content, "html.parser")
    assert "Welcome" in page.select_one(".drip-table").text and "Other" not in page.text


@pytest.mark.parametrize(("rights", "allowed"), [(["view_campaign"], True), ([], False)])
def test_who_may_see_mails_alone_does_not_see_it_there_either(campaign, hello, rights, allowed):
    client = client_of("someone", "view_step", *rights)
    assert (client.get(url("results", hello)).status_code == 200) is allowed


def test_as_many_queries_for_many_campaigns_as_for_few(editor, hello, two):
    address = url("results", hello)
    editor.get(address)
    few = len(queries(editor.get, address))
    for number in range(5):
        more = make.campaign(f"more{number}", nodes={"s1": make.send(hello)})
        more.versions.update(flow=with_ids([flows.send(hello.pk, id="s1")]))
        make.deliveries(more, 2, version=more.current_version)
    assert len(queries(editor.get, address)) == few


@pytest.mark.parametrize(("rights", "allowed"), [(["view_campaign"], True), ([], False)])
def test_who_may_not_see_campaigns_does_not_see_it(campaign, rights, allowed):
    client = client_of("someone", *rights)
    assert (client.get(url("results", campaign)).status_code == 200) is allowed


def test_as_many_queries_for_many_mails_as_for_few(editor, campaign):
    address = url("results", campaign)
    editor.get(address)
    few = len(queries(editor.get, address))
    for number in range(10):
        make.deliveries(campaign, 2, node=f"x{number}", step_key=make.step().translation_key)
    assert len(queries(editor.get, address)) == few
