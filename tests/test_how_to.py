"""The samples of docs/how-to.md, run as they stand there."""

from __future__ import annotations

import json
import re
import urllib.parse
import urllib.request
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Group
from django.dispatch import Signal
from wagtail import hooks
from wagtail.models import Site
from wagtail.signals import page_published

from tests import factories
from tests.content.support import make_one, source
from wagtail_drip import checks, registry
from wagtail_drip.content.personalizing import Recipient
from wagtail_drip.engine.ticking import tick
from wagtail_drip.flow.checking import problems
from wagtail_drip.flow.compiling import compile_flow
from wagtail_drip.models import Consent, Contact, Enrollment, Event, matching

HOW_TO = (Path(__file__).parent.parent / "docs/how-to.md").read_text()
pytestmark = pytest.mark.django_db


@pytest.fixture
def run(monkeypatch):
    """`run("add a trigger", 0, Order=…)` runs that section's first sample.

    Its hooks, and who listens to pages being published, are forgotten afterwards.
    """
    monkeypatch.setattr(hooks, "_hooks", {k: list(v) for k, v in hooks._hooks.items()})
    monkeypatch.setattr(page_published, "receivers", list(page_published.receivers))

    def run(section: str, number: int = 0, **given: Any) -> None:
        text = HOW_TO.split(f"\n## … {section}\n")[1].split("\n## ")[0]
        exec(re.findall(r"```python\n(.*?)```", text, re.DOTALL)[number], given)
        run.seen = given

    return run


def test_a_trigger(run):
    run("add a trigger")
    assert registry.triggers()["order_placed"].problems({}) != []
    orders = SimpleNamespace(create=lambda *args: SimpleNamespace(pk=7, email="ann@example.com"))
    run("add a trigger", 1, Order=SimpleNamespace(objects=orders))
    assert Event.objects.get().key == "order:7"


def test_a_model_and_a_signal(run, monkeypatch):
    from example_site.shop.models import Order

    placed = Signal()
    before = list(registry.SOURCES)
    monkeypatch.setattr(Order, "customer", property(lambda order: order.user), raising=False)
    monkeypatch.setattr(Order, "book_ids", lambda order: [3, 4], raising=False)
    try:
        run("make any model or signal a trigger", 0, Order=Order)
        run("make any model or signal a trigger", 1, order_placed=placed)
        user = factories.user("ann@example.com")
        order = Order.objects.create(user=user, total="18.50")
        placed.send(sender=Order, order=order, user=user)
        assert checks.sources() == []
    finally:
        for source in registry.SOURCES[len(before) :]:
            source.disconnect()
    found = Event.objects.exclude(name="user_signed_up").order_by("pk")
    assert [(one.name, one.data["total"]) for one in found] == [
        ("order_created", "18.50"),
        ("order_confirmed", "18.50"),
    ]


def test_triggers_of_time(run, now):
    from example_site.shop.models import Order

    run("start something at a date, or after silence")
    assert len({"birthday", "renews_soon", "no_order"} & registry.triggers().keys()) == 3
    run("start something at a date, or after silence", 1, Booking=Order)
    assert "starts_at" in str(registry.DATES["booking"].faults())
    registry.DATES["booking"].disconnect()
    assert checks.sources() == []


def test_form_pages(run):
    run("let Wagtail's form pages start campaigns", 1)
    source = registry.SOURCES[-1]
    try:
        assert source.faults() == [] and source.topics == {"news": "send_me_news"}
    finally:
        source.disconnect()


def test_another_system(run, monkeypatch, client):
    from wagtail_drip.models import ApiKey

    def urlopen(request):
        headers = dict(request.header_items())
        answer = client.generic(
            "POST", "/drip/events/", request.data, "application/json", headers=headers
        )
        return BytesIO(answer.content)

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    key = ApiKey.objects.create(name="Till", site=factories.site(), must_sign=True)
    given = {"KEY_ID": key.public_id, "SECRET": key.secret()}
    run("record events from another system", **given)
    assert run.seen["record"]("user_signed_up", "ann@example.com", "7") is True
    assert run.seen["record"]("user_signed_up", "ann@example.com", "7") is False
    assert Event.objects.get().contact.email == "ann@example.com"


def test_a_receiver_of_webhooks(run, monkeypatch, settings, now):
    from wagtail_drip.channels import guarded
    from wagtail_drip.channels.base import Sent
    from wagtail_drip.engine.sending import send_due

    def called(to, headers, body, seconds):
        monkeypatch.setattr("time.time", now.timestamp)
        assert run.seen["receive"](headers, body)["contact"] == {"email": row.contact.email}
        assert run.seen["receive"](headers, body + b" ") is None
        monkeypatch.setattr("time.time", lambda: now.timestamp() + 301)
        assert run.seen["receive"](headers, body) is None
        return Sent()

    secret = "a secret of twenty characters"
    run(
        "tell another system, such as Zapier or a CRM",
        0,
        os=SimpleNamespace(environ={"CRM_HOOK_SECRET": secret}),
    )
    settings.WAGTAIL_DRIP_WEBHOOK_SECRETS = run.seen["WAGTAIL_DRIP_WEBHOOK_SECRETS"]
    run("tell another system, such as Zapier or a CRM", 1, SECRET=secret)
    monkeypatch.setattr(guarded, "post", called)
    value = {"url": "https://hooks.example.com/a", "event": "x", "fields": ["email"]}
    step = factories.step(
        channel="webhook", message=json.dumps([{"type": "webhook", "value": value}])
    )
    campaign = factories.campaign(nodes={"n1": factories.send(step)})
    [row] = factories.deliveries(campaign, 1, channel="webhook")
    send_due(now)
    row.refresh_from_db()
    assert row.state == "sent"


def test_a_social_post(run, monkeypatch, settings, tmp_path, now):
    """A book is published, and one post of it comes about, at the hour that the flow waits for."""
    from example_site.shop import seeding
    from example_site.shop.models import BookPage, ShopPage
    from tests.channels.test_webhook import SECRET, Receiver
    from tests.example_site.conftest import add_book

    seeding.site_of(seeding.pages())
    Site.clear_site_root_paths_cache()
    run("post on a social network", 0, BookPage=BookPage)
    settings.WAGTAIL_DRIP_WEBHOOK_SECRETS = {"127.0.0.1": SECRET}
    settings.WAGTAIL_DRIP_WEBHOOK_LOOPBACK = True
    settings.WAGTAIL_DRIP_JOURNAL_DIR = tmp_path
    network = Receiver()
    text = re.search(r"`(New on our shelf: .*?)`", HOW_TO)[1]
    value = {"url": f"http://127.0.0.1:{network.port}/", "event": "post", "text": text}
    step = factories.step("Post", channel="webhook")
    step.message = json.dumps([{"type": "webhook", "value": value | {"fields": []}}])
    step.save()
    campaign = factories.campaign("posts", trigger="book_out", entry_rule="per_event")
    campaign.flow = json.dumps([
        {"type": "wait_hours", "value": {"window": {"start": "18:00", "end": "21:00"}}, "id": "w1"},
        {"type": "webhook", "value": {"step": step.pk}, "id": "s1"},
    ])  # fmt: skip
    with time_machine.travel(now, tick=False) as clock:
        campaign.save_revision().publish()
        book = add_book(ShopPage.objects.get(), "Swifts")
        for _twice in range(2):
            book.save_revision().publish()
        while tick(now).any:
            pass
        assert network.got == []
        clock.move_to(now + timedelta(hours=9))
        while tick(now + timedelta(hours=9)).any:
            pass
    [(_path, headers, body)] = network.got
    network.server.shutdown()
    posted = []
    monkeypatch.setattr(urllib.request, "urlopen", posted.append)
    monkeypatch.setattr("time.time", (now + timedelta(hours=9)).timestamp)
    run("tell another system, such as Zapier or a CRM", 1, SECRET=SECRET)
    told = run.seen["receive"](headers, body)
    run("post on a social network", 1, TOKEN="t")
    run.seen["post"](told)
    said = urllib.parse.parse_qs(posted[0].data.decode())["status"][0]
    assert said == f"New on our shelf: Swifts. {book.full_url}"
    assert posted[0].headers["Idempotency-key"] == told["id"] and told["contact"] == {}


def test_consent_at_a_form(run):
    factories.topic("news")
    user = factories.user("ann@example.com")
    run(
        "ask for consent at a form",
        form=SimpleNamespace(save=lambda: user, cleaned_data={"news": 1}),
    )
    assert Consent.objects.get().contact.user == user


def test_a_block_for_each_person(run, settings, tmp_path):
    (tmp_path / "mails").mkdir()
    (tmp_path / "mails/points.html").write_text("{{ value.heading }}: {{ points }}")
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path]}]
    rows = SimpleNamespace(values_list=lambda *names: [(5, 120)])
    account = SimpleNamespace(objects=SimpleNamespace(filter=lambda **asked: rows))
    run("add an email block", 1, Account=account)
    message = source(("loyalty", {"heading": "Points"}), ("text", "<p>Bye</p>"))
    owner = Recipient(1, 1, "ann@example.com", user_id=5)
    assert "Points: 120" in make_one(message, owner).html
    assert "Points" not in make_one(message, Recipient(1, 1, "bob@example.com")).html


def test_a_merge_field(run):
    rows = SimpleNamespace(values_list=lambda *names: [(5, 120)])
    account = SimpleNamespace(objects=SimpleNamespace(filter=lambda **asked: rows))
    run("add a merge field", Account=account)
    people = [Recipient(1, 1, "ann@example.com", user_id=5), Recipient(2, 2, "bob@example.com")]
    assert registry.merge_fields()["points"].values(people) == {1: "120", 2: None}


def test_an_email_block(run, settings, tmp_path):
    (tmp_path / "mails").mkdir()
    (tmp_path / "mails/opening_hours.html").write_text("<p>{{ words.intro }}</p>")
    settings.TEMPLATES = [settings.TEMPLATES[0] | {"DIRS": [tmp_path]}]
    run("add an email block")
    mail = make_one(source(("opening_hours", {"intro": "Dear {{ first_name|reader }}, from nine"})))
    assert "Dear reader, from nine" in mail.text and "Dear reader, from nine" in mail.html


def test_a_condition(run, now):
    run("add a condition")
    member = factories.user("ann@example.com")
    member.groups.add(Group.objects.create(name="Members"))
    for user in (member, factories.user("bob@example.com")):
        factories.enrollment(factories.campaign(f"c{user.pk}"), Contact.objects.get(user=user))
    for model in (Contact, Enrollment):
        found = matching.met(factories.group(factories.condition("is_member")), model.objects, now)
        assert len(found) == 1


def test_a_flow_block(run):
    run("add a flow block")
    raw = [{"type": "breather", "value": {"hours": 0}, "id": "b"}]
    assert str(problems(raw, steps={})[0]) == "Step 1, Breather: it has to last at least an hour"
    raw[0]["value"]["hours"] = 48
    assert compile_flow(raw, {}).nodes["b"].spec == {"amount": 48, "unit": "hours"}


def test_text_messages(run, settings, now, tmp_path):
    from wagtail_drip.channels.sms import SmsChannel
    from wagtail_drip.engine.sending import send_due

    environ = {"TWILIO_ACCOUNT_SID": "AC1", "TWILIO_AUTH_TOKEN": "secret"}
    run("send text messages", 0, os=SimpleNamespace(environ=environ))
    for name in ("SMS_BACKEND", "TWILIO", "SMS_REGION"):
        setattr(settings, f"WAGTAIL_DRIP_{name}", run.seen[f"WAGTAIL_DRIP_{name}"])
    assert SmsChannel().obstacle() == "" and checks.texts() == []
    sent = []
    gateway = SimpleNamespace(send=lambda **told: sent.append(told) or SimpleNamespace(id="7"))
    run("send text messages", 1, gateway=gateway)
    settings.WAGTAIL_DRIP_JOURNAL_DIR = tmp_path
    channel = SmsChannel(run.seen["MyTexts"]())
    message = json.dumps([{"type": "sms", "value": {"text": "Hi"}}])
    step = factories.step(channel="sms", message=message)
    person = factories.contact(attributes={"phone": "0170 1234567"})
    campaign = factories.campaign(nodes={"n1": factories.send(step)})
    row = factories.delivery(factories.enrollment(campaign, person, due_at=None), channel="sms")
    with hooks.register_temporarily("register_drip_channels", lambda: {"sms": channel}):
        send_due(now)
    row.refresh_from_db()
    assert (row.state, row.provider_id) == ("sent", "7")
    assert sent == [{"to": "+491701234567", "text": "Hi"}]
