"""Writing text messages, their topics and numbers, as editors do."""

from __future__ import annotations

import json

import pytest
from django.urls import reverse
from django.utils.html import strip_tags

from tests import factories as make
from wagtail_drip.admin import mail_checks
from wagtail_drip.engine.files.exporting import export_campaign
from wagtail_drip.engine.files.importing import import_campaign
from wagtail_drip.engine.foretelling import Sample, foretell
from wagtail_drip.models import Attribute, Campaign, Contact, Step, Suppression, Topic
from wagtail_drip.models.publishing import gate

from .support import STEPS, client_of, texts, url

pytestmark = pytest.mark.django_db
CONSOLE = "wagtail_drip.channels.console.ConsoleTexts"


@pytest.fixture(autouse=True)
def backend(settings):
    settings.WAGTAIL_DRIP_SMS_BACKEND = CONSOLE


def text(words: str, **fields) -> Step:
    message = json.dumps([{"type": "sms", "value": {"text": words}, "id": "m1"}])
    return make.step("A text", channel="sms", subject="", message=message, **fields)


def form(words: str, **fields):
    data = {"name": "A text", "channel": "sms", "message-count": "1", "message-0-deleted": ""}
    data |= {"message-0-order": "0", "message-0-type": "sms", "message-0-id": ""}
    return data | {"message-0-value-text": words} | fields


def test_it_is_written_saved_and_checked(editor):
    page = editor.get(reverse(f"{STEPS}:list")).content.decode()
    assert "add/?channel=sms" in page
    page = editor.get(reverse(f"{STEPS}:add") + "?channel=sms").content.decode()
    assert 'name="channel" value="sms"' in page and 'name="subject"' not in page
    editor.post(reverse(f"{STEPS}:add"), form("Hi {{ first_name|friend }}"))
    step = Step.objects.get()
    edit = reverse(f"{STEPS}:edit", args=[step.pk])
    checks = reverse(f"{STEPS}:checks", args=[step.pk])
    page = editor.get(checks).content.decode()
    assert "7 characters in 1 segment (short alphabet, GSM-7)" in page  # Hi Alex
    editor.post(edit, form("Привет"))
    assert "6 characters in 1 segment (all alphabets, UCS-2)" in editor.get(checks).content.decode()


def test_the_count_names_what_is_dear_and_warns_of_what_is_long(settings):
    user = make.user("boss@example.com", is_superuser=True)
    settings.WAGTAIL_DRIP_SMS_SEGMENTS = 1
    said = mail_checks.warnings(text("„Hi“ " + "a" * 70 + "\u00a0"), user)
    assert said[0] == "It has more than 1 segments, and each is paid for."
    assert said[1].endswith(": „ “ U+00A0") and len(said) == 2
    assert mail_checks.warnings(text("Hi €"), user) == []
    assert "…" in mail_checks.warnings(text("абвгдежзиклм"), user)[0]


@pytest.mark.parametrize(
    ("words", "said"),
    [("", "no text"), (" ", "no text"), ("a" * 1601, "1601"), ("{{ nam }}", "no merge field")],
)
def test_what_can_not_go_is_said(words, said):
    assert said in " ".join(mail_checks.errors(text(words)))


def test_links_count_as_long_as_they_go_out(editor, settings):
    settings.WAGTAIL_DRIP_BASE_URL = "https://shop.example"
    step = text("See https://other.example/a")
    user = make.user("boss@example.com", is_superuser=True)
    [alone] = mail_checks.notes(step, user)
    campaign = make.campaign(nodes={"n1": make.send(step)})
    campaign.flow = json.dumps([{"type": "sms", "value": {"step": step.pk}, "id": "s1"}])
    campaign.save()
    [within] = mail_checks.notes(step, user)
    assert alone.startswith("27 ") and 60 < int(within.split()[0]) < 80


def test_the_preview_shows_it_as_on_a_phone(editor):
    step = text("Hi {{ first_name|friend }}<b>")
    edit = reverse(f"{STEPS}:edit", args=[step.pk])
    url = reverse(f"{STEPS}:preview_on_edit", args=[step.pk])
    assert editor.get(edit).status_code == 200
    assert editor.post(url, form("Hi {{ first_name|friend }}<b>")).json()["is_valid"]
    page = editor.get(url, {"mode": "message"}).content.decode()
    assert 'class="bubble">Hi Alex&lt;b&gt;<' in page
    assert "+447400123456" in page and "10 characters in 1 segment" in strip_tags(page)


def test_a_flow_makes_what_its_block_sends(editor):
    url = reverse("wagtail_drip_admin:write_mail")
    for block, channel in (("sms", "sms"), ("task", "task"), ("send", "email"), ("x", "email")):
        pk = editor.post(url, {"name": "New", "block": block}).json()["id"]
        assert Step.objects.get(pk=pk).channel == channel
        assert editor.get(reverse(f"{STEPS}:edit", args=[pk])).status_code == 200
    assert editor.post(url, {"name": "New"}).status_code == 200


# Topics


def flow_of(*steps: Step) -> str:
    kinds = {"email": "send", "sms": "sms"}
    blocks = [
        {"type": kinds[step.channel], "value": {"step": step.pk}, "id": f"b{step.pk}"}
        for step in steps
    ]
    return json.dumps(blocks)


def refused(*steps: Step, **fields) -> list[str]:
    campaign = Campaign(name="A", slug="a", trigger="user_signed_up", site=make.site(), **fields)
    campaign.flow = flow_of(*steps)
    return [f"{one.field}: {one.message}" for one in gate(campaign)]


def test_the_gate_asks_a_topic_of_its_own_for_each_channel():
    mail = make.step("A mail", body=[{"type": "text", "value": "<p>Hi</p>", "id": "t"}])
    sms, news, texts = text("Hi"), make.topic("news"), make.topic("texts", channel="sms")
    assert refused(mail, sms, topic=news, sms_topic=texts) == []
    assert refused(mail, sms, transactional_reason="A receipt") == []
    assert refused(mail, sms, transactional_reason="A receipt", sms_topic=texts) == []
    assert refused(sms, sms_topic=texts) == [] == refused(mail, topic=news)
    [said] = refused(mail, sms, topic=news)
    assert said.startswith("sms_topic: Choose the mailing topic of its text messages")
    [said] = refused(mail, sms, sms_topic=texts)
    assert said.startswith("topic: Choose a mailing topic for its mails")
    assert refused(sms, topic=texts, sms_topic=texts)[0].startswith("topic: “Texts” is no topic of")
    assert refused(sms, topic=news, sms_topic=news)[0].startswith("sms_topic: “News” is no topic")
    assert refused(sms)[0].startswith("topic: Choose a mailing topic, or")


def test_topics_of_text_messages_alone_are_offered_for_them(admin_client):
    url = reverse("wagtailsnippets_wagtail_drip_campaign:add")
    make.topic("news", name="Our letters")
    page = admin_client.get(url).content.decode()
    assert 'name="sms_topic"' not in page
    make.topic("texts", name="Our texts", channel="sms")
    page = admin_client.get(url).content.decode()
    chosen = page.split('name="sms_topic"')[1].split("</select>")[0]
    assert "Our texts" in chosen and "Our letters" not in chosen


def test_what_people_get_by_a_topic_is_chosen_once(admin_client):
    topic = make.topic("texts", channel="sms")
    url = reverse("wagtailsnippets_wagtail_drip_topic:edit", args=[topic.pk])
    page = admin_client.get(url).content.decode()
    assert page.count('name="channel"') == 2 and "disabled" in page.split('name="channel"')[1][:200]
    data = {"name": "New name", "slug": "texts", "channel": "email", "opt_in": "single"}
    response = admin_client.post(url, {**data, "wording": "", "expires_months": ""})
    topic.refresh_from_db()
    assert response.status_code == 302 and (topic.name, topic.channel) == ("New name", "sms")
    add = reverse("wagtailsnippets_wagtail_drip_topic:add")
    admin_client.post(add, {**data, "slug": "more", "channel": "sms", "opt_in": "single"})
    assert Topic.objects.get(slug="more").channel == "sms"


def test_a_file_takes_topic_and_text_along():
    texts = make.topic("texts", channel="sms")
    campaign = make.campaign(sms_topic=texts, transactional_reason="", trigger="user_signed_up")
    campaign.flow = flow_of(text("Hi"))
    campaign.save()
    data = export_campaign(campaign)
    assert (data["campaign"]["topic"], data["campaign"]["sms_topic"]) == (None, "texts")
    data["campaign"]["slug"] = "again"
    import_campaign(data, site=make.site())
    draft = Campaign.objects.get(slug="again").get_latest_revision_as_object()
    assert draft.sms_topic == texts and draft.topic is None


# Numbers


def test_an_attribute_may_be_a_number(settings):
    phone = Attribute(label="Phone", key="phone", type="phone")
    assert phone.read("+44 7400 123456") == "+447400123456" and phone.read(" ") is None
    settings.WAGTAIL_DRIP_SMS_REGION = "DE"
    assert phone.read("0170 1234567") == "+491701234567"
    with pytest.raises(ValueError, match="must be a phone number such as"):
        phone.read("seven")


def test_numbers_are_suppressed_and_looked_up_as_addresses_are(admin_client):
    name = "wagtailsnippets_wagtail_drip_suppression"
    add = reverse(f"{name}:add")
    page = admin_client.post(add, {"address": "12", "scope": "all", "note": ""}).content.decode()
    assert "is no phone number" in page
    admin_client.post(add, {"address": "+44 7400 123456", "scope": "all", "note": "asked by phone"})
    found = Suppression.objects.get()
    assert (found.kind, found.reason) == ("number", "manual")
    listed = reverse(f"{name}:list")
    page = admin_client.get(listed, {"q": "+44 (7400) 123456"}).content.decode()
    assert "phone number: by hand" in page and "7400123456" not in page
    page = admin_client.get(listed, {"q": "+447400123457"}).content.decode()
    assert "phone number: by hand" not in page


def test_what_went_out_shows_its_length(admin_client):
    row = make.delivery(
        make.enrollment(make.campaign(), due_at=None), channel="sms", state="sent",
        characters=161, segments=2,
    )  # fmt: skip
    page = admin_client.get(f"/admin/drip/deliveries/inspect/{row.pk}/").content.decode()
    assert "161 characters, 2 segments" in page


def test_a_test_goes_to_the_numbers_that_are_named(settings, capsys):
    settings.WAGTAIL_DRIP_SENDING, settings.WAGTAIL_DRIP_BASE_URL = "on", "https://shop.example"
    step, rights = text("Hi {{ first_name|you }}"), ("change_step", "send_tests")
    client = client_of("tester", *rights, email="me@shop.example")
    assert url("test", step) in client.get(url("edit", step)).content.decode()
    page = client.get(url("test", step))
    assert page.context["form"].initial["to"] == ""  # no address of mails
    assert "It costs what any other does" in page.content.decode()
    wrong = client.post(url("test", step), {"to": "me@shop.example"})
    assert "is no phone number" in wrong.content.decode()
    sent = client.post(url("test", step), {"to": "+44 7400 123456, +44 7400 123457"}, follow=True)
    assert "on their way to +447400123456, +447400123457" in texts(sent)
    assert capsys.readouterr().out.count("[Test] Hi Alex") == 2
    settings.WAGTAIL_DRIP_SMS_REGION = "GB"
    own = Contact.objects.get(user__username="tester")
    own.attributes = {"phone": "07400 123456"}
    own.save()
    assert client.get(url("test", step)).context["form"].initial["to"] == "+447400123456"


def test_what_is_no_message_to_people_has_no_test():
    call = make.step("Call", channel="webhook")
    client = client_of("tester", "change_step", "send_tests")
    assert url("test", call) not in client.get(url("edit", call)).content.decode()
    assert client.get(url("test", call)).status_code == 302


def test_somebody_made_up_has_a_number(editor):
    """As they have an address: so that a plan shows when its text messages go."""
    topic = make.topic("texts", channel="sms")
    campaign = make.campaign(nodes={"n1": make.send(text("Hi"))}, sms_topic=topic)
    outcomes = [item.outcome for item in foretell(campaign, Sample(), start=make.NOW).items]
    assert outcomes == ["entered", "sent", "completed"]
    asked = {"who": "sample", "version": "live", "person-topics": [topic.pk], "person-number": 1,
             "events-TOTAL_FORMS": "0", "events-INITIAL_FORMS": "0"}  # fmt: skip
    assert "“A text” is sent" in editor.post(url("try", campaign), asked).content.decode()
    Attribute.objects.create(key="phone", label="Phone", type="phone")
    page = editor.get(url("try", campaign)).content.decode()
    assert 'value="+447400123456"' in page
    without = editor.post(url("try", campaign), {**asked, "person-attribute_phone": ""})
    assert "no usable number" in without.content.decode()
