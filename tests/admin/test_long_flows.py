"""A flow of as many blocks as one may have, from publishing to its last mail and its pages.

Work is counted in calls of Python functions: a machine's pace doesn't enter into it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from bs4 import BeautifulSoup
from django.db import connection
from django.test.utils import CaptureQueriesContext
from wagtail import hooks

from tests import factories as make
from tests.flow import flows
from wagtail_drip import registry
from wagtail_drip.channels.memory import MemoryChannel
from wagtail_drip.engine import foretelling
from wagtail_drip.engine.foretelling import foretell
from wagtail_drip.engine.ticking import pump
from wagtail_drip.flow.parts import MAX_BLOCKS, walk
from wagtail_drip.models import Campaign, Enrollment, Tag
from wagtail_drip.streams import raw, with_ids

from .support import url

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
GROUP = 25  # blocks, of which one is a mail and one a wait


@pytest.fixture(autouse=True)
def channel(monkeypatch):
    monkeypatch.setattr(foretelling, "SECONDS", 3600)
    memory = MemoryChannel()
    with hooks.register_temporarily("register_drip_channels", lambda: {"email": memory}):
        yield memory


def campaign_of(blocks: int) -> Campaign:
    """Not published yet. Of each day some ways are gone that others are not."""
    step = make.step("Hello", body=[{"type": "text", "value": "<p>Hello</p>"}])
    Tag.objects.get_or_create(name="A", slug="a")

    def tag() -> dict[str, Any]:
        return flows.block("set_tag", tag="a", side="add")

    def asked() -> dict[str, Any]:
        return flows.if_else([tag()], [tag()], asked=[flows.block("has_tag", tag="a")])

    def day() -> list[dict[str, Any]]:
        split = [flows.split((50, [tag()]), (50, [])) for _ in range(2)]
        return [flows.send(step.pk), flows.wait(), *(asked() for _ in range(5)), *split, *(
            tag() for _ in range(4)
        )]  # fmt: skip

    flow = [block for _ in range(blocks // GROUP) for block in day()]
    campaign = make.campaign(f"long{blocks}", live=False)
    campaign.flow = with_ids(flow)
    campaign.save()
    return campaign


def publish(campaign: Campaign) -> None:
    campaign.save_revision(clean=False).publish()
    Campaign.objects.filter(pk=campaign.pk).update(started_at=make.NOW)
    campaign.refresh_from_db()


def live_through(campaign: Campaign) -> None:
    person = make.contact()
    make.event(person, at=make.NOW)
    for number in range(campaign_days(campaign) + 1):
        now = make.NOW + number * DAY
        pump(lambda now=now: now, 500)


def campaign_days(campaign: Campaign) -> int:
    return sum(block.block_type == "wait" for block in campaign.flow)


def work(function: Callable[..., Any], *args: Any) -> tuple[int, int]:
    """How many calls of functions and how many queries it takes."""
    calls = 0

    def note(frame: Any, event: str, arg: Any) -> None:
        nonlocal calls
        calls += event == "call"

    with CaptureQueriesContext(connection) as captured:
        sys.setprofile(note)
        try:
            function(*args)
        finally:
            sys.setprofile(None)
    return calls, len(captured)


def costs_of(blocks: int, editor: Any) -> dict[str, tuple[int, int]]:
    """What each thing costs that is done with a flow so long; and it comes out right."""
    campaign, plans, pages = campaign_of(blocks), [], {}

    def tell() -> None:
        plans.append(foretell(campaign, make.contact(), start=make.NOW))

    def show(view: str) -> None:
        pages[view] = editor.get(url(view, campaign))

    costs = {
        "publish": work(publish, campaign),
        "foretell": work(tell),
        "live": work(live_through, campaign),
        **{view: work(show, view) for view in ("edit", "overview", "results")},
    }
    mails = blocks // GROUP
    assert len(list(walk(raw(campaign.flow), registry.flow_blocks()))) == blocks
    assert plans[0].items[-1].outcome == "completed"
    assert sum(item.outcome == "sent" for item in plans[0].items) == mails
    row = Enrollment.objects.get(campaign=campaign)
    assert (row.state, row.deliveries.filter(state="sent").count()) == ("completed", mails)
    assert {page.status_code for page in pages.values()} == {200}
    picture = BeautifulSoup(pages["overview"].content, "html.parser")
    assert len(picture.select("svg.drip-flow rect")) >= blocks
    campaign.unpublish()
    return costs


def test_a_flow_of_500_blocks_goes_all_its_way_and_costs_by_its_length(editor):
    short, long = (costs_of(blocks, editor) for blocks in (MAX_BLOCKS // 5, MAX_BLOCKS))
    for name, (calls, asked) in short.items():
        more_calls, more_asked = long[name]
        assert more_calls < 6 * calls, (name, short, long)  # it is five times as long
        # Who goes through it is asked at each place; publishing and pages ask for all at once.
        most = 6 * asked if name in ("foretell", "live") else asked + 10
        assert more_asked <= most, (name, short, long)
