from __future__ import annotations

from datetime import timedelta

import pytest

from tests import factories as make
from wagtail_drip.engine.identifying import find
from wagtail_drip.engine.merging import merge
from wagtail_drip.models import (
    Consent,
    Contact,
    Conversion,
    Delivery,
    Enrollment,
    Event,
    Tag,
    Watch,
)
from wagtail_drip.models.consent import suppress, suppressed

pytestmark = pytest.mark.django_db
State = Enrollment.State


@pytest.fixture
def two():
    return make.contact("kept@example.com", last_name="Lee"), make.contact(
        "gone@example.com", first_name="Ann", last_name="Other", attributes={"city": "Bookham"}
    )


def test_all_that_belonged_to_the_one_belongs_to_the_other(two, now):
    kept, gone = two
    enrollment = make.enrollment(make.campaign(), gone, event=make.event(gone))
    make.delivery(enrollment, state="sent")
    # These have no way back from a contact.
    Watch.objects.create(enrollment=enrollment, contact=gone, name="paid", node="n1")
    reached = {"enrollment": enrollment, "campaign": enrollment.campaign, "at": now}
    Conversion.objects.create(contact=gone, **reached)
    gone.tags.add(Tag.objects.create(name="VIP"))
    merged = merge(kept, gone, now=now)
    rows = (Event, Enrollment, Delivery, Watch, Conversion)
    assert [model.objects.get().contact for model in rows] == [kept] * 5
    assert (merged.email, merged.first_name, merged.last_name) == ("kept@example.com", "Ann", "Lee")
    assert merged.attributes == {"city": "Bookham"}
    assert [tag.name for tag in merged.tags.all()] == ["VIP"]
    assert Contact.objects.get() == merged and find(email="gone@example.com") == merged
    assert merged.aliases.get().uuid == gone.uuid


@pytest.mark.parametrize("rule", ["once", "per_event", "again_after"])
def test_whoever_went_through_a_campaign_twice_has_done_so_twice(two, rule, now):
    campaign = make.campaign(entry_rule=rule)
    for contact in two:
        make.enrollment(campaign, contact, state="completed", entry_key="k")
    merge(*two, now=now)
    keys = set(Enrollment.objects.filter(contact=two[0]).values_list("entry_key", flat=True))
    assert len(keys) == 2 and "k" in keys


def test_nobody_gets_a_series_twice_by_being_merged(two, now):
    campaign = make.campaign()
    kept, gone = (make.enrollment(campaign, contact) for contact in two)
    make.delivery(gone)
    merge(*two, now=now)
    kept.refresh_from_db(), gone.refresh_from_db()
    assert (kept.state, gone.state, gone.reason) == (State.ACTIVE, State.LEFT, "editor")
    assert Delivery.objects.get().state == "skipped"


def test_a_series_for_each_event_goes_on_for_both_events(two, now):
    campaign = make.campaign(entry_rule="per_event")
    for key, contact in zip("ab", two, strict=True):
        make.enrollment(campaign, contact, entry_key=key)
    merge(*two, now=now)
    assert Enrollment.objects.filter(contact=two[0], state=State.ACTIVE).count() == 2


@pytest.mark.parametrize(
    ("mine", "days", "theirs", "state"),
    [
        ("granted", 1, "withdrawn", "withdrawn"),
        ("withdrawn", 1, "granted", "granted"),
        ("granted", -1, "withdrawn", "granted"),
        ("granted", 0, "withdrawn", "withdrawn"),
        ("withdrawn", 0, "granted", "withdrawn"),
    ],
)
def test_the_later_word_counts_and_of_two_at_once_the_stricter(two, mine, days, theirs, state, now):
    topic = make.topic()
    make.consent(two[0], topic, mine, changed_at=now)
    make.consent(two[1], topic, theirs, changed_at=now + timedelta(days=days))
    merge(*two, now=now)
    assert Consent.objects.get().state == state


@pytest.mark.parametrize(("reason", "carried"), [("complained", True), ("bounced", False)])
def test_suppressions_stay_and_those_of_the_person_hold_for_both(two, reason, carried, now):
    suppress("gone@example.com", reason=reason, at=now)
    merge(*two, now=now)
    addresses = ["kept@example.com", "gone@example.com"]
    assert suppressed(addresses, transactional=False) == set(addresses[0 if carried else 1 :])


def test_one_of_the_two_may_have_the_account(two, now):
    kept, gone = two
    gone.user = make.user()
    gone.save()
    assert merge(kept, gone, now=now).user == gone.user


def test_merging_takes_two_who_are_there(two, now):
    kept, gone = two
    gone.erased_at = now
    gone.save()
    for other in (kept, gone, Contact(pk=0)):
        with pytest.raises(ValueError, match="two contacts"):
            merge(kept, other, now=now)
    assert Contact.objects.count() == 2


def test_of_two_wishes_the_stricter_holds(now):
    later = now + timedelta(days=9)
    kept = make.contact("kept@example.com", paused_until=now, track_opens=False)
    gone = make.contact("gone@example.com", paused_until=later, most_per_week=3, track_clicks=False)
    merged = merge(kept, gone, now=now)
    assert (merged.paused_until, merged.most_per_week) == (later, 3)
    assert (merged.track_clicks, merged.track_opens) == (False, False)
    busy = make.contact("busy@example.com", most_per_week=5)
    assert merge(busy, merged, now=now).most_per_week == 3


def test_who_wishes_nothing_special_wishes_nothing_special_after_a_merge(two, now):
    merged = merge(*two, now=now)
    assert (merged.paused_until, merged.most_per_week) == (None, None)
    assert merged.track_clicks and merged.track_opens
