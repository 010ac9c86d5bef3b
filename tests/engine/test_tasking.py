"""Staff tasks: laid down once, told once, done once."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, Permission
from django.db import OperationalError

from tests import factories as make
from wagtail_drip.engine import journal, recovering, sending, tasking, ticking
from wagtail_drip.engine.disclosing import disclose
from wagtail_drip.engine.erasing import erase
from wagtail_drip.engine.merging import merge
from wagtail_drip.models import Delivery, Enrollment, Event, Task

pytestmark = pytest.mark.django_db


def due(amount: int = 1, nodes=None, **value) -> list[Delivery]:
    value = {"kind": "call", "title": "Call {{ first_name|them }}", "text": "", "days": 2} | value
    step = make.step("T", channel="task", message=json.dumps([{"type": "task", "value": value}]))
    campaign = make.campaign(
        nodes={"n1": make.send(step, "n2"), "n2": make.wait_event("task_done")}
    )
    return make.deliveries(campaign, amount, channel="task")


def staff(name: str, **fields):
    group, _made = Group.objects.get_or_create(name="Sales")
    group.permissions.set(Permission.objects.filter(codename="change_task"))
    user = make.user(f"{name}@example.com", username=name, **fields)
    user.groups.add(group)
    return user


def test_a_task_is_laid_down_with_its_words_filled(now):
    ann = staff("ann")
    [row] = due(assignee="user:ann", text="Ask {{ first_name|them }} how it was")
    person = row.contact
    person.first_name = "Zoë\r\n<script>"
    person.save()
    sending.send_due(now)
    row.refresh_from_db()
    task = Task.objects.get()
    assert (row.state, row.provider_id) == ("sent", f"task-{task.pk}")
    assert (task.title, task.kind, task.user, task.group) == (
        "Call Zoë <script>",
        "call",
        ann,
        None,
    )
    assert task.text == "Ask Zoë\n<script> how it was"
    assert (task.contact, task.due_at, task.created_at) == (person, now + timedelta(days=2), now)


def test_a_task_tried_twice_is_one_task(now, monkeypatch):
    """A kill between the row and the answer leaves no doubt: the second try finds the first's."""
    [row] = due()
    sending.send_due(now)
    token = "c" * 32
    Delivery.objects.update(state="sending", claim=token, lease_until=now, attempts=1)
    writer = journal.Journal(token)
    writer._line("start", row.pk, 0)
    writer.close()
    recovering.recover(now)
    row.refresh_from_db()
    assert row.state == "waiting"
    sending.send_due(now + timedelta(minutes=1))
    row.refresh_from_db()
    assert row.state == "sent" and Task.objects.count() == 1


def test_a_database_that_is_gone_puts_nothing_in_doubt(now, monkeypatch):
    [row] = due()

    def gone(**fields):
        raise OperationalError("disk I/O error: connection gone")

    with monkeypatch.context() as patched:
        patched.setattr(Task.objects, "get_or_create", gone)
        sending.send_due(now)
    row.refresh_from_db()
    assert row.state == "waiting" and not Task.objects.exists()


def test_done_is_an_event_that_people_wait_for(now):
    [_row] = due()
    ticking.tick(now)
    ticking.tick(now + timedelta(minutes=1))
    task, later = Task.objects.get(), now + timedelta(hours=3)
    boss = staff("boss")
    assert tasking.finish(task, by=boss, now=later) is True
    assert tasking.finish(task, by=boss, now=later + timedelta(hours=1)) is False
    event = Event.objects.get(name="task_done")
    assert (event.at, event.data["campaign"]) == (later, "welcome")
    ticking.tick(later)
    enrollment = Enrollment.objects.get(campaign__slug="welcome", contact=task.contact)
    assert (enrollment.state, enrollment.node) == ("completed", "")
    task.refresh_from_db()
    assert (task.done_at, task.done_by) == (later, boss)
    assert tasking.reopen(task) and not tasking.reopen(task)


def test_staff_are_told_once_each_in_one_mail_however_many_tasks(now, mailoutbox):
    staff("ann"), staff("bob"), staff("gone", is_active=False), staff("nomail")
    Event.objects.all().delete()
    from django.contrib.auth import get_user_model

    get_user_model().objects.filter(username="nomail").update(email="")
    due(3, assignee="group:Sales")
    sending.send_due(now)
    mailoutbox.clear()
    assert tasking.tell_staff(now) == 3
    assert sorted(mail.to for mail in mailoutbox) == [["ann@example.com"], ["bob@example.com"]]
    assert mailoutbox[0].subject == "3 new tasks"
    assert tasking.tell_staff(now) == 0 and len(mailoutbox) == 2


def test_a_mail_to_staff_that_fails_is_logged_and_stops_nothing(now, monkeypatch, caplog):
    staff("ann")
    due(assignee="user:ann")
    sending.send_due(now)

    def broken(*args):
        raise OSError("no mail server")

    monkeypatch.setattr(tasking, "tell", broken)
    assert tasking.tell_staff(now) == 1 and "Nobody could be told" in caplog.text
    assert Task.objects.get().notified_at == now


@pytest.mark.parametrize("assignee", ["user:nobody", "group:None", "x", "user:", ":", "user:a:b"])
def test_a_task_of_nobody_is_anybodys(now, assignee):
    due(assignee=assignee)
    sending.send_due(now)
    assert (Task.objects.get().user, Task.objects.get().group) == (None, None)


def test_a_task_goes_with_its_person_and_along_with_one(now):
    first, second = due(2)
    sending.send_due(now)
    assert disclose(first.contact, now=now)["other"]["wagtail_drip.task"][0]["title"] == "Call them"
    merge(first.contact, second.contact, now=now)
    assert Task.objects.filter(contact=first.contact).count() == 2
    erase(first.contact, now=now)
    assert not Task.objects.exists()
    assert Delivery.objects.filter(state="sent").count() == 2
