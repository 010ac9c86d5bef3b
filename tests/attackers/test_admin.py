"""Every admin page of ours, as those who may not see it: none of them answers."""

from __future__ import annotations

import json

import pytest
from bs4 import BeautifulSoup
from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.db import transaction
from django.test import Client
from wagtail.log_actions import log
from wagtail.models import GroupPagePermission, Page, Site

from tests import factories
from tests.admin.support import client_of
from tests.factories import NOW
from tests.flow import flows
from wagtail_drip.models import (
    ApiKey,
    Campaign,
    Cap,
    Consent,
    ConsentRecord,
    Contact,
    ContactImport,
    Decision,
    Delivery,
    Enrollment,
    Event,
    Farewell,
    Refusal,
    SharedContent,
    SiteBrand,
    SiteSettings,
    Step,
    Task,
    Topic,
)

from .routes import Route, routes, values

pytestmark = pytest.mark.django_db
ADMIN = routes("/admin/")


PARTS = 6  # the crawl in so many tests, for workers to share


@pytest.fixture
def rows():
    """One of each of our models that is seen in the admin, of the first site."""
    topic = factories.topic()
    campaign = factories.campaign(topic=topic)
    for step in Step.objects.all():
        step.save_revision()
    campaign.save_revision()
    contact = factories.contact("ann@example.com")
    event = factories.event(contact)
    enrollment = factories.enrollment(campaign, contact)
    delivery = factories.delivery(enrollment, state="uncertain")
    settings = SiteSettings.objects.create(site=campaign.site)
    job = ContactImport.objects.create(
        file_name="welcome 1.csv", state="checked", encoding="UTF-8", delimiter=","
    )
    job.topics.add(topic)
    left = Farewell.objects.create(
        contact=contact, topic=topic, words="welcome 1", at=factories.NOW
    )
    task = Task.objects.create(
        contact=contact, site=campaign.site, title="welcome 1", due_at=factories.NOW,
        created_at=factories.NOW,
    )  # fmt: skip
    found = [
        topic, campaign, Step.objects.get(), contact, event, enrollment, delivery, settings, job,
        left, task,
    ]  # fmt: skip
    return {row._meta.model_name: row for row in found}


def address(route: Route, rows) -> str:
    pks = {name: row.pk for name, row in rows.items()}
    latest = {name: getattr(row, "latest_revision_id", None) for name, row in rows.items()}
    return route.fill(values(route, pks, latest))


def answers(client: Client, route: Route, rows) -> list[int]:
    """The statuses of GET and POST."""
    url = address(route, rows)
    client.raise_request_exception = False
    return [client.get(url).status_code, client.post(url, {"yes": "1"}).status_code]


def everything() -> list[object]:
    """All that our tables hold, but for what a log-in writes."""
    models = [m for m in apps.get_app_config("wagtail_drip").get_models() if m._meta.managed]
    return [list(model._default_manager.order_by("pk").values()) for model in models]


def test_the_crawl_finds_our_pages():
    names = {route.name.rpartition("_")[2] for route in ADMIN}
    assert len(ADMIN) > 60 and {"campaign:edit", "step:delete", "topic:list"} <= names
    assert {"index", "inspect", "admin:resolve"} <= names


def offenders(client, found: list[Route], rows, allowed: set[int]) -> dict[str, list[int]]:
    """Routes that answered otherwise; and whatever they answered, nothing may have changed."""
    before = everything()
    told = {route.name: answers(client, route, rows) for route in found}
    assert everything() == before
    return {name: statuses for name, statuses in told.items() if set(statuses) - allowed}


def test_a_stranger_is_sent_to_the_log_in(rows):
    assert offenders(Client(), ADMIN, rows, {302, 403, 405}) == {}
    places = {Client().get(address(r, rows)).headers.get("Location", "") for r in ADMIN}
    assert all("/login/" in place for place in places if place)


def test_an_editor_without_the_right_gets_nothing(rows):
    # Choosers are Wagtail's own: they show names to everybody in the admin.
    found = [route for route in ADMIN if "snippetchoosers" not in route.name]
    assert offenders(client_of("outsider"), found, rows, {302, 403, 404, 405}) == {}


@pytest.fixture
def other_site():
    """A second site."""
    root = Page.objects.get(depth=1)
    home = root.add_child(instance=Page(title="Other", slug="other"))
    return Site.objects.create(hostname="other.example", root_page=home)


@pytest.fixture
def neighbor(other_site):
    """Somebody with every right of ours, who works on the other site's pages."""
    group = Group.objects.create(name="Other site")
    ours = Permission.objects.filter(content_type__app_label="wagtail_drip")
    access = Permission.objects.filter(codename="access_admin")
    group.permissions.set([*ours, *access])
    change = Permission.objects.get(codename="change_page", content_type__app_label="wagtailcore")
    GroupPagePermission.objects.create(group=group, page=other_site.root_page, permission=change)
    client = client_of("neighbor")
    get_user_model().objects.get(username="neighbor").groups.add(group)
    return client


OF_A_ROW = [route for route in ADMIN if {"pk", "instance_pk"} & set(route.arguments)]
# People's tags, attributes and segments belong to the installation, not to a site.
OF_ALL = ("segment", "attribute", "_tag:", "usercheck")


def test_another_site_s_editor_sees_nothing_of_this_one(rows, neighbor):
    found = [route for route in OF_A_ROW if not any(name in route.name for name in OF_ALL)]
    assert offenders(neighbor, found, rows, {302, 403, 404, 405}) == {}


LISTS = [r for r in ADMIN if not r.arguments and r.name.rpartition(":")[2].rpartition("_")[2]
         in ("list", "index", "results", "imports")]  # fmt: skip


def test_another_site_s_editor_finds_this_one_s_in_no_list(rows, neighbor):
    for route in LISTS:
        shown = neighbor.get(route.path).content.decode()
        found = [t for t in ("ann@example.com", ">Welcome<", "welcome 1") if t in shown]
        assert found == [], route


SECRET = "zzhere"


@pytest.fixture
def secret(rows):
    """The same rows, and more of this site's, each with one word in all that names it."""
    site = rows["campaign"].site
    body = [{"type": "text", "value": f"<p>{SECRET}</p>", "id": "b1"}]
    shared = SharedContent(name=SECRET, site=site, locale=factories.locale())
    shared.body = json.dumps(body)
    shared.save()
    step = Step.objects.get()
    step.name = step.subject = step.preheader = f"{SECRET} mail"
    step.body = json.dumps(body)
    campaign = Campaign.objects.get()
    campaign.name, campaign.flow = f"{SECRET} campaign", json.dumps([flows.send(step.pk, id="a")])
    for row in (shared, step, campaign):
        row.save()
        row.save_revision()
    log(instance=campaign, action="wagtail_drip.note", data={"text": SECRET})
    Topic.objects.update(name=f"{SECRET} topic")
    Contact.objects.update(email=f"{SECRET}@example.com", first_name=SECRET)
    Event.objects.update(data={"note": SECRET})
    Delivery.objects.update(reason=SECRET)
    Enrollment.objects.update(reason=SECRET)
    ContactImport.objects.update(file_name=f"{SECRET}.csv")
    Farewell.objects.update(words=SECRET)
    Task.objects.update(title=SECRET)
    more = [
        shared,
        ApiKey.objects.create(name=SECRET, site=site),
        SiteBrand.objects.create(name=SECRET, site=site),
        Cap.objects.create(site=site),
    ]
    return rows | {row._meta.model_name: row for row in more}


def said(response) -> str:
    body = b"".join(response.streaming_content) if response.streaming else response.content
    return body.decode("utf-8", "replace").lower()


def test_no_page_of_ours_tells_another_site_s_editor_of_this_one(secret, neighbor):
    """Lists, forms with what they offer to choose, choosers, previews, exports, reports."""
    neighbor.raise_request_exception = False
    told = [
        f"{route.name} {query}"
        for route in ADMIN
        for query in ("", "?export=csv", "?preview_mode=mails", "?mode=html")
        if SECRET in said(neighbor.get(address(route, secret) + query))
    ]
    assert told == []


def test_the_crawl_would_find_it(secret):
    """Where somebody may see it, most of those pages do say it."""
    chief = client_of("chief", is_superuser=True)
    chief.raise_request_exception = False
    pages = [route.name for route in ADMIN if SECRET in said(chief.get(address(route, secret)))]
    expected = (
        "campaign:list", "campaign:edit", "step:edit", "step:usage", "step:test",
        "sharedcontent:edit", "topic:list", "drip_contacts_modeladmin_index", "apikey:list",
        "sitebrand:edit", "campaign:history", "farewell:list", "drip_people_modeladmin_index",
    )  # fmt: skip
    assert [part for part in expected if not any(part in name for name in pages)] == []
    assert len(pages) > 40


def test_an_editor_of_all_pages_sees_all(rows, neighbor, other_site):
    home = rows["campaign"].site.root_page
    GroupPagePermission.objects.create(
        group=Group.objects.get(name="Other site"),
        page=home,
        permission=Permission.objects.get(
            codename="change_page", content_type__app_label="wagtailcore"
        ),
    )
    shown = neighbor.get("/admin/drip/contacts/").content.decode()
    assert "ann@example.com" in shown


def test_people_are_seen_through_their_topics_too(rows, neighbor, other_site):
    factories.consent(rows["contact"], factories.topic("other", site=other_site))
    assert "ann@example.com" in neighbor.get("/admin/drip/contacts/").content.decode()


def test_nobody_moves_a_campaign_to_a_site_that_is_not_theirs(rows, neighbor, other_site):
    add = next(r for r in ADMIN if r.name.endswith("topic:add"))
    data = {"name": "Mine", "slug": "mine", "site": rows["campaign"].site_id}
    neighbor.post(add.path, data)
    assert (
        not rows["topic"]._meta.model.objects.filter(slug="mine").exclude(site=other_site).exists()
    )


def test_bulk_actions_stop_at_the_site(rows, neighbor):
    Campaign.objects.update(live=False, current_version=None)
    url = f"/admin/bulk/wagtail_drip/topic/delete/?id={rows['topic'].pk}"
    neighbor.raise_request_exception = False
    assert neighbor.post(url).status_code in (302, 403, 404)
    assert type(rows["topic"]).objects.filter(pk=rows["topic"].pk).exists()


HOSTILE = {
    "q": "\0'\"<script>", "p": "9" * 30, "before": "\0", "contact": ["9" * 40, "x"],
    "segment": "../x", "action": "\0", "ordering": "nonsense", "state": "x", "id": "x",
    "export": "exe", "since": "0000-99-99", "version": "-1", "next": "//evil.example",
}  # fmt: skip


MARK = "<script>alert(1)</script>"


@pytest.fixture
def hostile(rows):
    """The same rows, as people fill them who mean harm."""
    bad = f"{MARK}'\"=1+1{{{{ 7*7 }}}}\u202e"
    contact, row = rows["contact"], rows["enrollment"]
    names = {"first_name": bad, "last_name": bad, "time_zone": "x<y", "language": "<b>"}
    email = f"{MARK}@example.com"
    Contact.objects.filter(pk=contact.pk).update(email=email, attributes={bad: bad}, **names)
    Event.objects.update(data={bad: bad, "note": bad}, key=bad)
    Enrollment.objects.update(data={bad: [bad]}, reason=bad)
    Delivery.objects.update(reason=bad)
    Farewell.objects.update(words=bad)
    Consent.objects.create(contact=contact, topic=rows["topic"], state="granted", changed_at=NOW)
    ConsentRecord.objects.create(
        contact=contact, topic=rows["topic"], state="granted", at=NOW, source=bad, wording=bad
    )
    seen = {"asked": {"match": bad, "asked": [{"slug": bad, "args": {}, "met": 1, "saw": bad}]}}
    for node, code in (("a", "holds"), ("b", bad), ("c", "fault"), (bad, "left")):
        told = {**seen, "fault": bad, "reason": bad}
        Decision.objects.create(enrollment=row, node=node, at=NOW, code=code[:20], seen=told)
    Refusal.objects.create(contact=contact, campaign=row.campaign, at=NOW, code="x", seen=seen)
    return rows


def filled(page) -> dict[str, str]:
    """What a form of the page would send if somebody wrote harm into each of its fields.

    What a form keeps its books by stays as it is: Wagtail's own ask that of everybody.
    """
    found, soup = {}, BeautifulSoup(page.content, "html.parser")
    for field in soup.select("form [name]"):
        hidden = field.get("type") == "hidden"
        found[field["name"]] = field.get("value", "") if hidden else f"{MARK}\0'\u202e" + "9" * 99
    streams = {f"{stream['id']}-count": "0" for stream in soup.select("[data-block][id]")}
    return found | streams


@pytest.mark.parametrize("part", range(PARTS))
def test_nothing_that_is_asked_of_an_admin_page_breaks_it(hostile, part):
    """Nor what is sent to it; and what people filled in stays text."""
    rows = hostile
    client = client_of("chief", is_superuser=True)
    client.raise_request_exception = False
    broken = {}
    for route in ADMIN[part::PARTS]:
        url = address(route, rows)
        page = client.get(url)
        html = "html" in page.headers.get("Content-Type", "")
        if html and (MARK in page.text or f"=1+1{7 * 7}" in page.text):
            broken[url] = "runs what people filled in"
        with transaction.atomic():
            # What choosers make is Wagtail's to refuse; ours make nothing.
            sent = html and "choosers" not in route.name
            if sent and (status := client.post(url, filled(page)).status_code) >= 500:
                broken[url] = f"POST {status}"
            transaction.set_rollback(True)
        # An `id` that is no number breaks choosers of Wagtail itself, those of its own pages too.
        asked = {k: v for k, v in HOSTILE.items() if k != "id" or "choosers" not in route.name}
        for url, query in ((address(route, rows), asked), (route.fill({}), {})):
            if (status := client.get(url, query).status_code) >= 500:
                broken[url] = status
    assert not broken


STREAMS = {  # and a block of the last one
    "campaign": ("audience", "goals", "flow", "leave"), "step": ("body", "text"),
    "sharedcontent": ("body", "text"), "segment": ("conditions", "language"),
}  # fmt: skip
WHOLE = [
    route
    for route in ADMIN
    if route.name.rpartition(":")[2] in ("add", "edit", "preview_on_add", "preview_on_edit")
    and any(f"_{model}:" in route.name for model in STREAMS)
    and ("edit" not in route.name or "campaign:" in route.name or "step:" in route.name)
]


@pytest.mark.parametrize("broken", ["missing", "no number", "billions", "no type", "no order"])
def test_a_form_whose_blocks_are_incomplete_is_a_bad_request(rows, broken):
    """What the editor's JavaScript writes may be left out by whoever sends it by hand."""
    client = client_of("boss", is_superuser=True)
    answers = {}
    for route in WHOLE:
        model = next(name for name in STREAMS if f"_{name}:" in route.name)
        *streams, block = STREAMS[model]
        data, stream = {f"{name}-count": "0" for name in streams}, streams[-1]
        if broken == "missing":
            del data[f"{stream}-count"]
        elif broken == "no number":
            data[f"{stream}-count"] = "x"
        elif broken == "billions":
            data[f"{stream}-count"] = "9999999999"
        else:
            parts = {"deleted": "", "type": block, "order": "0", "id": "b", "value": ""}
            del parts[broken.removeprefix("no ")]
            data |= {f"{stream}-count": "1", **{f"{stream}-0-{k}": v for k, v in parts.items()}}
        data = {"name": "X", **data}
        answers[route.name] = client.post(address(route, rows), data).status_code
    assert set(answers.values()) == {400}, answers
