"""Tasking: what staff are to do for a person is laid down, told to whom it concerns, and done."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import Q, QuerySet
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from ..channels.base import Again, Outcome, Refused, Sent
from ..channels.email import tell
from ..conf import conf
from ..content.messages import Message
from ..content.personalizing import Mail
from ..flow.triggers import TASK_DONE
from ..models import Delivery, Task
from .recording import record
from .retrying import is_outage, on_deadlock

logger = logging.getLogger("wagtail_drip")

MOST = 500  # tasks that one turn tells of


def lay_down(message: Mail) -> Outcome:
    """The task of a delivery: made, or found where an earlier try has made it."""
    assert isinstance(message, Message)
    try:
        return _lay_down(message)
    except Exception as error:
        if is_outage(error):
            return Again(f"{type(error).__name__}: {error}", outage=True)
        raise


def _lay_down(message: Message) -> Outcome:
    rows = Delivery.objects.select_related("contact", "campaign")
    delivery = rows.filter(token=message.token).first()
    if delivery is None or message.date is None:
        return Refused(_("There is no such delivery."))
    if delivery.contact.erased_at:
        return Refused(_("They were erased."))
    options = message.options
    user, group = _assignee(str(options.get("assignee") or ""))
    now = message.date
    with transaction.atomic():
        task, _made = Task.objects.get_or_create(
            delivery=delivery,
            defaults={
                "contact": delivery.contact,
                "site_id": delivery.campaign.site_id,
                "kind": options.get("kind") or Task.Kind.OTHER,
                "title": " ".join(message.texts.get("title", "").split())[:200]
                or pgettext("of the staff", "Task"),
                "text": message.texts.get("text", ""),
                "language": message.reader.language,
                "due_at": now + timedelta(days=options.get("days") or 0),
                "user": user,
                "group": group,
                "created_at": now,
            },
        )
    return Sent(f"task-{task.pk}")


def _assignee(name: str) -> tuple[Any, Group | None]:
    """Whose task it is, by `user:…` or `group:…`; who is no more leaves it to anybody."""
    kind, _colon, name = name.partition(":")
    if kind == "group":
        return None, Group.objects.filter(name=name).first()
    if kind == "user":
        model = get_user_model()
        named = model._default_manager.filter(**{model.USERNAME_FIELD: name}, is_active=True)
        return named.first(), None
    return None, None


@on_deadlock
def finish(task: Task, *, by: Any, now: datetime) -> bool:
    """It is done: those who wait for that go on. False where it was done before."""
    with transaction.atomic():
        undone = Task.objects.filter(pk=task.pk, done_at=None)
        if not undone.update(done_at=now, done_by=by):
            return False
        slug = task.delivery.campaign.slug if task.delivery else ""
        data = {"title": task.title, "kind": task.kind, "campaign": slug}
        record(TASK_DONE, contact=task.contact, data=data, key=f"task-{task.pk}", now=now)
    return True


def reopen(task: Task) -> bool:
    """It was marked as done by mistake. What that has set going goes on."""
    done = Task.objects.filter(pk=task.pk, done_at__isnull=False)
    return bool(done.update(done_at=None, done_by=None))


@on_deadlock
def assign(task: Task, *, user: Any, group: Group | None, due_at: datetime) -> bool:
    """Whose it is, and until when. Who gets it anew is told. False where nothing changed."""
    same = (task.user_id, task.group_id) == (user and user.pk, group and group.pk)
    told = {} if same else {"notified_at": None}
    if same and due_at == task.due_at:
        return False
    Task.objects.filter(pk=task.pk).update(user=user, group=group, due_at=due_at, **told)
    return True


def tell_staff(now: datetime) -> int:
    """Tell people by mail of the tasks that are theirs and new to them; one mail for each person.

    Each is told of once: a mail that can't go out is logged, and the list has them all.
    """
    new = Task.objects.filter(notified_at=None, done_at=None)
    assigned = new.filter(Q(user__isnull=False) | Q(group__isnull=False))
    ids = list(assigned.order_by("pk").values_list("pk", flat=True)[:MOST])
    if not ids:
        return 0
    with transaction.atomic():
        locked = assigned.filter(pk__in=ids).order_by("pk").select_for_update()
        ids = list(locked.values_list("pk", flat=True))
        Task.objects.filter(pk__in=ids).update(notified_at=now)
    tasks = Task.objects.filter(pk__in=ids).select_related("user", "group").order_by("due_at", "pk")
    for address, theirs in _by_address(tasks).items():
        _tell(address, theirs)
    return len(ids)


def _by_address(tasks: QuerySet[Task]) -> dict[str, list[Task]]:
    members = _members({task.group_id for task in tasks if task.group_id and not task.user_id})
    found: dict[str, list[Task]] = defaultdict(list)
    for task in tasks:
        people = [task.user.email] if task.user else members.get(task.group_id, [])
        for address in dict.fromkeys(filter(None, people)):
            found[address].append(task)
    return found


def _members(groups: Iterable[Any]) -> dict[Any, list[str]]:
    """The addresses of each group's people."""
    found: dict[Any, list[str]] = defaultdict(list)
    if groups := list(groups):
        users = get_user_model()._default_manager.filter(groups__in=groups, is_active=True)
        for group, email in users.order_by("pk").values_list("groups", "email"):
            if group in groups:
                found[group].append(email)
    return found


def _tell(address: str, tasks: list[Task]) -> None:
    subject = ngettext("%d new task", "%d new tasks", len(tasks)) % len(tasks)
    lines = [f"- {task.title}" for task in tasks[:20]]
    try:
        where = conf.BASE_URL + reverse("wagtail_drip_admin:tasks")
    except NoReverseMatch:
        where = conf.BASE_URL
    try:
        tell([address], subject, "\n".join([*lines, "", where, ""]))
    except Exception:
        logger.exception("Nobody could be told of %d tasks", len(tasks))
