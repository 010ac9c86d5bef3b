"""Staff tasks: the list, one task with what may be done about it, and the letter to print."""

from __future__ import annotations

from datetime import datetime, time
from typing import Any

from django import forms
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.generic import ListView, TemplateView
from wagtail.admin import messages
from wagtail.admin.menu import MenuItem
from wagtail.admin.views.generic import WagtailAdminTemplateMixin
from wagtail.admin.widgets import AdminDateInput

from ..channels.staff import assignees
from ..conf import conf
from ..content.rendering import direction_of
from ..engine import tasking
from ..models import Contact, Task
from ..models.tasks import of_user
from .permissions import may, may_see_people
from .sites import within

SHOWN = {
    "mine": gettext_lazy("Mine"),
    "open": gettext_lazy("All open"),
    "overdue": gettext_lazy("Overdue"),
    "done": gettext_lazy("Done"),
}


def may_see_tasks(user: Any) -> bool:
    """A task names a person, so it takes both."""
    return may_see_people(user) and (may(user, "view", Task) or may(user, "change", Task))


class TasksItem(MenuItem):
    def __init__(self) -> None:
        super().__init__(
            gettext_lazy("Staff tasks"),
            reverse("wagtail_drip_admin:tasks"),
            name="drip-tasks",
            icon_name="tasks",
            order=9,
        )

    def is_shown(self, request: HttpRequest) -> bool:
        return may_see_tasks(request.user)


class TaskPage(WagtailAdminTemplateMixin):
    header_icon = "tasks"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if not may_see_tasks(request.user):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    def get_breadcrumbs_items(self) -> list[dict[str, Any]]:
        top = {"url": reverse("wagtail_drip_admin:tasks"), "label": _("Staff tasks")}
        return [*self.breadcrumbs_items, top, {"url": "", "label": self.get_header_title()}]


def seen_by(user: Any) -> QuerySet[Task]:
    return within(Task.objects.all(), user).select_related("contact", "user", "group", "done_by")


class TasksView(TaskPage, ListView):
    template_name = "wagtail_drip/admin/tasks.html"
    page_title = gettext_lazy("Staff tasks")
    paginate_by = 50
    page_kwarg = "p"  # as Wagtail's own lists have it

    @cached_property
    def show(self) -> str:
        asked = self.request.GET.get("show", "")
        return asked if asked in SHOWN else "open"

    @cached_property
    def now(self) -> datetime:
        return timezone.now()

    def get_queryset(self) -> QuerySet[Task]:
        tasks = seen_by(self.request.user)
        if self.show == "done":
            return tasks.filter(done_at__isnull=False).order_by("-done_at", "-pk")
        tasks = tasks.filter(done_at=None).order_by("due_at", "pk")
        if self.show == "mine":
            return tasks.filter(pk__in=of_user(self.request.user).values("pk"))
        return tasks.filter(due_at__lt=self.now) if self.show == "overdue" else tasks

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        own = {"shown": SHOWN, "show": self.show, "now": self.now}
        return {**super().get_context_data(**kwargs), **own}


class AssignForm(forms.Form):
    assignee = forms.ChoiceField(
        label=gettext_lazy("Whose task it is"), choices=lambda: _choices(), required=False
    )
    due = forms.DateField(label=gettext_lazy("Due"), widget=AdminDateInput)


def _choices() -> list[tuple[str, str]]:
    return [("", _("anybody's")), *assignees()]


def _chosen(task: Task) -> str:
    if task.user_id and task.user:
        return f"user:{task.user.get_username()}"
    return f"group:{task.group.name}" if task.group else ""


class TaskView(TaskPage, TemplateView):
    """One task; it is assigned, done or opened again by POST."""

    template_name = "wagtail_drip/admin/task.html"

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.object = get_object_or_404(seen_by(request.user), pk=kwargs["pk"])

    def get_page_title(self) -> str:
        return str(self.object)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not may(request.user, "change", Task):
            raise PermissionDenied
        task, now = self.object, timezone.now()
        match request.POST.get("do"):
            case "done":
                if tasking.finish(task, by=request.user, now=now):
                    messages.success(request, _("“%s” is done.") % task)
                return redirect("wagtail_drip_admin:tasks")
            case "reopen":
                if tasking.reopen(task):
                    messages.success(request, _("“%s” is open again.") % task)
            case "assign":
                form = AssignForm(request.POST)
                if not form.is_valid():
                    return self.render_to_response(self.get_context_data(form=form))
                self._assign(form.cleaned_data)
        return redirect("wagtail_drip_admin:task", pk=task.pk)

    def _assign(self, wanted: dict[str, Any]) -> None:
        kind, _colon, name = wanted["assignee"].partition(":")
        users = get_user_model()._default_manager
        user = users.filter(**{get_user_model().USERNAME_FIELD: name}).first()
        group = Group.objects.filter(name=name).first()
        tasking.assign(
            self.object,
            user=user if kind == "user" else None,
            group=group if kind == "group" else None,
            due_at=timezone.make_aware(datetime.combine(wanted["due"], time(17))),
        )
        messages.success(self.request, _("“%s” is assigned.") % self.object)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        task = self.object
        due = timezone.localtime(task.due_at).date()
        form = kwargs.get("form") or AssignForm(initial={"assignee": _chosen(task), "due": due})
        own = {"task": task, "form": form, "overdue": task.is_overdue(timezone.now())}
        own["may_change"] = may(self.request.user, "change", Task)
        own["may_see_contact"] = may(self.request.user, "view", Contact)
        return {**super().get_context_data(**kwargs), **own}


class LetterView(TaskPage, TemplateView):
    """A page of its own, laid out for paper."""

    template_name = "wagtail_drip/admin/letter.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        task = get_object_or_404(seen_by(self.request.user), pk=kwargs["pk"])
        if task.kind != Task.Kind.LETTER:
            raise Http404
        language = task.language or "en"
        return {
            "task": task,
            "sender": conf.POSTAL_ADDRESS,
            "lines": address_lines(task.contact),
            "paragraphs": [part for part in task.text.split("\n\n") if part.strip()],
            "language": language,
            "direction": direction_of(language),
        }


def address_lines(contact: Contact) -> list[str]:
    """Name and postal address, as far as they are known (WAGTAIL_DRIP_LETTER_LINES)."""
    known = contact.attributes if isinstance(contact.attributes, dict) else {}
    rows = [
        " ".join(str(known[key]).strip() for key in keys if known.get(key)).strip()
        for keys in conf.LETTER_LINES
    ]
    return [line for line in (f"{contact.first_name} {contact.last_name}".strip(), *rows) if line]
