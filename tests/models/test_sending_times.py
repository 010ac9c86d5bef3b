from __future__ import annotations

from datetime import date, time, timedelta

import pytest
from django.core.exceptions import ValidationError

from tests import factories as make
from wagtail_drip.engine.advancing import advance_due
from wagtail_drip.engine.checking import Go, check
from wagtail_drip.engine.loading import load_to_make
from wagtail_drip.models import Delivery, Enrollment, SendingTimes

pytestmark = pytest.mark.django_db


def times(**fields) -> SendingTimes:
    return SendingTimes(site=make.site(), **fields)


def test_days_of_one_year_and_of_all():
    calendar = times(holidays="2026-12-28  Works outing\n\n12-25 Christmas\n").calendar()
    assert calendar.holidays == {date(2026, 12, 28)}
    assert calendar.yearly == {(12, 25)}


@pytest.mark.parametrize(
    "fields",
    [
        {"quiet_from": time(21)},
        {"quiet_from": time(21), "quiet_to": time(21)},
        {"holidays": "Christmas"},
        {"holidays": "2026-02-30"},
        {"holidays": "13-01"},
    ],
)
def test_what_makes_no_sense_is_refused(fields):
    with pytest.raises(ValidationError):
        times(**fields).clean()


def test_a_line_that_is_no_day_holds_nothing_up():
    assert times(holidays="soon").calendar().holidays == frozenset()


def test_a_mail_waits_until_it_may_go_where_they_are(now):
    times(quiet_from=time(8), quiet_to=time(11)).save()
    topic = make.topic()
    campaign = make.campaign(topic=topic)
    for zone in ("UTC", "Asia/Tokyo"):  # 09:00 and 18:00
        person = make.contact(time_zone=zone)
        make.consent(person, topic)
        make.enrollment(campaign, person)
    advance_due(now)
    assert Delivery.objects.get().contact.time_zone == "Asia/Tokyo"
    assert Enrollment.objects.get(contact__time_zone="UTC").due_at == now + timedelta(hours=2)
    advance_due(now + timedelta(hours=2))
    assert Delivery.objects.count() == 2


def test_a_transactional_mail_goes_at_once(now):
    times(quiet_from=time(8), quiet_to=time(11)).save()
    make.enrollment(make.campaign())
    advance_due(now)
    assert Delivery.objects.count() == 1


def test_a_mail_that_was_late_into_the_night_is_held_until_morning(now):
    times(quiet_from=time(8), quiet_to=time(11)).save()
    topic = make.topic()
    delivery = make.deliveries(make.campaign(topic=topic), 1)[0]
    make.consent(delivery.contact, topic)
    verdict = check(load_to_make([delivery.pk]), now)[delivery.pk]
    assert (verdict.until, verdict.told.code) == (now + timedelta(hours=2), "held")
    later = now + timedelta(hours=2)
    assert isinstance(check(load_to_make([delivery.pk]), later)[delivery.pk], Go)
