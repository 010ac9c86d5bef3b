"""What live mails show or lead to warns whoever unpublishes or deletes it, beside the question.

Pages, images, documents, and whatever a site's own blocks choose; in mails themselves or in the
shared content that they show; one by one and by bulk actions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from itertools import groupby
from typing import Any

from django.apps import apps
from django.contrib.admin.utils import unquote
from django.contrib.contenttypes.models import ContentType
from django.db.models import Min, Model, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import ResolverMatch, URLPattern, path
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from wagtail.admin import messages
from wagtail.models import Page, ReferenceIndex

from ..models import Campaign, Delivery, SharedContent, Step
from ..models.publishing import used_in
from .sites import within

ASKED = "drip_warned"  # in the session: what was asked about just now
MOST = 1000  # pages below one that are looked at
NAMED = 5  # campaigns that a sentence has room for
# What takes something away; of all else that is done in bulk nothing is said.
TAKING = {"delete", "unpublish"}


# Wagtail's hooks, and the views that have none


def warn(request: HttpRequest, row: Model | Sequence[Model]) -> None:
    """`before_delete_page`, `before_delete_snippet`: beside the question, which goes on."""
    rows = [row] if isinstance(row, Model) else list(row)
    if request.method == "GET" and (text := warning(rows, request.user)):
        request.session[ASKED] = _names(rows)
        messages.warning(request, text)


def warn_before_the_question(request: HttpRequest, items: Any) -> None:
    """`construct_main_menu`: it runs on each page of the admin, above the place of its messages.

    The pages on which Wagtail asks before unpublishing and before deeds in bulk run no other hook.
    """
    match = request.resolver_match
    if request.method == "GET" and match and (rows := _asked_about(request, match)):
        warn(request, rows)


def _asked_about(request: HttpRequest, match: ResolverMatch) -> list[Model]:
    """What the page that is being shown asks about; []: it is none that does."""
    if match.view_name == "wagtailadmin_pages:unpublish":
        return list(Page.objects.filter(pk=match.kwargs["page_id"]))
    if match.url_name == "unpublish":  # of any snippet
        model, pk = _model_of(match), unquote(str(match.kwargs.get("pk", "")))
        return list(model._default_manager.filter(pk=pk)) if model else []
    if match.view_name == "wagtail_bulk_action" and match.kwargs["action"] in TAKING:
        model = apps.get_model(match.kwargs["app_label"], match.kwargs["model_name"])
        ids = request.GET.getlist("id")
        # All of a list are looked at once it was confirmed: `ask_again_in_bulk`. Beside "all"
        # anything may stand; else Wagtail has looked for these very ids before it shows a page.
        return [] if "all" in ids else list(model._default_manager.filter(pk__in=ids))
    return []


def _model_of(match: ResolverMatch) -> type[Model] | None:
    return getattr(match.func, "view_initkwargs", {}).get("model")


def ask_again(request: HttpRequest, row: Model) -> HttpResponse | None:
    """`before_unpublish_page`, `before_unpublish`, which come after the question.

    Whoever has not seen the warning beside it, or had another open since, is asked once more.
    """
    return _asked_again(request, [row])


def ask_again_in_bulk(
    request: HttpRequest, kind: str, rows: Iterable[Model], action: Any
) -> HttpResponse | None:
    """`before_bulk_action`, which comes after the question."""
    return _asked_again(request, list(rows)) if kind in TAKING else None


def _asked_again(request: HttpRequest, rows: list[Model]) -> HttpResponse | None:
    text = warning(rows, request.user)
    if not text or request.session.pop(ASKED, None) == _names(rows):
        return None
    request.session[ASKED] = _names(rows)
    messages.warning(request, f"{text} {_('Do it all the same?')}")
    return redirect(request.get_full_path())


def _names(rows: Iterable[Model]) -> list[str]:
    return sorted(f"{_base(row)._meta.label_lower}:{row.pk}" for row in rows)


def deleting_views() -> list[URLPattern]:
    """Wagtail's own views that delete an image or a document, which run no hook, with the warning.

    To be registered before Wagtail's: the first that matches answers.
    """
    from wagtail.documents import admin_urls as documents
    from wagtail.documents import get_document_model
    from wagtail.images import admin_urls as images
    from wagtail.images import get_image_model

    return [
        path(
            "images/<int:image_id>/delete/",
            _warned(_view(images, "delete"), get_image_model(), "image_id"),
        ),
        path(
            "documents/delete/<int:document_id>/",
            _warned(_view(documents, "delete"), get_document_model(), "document_id"),
        ),
    ]


def _view(urls: Any, name: str) -> Callable[..., HttpResponse]:
    return next(one.callback for one in urls.urlpatterns if getattr(one, "name", "") == name)


def _warned(
    view: Callable[..., HttpResponse], model: type[Model], argument: str
) -> Callable[..., HttpResponse]:
    @wraps(view)
    def warned(request: HttpRequest, **kwargs: Any) -> HttpResponse:
        response = view(request, **kwargs)
        asks = request.method == "GET" and response.status_code == 200  # of who may, alone
        if asks and (row := model._default_manager.filter(pk=kwargs[argument]).first()):
            warn(request, row)
        return response

    return warned


# What is said


def warning(rows: Sequence[Model], user: Any) -> str:
    """ "“Sale” is used in 2 live campaigns: …. Next send: tomorrow 09:00. …"; "": it is in none.

    Of another site's campaigns there is the number alone.
    """
    steps = steps_with(rows)
    campaigns = {c.pk: c for c in used_in(*steps) if c.live} if steps else {}
    if not campaigns:
        return ""
    what = f"“{rows[0]}”" if len(rows) == 1 else _("Some of it")
    return " ".join(
        [
            ngettext(
                "%(what)s is used in %(count)d live campaign: %(names)s.",
                "%(what)s is used in %(count)d live campaigns: %(names)s.",
                len(campaigns),
            )
            % {"what": what, "count": len(campaigns), "names": _campaigns(campaigns, user)},
            _next_send(steps),
            _("Without it the mails wait, and say why."),
        ]
    )


def _campaigns(campaigns: dict[int, Campaign], user: Any) -> str:
    seen = within(Campaign.objects.filter(pk__in=campaigns), user).order_by("name")
    names = [_("“%s”") % campaign.name for campaign in seen[:NAMED]]
    if more := len(campaigns) - len(names):
        names.append(_("%d more") % more)
    return ", ".join(names)


def _next_send(steps: list[Step]) -> str:
    keys = [step.translation_key for step in steps]
    waiting = Delivery.objects.filter(step_key__in=keys, state=Delivery.State.WAITING)
    due = waiting.filter(campaign__live=True).aggregate(due=Min("due_at"))["due"]
    return _("Next send: %s.") % _moment(due) if due else _("None of them is planned now.")


def _moment(due: Any) -> str:
    """ "tomorrow 09:00", as one says it."""
    when, today = localtime(due), localtime(timezone.now()).date()
    days = (when.date() - today).days
    time = date_format(when, "TIME_FORMAT")
    if days < 0:
        return _("as soon as it may")
    if days > 1:
        return date_format(when, "SHORT_DATETIME_FORMAT")
    return _("tomorrow %s") % time if days else _("today %s") % time


# Where it is used, by Wagtail's index of references


def steps_with(rows: Iterable[Model]) -> list[Step]:
    """The live mails that show one of these or lead to it; for a page also to one below it."""
    used = _references(rows)
    shared = SharedContent.objects.filter(pk__in=_sources(used, SharedContent))
    # A mail names one language of shared content and shows the reader's.
    keys = shared.values("translation_key")
    showing = _references(SharedContent.objects.filter(translation_key__in=keys))
    found = _sources(used | showing, Step)
    return list(Step.objects.filter(pk__in=found, live=True).order_by("pk"))


def _references(rows: Iterable[Model]) -> Any:
    """What refers to any of the rows; the number of queries grows with their models alone."""
    found = ReferenceIndex.objects.none()
    by_model = sorted(rows, key=lambda row: _base(row)._meta.label)
    for model, some in groupby(by_model, key=_base):
        ids = [row.pk for row in some]
        if model is Page:
            ids = _with_below(ids)
        found |= ReferenceIndex.objects.filter(
            to_content_type=ContentType.objects.get_for_model(model),
            to_object_id__in=[str(pk) for pk in ids],
        )
    return found


def _base(row: Model) -> type[Model]:
    """The model under which the index keeps what is referred to."""
    return next(iter(reversed(row._meta.get_parent_list())), type(row))


def _with_below(ids: list[int]) -> list[int]:
    within_ = Q()
    for page_path in Page.objects.filter(pk__in=ids).values_list("path", flat=True):
        within_ |= Q(path__startswith=page_path)
    found = Page.objects.filter(within_) if within_ else Page.objects.none()
    return list(found.values_list("pk", flat=True)[:MOST])


def _sources(references: Any, model: type[Model]) -> set[int]:
    of_model = references.filter(base_content_type=ContentType.objects.get_for_model(model))
    return {int(pk) for pk in of_model.values_list("object_id", flat=True)}
