"""The list of staff tasks, one task, and the letter."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from tests import factories as make
from wagtail_drip.models import Event, Task

from .support import client_of

pytestmark = pytest.mark.django_db
LIST = "/admin/drip/tasks/"


def task(title: str = "Call Ann", days: int = 1, **fields) -> Task:
    fields.setdefault("contact", make.contact())
    moment = timezone.now()
    return Task.objects.create(
        title=title,
        site=make.site(),
        due_at=moment + timedelta(days=days),
        created_at=moment,
        **fields,
    )


@pytest.fixture
def caller(db):
    return client_of("caller", "change_task", "see_personal_data")


def titles(client, show: str) -> set[str]:
    return {str(one) for one in client.get(LIST, {"show": show}).context["object_list"]}


def test_mine_open_overdue_and_done(caller):
    me = get_user_model().objects.get(username="caller")
    sales = Group.objects.create(name="Sales")
    me.groups.add(sales)
    task("mine", user=me), task("my group's", group=sales), task("late", days=-1)
    task("somebody's", user=make.user(), group=sales)
    task("over", done_at=timezone.now())
    assert titles(caller, "mine") == {"mine", "my group's"}
    assert titles(caller, "open") == {"mine", "my group's", "late", "somebody's"}
    assert titles(caller, "overdue") == {"late"} and titles(caller, "done") == {"over"}
    assert titles(caller, "<script>") == titles(caller, "open")


def test_the_list_asks_as_often_for_many_as_for_one(caller):
    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert caller.get(LIST).status_code == 200
        return len(queries)

    sales = Group.objects.create(name="Sales")
    task(group=sales), asked()
    few = asked()
    for number in range(40):
        task(f"T{number}", user=make.user(), group=sales)
    assert asked() == few
    for number in range(40):
        task(f"Later {number}", days=2)
    page = caller.get(LIST, {"show": "open"})
    assert 'href="/admin/drip/tasks/?show=open&amp;p=2"' in page.content.decode()
    rest = caller.get(LIST, {"show": "open", "p": "2"}).context["object_list"]
    assert len(page.context["object_list"]) == 50 and len(rest) == 31


def test_who_may_not_sees_none(outsider):
    one = task(kind="letter")
    strangers = [outsider, client_of("a", "change_task"), client_of("b", "see_personal_data")]
    for client in strangers:
        for url in (LIST, f"{LIST}{one.pk}/", f"{LIST}{one.pk}/letter/"):
            assert client.get(url).status_code == 302
    viewer = client_of("viewer", "view_task", "see_personal_data")
    assert viewer.get(f"{LIST}{one.pk}/").status_code == 200
    assert viewer.post(f"{LIST}{one.pk}/", {"do": "done"}).status_code == 302
    one.refresh_from_db()
    assert one.done_at is None and not Event.objects.filter(name="task_done").exists()


def test_done_by_a_post_and_never_by_a_get(caller):
    one = task()
    url = reverse("wagtail_drip_admin:task", args=[one.pk])
    caller.get(url, {"do": "done"})
    one.refresh_from_db()
    assert one.done_at is None
    (
        caller.post(url, {"do": "done"}),
        caller.post(url, {"do": "done"}),
        caller.post(url, {"do": "x"}),
    )
    one.refresh_from_db()
    assert one.done_by.username == "caller"
    assert Event.objects.filter(name="task_done").count() == 1
    caller.post(url, {"do": "reopen"})
    one.refresh_from_db()
    assert one.done_at is None


def test_it_is_assigned_to_those_who_may_do_it_and_to_nobody_else(caller):
    one, stranger = task(), make.user(username="stranger")
    me = get_user_model().objects.get(username="caller")
    url = f"{LIST}{one.pk}/"
    caller.post(url, {"do": "assign", "assignee": "user:caller", "due": "2030-01-02"})
    one.refresh_from_db()
    assert one.user == me and one.due_at.year == 2030
    for assignee, due in [
        (f"user:{stranger.username}", "2030-01-02"),
        ("user:caller", "9999-99-99"),
        ("group:<x>", ""),
    ]:
        page = caller.post(url, {"do": "assign", "assignee": assignee, "due": due})
        assert page.status_code == 200
    one.refresh_from_db()
    assert one.user == me and one.due_at.year == 2030


def test_a_letter_has_the_address_and_no_html_of_anybodys(caller, settings):
    settings.WAGTAIL_DRIP_POSTAL_ADDRESS = "The Shop\nMain Street 1"
    person = make.contact(
        first_name="Zoë <b>",
        attributes={"street": "Ringstraße 5", "postal_code": 50667, "city": "Köln", "country": ""},
    )
    one = task("L", kind="letter", text="Dear <script>\n\nسلام", contact=person, language="fa")
    page = caller.get(f"{LIST}{one.pk}/letter/").content.decode()
    assert "Zoë &lt;b&gt;<br>Ringstraße 5<br>50667 Köln<br></address>" in page
    assert "Main Street 1" in page and "<script>" not in page and 'dir="rtl"' in page
    assert caller.get(f"{LIST}{task().pk}/letter/").status_code == 404


def test_a_task_is_written_and_the_gate_names_what_is_missing(editor):
    from wagtail_drip.models import Campaign, Step
    from wagtail_drip.models.publishing import gate

    from .test_messages import add_url

    assert editor.get(add_url("task")).status_code == 200
    value = {"kind": "letter", "title": " ", "text": "", "days": 999, "assignee": "user:nobody"}
    message = json.dumps([{"type": "task", "value": value}])
    step = Step.objects.get(pk=make.step("T", channel="task", message=message).pk)
    flow = json.dumps([{"type": "task", "value": {"step": step.pk}, "id": "t1"}])
    campaign = Campaign(site=make.site(), trigger="user_signed_up", transactional_reason="x")
    campaign.flow = flow
    said = " ".join(map(str, gate(campaign)))
    for words in ("what to do", "no words", "when it is due", "“nobody” may do no tasks"):
        assert words in said
