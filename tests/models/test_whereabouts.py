"""Where somebody stands. Each condition is asked of enrollments and of contacts alike."""

from __future__ import annotations

import json
from datetime import timedelta
from functools import partial
from hashlib import md5
from itertools import product

import pytest

from tests import factories as make
from tests.flow import flows
from tests.queries import queries
from wagtail_drip import registry
from wagtail_drip.flow import compiling, conditions
from wagtail_drip.models import Contact, Enrollment, Segment, Tag, matching
from wagtail_drip.models.tags import tag_all, tags_named

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def holds(person: Contact, slug: str, match="all", now=make.NOW, **args) -> bool:
    """For the contact and for an enrollment of theirs; the two must agree."""
    asked = make.group(make.condition(slug, **args), match=match)
    row = Enrollment.objects.filter(contact=person).first() or make.enrollment(
        make.campaign(f"of-{person.pk}"), person
    )
    of_contact = matching.met(asked, Contact.objects.filter(pk=person.pk), now)
    of_enrollment = matching.met(asked, Enrollment.objects.filter(pk=row.pk), now)
    assert bool(of_contact) == bool(of_enrollment)
    return bool(of_contact)


def told(slug: str, **args) -> list[str]:
    return conditions.problems([make.condition(slug, **args)])


def said(slug: str, **args) -> str:
    return conditions.sentence([make.condition(slug, **args)])


@pytest.fixture
def person():
    return make.contact()


def test_a_tag(person):
    tag = tags_named(["VIP"])["vip"]
    assert not holds(person, "has_tag", tag="vip")
    assert holds(person, "has_tag", tag="vip", match="none")
    tag_all([person.pk], [tag], at=make.NOW)
    assert holds(person, "has_tag", tag="vip")
    assert not holds(make.contact(), "has_tag", tag="vip")
    assert said("has_tag", tag="vip") == "they have the tag “VIP”"
    assert told("has_tag", tag="gone") == ["there is no tag “gone”"]


def segment(name: str, *asked) -> Segment:
    raw = [{"type": c["slug"], "value": c["args"], "id": str(n)} for n, c in enumerate(asked)]
    return Segment.objects.create(name=name, conditions=json.dumps(raw))


def test_a_segment(person):
    segment("Germans", make.condition("language", language="de"))
    assert not holds(person, "in_segment", segment="germans")
    Contact.objects.update(language="de")
    assert holds(person, "in_segment", segment="germans")
    assert told("in_segment", segment="gone") == ["there is no segment “gone”"]


def test_a_segment_that_was_deleted_can_t_be_asked(person):
    with pytest.raises(ValueError, match="there is no segment “gone”"):
        holds(person, "in_segment", segment="gone")


def test_a_segment_inside_itself_by_a_group_is_found():
    inner = make.condition("in_segment", segment="round")
    stream = [{"type": inner["slug"], "value": inner["args"]}]
    one = segment("Round", make.condition("group", match="any", conditions=stream))
    assert "this segment would be inside itself" in one.problems()


@pytest.mark.parametrize(
    ("how", "fields", "expected"),
    [
        ("inside", {}, True),
        ("inside", {"state": "completed"}, False),
        ("ever", {"state": "left", "reason": "goal"}, True),
        ("through", {"state": "completed"}, True),
        ("through", {}, False),
        ("goal", {"state": "left", "reason": "goal"}, True),
        ("goal", {"state": "left", "reason": "unsubscribed"}, False),
    ],
)
def test_another_campaign(person, how, fields, expected):
    other = make.campaign("other")
    assert not holds(person, "in_campaign", campaign=other.pk, how=how)
    make.enrollment(other, person, **fields)
    assert holds(person, "in_campaign", campaign=other.pk, how=how) == expected


def test_another_campaign_is_named_and_checked():
    other = make.campaign("other", name="Other")
    assert said("in_campaign", campaign=other.pk, how="inside") == "they are now in “Other”"
    assert told("in_campaign", campaign=9**9, how="inside") == ["its campaign was deleted"]
    assert told("in_campaign", campaign=None, how="near") == [
        "no campaign is chosen",
        "it doesn't say whether they are or were in it",
    ]


@pytest.mark.parametrize(
    ("op", "days", "value", "expected"),
    [
        ("next", 3, "2026-03-05", True),
        ("next", 3, "2026-03-05T23:00:00+00:00", True),
        ("next", 3, "2026-03-06", False),
        ("next", 3, "2026-03-01", False),
        ("last", 3, "2026-02-27", True),
        ("last", 3, "2026-02-26", False),
        ("last", 3, "2026-03-03", False),
        ("before", 3, "2026-02-26", True),
        ("before", 3, "2026-02-27", False),
        ("before", 3, None, False),
        ("after", 3, "2026-03-06", True),
        ("after", 3, "2026-03-05", False),
        ("after", 3, "soon", False),
        ("anniversary", 3, "1984-03-05", True),
        ("anniversary", 3, "1984-03-06", False),
    ],
)
def test_a_date(op, days, value, expected):
    person = make.contact(attributes={"due": value})
    assert holds(person, "date", key="due", op=op, days=days) == expected


def test_the_29th_of_february_is_the_28th_in_other_years():
    person = make.contact(attributes={"born": "1984-02-29"})
    asked = {"key": "born", "op": "anniversary", "days": 0}
    assert holds(person, "date", now=make.NOW.replace(month=2, day=28), **asked)
    leap = make.NOW.replace(year=2028, month=2, day=28)
    assert not holds(person, "date", now=leap, **asked)
    assert holds(person, "date", now=leap + DAY, **asked)


def test_a_share_drawn_by_chance():
    people = make.contacts(600)
    group = make.group(make.condition("random_share", percent=30))

    def drawn(rows):
        return matching.met(group, rows, make.NOW)

    found = drawn(Contact.objects.all())
    assert 120 < len(found) < 240
    assert drawn(Contact.objects.all()) == found
    campaign = make.campaign()
    rows = [make.enrollment(campaign, person) for person in people[:100]]
    inside = drawn(Enrollment.objects.all())
    assert {row.contact_id for row in rows if row.pk in inside} != found & {
        p.pk for p in people[:100]
    }


def test_each_condition_of_a_flow_draws_its_own():
    """Two of them, one in a group; the same ones at each publishing, and those of old programs."""
    step = make.step()
    share = {"type": "random_share", "value": {"percent": 50, "draw": ""}}
    together = flows.block("group", id="g", match="all", conditions=[{**share, "id": "two"}])
    flow = [
        flows.if_else([flows.leave(id="x")], asked=[{**share, "id": "one"}], id="b1"),
        flows.if_else([flows.leave(id="y")], asked=[together], id="b2"),
        flows.send(step.pk, id="s"),
    ]
    campaign = make.campaign()
    rows = [make.enrollment(campaign, person) for person in make.contacts(80)]

    def drawn(group):
        return matching.met(group, Enrollment.objects.all(), make.NOW)

    program = compiling.compile_flow(flow, {step.pk: "key"})
    assert program == compiling.compile_flow(flow, {step.pk: "key"})
    one, two = (drawn(program.nodes[branch].group) for branch in ("b1", "b2"))
    assert one != two and 20 < len(one) < 60 and 20 < len(two) < 60
    assert len(one & two) not in (0, len(one), len(two))
    old = drawn(make.group(make.condition("random_share", percent=50, draw="")))
    assert old == {
        row.pk
        for row in rows
        if md5(f":{row.contact_id}{campaign.pk}".encode()).hexdigest()[:6] < "800000"
    }
    named = {"type": "random_share", "value": {"percent": 50, "draw": "spring"}, "id": "z"}
    [kept] = conditions.pinned([named])
    assert kept["args"] == {"percent": 50, "draw": "spring"}


def test_people_of_one_draw_are_the_same_everywhere(person):
    for other in make.contacts(30):
        holds(other, "random_share", percent=50, draw="spring")  # contact and enrollment agree


@pytest.mark.parametrize("percent", [0, 100, None, "9"])
def test_a_share_of_all_or_none_is_no_share(percent):
    assert told("random_share", percent=percent) == ["it needs a percentage from 1 to 99"]


# Groups


def grouped(*asked, match="any"):
    stream = [{"type": c["slug"], "value": c["args"], "id": str(n)} for n, c in enumerate(asked)]
    return make.condition("group", match=match, conditions=stream)


def language(code):
    return make.condition("language", language=code)


def test_groups_stand_inside_groups():
    german, french, _other = (make.contact(language=code) for code in ("de", "fr", "en"))
    deep = grouped(
        grouped(language("de"), language("en"), match="any"), language("fr"), match="none"
    )
    found = matching.met(make.group(deep), Contact.objects.all(), make.NOW)
    assert found == set()
    either = grouped(language("de"), grouped(language("fr")))
    found = matching.met(make.group(either), Contact.objects.all(), make.NOW)
    assert found == {german.pk, french.pk}
    assert conditions.sentence([either]) == "(their language is de or (their language is fr))"


def test_groups_go_two_deep_and_no_deeper():
    two = grouped(grouped(language("en")))
    assert conditions.problems([two]) == []
    assert "only 2 deep" in conditions.problems([grouped(two)])[0]
    block = registry.conditions()["group"]
    assert block.nested(conditions.CONTACT, 1) is not None
    assert block.nested(conditions.CONTACT, 2) is None


def test_a_group_is_checked_through():
    assert conditions.problems([grouped()]) == ["a group has no condition"]
    assert conditions.problems([grouped(make.condition("moon"))]) == [
        "this site has no condition “moon”"
    ]


SAMPLES = {
    "event_happened": {"event": "order_placed", "times": 3, "of": "quantity", "since": "ever"},
    "overdue": {"event": "order_placed", "percent": 150},
    "mail_reaction": {"step": 1, "how": "clicked"},
    "lifecycle": {"stage": "lapsed"},
    "attribute": {"key": "city", "op": "equals", "value": "Ulm"},
    "date": {"key": "due", "op": "next", "days": 3},
    "has_tag": {"tag": "vip"},
    "in_segment": {"segment": "germans"},
    "topic": {"topic": "news"},
    "language": {"language": "de"},
    "in_campaign": {"campaign": 1, "how": "ever"},
    "random_share": {"percent": 50},
    "order_total_over": {"amount": 20},
    "group": grouped(language("de"), language("en"))["args"],
}


def test_each_registered_condition_is_one_query_for_any_number_of_people():
    """A condition that is new here needs a sample above. A segment is read first, by its name."""
    tags_named(["vip"])
    segment("Germans", language("de"))
    known = registry.conditions()
    assert known.keys() == SAMPLES.keys()
    everything = make.group(*(make.condition(slug, **SAMPLES[slug]) for slug in known), match="any")
    groups = [make.group(one) for one in everything["conditions"]]
    for amount in (10, 500):
        make.enrollments(make.campaign(f"c{amount}"), amount)
        people = Enrollment.objects.all()
        for group in groups:
            named = group["conditions"][0]["slug"] == "in_segment"
            for ask in (matching.met, partial(matching.met_and_seen, everybody=True)):
                assert len(queries(ask, group, people, make.NOW)) == 1 + named, group
        for ask in (matching.met, partial(matching.met_and_seen, everybody=True)):
            assert len(queries(ask, everything, people, make.NOW)) == 2
        assert matching.met(everything, people, make.NOW) == {
            pk
            for pk, (met, _seen) in matching.met_and_seen(everything, people, make.NOW).items()
            if met
        }
    assert Tag.objects.count() == 1


@pytest.mark.parametrize("match", ["all", "any", "none"])
def test_what_was_seen_agrees_with_who_meets_it(match):
    """For every group of answers; the group's own is asked as it is everywhere."""
    for code, city in product(["de", "en"], ["Ulm", "Bonn"]):
        person = make.contact(language=code, attributes={"city": city})
        make.enrollment(make.campaign(f"{code}{city}"), person)
    home = make.condition("attribute", key="city", op="equals", value="Ulm")
    both = [language("de"), home]
    for asked in ([home], both, [grouped(*both, match="none")], [home, grouped(*both)], []):
        group, people = make.group(*asked, match=match), Enrollment.objects.all()
        found = matching.met_and_seen(group, people, make.NOW, everybody=True)
        met = matching.met(group, people, make.NOW)
        assert {pk for pk, (so, _seen) in found.items() if so} == met and len(found) == 4
        assert matching.met_and_seen(group, people, make.NOW).keys() == met
        for row in people.select_related("contact"):
            is_german, city = row.contact.language == "de", row.contact.attributes["city"]
            truth = {"language": is_german, "attribute": city == "Ulm"}
            for one in found[row.pk][1]["asked"]:
                inner = one.get("asked", [one])
                assert all(leaf["met"] == truth[leaf["slug"]] for leaf in inner)
