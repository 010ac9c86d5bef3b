"""A reason is data until somebody reads it: in their words, by the clock of whom it is about."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from django.utils.translation import override

from wagtail_drip.flow.reasons import SENTENCES, Reason, because

AT = datetime(2026, 3, 4, 9, 0, tzinfo=UTC)


def test_a_moment_is_told_by_the_readers_clock():
    reason = because("waits", until=AT)
    assert reason.seen == {"until": "2026-03-04T09:00:00+00:00"}
    assert reason.sentence(ZoneInfo("Asia/Tehran")) == "Waits until March 4, 2026 12:30 p.m."
    assert reason.sentence() == "Waits until March 4, 2026 9 a.m. UTC."
    with override("de"):
        assert "4. März 2026 12:30" in reason.sentence(ZoneInfo("Asia/Tehran"))


def test_scripts_read_english():
    with override("de"):
        told = because("happened", at=AT).as_dict()
    assert told["text"] == "It happened on March 4, 2026 9 a.m. UTC." and told["code"] == "happened"


@pytest.mark.parametrize(
    "reason", [Reason("a code of a newer release"), Reason("waits"), Reason("drawn", {"x": 1})]
)
def test_what_is_not_understood_is_shown_as_far_as_it_is(reason):
    assert reason.sentence()


def test_what_people_type_stays_text():
    reason = because("leaves_because", reason="100 %(until)s %s <b>")
    assert reason.sentence() == "The flow ends here for them: 100 %(until)s %s <b>"


def test_every_code_has_its_sentence_and_no_reason_is_none():
    assert not Reason() and Reason().sentence() == ""
    assert all(isinstance(str(text), str) for text in SENTENCES.values())
