from __future__ import annotations

import json

import pytest
from django.core.exceptions import ValidationError

from tests import factories as make
from wagtail_drip.models import Segment, segments

pytestmark = pytest.mark.django_db


def segment(slug: str, *conditions, match: str = "all") -> Segment:
    stream = [{"type": c["slug"], "value": c["args"]} for c in conditions]
    return Segment.objects.create(
        name=slug.title(), slug=slug, match=match, conditions=json.dumps(stream)
    )


LOCAL = make.condition("attribute", key="city", op="equals", value="Bookham")
GERMAN = make.condition("language", language="de")


@pytest.fixture
def people():
    return [
        make.contact(attributes={"city": "Bookham"}),
        make.contact(language="de"),
        make.contact(attributes={"city": "Bookham"}, language="de"),
        make.contact(),
    ]


@pytest.mark.parametrize(("match", "members"), [("all", {2}), ("any", {0, 1, 2}), ("none", {3})])
def test_members_are_those_of_whom_it_is_true(people, match, members, now):
    found = segment("mine", LOCAL, GERMAN, match=match).members(now)
    assert set(found) == {people[number] for number in members}


@pytest.mark.parametrize("match", ["all", "any", "none"])
def test_without_conditions_it_is_everybody_but_the_erased(people, match, now):
    make.contact(erased_at=now, email_digest="x")
    assert segment("all", match=match).members(now).count() == 4


def test_a_condition_that_can_not_be_asked_is_refused():
    bad = make.condition("event_happened", event="user_signed_up", since="entering")
    with pytest.raises(ValidationError, match="before somebody has entered"):
        segment("bad", bad, make.condition("gone")).full_clean()


def inside(slug: str):
    return make.condition("in_segment", segment=slug)


def test_a_segment_inside_itself_is_found_however_deep():
    segment("a", inside("b")), segment("b", inside("c"))
    circle = segment("c", LOCAL, inside("a"))
    assert "this segment would be inside itself" in circle.problems()
    assert segments.named_within([inside("a")]) == {"a", "b", "c"}


def test_a_segment_is_found_by_its_short_name(people, now):
    segment("mine", LOCAL)
    local = segments.inside("mine", make.Contact, segments.models.OuterRef("pk"), now)
    assert set(make.Contact.objects.filter(local)) == {people[0], people[2]}
    with pytest.raises(ValueError, match="no segment"):
        segments.inside("gone", make.Contact, segments.models.OuterRef("pk"), now)


def test_asking_in_a_circle_ends(now):
    mine = segment("mine", LOCAL)
    with segments._inside("mine"), pytest.raises(ValueError, match="inside itself"):
        mine.members(now)


def test_a_segment_without_a_short_name_gets_one():
    assert Segment.objects.create(name="Große Käufer").slug == "grosse-kaufer"
