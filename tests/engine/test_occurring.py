"""What time brings about: once for each person and occurrence, by their own clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.core import mail
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from wagtail import hooks

from example_site.shop.models import Order
from tests import factories
from tests.queries import queries
from wagtail_drip import checks
from wagtail_drip.engine import occurring
from wagtail_drip.engine.foretelling import Sample, foretell
from wagtail_drip.engine.noting import note_dates
from wagtail_drip.engine.occurring import occur
from wagtail_drip.engine.ticking import tick
from wagtail_drip.flow.occasions import DateTrigger, FoundTrigger, Occurrence, SilenceTrigger
from wagtail_drip.integrations.dates import RowDate
from wagtail_drip.models import Campaign, Contact, Enrollment, Event, Occasion
from wagtail_drip.models.occasions import OccasionRound

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def use():
    """Registers a trigger and makes a live campaign that starts on it."""
    made: list = []

    def use(trigger, **fields) -> Campaign:
        made.append(trigger)
        fields = {"entry_rule": "per_event", "started_at": factories.NOW - 900 * DAY, **fields}
        return factories.campaign(trigger.slug.replace("_", "-"), trigger=trigger.slug, **fields)

    with hooks.register_temporarily("register_drip_triggers", lambda: {t.slug: t for t in made}):
        yield use


def dated(**fields) -> DateTrigger:
    return DateTrigger("date_near", "has a date", **{"date": "birthday", "catch_up": 0, **fields})


def person(day: str, email: str = "", zone: str = "", key: str = "birthday") -> Contact:
    return factories.contact(email, attributes={key: day}, time_zone=zone)


def told() -> list[tuple[str, str]]:
    rows = Event.objects.filter(name__in=["date_near", "quiet"]).order_by("at", "pk")
    return [(row.contact.email, row.at.isoformat()[:16]) for row in rows]


def test_a_birthday_at_nine_by_each_one_s_clock(use, now):
    use(dated(yearly=True))
    day = now.date().isoformat()[5:]
    zones = {"nz": "Pacific/Auckland", "la": "America/Los_Angeles", "x": "No/Where", "uk": ""}
    for name, zone in zones.items():
        person(f"1980-{day}", f"{name}@example.com", zone)
    person("1980-03-03", "late@example.com")
    person(now.date().isoformat(), "born@example.com")  # today: no anniversary yet
    start = datetime(2026, 3, 1, 12, tzinfo=UTC)
    for hours in range(60):
        occur(start + hours * HOUR)
    assert told() == [
        ("nz@example.com", "2026-03-01T20:00"),
        ("x@example.com", "2026-03-02T09:00"),
        ("uk@example.com", "2026-03-02T09:00"),
        ("la@example.com", "2026-03-02T17:00"),
        ("late@example.com", "2026-03-03T09:00"),
    ]


def test_each_year_once_and_its_mail(use, now):
    campaign = use(dated(yearly=True))
    person("1980-03-02", "ann@example.com")
    for years in range(3):
        at = now.replace(year=2026 + years)
        for _again in range(2):
            tick(at)
    assert [message.to for message in mail.outbox] == [["ann@example.com"]] * 3
    assert Enrollment.objects.filter(campaign=campaign).count() == 3
    assert [event.data["years"] for event in Event.objects.order_by("at")] == [46, 47, 48]


def test_29_february(use):
    use(dated(yearly=True))
    person("2000-02-29")
    for year in (2026, 2027, 2028):
        for day in (27, 28, 29):
            if day < 29 or year == 2028:
                occur(datetime(year, 2, day, 12, tzinfo=UTC))
        occur(datetime(year, 3, 1, 12, tzinfo=UTC))
    assert [at[:10] for _email, at in told()] == ["2026-02-28", "2027-02-28", "2028-02-29"]


def test_days_before_a_renewal(use, now):
    use(dated(date="renewal", days=-7))
    person("2026-03-09", "ann@example.com", key="renewal")
    person("2027-03-09", "bob@example.com", key="renewal")
    person("no date", "cyd@example.com", key="renewal")
    for days in range(-3, 10):
        occur(now + days * DAY)
    assert told() == [("ann@example.com", "2026-03-02T09:00")]
    assert Event.objects.get().data == {"day": "2026-03-09"}


@pytest.mark.parametrize(
    ("catch_up", "late", "starts"), [(0, 0, 1), (0, 1, 0), (3, 3, 1), (3, 4, 0)]
)
def test_after_an_outage_it_catches_up_or_skips(use, now, catch_up, late, starts):
    use(dated(catch_up=catch_up))
    person("2026-03-02")
    occur(now + late * DAY + HOUR)
    assert len(told()) == starts
    if starts:  # it counts from when it should have been
        assert Event.objects.get().at == now


def test_nothing_from_before_the_campaign_went_live(use, now):
    use(dated(catch_up=9), started_at=now + HOUR)
    person("2026-03-02")
    tick(now + DAY)
    assert not Enrollment.objects.exists()


def test_nobody_is_told_of_what_no_live_campaign_starts_on(use, now):
    use(dated(), live=False)
    person("2026-03-02")
    assert occur(now) == 0 and not Event.objects.exists()


def test_a_date_written_past_the_signals_is_found_by_the_round(use, now):
    use(dated())
    people = factories.contacts(3)
    Contact.objects.filter(pk=people[1].pk).update(attributes={"birthday": "2026-03-02"})
    assert occur(now) == 0
    assert note_dates(now) == 1
    assert occur(now) == 1 and note_dates(now) == 0


def test_the_round_goes_on_where_it_was(use, now, monkeypatch):
    from wagtail_drip.engine import noting

    monkeypatch.setattr(noting, "BATCH", 2)
    use(dated())
    people = factories.contacts(5)
    Contact.objects.update(attributes={"birthday": "2026-03-02"})
    found = [note_dates(now) for _round in range(4)]
    assert found == [2, 2, 1, 0]
    assert OccasionRound.objects.get().last == str(people[1].pk)


def test_a_date_that_changed_meanwhile_starts_nothing(use, now):
    use(dated())
    ann = person("2026-03-02")
    Contact.objects.filter(pk=ann.pk).update(attributes={"birthday": "2026-03-05"})
    assert occur(now) == 0
    assert Occasion.objects.get().day == date(2026, 3, 5)
    Contact.objects.filter(pk=ann.pk).update(attributes={})
    assert occur(now + 3 * DAY) == 0 and not Occasion.objects.exists()


def test_an_erased_contact_has_no_dates(use, now):
    from wagtail_drip.engine.erasing import erase

    use(dated())
    erase(person("2026-03-02"), now=now)
    note_dates(now)
    assert not Occasion.objects.exists()


def test_a_date_of_the_account(use, now):
    use(dated(date="user.date_joined", days=365))
    user = factories.user("ann@example.com", date_joined=now - 365 * DAY)
    assert note_dates(now) == 1
    assert occur(now) == 1
    assert Event.objects.get(name="date_near").contact.user == user


def test_an_account_s_date_that_isn_t_there_is_complained_of():
    wrong = dated(date="user.birthday")
    with hooks.register_temporarily("register_drip_triggers", lambda: {"date_near": wrong}):
        assert "birthday" in checks.sources()[0].msg


# Rows of the site


@pytest.fixture
def orders():
    source = RowDate(
        Order, "created_at", name="order", email="email", data={"order": "pk", "total": "total"}
    )
    source.connect()
    yield source
    source.disconnect()


def order(email: str, at: datetime) -> Order:
    return Order.objects.create(email=email, total=Decimal("18.50"), created_at=at)


def test_days_after_a_row_s_date_for_each_row(use, orders, now):
    use(dated(date="order", days=30))
    rows = [order("ann@example.com", now - 30 * DAY) for _two in range(2)]
    order("", now - 30 * DAY)
    order("bob@example.com", now)
    assert checks.sources() == []
    assert occur(now) == 2 and occur(now) == 0
    assert [event.data["order"] for event in Event.objects.order_by("pk")] == [r.pk for r in rows]
    tick(now)
    assert Enrollment.objects.count() == 2
    assert Contact.objects.filter(email="bob@example.com").exists()


def test_a_row_that_is_gone_or_moved_starts_nothing(use, orders, now):
    use(dated(date="order", days=30))
    gone, moved, deleted = (order(f"p{n}@example.com", now - 30 * DAY) for n in range(3))
    Order.objects.filter(pk=gone.pk)._raw_delete("default")
    Order.objects.filter(pk=moved.pk).update(created_at=now - 29 * DAY)
    deleted.delete()
    assert Occasion.objects.count() == 2
    assert occur(now) == 0
    assert occur(now + DAY) == 1


def test_rows_from_before_the_declaration_are_found_by_the_round(use, now):
    row = order("ann@example.com", now - 30 * DAY)
    source = RowDate(Order, "created_at", name="order", email="email")
    source.connect()
    try:
        use(dated(date="order", days=30))
        assert note_dates(now) == 1 and occur(now) == 1
        assert Event.objects.get().data == {"day": row.created_at.date().isoformat()}
    finally:
        source.disconnect()


def test_a_declaration_that_fails_breaks_no_save(use, now, caplog):
    def boom(row):
        raise RuntimeError("boom")

    source = RowDate(Order, "created_at", name="order", email=boom)
    source.connect()
    try:
        order("ann@example.com", now)
        use(dated(date="order"))
        assert note_dates(now) == 0
        assert Order.objects.exists() and "boom" in caplog.text
    finally:
        source.disconnect()


def test_a_date_whose_field_has_vanished_stops_nothing_else(use, orders, now, caplog):
    use(dated(date="order", days=30))
    use(DateTrigger("other_date", "has another", date="birthday"))
    order("ann@example.com", now - 30 * DAY)
    orders.field = "gone"  # a migration of the site's took it away
    person(now.date().isoformat(), "bob@example.com")
    order("cyd@example.com", now - 30 * DAY)  # can still be saved
    while tick(now).any:
        pass
    assert [event.contact.email for event in Event.objects.all()] == ["bob@example.com"]
    assert Order.objects.count() == 2 and "'Order' object has no attribute 'gone'" in caplog.text
    assert "has no date “gone”" in str(checks.sources())
    orders.field = "created_at"  # put right on the same day: nobody is lost
    note_dates(now)
    assert occur(now) == 2


@pytest.mark.parametrize(
    "wrong", [{"field": "gone"}, {"field": "total"}, {"email": "mail"}, {"user": "user"}]
)
def test_a_check_names_what_can_t_work(wrong):
    fields = {"name": "order", "email": "email", **wrong}
    source = RowDate(Order, fields.pop("field", "created_at"), **fields)
    source.connect()
    try:
        assert len(checks.sources()) == 1
    finally:
        source.disconnect()


# Silence


def quiet(**fields) -> SilenceTrigger:
    return SilenceTrigger("quiet", "has been quiet", **{"days": 30, **fields})


def test_who_has_done_nothing_for_so_long(use, now):
    use(quiet())
    ann, bob = factories.contact("ann@example.com"), factories.contact("bob@example.com")
    for contact in (ann, bob):
        factories.event(contact, at=now - 30 * DAY)
    factories.event(bob, "mail_clicked", at=now - 20 * DAY)
    assert occur(now - HOUR) == 0
    assert occur(now) == 1 and occur(now) == 0
    assert told() == [("ann@example.com", "2026-03-02T09:00")]
    assert occur(now + 10 * DAY) == 1  # bob's turn; being told of it is no sign of life
    assert occur(now + 40 * DAY) == 0
    factories.event(ann, at=now + 40 * DAY)
    assert occur(now + 70 * DAY) == 1


def test_no_order_for_so_long(use, now):
    use(quiet(event="order_placed"))
    ann = factories.contact("ann@example.com")
    for days in (50, 30):
        factories.event(ann, "order_placed", at=now - days * DAY)
    factories.event(ann, "mail_clicked", at=now - DAY)
    occur(now)
    row = Event.objects.get(name="quiet")
    assert row.data == {"since": (now - 30 * DAY).isoformat(), "last": "order_placed"}


def test_silence_that_an_outage_has_missed(use, now):
    use(quiet(catch_up=3))
    for days in (31, 33, 34):
        factories.event(factories.contact(f"p{days}@example.com"), at=now - days * DAY)
    assert occur(now - timedelta(seconds=1)) == 2


# Going live


class Unpaid(FoundTrigger):
    """Orders of a site's own table, an hour old."""

    def due(self, now):
        return Order.objects.filter(created_at__lte=now - HOUR)

    def occurrences(self, rows):
        for row in rows:
            if row.first_name == "broken":
                raise KeyError("total")
            yield Occurrence({"email": row.email}, f"o{row.pk}", now_of(row), {"order": row.pk})


def now_of(row: Order) -> datetime:
    return row.created_at + HOUR


def test_what_a_site_finds_in_its_own_tables(use, now):
    use(Unpaid("quiet", "has an unpaid order"))
    for email in ("ann@example.com", "no address"):
        Order.objects.create(email=email, total=Decimal(1), created_at=now - HOUR)
    assert occur(now - DAY) == 0
    assert (occur(now), occur(now)) == (1, 0)  # though it is found again
    assert told() == [("ann@example.com", now.isoformat()[:16])]
    assert Event.objects.get(name="quiet").data == {"order": Order.objects.earliest("pk").pk}


def test_a_site_s_finding_that_fails_stops_nobody_else(use, now, caplog):
    use(Unpaid("a_first", "has an unpaid order"))
    use(SilenceTrigger("quiet", "has done nothing", days=30))
    Order.objects.create(first_name="broken", total=Decimal(1), created_at=now - HOUR)
    factories.event(factories.contact("ann@example.com"), at=now - 30 * DAY)
    assert occur(now) == 1
    assert "“a_first” can't be found" in caplog.text and len(told()) == 1


def test_a_launch_takes_in_its_audience_once(use, now):
    topic = factories.topic()
    campaign = factories.campaign(
        "launch", trigger="launched", topic=topic, started_at=now, entry_rule="per_event",
        audience=[factories.condition("language", language="en")],
    )  # fmt: skip
    ann, bob, cyd = (factories.contact(language=code) for code in ("en", "en", "fr"))
    for contact in (ann, cyd):
        factories.consent(contact, topic)
    assert occur(now) == 1 and occur(now + DAY) == 0
    factories.consent(bob, topic)
    assert occur(now + DAY) == 0  # who comes later isn't part of it
    Enrollment.objects.update(state="completed", ended_at=now)
    Campaign.objects.filter(pk=campaign.pk).update(started_at=now + 2 * DAY)  # once more
    assert occur(now + 2 * DAY) == 2
    assert set(Enrollment.objects.values_list("contact", flat=True)) == {ann.pk, bob.pk}


def test_a_launch_that_was_stopped_goes_on_and_takes_nobody_twice(use, now, monkeypatch):
    from wagtail_drip.engine import enrolling

    monkeypatch.setattr(enrolling, "AUDIENCE_BATCH", 2)
    factories.contacts(5)
    campaign = factories.campaign(
        "launch", trigger="launched", started_at=now, entry_rule="per_event"
    )
    asked = iter([False, False, True, True])
    assert occur(now, enough=lambda: next(asked)) == 2
    Enrollment.objects.update(state="completed", ended_at=now)
    assert Campaign.objects.get(pk=campaign.pk).launched_for is None
    assert occur(now) == 3
    assert Enrollment.objects.count() == 5


# What it costs, and what else knows it


@pytest.mark.parametrize("kind", ["date", "quiet", "order"])
def test_the_number_of_queries_does_not_depend_on_people(use, orders, now, kind):
    use(quiet() if kind == "quiet" else dated(date="order" if kind == "order" else "birthday"))

    def asked(amount: int) -> list[str]:
        people = factories.contacts(amount, attributes={"birthday": "2026-03-02"})
        for one in people:
            if kind == "quiet":
                factories.event(one, at=now - 30 * DAY, inbox=False)
            if kind == "order":
                order(one.email, now)
        if kind == "date":
            note_dates(now)
        found = queries(occur, now)
        assert Event.objects.filter(name__in=["quiet", "date_near"]).count() == amount
        Event.objects.all().delete()
        Order.objects.all().delete()
        Contact.objects.all().delete()
        return found

    assert asked(10) == asked(400)


@pytest.mark.parametrize(("yearly", "asked"), [(True, "month_day=?"), (False, "day=?")])
def test_an_index_finds_the_day_and_not_every_date_of_the_name(now, yearly, asked):
    if connection.vendor != "sqlite":
        pytest.skip("the others part the condition by themselves")
    due = occurring._due_dates(dated(yearly=yearly, catch_up=3), now)
    assert f"(name=? AND {asked}" in due.order_by("pk")[:500].explain()


def test_a_plan_can_be_foretold(use, now):
    campaign = use(dated(yearly=True))
    plan = foretell(campaign, Sample(attributes={"birthday": "1980-03-02"}), start=now)
    assert [item.outcome for item in plan.items] == ["entered", "sent", "completed"]
    assert not Event.objects.exists()


ZONES = ["", "Europe/Berlin", "Pacific/Apia", "Pacific/Kiritimati", "America/St_Johns"]


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dates(date(1996, 1, 1), date(2026, 12, 31)),
    st.integers(-40, 40),
    st.sampled_from(ZONES),
    st.integers(0, 3),
)
def test_each_occurrence_once_whatever_the_zone(use, day, days, zone, catch_up):
    """Ticks at odd hours over two years around the day: as many as there are anniversaries."""
    Campaign.objects.update(live=False)
    slug = f"date_{Campaign.objects.count()}"
    trigger = DateTrigger(
        slug, "x", date="birthday", days=days, yearly=True, catch_up=catch_up, time="09:00"
    )
    use(trigger, started_at=datetime(2020, 1, 1, tzinfo=UTC))
    contact = person(day.isoformat(), zone=zone)
    begin = datetime(2027, 6, 1, tzinfo=UTC)
    for year in (0, 1):
        target = date(2028 + year, day.month, min(day.day, 28)) + timedelta(days=days)
        for hours in range(-72, 24 * (catch_up + 4), 13):
            at = datetime(target.year, target.month, target.day, tzinfo=UTC) + hours * HOUR
            occur(max(at, begin))
    found = Event.objects.filter(name=slug, contact=contact).count()
    assert found == 2
