from __future__ import annotations

import pytest

from tests import factories as make
from wagtail_drip.engine.advancing import advance_due
from wagtail_drip.engine.checking import Hold, Skip, check
from wagtail_drip.engine.loading import load_to_make
from wagtail_drip.models import Contact, Enrollment

pytestmark = pytest.mark.django_db
GERMAN = make.condition("language", language="de")


def german_campaign(**fields):
    return make.campaign(audience=[GERMAN], leave_audience=True, **fields)


def states() -> dict[str, str]:
    rows = Enrollment.objects.select_related("contact")
    return {row.contact.language: row.reason or row.state for row in rows}


def test_who_is_no_longer_its_audience_leaves(now):
    campaign = german_campaign()
    for language in ("de", "en"):
        make.enrollment(campaign, make.contact(language=language))
    advance_due(now)
    assert states() == {"de": "active", "en": "audience"}


def test_leaving_with_the_audience_is_a_choice(now):
    make.enrollment(make.campaign(audience=[GERMAN]), make.contact(language="en"))
    advance_due(now)
    assert states() == {"en": "active"}


def test_it_is_asked_again_before_each_mail(now):
    delivery = make.deliveries(german_campaign(), 1)[0]
    Contact.objects.update(language="de")
    assert not isinstance(check(load_to_make([delivery.pk]), now)[delivery.pk], Skip)
    Contact.objects.update(language="en")
    verdict = check(load_to_make([delivery.pk]), now)[delivery.pk]
    assert isinstance(verdict, Skip) and verdict.reason == "audience"


def test_a_segment_that_was_deleted_lets_no_mail_go(now):
    gone = make.condition("in_segment", segment="gone")
    delivery = make.deliveries(make.campaign(audience=[gone], leave_audience=True), 1)[0]
    verdict = check(load_to_make([delivery.pk]), now)[delivery.pk]
    assert isinstance(verdict, Hold)
    assert "there is no segment “gone”" in verdict.because.sentence()
