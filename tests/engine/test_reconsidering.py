from __future__ import annotations

import io
from datetime import timedelta

import pytest
from django.utils import timezone

from tests import factories
from tests.factories import condition, do, send, wait
from tests.queries import queries
from wagtail_drip import signals
from wagtail_drip.admin.contact_editing import ContactForm
from wagtail_drip.engine import handling, reconsidering, uploading
from wagtail_drip.engine.advancing import advance_due
from wagtail_drip.engine.choosing import Wishes, choose
from wagtail_drip.engine.following import follow
from wagtail_drip.engine.identifying import identify
from wagtail_drip.engine.importing import begin, import_due
from wagtail_drip.engine.merging import merge
from wagtail_drip.models import Attribute, ContactImport, Conversion, Enrollment, Tag

pytestmark = pytest.mark.django_db
VIP = condition("has_tag", tag="vip")
DE = condition("language", language="de")
LONG = {"n1": wait("", amount=3650)}


@pytest.fixture
def vip():
    return Tag.objects.create(name="VIP")


def fresh(row: Enrollment) -> Enrollment:
    return Enrollment.objects.get(pk=row.pk)


def settle(now) -> None:
    while advance_due(now):
        pass


def inside(now, goals=(VIP,), person=None, **fields):
    """Somebody amid a long wait, and nobody is due."""
    slug = f"goal{Enrollment.objects.count()}"
    row = factories.enrollment(factories.campaign(slug, nodes=LONG, goals=goals, **fields), person)
    settle(now)
    assert fresh(row).due_at > now + timedelta(days=3000)
    return row


def ended(row, now) -> str:
    settle(now)
    return fresh(row).reason


# Each way in which what is known of people changes


def test_a_tag_by_hand_ends_it_at_once(now, vip):
    row, other = inside(now), inside(now)
    handling.tag([row.contact], [vip], at=now)
    assert (ended(row, now), ended(other, now)) == ("goal", "")
    assert Conversion.objects.get().enrollment_id == row.pk


def test_a_tag_taken_away_by_hand(now, vip):
    person = factories.contact()
    handling.tag([person], [vip], at=now)
    stream = [{"type": "has_tag", "value": {"tag": "vip"}, "id": "a"}]
    row = inside(now, [condition("group", match="none", conditions=stream)], person)
    handling.untag([person], [vip], at=now)
    assert ended(row, now) == "goal"


def test_a_tag_that_another_campaign_s_flow_sets(now, vip):
    row = inside(now)
    nodes = {"t": do("w", do="tag", tag="vip", side="add"), "w": wait()}
    factories.enrollment(factories.campaign("other", nodes=nodes), row.contact)
    assert ended(row, now) == "goal"


def test_a_tag_that_its_own_flow_sets_ends_it_before_the_next_stop(now, vip):
    nodes = {"t": do("w", do="tag", tag="vip", side="add"), "w": wait(amount=30)}
    row = factories.enrollment(factories.campaign(nodes=nodes, goals=[VIP]))
    assert ended(row, now) == "goal"


def test_the_send_behind_a_tag_that_is_the_goal_goes_to_nobody(now, vip):
    nodes = {"t": do("s", do="tag", tag="vip", side="add"), "s": send(factories.step())}
    row = factories.enrollment(factories.campaign(nodes=nodes, goals=[VIP]))
    assert ended(row, now) == "goal"
    assert row.deliveries.get().reason == "goal"


def test_an_attribute_that_a_flow_sets(now):
    Attribute.objects.create(label="City", key="city")
    row = inside(now, [condition("attribute", key="city", op="equals", value="Kiel")])
    nodes = {"a": do("w", do="attribute", key="city", value="Kiel"), "w": wait()}
    factories.enrollment(factories.campaign("other", nodes=nodes), row.contact)
    assert ended(row, now) == "goal"


def test_what_an_editor_writes_on_a_contact(now):
    Attribute.objects.create(label="City", key="city")
    row = inside(now, [condition("attribute", key="city", op="set", value="")])
    form = ContactForm({"attribute_city": "Kiel"}, instance=row.contact)
    assert form.is_valid(), form.errors
    form.save()
    assert ended(row, timezone.now()) == "goal"


def test_what_a_file_says_of_people_who_are_known(now, vip):
    row, other = inside(now), inside(now)
    text = f"email,tags\n{row.contact.email},VIP\n{other.contact.email},\n"
    job = uploading.upload(io.BytesIO(text.encode()), name="people.csv", now=now)
    ContactImport.objects.filter(pk=job.pk).update(mapping={"0": "email", "1": "tags"})
    for state in ("checking", "importing"):
        assert begin(job, state)
        import_due(now)
    assert (ended(row, now), ended(other, now)) == ("goal", "")


def test_consent_that_an_editor_writes_down(now):
    topic = factories.topic()
    row = inside(now, [condition("topic", topic="news")])
    handling.subscribe([row.contact], topic, at=now, source="by telephone", now=now)
    assert ended(row, now) == "goal"


def test_the_language_that_they_choose_themselves(now):
    row = inside(now, [DE])
    choose(row.contact, Wishes((), frozenset(), language="de"), at=now, source="page", ip=None)
    assert ended(row, now) == "goal"


def test_the_language_that_their_account_has_now(now):
    person = identify(user=factories.user("ann@example.com"), now=now)
    row = inside(now, [DE], person)
    person.user.language = "de"
    follow(person.user, now=now)
    assert ended(row, now) == "goal"


def test_what_a_merge_brings_along(now, vip):
    row, other = inside(now), factories.contact()
    handling.tag([other], [vip], at=now)
    merge(row.contact, other, now=now)
    assert ended(row, timezone.now()) == "goal"


@pytest.mark.parametrize(
    "way", ["save", "add", "add to the tag", "remove", "clear", "clear the tag"]
)
def test_what_site_code_does_by_django_s_own_means(now, vip, way):
    stream = [{"type": "has_tag", "value": {"tag": "vip"}, "id": "a"}]
    without, person = condition("group", match="none", conditions=stream), factories.contact()
    if way in ("remove", "clear", "clear the tag"):
        handling.tag([person], [vip], at=now)
    row = inside(now, [without if person.taggings.exists() else VIP, DE], person)
    if way == "save":
        row.contact.language = "de-at"
        row.contact.save()
    elif way == "add to the tag":
        vip.contacts.add(person)
    elif way == "clear the tag":
        vip.contacts.clear()
    else:
        getattr(person.tags, way)(*([] if way == "clear" else [vip]))
    assert ended(row, timezone.now()) == "goal"


def test_who_is_no_longer_its_audience_leaves_at_once_too(now, vip):
    person = factories.contact()
    handling.tag([person], [vip], at=now)
    row = inside(now, (), person, audience=[VIP], leave_audience=True)
    handling.untag([person], [vip], at=now)
    assert ended(row, now) == "audience"


# What it costs, and whom it lets be


@pytest.mark.parametrize("how", ["through", "goal"])
def test_that_they_came_to_an_end_elsewhere(now, vip, how):
    other = factories.campaign("other", nodes={}, goals=[VIP] if how == "goal" else [])
    row = inside(now, [condition("in_campaign", campaign=other.pk, how=how)])
    if how == "goal":
        row.contact.tags.add(vip)
    factories.enrollment(other, row.contact)
    assert ended(row, now) == "goal"


def test_a_fixed_number_of_statements(now, vip):
    def cost(people: int) -> list[str]:
        nodes = {"t": do("w", do="tag", tag="vip", side="add"), "w": wait()}
        rows = factories.enrollments(factories.campaign(f"c{people}", nodes=nodes), people)
        goal = factories.campaign(f"g{people}", nodes=LONG, goals=[VIP])
        for row in rows:
            factories.enrollment(goal, row.contact)
        settle_only = Enrollment.objects.filter(campaign=goal)
        settle_only.update(due_at=now + timedelta(days=30))
        counted = queries(advance_due, now, 1000)
        assert settle_only.filter(due_at=now).count() == people
        counted += queries(handling.tag, [row.contact for row in rows], [vip], at=now)
        Enrollment.objects.update(state="completed")
        return counted

    assert len(cost(10)) == len(cost(500))


def test_goals_that_hang_on_events_alone_are_not_asked_again(now, vip):
    stream = [{"type": "event_happened", "value": {"event": "paid"}, "id": "a"}]
    goals = [condition("event_happened", event="paid", since="ever"),
             condition("group", match="any", conditions=stream)]  # fmt: skip
    row = inside(now, goals)
    handling.tag([row.contact], [vip], at=now)
    row.contact.save()
    assert fresh(row).due_at > now + timedelta(days=3000)


def test_a_new_contact_costs_nothing(now, vip):
    inside(now)
    assert len(queries(factories.contact)) == 1


def test_trouble_does_not_reach_who_saves(now, vip, monkeypatch):
    row = inside(now)
    monkeypatch.setattr(reconsidering, "reconsider", lambda *args: 1 / 0)
    row.contact.save()


def test_the_line_is_told(now, vip, django_capture_on_commit_callbacks):
    row, told = inside(now), []
    signals.work_waiting.connect(receiver := lambda **kwargs: told.append(1))
    with django_capture_on_commit_callbacks(execute=True):
        handling.tag([row.contact], [vip], at=now)
    signals.work_waiting.disconnect(receiver)
    assert told
