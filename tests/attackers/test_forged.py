"""Forms that were never shown: they name what another site's editor was not offered."""

from __future__ import annotations

import json

import pytest

from tests import factories as make
from tests.admin.support import form, send, url
from wagtail_drip.models import SharedContent

from .test_admin import SECRET, neighbor, other_site, said  # noqa: F401 - fixtures

pytestmark = pytest.mark.django_db
BODY = [{"type": "text", "value": f"<p>{SECRET}</p>", "id": "b1"}]


@pytest.fixture
def mine(other_site):  # noqa: F811
    """The neighbor's own campaign, and a mail."""
    return make.campaign("mine", site=other_site), make.step("My own", site=other_site)


@pytest.fixture
def theirs():
    """Of the first site."""
    return make.step(SECRET, subject=SECRET, body=BODY)


def showing(shared: SharedContent) -> dict[str, str]:
    data = {"body-0-type": "shared", "body-0-value": str(shared.pk), "body-0-order": "0"}
    more = {"body-0-deleted": "", "body-0-id": "", "body-count": "1"}
    return {"name": "My own", "subject": "x", **data, **more}


def latest(row):
    row.refresh_from_db()
    return row.get_latest_revision_as_object()


@pytest.mark.parametrize("mode", ["", "mails", "plan", "picture"])
def test_a_preview_tells_nothing_of_another_site_s_mail(neighbor, mine, theirs, mode):  # noqa: F811
    address = url("preview_on_edit", mine[0])
    neighbor.post(address, form(send(theirs)))
    assert SECRET not in said(neighbor.get(f"{address}?mode={mode}"))


def test_a_flow_sends_no_mail_of_another_site(neighbor, mine, theirs):  # noqa: F811
    campaign, own = mine
    answer = neighbor.post(url("edit", campaign), form(send(theirs)))
    assert "something of another site" in answer.content.decode()
    assert not len(latest(campaign).flow)
    assert neighbor.post(url("edit", campaign), form(send(own))).status_code == 302
    assert latest(campaign).flow[0].value["step"] == own


def test_what_stood_there_already_may_stay(neighbor, mine, theirs):  # noqa: F811
    campaign, _own = mine
    campaign.flow = json.dumps([{"type": "send", "value": {"step": theirs.pk}, "id": "s1"}])
    campaign.save()
    data = form({**send(theirs), "id": "s1"}, name="Renamed")
    assert neighbor.post(url("edit", campaign), data).status_code == 302
    assert latest(campaign).name == "Renamed"


def test_a_mail_shows_no_shared_content_of_another_site(neighbor, mine):  # noqa: F811
    shared = SharedContent(name="Foot", site=make.site(), locale=make.locale())
    shared.body = json.dumps(BODY)
    shared.save()
    _campaign, own = mine
    address = url("preview_on_edit", own)
    neighbor.post(address, showing(shared))
    assert SECRET not in said(neighbor.get(f"{address}?mode=html"))
    neighbor.post(url("edit", own), showing(shared))
    assert not len(latest(own).body)


def test_a_topic_of_another_site_is_none(neighbor, mine):  # noqa: F811
    campaign, topic = mine[0], make.topic(SECRET)
    neighbor.post(url("edit", campaign), form(topic=topic.pk))
    assert latest(campaign).topic is None
