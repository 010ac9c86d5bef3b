"""Staff tasks: somebody is to call this person, or to print this letter.

A task is a row that staff see in a list, so it can't be lost on the way: the same delivery tried
again finds the task it has made, and no delivery of this channel is ever in doubt.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from wagtail.blocks import CharBlock, ChoiceBlock, IntegerBlock, TextBlock

from ..content.messages import Message, MessageBlock
from .base import Again, Channel, Outcome, Session

MOST_DAYS = 365
MOST_PEOPLE = 200  # to choose from; groups come first
KINDS = [
    ("call", gettext_lazy("Call them")),
    ("letter", gettext_lazy("Print and send a letter")),
    ("other", gettext_lazy("Something else")),
]


def assignees() -> list[tuple[str, str]]:
    """Groups and people who may do tasks, by names that hold on another site, too."""
    may = Permission.objects.filter(codename="change_task", content_type__app_label="wagtail_drip")
    groups = Group.objects.filter(permissions__in=may).order_by("name").distinct()
    able = Q(is_superuser=True) | Q(user_permissions__in=may) | Q(groups__permissions__in=may)
    people = get_user_model()._default_manager.filter(able, is_active=True)
    name = get_user_model().USERNAME_FIELD
    found = people.order_by(name).values_list(name, flat=True).distinct()[:MOST_PEOPLE]
    return [
        *((f"group:{group.name}", _("Group: %s") % group.name) for group in groups),
        *((f"user:{username}", str(username)) for username in found),
    ]


class TaskBlock(MessageBlock):
    words_in = ("title", "text")

    kind = ChoiceBlock(label=gettext_lazy("Kind"), choices=KINDS, default="call")
    title = CharBlock(
        label=gettext_lazy("What to do"),
        max_length=200,
        help_text=gettext_lazy("You may write {{ first_name|this person }}."),
    )
    text = TextBlock(
        label=gettext_lazy("Text"),
        required=False,
        rows=6,
        help_text=gettext_lazy("What to say, or the words of the letter."),
    )
    days = IntegerBlock(
        label=gettext_lazy("Due after so many days"), min_value=0, max_value=MOST_DAYS, default=2
    )
    assignee = ChoiceBlock(
        label=gettext_lazy("Whose task it is"),
        choices=assignees,
        required=False,
        help_text=gettext_lazy("They get a mail about it. Left empty, anybody may take it."),
    )

    class Meta:
        label = gettext_lazy("Staff task")
        icon = "tasks"
        label_format = "{title}"

    def problems(self, value: Any) -> list[str]:
        found = []
        if not str(value.get("title") or "").strip():
            found.append(_("It isn't said what to do."))
        if value.get("kind") not in dict(KINDS):
            found.append(_("Its kind is unknown."))
        if value.get("kind") == "letter" and not str(value.get("text") or "").strip():
            found.append(_("The letter has no words."))
        days = value.get("days")
        if not isinstance(days, int) or not 0 <= days <= MOST_DAYS:
            found.append(_("It isn't said when it is due."))
        if value.get("assignee") and value["assignee"] not in dict(assignees()):
            found.append(_("“%s” may do no tasks.") % value["assignee"].partition(":")[2])
        return found

    def shown(self, message: Message) -> list[tuple[str, str]]:
        kind = dict(KINDS).get(message.options.get("kind") or "", "")
        whose = str(message.options.get("assignee") or "").partition(":")[2]
        days = str(message.options.get("days"))
        return [
            (_("Kind"), str(kind)),
            (_("Due after so many days"), days),
            (_("Whose task it is"), whose or _("anybody's")),
        ]


class TaskChannel(Channel):
    """`write` makes the task of a message and tells how that went."""

    slug = "task"
    label = gettext_lazy("Staff task")
    icon = "tasks"
    block = TaskBlock()
    address = ""
    counts = False
    parallel = False
    repeatable = True

    def __init__(self, write: Callable[[Message], Outcome]) -> None:
        self.write = write

    def open(self) -> Session | Again:
        return TaskSession(self.write)


class TaskSession(Session):
    def __init__(self, write: Callable[[Message], Outcome]) -> None:
        self.write = write

    def transmit(self, mail: Message) -> Outcome:
        return self.write(mail)
