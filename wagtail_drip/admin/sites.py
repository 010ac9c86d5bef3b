"""Whose it is: an editor sees what belongs to the sites whose pages they work on.

Campaigns, mails, topics and settings belong to a site; people to the installation, and are seen
through it: who is inside a site's campaigns, or chose one of its topics. A file of people belongs
to whoever uploaded it, and to the sites of the topics that it is for. Whoever has no right to any
page, or to all pages, isn't bound to sites.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import Exists, Model, OuterRef, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from wagtail.admin.views.generic.permissions import PermissionCheckedMixin
from wagtail.models import GroupPagePermission, Site
from wagtail.snippets.views.chooser import ChooseResultsView, ChooseView, SnippetChooserViewSet
from wagtail.snippets.views.snippets import ConfirmWorkflowCancellationView, SnippetViewSet

from ..models import (
    ApiKey,
    Campaign,
    Cap,
    Consent,
    ConsentRecord,
    Contact,
    ContactImport,
    Decision,
    Delivery,
    Enrollment,
    Event,
    Farewell,
    ImportedContact,
    Reaction,
    Refusal,
    SharedContent,
    SiteBrand,
    SiteSettings,
    Step,
    Task,
    Topic,
)
from ..models.owned import offering
from .refusing import whole_forms

OWN = (ApiKey, Campaign, Cap, SharedContent, SiteBrand, SiteSettings, Step, Task, Topic)


def sites_of(user: Any) -> frozenset[int] | None:
    """The ids of the sites a user is bound to; None: to none in particular. Asked once a user."""
    if not hasattr(user, "_drip_sites"):
        user._drip_sites = _sites_of(user)
    return user._drip_sites


def _sites_of(user: Any) -> frozenset[int] | None:
    if user.is_superuser:
        return None
    granted = GroupPagePermission.objects.filter(group__user=user)
    paths = set(granted.values_list("page__path", flat=True))
    if not paths:
        return None
    roots = dict(Site.objects.values_list("pk", "root_page__path"))
    found = frozenset(
        pk
        for pk, root in roots.items()
        if any(path.startswith(root) or root.startswith(path) for path in paths)
    )
    return None if len(found) == len(roots) else found


def within(rows: QuerySet[Any], user: Any) -> QuerySet[Any]:
    """Those of the rows, of any model of ours that belongs to sites, that `user` may see."""
    sites = sites_of(user)
    if sites is None:
        return rows
    model = rows.model
    if model in OWN:
        return rows.filter(site__in=sites)
    if model is Decision:
        return rows.filter(enrollment__campaign__site__in=sites)
    if model in (Enrollment, Delivery, Refusal):
        return rows.filter(campaign__site__in=sites)
    if model in (Consent, ConsentRecord):
        return rows.filter(topic__site__in=sites)
    if model is Reaction:
        return rows.filter(delivery__campaign__site__in=sites)
    if model is Farewell:
        of_all = Q(topic=None) & _known_in(sites, OuterRef("contact_id"))
        return rows.filter(Q(topic__site__in=sites) | of_all)
    if model is ContactImport:
        return rows.filter(_theirs(sites, user))
    if model is ImportedContact:
        return rows.filter(job__in=ContactImport.objects.filter(_theirs(sites, user)))
    if model is Contact:
        return rows.filter(_known_in(sites, OuterRef("pk")))
    if model is Event:
        return rows.filter(_known_in(sites, OuterRef("contact_id")))
    return rows


def _known_in(sites: frozenset[int], contact: Any) -> Q:
    inside = Enrollment.objects.filter(contact=contact, campaign__site__in=sites)
    chose = Consent.objects.filter(contact=contact, topic__site__in=sites)
    return Q(Exists(inside)) | Q(Exists(chose))


def _theirs(sites: frozenset[int], user: Any) -> Q:
    topics = ContactImport.topics.through.objects.filter(contactimport=OuterRef("pk"))
    only_of_sites = Exists(topics) & ~Exists(topics.exclude(topic__site__in=sites))
    return Q(created_by=user) | Q(only_of_sites)


def in_reach(row: Model, user: Any) -> bool:
    """Whether `user` may see this one."""
    if sites_of(user) is None:
        return True
    return within(type(row)._default_manager.filter(pk=row.pk), user).exists()


def bounded(view: Callable[..., HttpResponse], model: type[Model]) -> Callable[..., HttpResponse]:
    """The view, where a row of another site's doesn't exist."""

    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if sites_of(request.user) is not None:
            named = [*args[:1], *filter(None, [kwargs.get("pk")]), *request.GET.getlist("id")]
            ids = {str(pk) for pk in named}
            rows = model._default_manager.filter(pk__in=[pk for pk in ids if pk.isdecimal()])
            if within(rows, request.user).count() != len(ids):
                raise Http404
        return view(request, *args, **kwargs)

    return offering_own(checked)


def offering_own(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """The view, where blocks offer nothing of other sites to choose."""

    @wraps(view)
    def offered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        with offering(sites_of(request.user)):
            response = view(request, *args, **kwargs)
            if hasattr(response, "render") and not response.is_rendered:  # type: ignore[attr-defined]
                response.render()  # else it would be after this
            return response

    return offered


class SiteBoundChooser(SnippetChooserViewSet):
    class _Within:
        model_class: Any
        request: Any

        def get_object_list(self) -> QuerySet[Any]:
            return within(super().get_object_list(), self.request.user)  # type: ignore[misc]

    class ChooseWithin(_Within, ChooseView):
        pass

    class ChooseResultsWithin(_Within, ChooseResultsView):
        pass

    choose_view_class = ChooseWithin
    choose_results_view_class = ChooseResultsWithin

    def construct_view(self, view_class: Any, **kwargs: Any) -> Any:
        return bounded(super().construct_view(view_class, **kwargs), self.model)


class SiteBound(SnippetViewSet):
    """A snippet viewset whose rows belong to sites: of other sites' there are none."""

    chooser_viewset_class = SiteBoundChooser

    class ConfirmCancellation(PermissionCheckedMixin, ConfirmWorkflowCancellationView):
        """Wagtail's asks nobody for a right."""

        any_permission_required = ["change", "publish"]

    confirm_workflow_cancellation_view_class = ConfirmCancellation

    def construct_view(self, view_class: Any, **kwargs: Any) -> Any:
        return bounded(whole_forms(super().construct_view(view_class, **kwargs)), self.model)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return within(self.model._default_manager.all(), request.user)


def check_bulk_action(request: HttpRequest, kind: str, rows: Any, action: Any) -> None:
    """Wagtail's bulk actions take rows by number, of whichever site."""
    if not all(in_reach(row, request.user) for row in rows if isinstance(row, OWN)):
        raise PermissionDenied
