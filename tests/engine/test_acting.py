from __future__ import annotations

from datetime import timedelta

import pytest

from tests import factories
from tests.factories import branch, condition, do, group, leave, wait
from tests.queries import queries
from wagtail_drip.engine.acting import MAX_HOPS
from wagtail_drip.engine.advancing import advance_due
from wagtail_drip.engine.walking import NOT_YET_READABLE
from wagtail_drip.models import Attribute, Campaign, Enrollment, Tag, Tagging

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def city():
    return Attribute.objects.create(label="City", key="city")


def inside(nodes, **fields) -> Enrollment:
    return factories.enrollment(factories.campaign(nodes=nodes), factories.contact(**fields))


def fresh(row):
    return type(row).objects.get(pk=row.pk)


def test_an_attribute_is_set_typed_or_taken_away(now, city):
    Attribute.objects.create(label="Size", key="size", type="number")
    row = inside(
        {
            "n1": do("n2", do="attribute", key="city", value=""),
            "n2": do("n3", do="attribute", key="size", value="42"),
            "n3": wait(),
        },
        attributes={"city": "Ulm", "kept": 1},
    )
    advance_due(now)
    assert fresh(row.contact).attributes == {"kept": 1, "size": 42}
    assert fresh(row).node == "n3"


def test_a_tag_is_given_and_taken_away(now):
    row = inside({"n1": do("n2", do="tag", tag="VIP", side="add"), "n2": wait("n3"),
                  "n3": do("", do="tag", tag="vip", side="remove")})  # fmt: skip
    advance_due(now)
    assert [tag.name for tag in row.contact.tags.all()] == ["VIP"]
    advance_due(now + DAY)
    assert not Tagging.objects.exists()
    assert Tag.objects.count() == 1


def test_the_next_condition_sees_what_was_done(now, city):
    ulm = group(condition("attribute", key="city", op="equals", value="Ulm"))
    nodes = {
        "n1": branch(ulm, "n4", "n2"),
        "n2": do("n3", do="attribute", key="city", value="Ulm"),
        "n3": branch(ulm, "n5", "n4"),
        "n4": leave("wrong"),
        "n5": leave("seen"),
    }
    row = inside(nodes)
    advance_due(now)
    assert fresh(row).reason == "seen"


def test_what_is_done_is_done_once_though_the_batch_is_tried_again(now, city, monkeypatch):
    from wagtail_drip.engine import advancing

    row = inside({"n1": do("n2", do="tag", tag="a", side="add"), "n2": wait()})
    stand = advancing._stand

    def broken(*args):
        stand(*args)
        raise RuntimeError("the power is gone")

    with monkeypatch.context() as patch, pytest.raises(RuntimeError):
        patch.setattr(advancing, "_stand", broken)
        advance_due(now)
    assert (Tagging.objects.count(), fresh(row).node) == (0, "n1")
    advance_due(now)
    assert (Tagging.objects.count(), fresh(row).node) == (1, "n2")


def test_what_can_t_be_done_fails_the_enrollment_alone(now):
    row = inside({"n1": do("", do="attribute", key="gone", value="x")})
    other = factories.enrollment(factories.campaign("other"))
    advance_due(now)
    assert (fresh(row).state, fresh(row).reason) == ("failed", "there is no attribute “gone”")
    assert fresh(other).state == "active"


def test_an_action_nobody_knows_fails_the_enrollment(now):
    row = inside({"n1": do("", do="juggle")})
    advance_due(now)
    assert fresh(row).state == "failed"


def test_a_paused_campaign_does_nothing(now):
    row = inside({"n1": do("n2", do="tag", tag="a", side="add"), "n2": wait()})
    Campaign.objects.update(paused_at=now)
    advance_due(now)
    assert (fresh(row).node, Tagging.objects.count()) == ("n1", 0)
    Campaign.objects.update(paused_at=None)
    advance_due(fresh(row).due_at)
    assert (fresh(row).node, Tagging.objects.count()) == ("n2", 1)


# Entering another campaign


def leading(slug: str, to: Campaign, **fields) -> Campaign:
    return factories.campaign(slug, nodes={"n1": do("", do="enroll", campaign=to.pk)}, **fields)


def test_they_enter_another_campaign_with_what_they_came_with(now):
    other = factories.campaign("other", nodes={"n1": wait()})
    row = factories.enrollment(leading("first", other), data={"book": 7})
    advance_due(now)
    entered = Enrollment.objects.get(campaign=other)
    assert (entered.contact, entered.data, entered.entered_at) == (row.contact, {"book": 7}, now)
    assert fresh(row).state == "completed"


def test_the_other_campaigns_rules_hold(now):
    topic = factories.topic()
    other = factories.campaign("other", topic=topic, nodes={"n1": wait()})
    willing, unwilling = factories.contact(), factories.contact()
    factories.consent(willing, topic)
    first = leading("first", other)
    for person in (willing, unwilling):
        factories.enrollment(first, person)
    advance_due(now)
    assert [row.contact for row in Enrollment.objects.filter(campaign=other)] == [willing]


def test_a_campaign_that_is_not_live_lets_nobody_in_and_holds_nobody_up(now):
    other = factories.campaign("other", live=False)
    row = factories.enrollment(leading("first", other))
    advance_due(now)
    assert fresh(row).state == "completed"
    assert not Enrollment.objects.filter(campaign=other).exists()


def test_a_campaign_that_a_newer_release_wrote_is_waited_for(now):
    other = factories.campaign("other")
    other.current_version.program["format"] = 99
    other.current_version.save()
    row = inside({"n1": do("n2", do="enroll", campaign=other.pk), "n2": wait()})
    advance_due(now)
    row = fresh(row)
    assert (row.state, row.node, row.due_at) == ("active", "n1", now + NOT_YET_READABLE)
    other.current_version.program["format"] = 2
    other.current_version.save()
    advance_due(row.due_at)
    assert fresh(row).node == "n2" and other.enrollments.count() == 1


def test_a_round_of_campaigns_comes_to_an_end(now):
    """The gate refuses one, but two campaigns may be published at the same moment."""
    again = {"entry_rule": "per_event"}
    first = factories.campaign("first", **again)
    second = leading("second", first, **again)
    factories.version(first, {"n1": do("", do="enroll", campaign=second.pk)})
    factories.enrollment(first)
    passes = 0
    while advance_due(now):
        passes += 1
    assert passes == MAX_HOPS + 1
    assert not Enrollment.objects.filter(state="active").exists()


@pytest.mark.parametrize("kind", ["tag", "attribute", "enroll"])
def test_a_fixed_number_of_queries(now, city, kind):
    action = {"do": kind, "tag": "a", "side": "add", "key": "city", "value": "Ulm"}

    def cost(people: int) -> int:
        other = factories.campaign(f"other{people}", nodes={"n1": wait()})
        nodes = {"n1": do("n2", **action, campaign=other.pk), "n2": wait()}
        factories.enrollments(factories.campaign(f"c{people}", nodes=nodes), people)
        counted = queries(advance_due, now)
        Enrollment.objects.update(due_at=None)
        return len(counted)

    cost(1)  # makes the tag
    assert cost(10) == cost(500)
