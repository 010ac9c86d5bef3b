"""The group of blocks that only those see of whom its conditions are true."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail as django_mail
from wagtail import hooks

from tests import factories as make
from tests.content.support import make_all, source
from tests.queries import queries
from wagtail_drip.content import making
from wagtail_drip.content.checking import problems
from wagtail_drip.content.personalizing import Hold, Recipient
from wagtail_drip.engine import sending
from wagtail_drip.flow.triggers import Trigger
from wagtail_drip.models import Delivery

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def orders():
    placed = Trigger("order_placed", "placed an order", {"book": 1}, ("book",))
    with hooks.register_temporarily("register_drip_triggers", lambda: {"order_placed": placed}):
        yield


def row(kind, value):
    return {"type": kind, "value": value, "id": f"id-{kind}"}


def show_if(*rows, match="all", conditions=None):
    asked = row("event_happened", {"event": "order_placed", "since": "entering"})
    asked = [asked] if conditions is None else conditions
    return "show_if", {"match": match, "conditions": asked, "content": list(rows)}


def words(text):
    return row("text", f"<p>{text}</p>")


def journey(**fields):
    return make.enrollment(make.campaign(), entered_at=make.NOW - DAY, **fields)


def recipient(enrollment, id=1):
    contact = enrollment.contact
    return Recipient(id=id, contact_id=contact.pk, email=contact.email, enrollment_id=enrollment.pk)


def ordered(contact, at=make.NOW):
    make.event(contact, "order_placed", at=at, data={"book": 1}, inbox=False)


def test_it_is_decided_when_the_mail_is_made(now):
    thanks, nudge = show_if(words("Thanks")), show_if(words("Still looking?"), match="none")
    body = [row("text", "<p>Hello</p>"), row(*thanks), {**row(*nudge), "id": "other"}]
    campaign = make.campaign(nodes={"n1": make.send(make.step(body=body))})
    buyer, looker = make.deliveries(campaign, 2)
    ordered(buyer.contact)
    sending.send_due(now)
    sent = {message.to[0]: message for message in django_mail.outbox}
    bought, looked = sent[buyer.contact.email], sent[looker.contact.email]
    assert "Thanks" in bought.body and "Still looking?" not in bought.body
    assert "Still looking?" in looked.body and "Thanks" not in looked.body
    assert "Thanks" in bought.alternatives[0][0] and "Thanks" not in looked.alternatives[0][0]


def test_an_event_from_before_entering_doesnt_count(now):
    one = journey()
    ordered(one.contact, at=make.NOW - 2 * DAY)
    made = make_all(source(("text", "<p>A</p>"), show_if(words("Thanks"))), [recipient(one)])
    assert "Thanks" not in made[1].text


def test_people_cost_no_queries_and_each_condition_one():
    campaign, counts = make.campaign(), []
    message = source(show_if(words("A")), show_if(words("B"), match="none"))
    for amount in (10, 500):
        people = [recipient(one, one.pk) for one in make.enrollments(campaign, amount)]
        counts.append(len([q for q in queries(make_all, message, people) if "SELECT" in q]))
    assert counts == [2, 2]


def test_a_condition_that_nobody_knows_any_more_holds_the_mail():
    gone = [row("was_here_once", {})]
    message = source(("text", "<p>A</p>"), show_if(words("B"), conditions=gone))
    assert "this site has no condition “was_here_once”" in problems(message)[0]
    made = make_all(message, [recipient(journey())])
    assert isinstance(made[1], Hold) and "was_here_once" in made[1].reason


def test_what_is_missing_is_said():
    found = problems(source(show_if(conditions=[])))
    assert found == [
        "Block 1 (Show if): It has no condition.",
        "Block 1 (Show if): There is nothing in it to show.",
    ]


def test_a_preview_says_for_whom_it_is_and_asks_where_it_is_for_somebody():
    message = source(show_if(words("Thanks")))
    everybody = making.sample(message)
    assert "Thanks" in everybody.text and "Only if they placed an order" in everybody.text
    one = journey()
    for_one = making.sample(message, recipient=recipient(one))
    assert "Thanks" not in for_one.text and "Only if they placed an order" in for_one.text
    ordered(one.contact)
    assert "Thanks" in making.sample(message, recipient=recipient(one)).text


@pytest.mark.parametrize("language", ["fa", "en"])
def test_a_preview_for_a_contact_in_no_campaign_asks_what_can_be_asked(language):
    speaks = [row("language", {"language": "fa"})]
    message = source(
        show_if(words("Salaam"), conditions=speaks), show_if(words("Thanks")), ("divider", None)
    )
    contact = make.contact(language=language)
    reader = Recipient(id=0, contact_id=contact.pk, email=contact.email)
    shown = making.sample(message, recipient=reader).text
    assert ("Salaam" in shown) is (language == "fa")
    assert "Thanks" in shown and "since they entered" in shown  # only being inside could tell


def test_a_gate_is_for_each_its_own_journey(now):
    campaign = make.campaign(
        nodes={
            "n1": make.send(make.step(body=[row("text", "<p>A</p>"), row(*show_if(words("B")))]))
        }
    )
    deliveries = make.deliveries(campaign, 30)
    for one in deliveries[::3]:
        ordered(one.contact)
    while sending.send_due(now):
        pass
    assert Delivery.objects.filter(state="sent").count() == 30
    got = {message.to[0] for message in django_mail.outbox if "\nB\n" in message.body}
    assert got == {one.contact.email for one in deliveries[::3]}
