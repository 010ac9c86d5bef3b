from __future__ import annotations

from datetime import timedelta

import pytest
from wagtail import hooks

from tests import factories as make
from wagtail_drip.flow.triggers import Trigger
from wagtail_drip.models import Contact, Enrollment, matching
from wagtail_drip.models.questions import AttributeCondition, EventHappened, HasTopic

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
SHOP = {
    "order_placed": Trigger("order_placed", "placed an order", {"book": 1, "total": 9}, ("book",))
}


def happened(event="order_placed", since="entering", **args):
    return make.condition("event_happened", event=event, since=since, **args)


def met(group, model=Enrollment, now=make.NOW):
    return matching.met(group, model.objects.all(), now)


@pytest.fixture
def person():
    return make.contact()


@pytest.fixture
def inside(person):
    """Entered two days ago, on an event about book 7."""
    return make.enrollment(
        make.campaign(), person, entered_at=make.NOW - 2 * DAY, data={"book": 7, "code": "A-1"}
    )


def ordered(person, at=make.NOW - DAY, **data):
    return make.event(person, "order_placed", at=at, data=data, inbox=False)


def test_an_event_since_entering_counts(inside, person):
    assert met(make.group(happened())) == set()
    ordered(person, at=inside.entered_at)  # the very moment counts
    assert met(make.group(happened())) == {inside.pk}


def test_what_made_them_enter_is_no_event_since(person):
    """Else a series that an order starts could not have another order as its goal."""
    first = ordered(person)
    row = make.enrollment(make.campaign(), person, event=first, entered_at=first.at)
    assert met(make.group(happened())) == set()
    ordered(person, at=first.at)
    assert met(make.group(happened())) == {row.pk}


def test_an_event_from_before_entering_counts_only_ever(inside, person):
    ordered(person, at=inside.entered_at - DAY)
    assert met(make.group(happened())) == set()
    assert met(make.group(happened(since="ever"))) == {inside.pk}


def test_within_days_counts_from_now(inside, person):
    ordered(person, at=make.NOW - 5 * DAY)
    assert met(make.group(happened(since="days", days=5))) == {inside.pk}
    assert met(make.group(happened(since="days", days=4))) == set()


def test_not_ordered_since_entering_though_other_events_are_there(inside, person):
    """A negated lookup over the relation asks its two halves of two different events."""
    ordered(person, at=inside.entered_at - DAY)  # the name fits, the time doesn't
    make.event(person, "user_signed_up", at=make.NOW, inbox=False)  # the other way round
    assert met(make.group(happened(), match="none")) == {inside.pk}


def test_two_conditions_may_be_met_by_two_events(inside, person):
    """Two lookups over the relation would have to be met by one row."""
    ordered(person)
    make.event(person, "user_signed_up", at=make.NOW, inbox=False)
    both = make.group(happened(), happened("user_signed_up"))
    assert met(both) == {inside.pk}


def test_any_gives_each_person_once(inside, person):
    for _ in range(3):
        ordered(person)
    either = make.group(happened(), happened("user_signed_up"), match="any")
    found = Enrollment.objects.filter(matching.q(either, subject=Enrollment, now=make.NOW))
    assert found.count() == 1


def test_none_of_two_is_neither(inside, person):
    neither = make.group(happened(), happened("user_signed_up"), match="none")
    assert met(neither) == {inside.pk}
    ordered(person)
    assert met(neither) == set()


def test_events_of_others_don_t_count(inside):
    ordered(make.contact())
    assert met(make.group(happened())) == set()


@pytest.mark.parametrize(
    ("same", "data", "holds"),
    [
        ("book", {"book": 7}, True),
        ("book", {"book": 8}, False),
        ("book", {"book": "7"}, False),
        ("book", {}, False),
        ("book", {"book": None}, False),
        ("code", {"code": "A-1"}, True),
        ("code", {"code": "a-1"}, False),
        ("code", {"code": "A"}, False),
        ("gone", {"gone": 1}, False),
    ],
)
def test_the_same_thing(inside, person, same, data, holds):
    ordered(person, **data)
    assert met(make.group(happened(same=same))) == ({inside.pk} if holds else set())


@pytest.mark.parametrize("own", [{}, {"book": None}])
def test_nothing_is_never_the_same_as_nothing(inside, person, own):
    Enrollment.objects.update(data=own)
    ordered(person, **own)
    assert met(make.group(happened(same="book"))) == set()


@pytest.mark.parametrize(
    ("own", "other", "holds"),
    [
        (True, True, True),
        (True, 1, False),
        (True, "true", False),
        ("null", "null", True),
        ('it\'s %s "so"', 'it\'s %s "so"', True),
        ([1, 2], [1, 2], True),
    ],
)
def test_the_same_thing_of_odd_kinds(inside, person, own, other, holds):
    Enrollment.objects.update(data={"it's a.b %s": own})
    ordered(person, **{"it's a.b %s": other})
    same = make.group(happened(same="it's a.b %s"))
    assert met(same) == ({inside.pk} if holds else set())


def test_an_audience_asks_contacts(person):
    ordered(person)
    make.contact()
    assert met(make.group(happened(since="ever")), Contact) == {person.pk}


@pytest.mark.parametrize("args", [{"since": "entering"}, {"since": "ever", "same": "book"}])
def test_what_needs_an_enrollment_is_refused_for_contacts(args):
    with pytest.raises(ValueError, match="enrollment"):
        met(make.group(make.condition("event_happened", event="order_placed", **args)), Contact)


@pytest.mark.parametrize(
    ("op", "value", "expected"),
    [
        ("equals", "Berlin", {"berlin"}),
        ("equals", "berlin", set()),
        ("equals", "42", {"number", "digits"}),
        ("equals", "true", {"yes"}),
        ("not_equals", "Berlin", {"number", "digits", "yes", "null", "empty", "missing"}),
        ("contains", "ERL", {"berlin"}),
        ("greater", "41.5", {"number"}),
        ("less", "43", {"number"}),
        ("greater", "43", set()),
        ("set", "", {"berlin", "number", "digits", "yes"}),
        ("not_set", "", {"null", "empty", "missing"}),
    ],
)
def test_attributes(op, value, expected):
    values = {"berlin": "Berlin", "number": 42, "digits": "42", "yes": True, "null": None}
    for name, one in {**values, "empty": ""}.items():
        make.contact(first_name=name, attributes={"x": one})
    make.contact(first_name="missing")
    pks = met(make.group(make.condition("attribute", key="x", op=op, value=value)), Contact)
    found = Contact.objects.filter(pk__in=pks).values_list("first_name", flat=True)
    assert set(found) == expected


def test_dates_compare_as_texts(person):
    Contact.objects.update(attributes={"renewed": "2026-03-01"})
    later = make.condition("attribute", key="renewed", op="greater", value="2026-02-28")
    assert met(make.group(later), Contact) == {person.pk}


def test_a_topic_counts_only_while_granted(inside, person):
    consent = make.consent(person, make.topic("news"))
    group = make.group(make.condition("topic", topic="news"))
    assert met(group) == {inside.pk}
    consent.state = "withdrawn"
    consent.save()
    assert met(group) == set()


def test_a_language_holds_for_its_countries():
    german = make.contact(language="de"), make.contact(language="de-AT")
    make.contact(language="den"), make.contact()
    group = make.group(make.condition("language", language="de"))
    assert met(group, Contact) == {person.pk for person in german}


@pytest.mark.parametrize(("match", "holds"), [("all", True), ("any", False), ("none", True)])
def test_a_group_without_conditions(person, match, holds):
    assert met(make.group(match=match), Contact) == ({person.pk} if holds else set())


def test_an_unknown_condition_is_named(person):
    with pytest.raises(matching.UnknownCondition, match="moon_phase"):
        met(make.group(make.condition("moon_phase")), Contact)


def test_an_unknown_match_is_refused(person):
    with pytest.raises(ValueError, match="some"):
        met(make.group(happened(since="ever"), match="some"), Contact)


@pytest.mark.parametrize("people", [10, 500])
def test_one_query_whatever_the_size(people, django_assert_num_queries):
    make.enrollments(make.campaign(), people)
    group = make.group(
        happened(same="book"),
        make.condition("topic", topic="news"),
        make.condition("attribute", key="x", op="equals", value="1"),
        match="none",
    )
    with django_assert_num_queries(1):
        assert len(met(group)) == people


def test_raw_conditions_keep_what_nobody_knows():
    campaign = make.campaign(audience=[make.condition("moon_phase", full=True)])
    campaign.refresh_from_db()
    assert matching.raw_conditions(campaign.audience) == [
        {"slug": "moon_phase", "args": {"full": True}}
    ]


@pytest.mark.parametrize(
    ("args", "subject", "says"),
    [
        ({"event": "order_placed", "since": "entering"}, "enrollment", ""),
        ({"event": "order_placed", "since": "ever"}, "contact", ""),
        ({"event": "order_placed", "since": "entering"}, "contact", "before somebody"),
        ({"event": "order_placed", "since": "ever", "same": "book"}, "contact", "before somebody"),
        ({"event": "order_placed", "same": "moon"}, "enrollment", "has no “moon”"),
        ({"event": "moon_rose"}, "enrollment", "no event “moon_rose”"),
        ({"event": "order_placed", "since": "days"}, "enrollment", "number of days"),
        ({"event": "order_placed", "since": "days", "days": 4000}, "enrollment", "number of days"),
        ({"event": "order_placed", "since": "once"}, "enrollment", "since when"),
    ],
)
def test_what_an_event_condition_lacks(args, subject, says):
    with hooks.register_temporarily("register_drip_triggers", lambda: SHOP):
        found = EventHappened().check(args, subject)
    assert (says in found[0]) if says else not found


@pytest.mark.parametrize(
    ("args", "fine"),
    [
        ({"key": "x", "op": "equals", "value": "1"}, True),
        ({"key": "x", "op": "set"}, True),
        ({"key": "x", "op": "greater", "value": "2026-12-31"}, True),
        ({"key": "x", "op": "greater", "value": "much"}, False),
        ({"key": "x", "op": "equals", "value": ""}, False),
        ({"key": "", "op": "set"}, False),
        ({"key": "x", "op": "like", "value": "1"}, False),
    ],
)
def test_what_an_attribute_condition_lacks(args, fine):
    assert (not AttributeCondition().check(args)) is fine


def test_topics_are_read_once_for_many_checks(django_assert_num_queries):
    make.topic("news")
    condition = HasTopic()
    with django_assert_num_queries(1):
        assert condition.check({"topic": "news"}) == []
        assert "olds" in condition.check({"topic": "olds"})[0]


def test_conditions_say_themselves():
    with hooks.register_temporarily("register_drip_triggers", lambda: SHOP):
        say = EventHappened().sentence
        days = say({"event": "order_placed", "since": "days", "days": 30, "same": "book"})
        assert days == "they placed an order (the same book) within 30 days"
        assert say({"event": "moon_rose"}) == "they moon_rose"
    attribute = AttributeCondition().sentence
    assert attribute({"key": "city", "op": "equals", "value": "X"}) == "their city is X"
    assert attribute({"key": "city", "op": "set"}) == "their city is filled in"


# How often, how much, and of what


@pytest.mark.parametrize(
    ("asked", "holds"),
    [
        ({"times": 3}, True),
        ({"times": 4}, False),
        ({"times": 5, "of": "quantity"}, True),
        ({"times": 6, "of": "quantity"}, False),
        ({"times": 50, "of": "total"}, True),  # 18.50 + 20 + "11.5"
        ({"times": 51, "of": "total"}, False),
        ({"where": [{"key": "category", "op": "equals", "value": "Birds"}]}, True),
        ({"where": [{"key": "category", "op": "equals", "value": "birds"}]}, False),
        ({"where": [{"key": "total", "op": "greater", "value": "19"}]}, True),
        ({"where": [{"key": "total", "op": "greater", "value": "20"}]}, False),
        ({"where": [{"key": "total", "op": "less", "value": "12"}]}, True),
        ({"where": [{"key": "title", "op": "contains", "value": "SWIFT"}]}, True),
        ({"where": [{"key": "category", "op": "not_set", "value": ""}]}, True),
        ({"where": [{"key": "category", "op": "not_equals", "value": "Birds"}], "times": 2}, False),
        # Bought at least 4 of a category.
        (
            {
                "where": [{"key": "category", "op": "equals", "value": "Birds"}],
                "times": 4,
                "of": "quantity",
            },
            True,
        ),
        # Both must be true of the same one.
        (
            {
                "where": [
                    {"key": "category", "op": "equals", "value": "Birds"},
                    {"key": "total", "op": "greater", "value": "19.99"},
                    {"key": "quantity", "op": "less", "value": "3"},
                ]
            },
            False,
        ),
    ],
)
def test_how_often_how_much_and_of_what(inside, person, asked, holds):
    ordered(person, category="Birds", quantity=1, total="18.50", title="Swifts")
    ordered(person, category="Birds", quantity=3, total=20)
    ordered(person, quantity="1", total="11.5", category=None)
    assert bool(met(make.group(happened(**asked)))) == holds
    stream = [{"type": "item", "value": where, "id": "w"} for where in asked.get("where", [])]
    assert bool(met(make.group(happened(**{**asked, "where": stream})))) == holds


def test_counting_too_starts_where_it_should(inside, person):
    ordered(person, at=inside.entered_at - DAY)
    ordered(person)
    assert met(make.group(happened(times=2))) == set()
    assert met(make.group(happened(times=2, since="ever"))) == {inside.pk}


def test_how_often_is_said_and_checked():
    where = [{"key": "total", "op": "greater", "value": "50"}]
    with hooks.register_temporarily("register_drip_triggers", lambda: SHOP):
        args = happened(times=2, where=where)["args"]
        condition = EventHappened()
        assert condition.sentence(args) == (
            "they placed an order where total is greater or later than 50, 2 times or more"
            " since they entered"
        )
        assert condition.check(args) == []
        assert condition.check({**args, "times": 0.5})
        assert condition.check({**args, "of": "weight"}) == ["“placed an order” has no “weight”"]
        for text in ("much", "1e999999", "1e-999999"):  # no database takes the last two
            where[0]["value"] = text
            assert "it needs a number or a date" in condition.check(args)[0]
