from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from wagtail.models import GroupPagePermission, ModelLogEntry, Page, Site

from tests import factories as make
from tests.queries import queries
from wagtail_drip.admin import contact_timeline
from wagtail_drip.admin.contact_actions import ACTIONS
from wagtail_drip.admin.contacts import act_url, contact_url, export_url
from wagtail_drip.admin.record_cells import record_url
from wagtail_drip.models import (
    Attribute,
    Consent,
    Contact,
    ContactImport,
    Decision,
    Enrollment,
    Event,
    ImportedContact,
    Link,
    Reaction,
    Refusal,
    Segment,
    Suppression,
    Tag,
)
from wagtail_drip.models.consent import grant, suppress
from wagtail_drip.models.reactions import keys_of

from .support import client_of, texts

pytestmark = pytest.mark.django_db
HOSTILE = "<script>alert('x')</script>\u202egnp"
ALL = [
    "view_contact", "see_personal_data", "export_contact", "add_contact", "change_contact",
    "delete_contact", "change_enrollment", "add_event", "add_consent", "add_suppression",
]  # fmt: skip


@pytest.fixture
def marketer(db) -> Client:
    """Somebody with every right over people, and no superuser."""
    return client_of("marketer", *ALL)


def lived(amount: int, now, **fields) -> Contact:
    """Somebody with so many rows of each kind."""
    contact = make.contact(**fields)
    for number in range(amount):
        at = now - timedelta(days=number)
        event = make.event(contact, at=at, data={"note": HOSTILE})
        campaign = make.campaign(make.uuid4().hex, name=HOSTILE)
        row = make.enrollment(
            campaign, contact, event=event, entered_at=at, state="left", reason=HOSTILE, ended_at=at
        )
        make.delivery(row, created_at=at, state="failed", reason=HOSTILE)
        seen = {"fault": HOSTILE}
        Decision.objects.create(
            enrollment=row, version=row.version, node="n1", at=at, code="fault", seen=seen
        )
        Refusal.objects.create(contact=contact, campaign=campaign, at=at, code="fault", seen=seen)
        grant(contact, make.topic(make.uuid4().hex, name=HOSTILE), at=at, source=HOSTILE)
        contact.tags.add(Tag.objects.create(name=HOSTILE, slug=make.uuid4().hex))
    return contact


# The page


def test_a_person_and_their_story_are_on_one_page(marketer, now):
    Attribute.objects.create(label="Home town", key="city")
    contact = lived(1, now, first_name="Ann", attributes={"city": "Bookham", "other": [1]})
    suppress(contact.email, reason="bounced", at=now)
    content = marketer.get(contact_url(contact.pk)).content.decode()
    for text in ("Ann", "Home town", "Bookham", "[1]", "hard bounce", "Entered a campaign",
                 "Signed up", "Agreed to", "Tagged"):  # fmt: skip
        assert text in content


def test_why_is_told_by_their_clock_on_both_pages(now):
    client = client_of("reader", "view_contact", "view_enrollment", "see_personal_data")
    contact = make.contact(time_zone="Asia/Tehran")
    row = make.enrollment(make.campaign(), contact)
    step = make.step("Book details")
    flow = [{"type": "send", "value": {"step": step.pk}, "id": "n1"}]
    type(row.version).objects.update(flow=flow)
    quiet = {"code": "not_now", "seen": {"reason": "quiet"}}
    why = {"until": "2026-03-08T09:00:00+00:00", "reason": quiet}
    Decision.objects.create(
        enrollment=row, version=row.version, node="n1", at=now, code="held", seen=why
    )
    Refusal.objects.create(contact=contact, campaign=row.campaign, at=now, code="suppressed")
    page = client.get(contact_url(contact.pk)).text
    inside = client.get(record_url("people", row.pk)).text
    for text in (page, inside):
        assert "Held until March 8, 2026 12:30 p.m.: Nothing is sent now: quiet hours." in text
        assert "Version 1" in text and "Send “Book details”" in text
    assert "Did not enter “Welcome”" in page and "Their address is suppressed." in page
    assert "03/02/2026 12:30 p.m." in inside
    blind = client_of("blind", "view_contact", "view_enrollment")
    assert "Held until" not in blind.get(record_url("people", row.pk), follow=True).text


def test_what_they_wish_is_on_their_page(marketer):
    later = timezone.now() + timedelta(days=9)
    contact = make.contact(paused_until=later, most_per_week=3)
    shown = {term for term in ("No news until", "Most mails a week", "Switched off")
             if term in marketer.get(contact_url(contact.pk)).text}  # fmt: skip
    assert shown == {"No news until", "Most mails a week"}


def test_clicks_and_opens_are_part_of_the_story(now):
    contact = make.contact()
    delivery = make.delivery(make.enrollment(make.campaign(), contact), created_at=now)
    url = "https://www.example.com/<b>"
    link = Link.objects.get(key=keys_of([url])[url])
    for number, (kind, target, by) in enumerate(
        [("opened", None, ""), ("clicked", link, ""), ("clicked", link, "burst")], start=1
    ):
        at = now + timedelta(minutes=number)
        Reaction.objects.create(delivery=delivery, kind=kind, link=target, by=by, at=at)
    entries, _following = contact_timeline.page(contact, make.user(), None)
    assert [(str(e.text), str(e.detail), len(e.marks)) for e in entries[:3]] == [
        ("Followed a link in a mail", url, 1),
        ("Followed a link in a mail", url, 0),
        ("Opened a mail", "", 0),
    ]


def test_another_site_s_editor_reads_their_own_part_of_the_story(now):
    """Somebody known on two sites: of the other one nothing shows."""
    root = Page.objects.get(depth=1)
    other = Site.objects.create(
        hostname="other.example", root_page=root.add_child(instance=Page(title="O", slug="other"))
    )
    group = Group.objects.create(name="Other site")
    change = Permission.objects.get(codename="change_page", content_type__app_label="wagtailcore")
    GroupPagePermission.objects.create(group=group, page=other.root_page, permission=change)
    user = make.user()
    user.groups.add(group)
    contact = make.contact()
    hidden = make.enrollment(make.campaign("hidden", name="Hidden"), contact)
    mail = make.delivery(hidden, created_at=now)
    Reaction.objects.create(delivery=mail, kind="opened", at=now)
    Decision.objects.create(enrollment=hidden, node="n1", at=now, code="done")
    Refusal.objects.create(contact=contact, campaign=hidden.campaign, at=now, code="suppressed")
    grant(contact, make.topic("ours", name="Hidden"), at=now, source="form")
    job = ContactImport.objects.create(file_name="Hidden", encoding="UTF-8", delimiter=",")
    ImportedContact.objects.create(contact=contact, job=job, at=now)
    grant(contact, make.topic("theirs", name="Shown", site=other), at=now, source="form")
    entries, _following = contact_timeline.page(contact, user, None)
    assert [str(entry.text) for entry in entries] == ["Agreed to “Shown”"]
    client = client_of("neighbor", "view_contact", "see_personal_data")
    get_user_model().objects.get(username="neighbor").groups.add(group)
    shown = client.get(contact_url(contact.pk)).text
    assert "Shown" in shown and "Hidden" not in shown


def test_hostile_data_shows_as_text(marketer, now):
    contact = lived(1, now, first_name=HOSTILE, attributes={HOSTILE: HOSTILE, "x": "y" * 10_000})
    content = marketer.get(contact_url(contact.pk)).content.decode()
    assert "<script>alert" not in content and "&lt;script&gt;" in content


def test_a_long_story_costs_no_query_more(marketer, now):
    few, many = lived(1, now), lived(8, now)
    marketer.get(contact_url(few.pk))
    assert len(queries(marketer.get, contact_url(few.pk))) == len(
        queries(marketer.get, contact_url(many.pk))
    )


def test_a_story_is_read_page_by_page_without_loss(marketer, now, monkeypatch):
    monkeypatch.setattr(contact_timeline, "PAGE", 4)
    contact = make.contact()
    for number in range(11):
        make.event(contact, at=now - timedelta(hours=number // 2))
    seen, before = [], None
    for _ in range(9):
        entries, before = contact_timeline.page(contact, make.user(), before)
        seen += entries
        if before is None:
            break
    assert [entry.at for entry in seen] == [now - timedelta(hours=n // 2) for n in range(11)]


@pytest.mark.parametrize("before", ["x", "2026-01-01", "2026-13-01T00:00:00Z", "\0"])
def test_odd_pages_break_nothing(marketer, before):
    contact = make.contact()
    assert marketer.get(contact_url(contact.pk), {"before": before}).status_code == 200


def test_the_erased_have_a_page_without_anything_to_do(marketer, now):
    contact = make.contact(erased_at=now, email_digest="x")
    content = marketer.get(contact_url(contact.pk)).content.decode()
    assert "/act/" not in content and "Erased contact" in content


# By hand: each action with one and with two, its permission and its log


def forms(now) -> dict[str, dict]:
    campaign, topic = make.campaign(by_hand=True), make.topic()
    return {
        "enroll": {"campaign": campaign.pk, "confirmed": campaign.pk},
        "remove": {"campaign": campaign.pk},
        "note": {"name": "user_signed_up", "at": "2026-01-05 10:00", "note": "Called support"},
        "tag": {"names": "VIP, new"},
        "untag": {"tags": [Tag.objects.create(name="old").pk]},
        "subscribe": {"topic": topic.pk, "source": "book fair", "at": "2026-01-05 10:00"},
        "unsubscribe": {"topic": "", "source": "by telephone"},
        "suppress": {"scope": "all"},
        "erase": {"sure": "on"},
    }


def changed(slug: str) -> int:
    """For how many people there is now what the action makes."""
    people = Contact.objects.filter
    rows = {
        "enroll": Enrollment.objects.filter(state="active"),
        "remove": Enrollment.objects.filter(state="left", reason="editor"),
        "note": Event.objects.filter(data={"note": "Called support"}),
        "tag": people(tags__slug="vip"),
        "untag": people(tags=None),
        "subscribe": Consent.objects.filter(state="granted"),
        "unsubscribe": Suppression.objects.filter(reason="unsubscribed"),
        "suppress": Suppression.objects.filter(reason="manual", scope="all"),
        "erase": people(erased_at__isnull=False),
    }
    return rows[slug].count()


@pytest.mark.parametrize("amount", [1, 2])
@pytest.mark.parametrize("slug", [slug for slug in ACTIONS if slug != "merge"])
def test_an_action_is_done_and_logged(marketer, slug, amount, now):
    data, people = forms(now)[slug], make.contacts(amount)
    for contact in people:
        if slug == "untag":
            contact.tags.set(data["tags"])
        if slug == "remove":
            make.enrollment(make.Campaign.objects.get(), contact)
    address = act_url(slug, *(contact.pk for contact in people))
    assert marketer.get(address).status_code == 200 and not ModelLogEntry.objects.exists()
    response = marketer.post(address, data, follow=True)
    assert f"{amount} of {amount}" in texts(response)
    assert changed(slug) == amount
    logged = ModelLogEntry.objects.filter(action=f"wagtail_drip.contact_{slug}")
    assert set(logged.values_list("object_id", "user__username")) == {
        (str(contact.pk), "marketer") for contact in people
    }
    assert not logged.filter(label__contains="@").exists()


@pytest.mark.parametrize("slug", ACTIONS)
def test_an_action_is_behind_its_permission(slug, now):
    contact = make.contact()
    permission, model = ACTIONS[slug].permission
    needed = f"{permission}_{model._meta.model_name}"
    other = client_of("other", *(name for name in ALL if name != needed))
    blind = client_of("blind", *(name for name in ALL if name != "see_personal_data"))
    for client in (other, blind):
        assert client.get(act_url(slug, contact.pk)).status_code in (302, 403)
        assert client.post(act_url(slug, contact.pk), {"sure": "on"}).status_code in (302, 403)
    assert not Contact.objects.exclude(erased_at=None).exists()
    assert act_url(slug) not in other.get(contact_url(contact.pk)).content.decode()


def test_two_who_are_one_are_merged(marketer, now):
    kept, gone = make.contact("kept@example.com"), make.contact("gone@example.com")
    marketer.post(act_url("merge", kept.pk, gone.pk), {"kept": kept.pk})
    assert Contact.objects.get() == kept
    other = make.contact("other@example.com")
    marketer.post(act_url("merge", kept.pk), {"other": "Other@example.com"})
    assert Contact.objects.get() == kept and kept.aliases.count() == 2
    assert other.pk and "Merged with" in marketer.get(contact_url(kept.pk)).content.decode()


@pytest.mark.parametrize(
    ("slug", "data"),
    [
        ("subscribe", {"source": ""}), ("note", {"at": "2999-01-01 00:00"}), ("erase", {}),
        ("note", {"name": "order_placed"}), ("merge", {"other": "nobody@example.com"}),
        ("merge", {"other": "ann@example.com"}), ("enroll", {"campaign": "999"}),
        ("tag", {"names": "x" * 101}),
    ],
)  # fmt: skip
def test_what_is_missing_is_asked_again(marketer, slug, data, now):
    contact = make.contact("ann@example.com")
    filled = {**forms(now).get(slug, {}), **data} if data else {}
    response = marketer.post(act_url(slug, contact.pk), filled)
    assert response.status_code == 200 and response.context["form"].errors
    assert not ModelLogEntry.objects.exists()


def test_who_is_suppressed_is_not_subscribed(marketer, now):
    contact = make.contact()
    suppress(contact.email, reason="complained", at=now)
    response = marketer.post(act_url("subscribe", contact.pk), forms(now)["subscribe"], follow=True)
    assert "0 of 1" in texts(response) and not Consent.objects.exists()


def test_a_whole_segment_can_be_chosen(marketer, now):
    make.contacts(3)
    Segment.objects.create(name="All", slug="all")
    marketer.post(f"{act_url('tag')}&segment=all", {"names": "VIP"})
    assert Contact.objects.filter(tags__slug="vip").count() == 3


@pytest.mark.parametrize("ids", [[], ["x"], ["999"], ["9" * 30], ["-1"]])
def test_nobody_is_a_warning(marketer, ids):
    response = marketer.get(act_url("tag", *ids), follow=True)
    assert "at least one" in texts(response)


def test_too_many_at_once_are_refused(marketer):
    people = make.contacts(3)
    response = marketer.get(act_url("merge", *(one.pk for one in people)), follow=True)
    assert "2 contacts at a time" in texts(response)


def test_boxes_of_the_list_lead_to_the_action(marketer):
    contact = make.contact()
    content = marketer.get("/admin/drip/contacts/").content.decode()
    assert f'value="{contact.pk}"' in content and 'value="erase"' in content
    choose = reverse("wagtail_drip_admin:choose")
    response = marketer.get(choose, {"action": "tag", "contact": [contact.pk]})
    assert response.url == act_url("tag", contact.pk)
    assert marketer.get(choose, {"action": "x"}).status_code == 404


def test_the_list_is_narrowed_by_a_tag(marketer):
    tagged, other = make.contacts(2)
    tag = Tag.objects.create(name="VIP")
    tagged.tags.add(tag)
    content = marketer.get("/admin/drip/contacts/", {"tag": tag.pk}).content.decode()
    assert tagged.email in content and other.email not in content


# Export


def test_all_about_one_or_many_is_a_file(marketer):
    one, two = make.contacts(2)
    assert json.loads(marketer.get(export_url(one.pk)).content)["contact"]["email"] == one.email
    response = marketer.get(export_url(one.pk, two.pk))
    told = json.loads(b"".join(response.streaming_content))
    assert [row["contact"]["email"] for row in told] == [one.email, two.email]
    assert ModelLogEntry.objects.filter(action="wagtail_drip.contact_export").count() == 3


def test_export_is_behind_its_permission(now):
    contact = make.contact()
    client = client_of("x", *(name for name in ALL if name != "export_contact"))
    assert client.get(export_url(contact.pk)).status_code in (302, 403)


# Editing


def test_what_is_known_is_edited_by_its_type(marketer, now):
    Attribute.objects.create(label="Size", key="size", type="number")
    contact = make.contact(attributes={"kept": 1})
    address = reverse("wagtail_drip_admin:edit_contact", args=[contact.pk])
    bad = marketer.post(address, {"attribute_size": "many"})
    assert "“Size”" in bad.content.decode()
    marketer.post(
        address,
        {
            "first_name": "Ann", "time_zone": "Europe/Paris", "attribute_size": "7",
            "track_clicks": "on", "track_opens": "on",
        },
    )  # fmt: skip
    contact.refresh_from_db()
    assert (contact.first_name, contact.time_zone) == ("Ann", "Europe/Paris")
    assert contact.attributes == {"kept": 1, "size": 7}
    assert ModelLogEntry.objects.get().data == {
        "fields": ["first_name", "time_zone", "attribute_size"]
    }


def test_what_may_be_seen_of_somebody_is_switched_off_for_them(marketer):
    contact = make.contact()
    address = reverse("wagtail_drip_admin:edit_contact", args=[contact.pk])
    assert "May see which links they follow" in marketer.get(address).content.decode()
    marketer.post(address, {"track_opens": "on"})
    contact.refresh_from_db()
    assert (contact.track_clicks, contact.track_opens) == (False, True)
    assert ModelLogEntry.objects.get().data == {"fields": ["track_clicks"]}
    assert "may see which links they follow" in marketer.get(contact_url(contact.pk)).text


def test_a_contact_is_added_once(marketer):
    address = reverse("wagtail_drip_admin:add_contact")
    marketer.post(address, {"email": "Ann@Example.com", "first_name": "Ann"})
    assert Contact.objects.get().email == "ann@example.com"
    again = marketer.post(address, {"email": "ann@example.com"})
    assert "There is a contact" in again.content.decode()
    assert not Consent.objects.exists()


# Who may see whom


@pytest.mark.parametrize("path", ["contacts", "events", "people", "deliveries"])
def test_whoever_may_not_see_personal_data_has_no_page_that_names_anybody(path, now):
    contact = lived(1, now)
    blind = client_of("blind", "view_contact", "view_event", "view_enrollment", "view_delivery")
    assert blind.get(f"/admin/drip/{path}/").status_code in (302, 403)
    assert blind.get(f"/admin/drip/{path}/", {"export": "csv"}).status_code in (302, 403)
    assert blind.get(contact_url(contact.pk)).status_code in (302, 403)
