"""The last word before a mail goes: who must not get it, and who must wait."""

from __future__ import annotations

import pytest

from tests import factories as make
from wagtail_drip.engine import sending
from wagtail_drip.engine.checking import choose_step, on_allowlist
from wagtail_drip.models import Campaign, Delivery, Enrollment, Suppression
from wagtail_drip.models.consent import suppress

pytestmark = pytest.mark.django_db


def result(row) -> tuple[str, str]:
    row.refresh_from_db()
    return row.state, row.reason


def test_a_goal_met_a_second_before_stops_the_mail(now):
    goals = [make.condition("event_happened", event="bought", since="entering")]
    bought, other = make.deliveries(make.campaign(goals=goals), 2)
    make.event(bought.contact, "bought", at=now)
    sending.send_due(now)
    assert result(bought) == ("skipped", "goal") and result(other) == ("sent", "")
    ended = Enrollment.objects.get(pk=bought.enrollment_id)
    assert (ended.state, ended.reason, ended.ended_at, ended.due_at) == ("left", "goal", now, None)


def test_without_consent_nothing_goes(now):
    topic = make.topic()
    granted, withdrawn, never = make.deliveries(make.campaign(topic=topic), 3)
    make.consent(granted.contact, topic)
    make.consent(withdrawn.contact, topic, "withdrawn")
    sending.send_due(now)
    assert result(granted)[0] == "sent"
    assert result(withdrawn) == result(never) == ("skipped", "unsubscribed")


@pytest.mark.parametrize(("scope", "transactional"), [("all", "skipped"), ("marketing", "sent")])
def test_a_suppressed_address_gets_nothing_of_its_scope(now, scope, transactional):
    [receipt] = make.deliveries(make.campaign("receipt"), 1)
    topic = make.topic()
    [news] = make.deliveries(make.campaign("news", topic=topic), 1)
    make.consent(news.contact, topic)
    for row in (receipt, news):
        reason = Suppression.Reason.UNSUBSCRIBED
        suppress(row.contact.email, reason=reason, scope=scope, at=now)
    sending.send_due(now)
    assert result(news) == ("skipped", "suppressed")
    assert result(receipt)[0] == transactional


def test_a_stopped_campaign_lets_its_people_go(now):
    [row] = make.deliveries(make.campaign(), 1)
    Campaign.objects.update(live=False)
    sending.send_due(now)
    assert result(row) == ("skipped", "stopped")


def test_a_paused_campaign_is_not_touched_and_holds_nobody_up(now):
    [paused] = make.deliveries(make.campaign("paused", paused_at=now), 1, priority=9)
    [other] = make.deliveries(make.campaign("other"), 1)
    before = Delivery.objects.filter(pk=paused.pk).values().get()
    assert [sending.send_due(now, 1), sending.send_due(now, 1)] == [1, 0]
    assert Delivery.objects.filter(pk=paused.pk).values().get() == before
    assert result(other)[0] == "sent"


def test_who_left_is_skipped_for_the_same_reason(now):
    [row] = make.deliveries(make.campaign(), 1)
    Enrollment.objects.update(state="left", reason="They called us")
    sending.send_due(now)
    assert result(row) == ("skipped", "They called us")


def test_a_goal_that_can_not_be_asked_holds_the_mail(now):
    campaign = make.campaign(goals=[make.condition("a_plugin_that_is_gone")])
    [row] = make.deliveries(campaign, 1)
    sending.send_due(now)
    state, reason = result(row)
    assert state == "waiting" and "goal" in reason


def test_a_channel_that_nobody_registers_any_more_holds_the_mail(now):
    [row] = make.deliveries(make.campaign(), 1, channel="pigeon")
    sending.send_due(now)
    assert result(row) == ("waiting", "There is no channel “pigeon”.")


def test_a_deleted_step_holds_the_mail(now):
    [row] = make.deliveries(make.campaign(), 1, step_key="0" * 32)
    sending.send_due(now)
    assert result(row) == ("waiting", "The mail no longer exists.")


def test_a_draft_translation_is_never_chosen(now):
    campaign = make.campaign(nodes={})
    draft, live = make.step("Draft", live=False), make.step("Live")
    assert choose_step([draft, live], "en", campaign) == live
    assert choose_step([draft], "en", campaign) is None


def test_the_allowlist_names_addresses_and_whole_domains(settings):
    settings.WAGTAIL_DRIP_ALLOWLIST = ["a@x.example", "y.example"]
    assert on_allowlist("A@x.example") and on_allowlist("b@y.example")
    assert not on_allowlist("b@x.example") and not on_allowlist("b@not-y.example")
