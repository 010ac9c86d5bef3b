"""One of each of our records, in a seeded bookshop: `python -m tests.browser.rows`.

Runs in the shop's environment. Names are long, in scripts of both directions, and every state is
there: what a page has to bear. Prints where to find them, as JSON: primary keys by model, and the
addresses of a person's pages.
"""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from typing import Any

import django

PERSIAN = "shirin"  # may all, and has the admin in a script that runs from right to left


def main() -> None:
    django.setup()
    sys.stdout.write(json.dumps(fill()))


def fill() -> dict[str, Any]:
    from django.contrib.auth import get_user_model
    from django.utils import timezone
    from wagtail.models import Site
    from wagtail.users.models import UserProfile

    from wagtail_drip.models import Campaign, Step

    now = timezone.now()
    site = Site.objects.get(is_default_site=True)
    users: Any = get_user_model().objects
    shirin = users.create_superuser(PERSIAN, password=PERSIAN)
    UserProfile.objects.create(user=shirin, preferred_language="fa")
    campaign = Campaign.objects.get(slug="welcome")
    step = Step.objects.get(name="Thank you")
    for row in (campaign, step):
        row.save_revision(user=shirin)  # something to compare and to go back to
        row.save_revision(user=shirin)
    people = contacts(now)
    bought(people[0].email)
    rows = {
        "campaign": campaign,
        "step": step,
        "contact": people[0],
        **journeys(campaign, people, now),
        **of_people(people[0], now),
        **of_site(site),
        "task": tasks(people[:2], site, now),
        "contactimport": imports(now),
    }
    revised = (campaign, step, rows["sharedcontent"])
    return {
        "rows": {name: row.pk for name, row in rows.items()},
        "revisions": {r._meta.model_name: r.latest_revision_id for r in revised},
        "pages": pages_of(people[0], rows["delivery"]),
    }


def contacts(now: Any) -> list[Any]:
    from tests import factories

    told = [
        ("wilhelmina.featherstonehaugh-cholmondeley@mail.a-very-long-domain.example",
         "Wilhelmina Alexandra", "Featherstonehaugh-Cholmondeley"),
        ("leyla@example.com", "لیلا", "احمدی"),
        ("x@example.com", "", ""),
        ("jose@example.com", "José", "Núñez"),
        ("yuki@example.com", "雪", "山本"),
        ("oz@example.com", "<b>Oz</b>", "& Co."),
    ]  # fmt: skip
    return [
        factories.contact(email, first_name=first, last_name=last, created_at=now)
        for email, first, last in told
    ]


def journeys(campaign: Any, people: list[Any], now: Any) -> dict[str, Any]:
    """An event and an enrollment for each, and a delivery of each state."""
    from tests import factories
    from wagtail_drip.models import Conversion, Reaction

    nodes = campaign.current_version.program["nodes"]
    node, step_key = next((id, n["step"]) for id, n in nodes.items() if n["kind"] == "send")
    days = [now - timedelta(days=number) for number in range(len(people))]
    ended = [
        {"due_at": now + timedelta(days=9)},  # nothing here may move while somebody looks
        {"state": "left", "reason": "goal", "ended_at": now},
        {"state": "completed", "ended_at": now},
        {"state": "failed", "reason": "The mail can't be made: a book of it is gone.",
         "ended_at": now},
        {"state": "left", "reason": "unsubscribed", "ended_at": now},
        {"state": "left", "reason": "condition", "ended_at": now},
    ]  # fmt: skip
    told = [
        {"state": "sent", "settled_at": now, "delivered_at": now, "opened_at": now,
         "clicked_at": now},
        {"state": "uncertain", "settled_at": now, "reason": "The connection was lost after DATA."},
        {"state": "sent", "settled_at": now, "bounced_at": now, "complained_at": now},
        {"state": "failed", "settled_at": now, "reason": "550 5.1.1 " + "No such mailbox. " * 9},
        {"state": "skipped", "settled_at": now, "reason": "unsubscribed"},
        {"state": "waiting", "due_at": now + timedelta(days=9), "reason": "quiet hours"},
    ]  # fmt: skip
    found: dict[str, Any] = {}
    for number, person in enumerate(people):
        event = factories.event(
            person, inbox=False, at=days[number], key=f"sign-up-{person.pk}" * 4,
            data={"title": "A book", "total": "31.80", "words": "so long " * 30},
        )  # fmt: skip
        enrollment = factories.enrollment(
            campaign, person, event=event, node=node, entered_at=days[number], **ended[number]
        )
        delivery = factories.delivery(
            enrollment, created_at=days[number], step_key=step_key, **told[number]
        )
        found = found or {"event": event, "enrollment": enrollment, "delivery": delivery}
        if ended[number].get("reason") == "goal":
            Conversion.objects.create(
                enrollment=enrollment, contact=person, campaign=campaign, event=event,
                event_name=event.name, delivery=delivery, at=now, value="31.80",
            )  # fmt: skip
    for kind in ("opened", "clicked"):
        Reaction.objects.create(delivery=found["delivery"], kind=kind, at=now)
    return found


def of_people(contact: Any, now: Any) -> dict[str, Any]:
    """What is known of people, and what they said."""
    from tests import factories
    from wagtail_drip.models import Attribute, Farewell, Segment, Suppression, Tag, Topic
    from wagtail_drip.models.addresses import keyed_hash
    from wagtail_drip.models.consent import grant
    from wagtail_drip.models.signups import Choice, keep_pending
    from wagtail_drip.models.tags import tag_all

    tag = Tag.objects.create(name="Reads at night")
    for name in ("VIP", "دوست"):
        Tag.objects.create(name=name)
    tag_all([contact.pk], list(Tag.objects.all()), at=now)
    attribute = Attribute.objects.create(label="City", key="city", type="text")
    Attribute.objects.create(label="Shelf", key="shelf", type="choice", choices="Novels\nPoetry")
    contact.attributes = {"city": "Bookham", "shelf": "Poetry"}
    contact.save()
    asked = [{"type": "language", "value": {"language": "en"}, "id": "asked"}]
    segment = Segment.objects.create(name="Readers", slug="readers", conditions=asked)
    topics = list(Topic.objects.order_by("pk"))
    grant(contact, topics[0], at=now, source="the sign-up page", wording="Yes, write to me.")
    keep_pending(contact, [Choice(topics[1], "Books")], at=now, source="form", ip=None)
    gone = factories.contact("gone@example.com")
    farewell = Farewell.objects.create(
        contact=gone, topic=topics[0], why="too_many", words="One a week. " * 20, at=now
    )
    for why in Farewell.Why.values:
        Farewell.objects.create(contact=gone, why=why, at=now)
    suppression = Suppression.objects.create(
        address_hash=keyed_hash("gone@example.com"), reason="manual", note="Asked by telephone"
    )
    Suppression.objects.create(address_hash=keyed_hash("b@example.com"), reason="bounced")
    return {"tag": tag, "attribute": attribute, "segment": segment, "topic": topics[0],
            "farewell": farewell, "suppression": suppression}  # fmt: skip


def of_site(site: Any) -> dict[str, Any]:
    from wagtail.models import Locale

    from wagtail_drip.models import ApiKey, Cap, SharedContent, SiteBrand, SiteSettings

    text = [{"type": "text", "value": "<p>Open from ten to six.</p>"}]
    shared = SharedContent.objects.create(
        name="Opening hours", site=site, locale=Locale.get_default(), body=json.dumps(text)
    )
    for _ in range(2):
        shared.save_revision()  # something to compare and to go back to
    return {
        "sharedcontent": shared,
        "apikey": ApiKey.objects.create(name="Till in the shop", site=site),
        "cap": Cap.objects.create(site=site, most=1000),  # who comes to the shop gets all mails
        "sitebrand": SiteBrand.objects.get(site=site),
        "sitesettings": SiteSettings.objects.create(site=site),
    }


def tasks(people: list[Any], site: Any, now: Any) -> Any:
    """What the staff is to do: a letter, and a call that is overdue."""
    from wagtail_drip.models import Task

    letter, call = (
        Task.objects.create(
            contact=person, site=site, kind=kind, title=title, text=text, created_at=now,
            due_at=now + timedelta(days=days),
        )
        for person, kind, title, text, days in (
            (people[0], "letter", "Print the invitation", "Dear reader,\n\nplease come.", 3),
            (people[1], "call", "تماس بگیرید", "How was the workshop? " * 9, -2),
        )
    )  # fmt: skip
    assert call.pk
    return letter


def bought(email: str) -> None:
    from example_site.shop.models import BookPage, DiscountCode, Order

    code = DiscountCode.objects.create(code="PAGE10-SHELF22", email=email, percent=10)
    order = Order.objects.create(email=email, first_name="Wilhelmina", total="9.00", code=code)
    book = BookPage.objects.order_by("pk").first()
    order.lines.create(book=book, title=book.title, price="10.00")


def imports(now: Any) -> Any:
    """One in each state; the first waits for its columns to be named."""
    from wagtail_drip.models import ContactImport
    from wagtail_drip.models.imports import ImportChunk

    states = [s for s in ContactImport.State.values if s not in ContactImport.RUNNING]
    made = [
        ContactImport.objects.create(
            file_name=f"people-{state}.csv", state=state, encoding="utf-8", delimiter=",",
            header=["Mail", "Name"], rows=2, mapping={"0": "email", "1": "first_name"},
            counts={"new": 1, "refused": 1}, source="a list at the till",
            finished_at=now if state == "done" else None,
        )
        for state in states
    ]  # fmt: skip
    for job in made:
        ImportChunk.objects.create(
            job=job, number=0, rows=json.dumps([[2, ["a@example.com", "A"]], [3, ["nobody", "B"]]]),
            refused=json.dumps({"3": "“nobody” is no address."}),
        )  # fmt: skip
    return made[0]


def pages_of(contact: Any, delivery: Any) -> dict[str, str]:
    """Where the mails lead this person."""
    from wagtail_drip.content import links, person_links

    key = contact.uuid.hex
    leave = links.leave_url(delivery.token)
    preferences = person_links.preferences_url(key)
    return {
        "leave": leave,
        "preferences": preferences,
        "erase": f"{preferences}erase/",
        "confirm": person_links.confirm_url(key),
        "export": person_links.export_url(key),
    }


if __name__ == "__main__":
    main()
