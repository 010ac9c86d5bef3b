"""Writing what goes by other channels than e-mail."""

from __future__ import annotations

import json

import pytest
from django.urls import reverse

from tests import factories as make
from wagtail_drip.engine.files.exporting import export_campaign
from wagtail_drip.engine.files.importing import import_campaign
from wagtail_drip.models import Campaign, Step
from wagtail_drip.models.publishing import gate
from wagtail_drip.streams import raw

from .support import STEPS, client_of

pytestmark = pytest.mark.django_db
SECRETS = {"hooks.example.com": "a secret of twenty characters"}


def form(**fields):
    data = {"name": "Tell the CRM", "channel": "webhook", "message-count": "1"}
    data |= {"message-0-deleted": "", "message-0-order": "0", "message-0-type": "webhook"}
    data |= {"message-0-id": "", "message-0-value-url": "https://hooks.example.com/a"}
    data |= {"message-0-value-event": "welcomed", "message-0-value-fields": ["email"]}
    return data | fields


def add_url(channel: str = "") -> str:
    return reverse(f"{STEPS}:add") + (f"?channel={channel}" if channel else "")


def test_the_list_offers_each_channel_and_filters_by_it(editor):
    make.step("A mail"), make.step("A call", channel="webhook")
    make.step("An old one", channel="pigeon")
    page = editor.get(reverse(f"{STEPS}:list")).content.decode()
    assert "add/?channel=webhook" in page and "pigeon" in page
    page = editor.get(reverse(f"{STEPS}:list"), {"channel": "webhook"}).content.decode()
    assert "A call" in page and "A mail" not in page


def test_who_may_not_add_is_offered_nothing(outsider):
    viewer = client_of("viewer", "view_step", "change_step")
    assert "add/?channel" not in viewer.get(reverse(f"{STEPS}:list")).content.decode()


def test_a_call_is_written_and_saved(editor):
    page = editor.get(add_url("webhook")).content.decode()
    assert 'name="channel" value="webhook"' in page and 'name="subject"' not in page
    assert "WAGTAIL_DRIP_WEBHOOK_SECRETS" in page  # nothing could be called yet
    response = editor.post(add_url(), form())
    step = Step.objects.get()
    assert response.status_code == 302 and step.channel == "webhook"
    [block] = raw(step.get_latest_revision_as_object().message)
    assert (block["type"], block["value"]["event"]) == ("webhook", "welcomed")
    assert editor.get(reverse(f"{STEPS}:edit", args=[step.pk])).status_code == 200


def test_a_mail_has_no_block_of_another_channel_and_stays_a_mail(editor):
    step = make.step("Hello", body=[])
    page = editor.get(reverse(f"{STEPS}:edit", args=[step.pk])).content.decode()
    assert 'name="subject"' in page and "message-count" not in page
    data = {"name": "Hello", "subject": "Hi", "channel": "webhook", "body-count": "0"}
    editor.post(reverse(f"{STEPS}:edit", args=[step.pk]), data)
    draft = Step.objects.get().get_latest_revision_as_object()
    assert (draft.channel, draft.subject) == ("email", "Hi")


@pytest.mark.parametrize("channel", ["pigeon", "", "<script>"])
def test_a_channel_that_is_none_makes_a_mail(editor, channel):
    assert editor.get(reverse(f"{STEPS}:add"), {"channel": channel}).status_code == 200
    editor.post(add_url(), {"name": "X", "channel": channel, "body-count": "0"})
    assert Step.objects.get().channel == "email"


@pytest.mark.parametrize(
    ("url", "said"),
    [("http://hooks.example.com/", "https://"), ("https://u:p@hooks.example.com/", "password")],
)
def test_an_address_that_may_not_be_called_is_refused_at_publishing(editor, url, said):
    data = form(**{"message-0-value-url": url, "action-publish": "publish"})
    page = editor.post(add_url(), data)
    assert said in page.content.decode() and not Step.objects.filter(live=True).exists()


def problems(step) -> str:
    campaign = Campaign(site=make.site(), trigger="user_signed_up", transactional_reason="x")
    block = {"type": "webhook", "value": {"step": step.pk}, "id": "b1"}
    campaign.flow = json.dumps([block])
    return " ".join(str(problem) for problem in gate(campaign))


def call(**value):
    value = {"url": "https://hooks.example.com/a", "event": "x", "fields": []} | value
    return make.step(
        "C", channel="webhook", message=json.dumps([{"type": "webhook", "value": value}])
    )


def test_the_gate_lets_no_call_pass_that_can_not_go(settings):
    settings.WAGTAIL_DRIP_WEBHOOK_SECRETS = SECRETS
    assert problems(call()) == ""
    assert "no secret for other.example" in problems(call(url="https://other.example/"))
    assert "{{ nobody }}" in problems(call(text="{{ nobody }}"))
    assert "isn't said" in problems(call(event=" "))
    assert "not for the channel" in problems(make.step("M", body=[]))
    empty = make.step("Empty", channel="webhook")
    assert "nothing in it" in problems(empty)
    settings.WAGTAIL_DRIP_WEBHOOK_SECRETS = {}
    assert "names no host" in problems(call())


def test_the_preview_shows_what_would_be_told(editor, settings):
    settings.WAGTAIL_DRIP_WEBHOOK_SECRETS = SECRETS
    step = call(text="Hello {{ first_name|friend }}", fields=["email"])
    step.save_revision()
    assert [mode for mode, _label in step.preview_modes] == ["message"]
    page = step.make_preview_request(preview_mode="message").content.decode()
    assert "alex@example.com" in page and SECRETS["hooks.example.com"] not in page


def test_a_file_takes_a_call_along(settings):
    settings.WAGTAIL_DRIP_WEBHOOK_SECRETS = SECRETS
    step = call()
    campaign = make.campaign(nodes={"n1": make.send(step)})
    campaign.flow = json.dumps([{"type": "webhook", "value": {"step": step.pk}, "id": "b1"}])
    campaign.save()
    data = export_campaign(campaign)
    assert data["steps"][0]["channel"] == "webhook"
    Campaign.objects.all().update(current_version=None)
    campaign.versions.all().delete()
    campaign.delete()
    Step.objects.all().delete()
    import_campaign(data, site=make.site(), publish=True)
    found = Step.objects.get()
    assert (found.channel, raw(found.message)[0]["value"]["event"]) == ("webhook", "x")
