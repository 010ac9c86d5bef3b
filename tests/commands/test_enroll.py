from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from tests import factories
from wagtail_drip.models import Enrollment

pytestmark = pytest.mark.django_db


def test_it_enrolls_the_audience_and_says_how_many():
    factories.contacts(3)
    factories.campaign("welcome")
    told = StringIO()
    call_command("drip_enroll", "welcome", stdout=told)
    assert told.getvalue() == "3 people entered Welcome.\n"
    assert Enrollment.objects.count() == 3


def test_it_counts_before():
    topic = factories.topic()
    people = factories.contacts(3)
    for contact in people[:2]:
        factories.consent(contact, topic)
    campaign = factories.campaign("welcome", topic=topic)
    factories.enrollment(campaign, people[0], state="completed")
    told = StringIO()
    call_command("drip_enroll", "welcome", "--dry-run", stdout=told)
    assert told.getvalue() == "1 people would enter Welcome.\n"
    assert Enrollment.objects.count() == 1


def test_it_says_what_is_wrong():
    with pytest.raises(CommandError, match="no campaign"):
        call_command("drip_enroll", "other")
    factories.campaign("draft", live=False)
    with pytest.raises(CommandError, match="not live"):
        call_command("drip_enroll", "draft")
