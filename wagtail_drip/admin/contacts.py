"""The page of one person, and what is done with people by hand from there and from the list."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.formats import localize
from django.utils.http import urlencode
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.generic import TemplateView
from wagtail.admin import messages
from wagtail.admin.views.generic import WagtailAdminTemplateMixin
from wagtail.admin.widgets.button import Button

from ..engine.disclosing import disclose
from ..models import (
    Attribute,
    Contact,
    Delivery,
    Enrollment,
    Event,
    Segment,
    Stage,
    Suppression,
    lifecycle,
)
from ..models.addresses import keyed_hashes
from ..models.contacts import TRACKED
from ..models.matching import UnknownCondition
from . import contact_actions, contact_timeline
from .contact_actions import ACTIONS, EXPORT, Action
from .permissions import may, may_see_people
from .record_filters import kept
from .sites import within

MOST_IDS = 1000  # in one address


def contact_url(pk: Any) -> str:
    return reverse("drip_contacts_modeladmin_inspect", args=[pk])


def list_url() -> str:
    return reverse("drip_contacts_modeladmin_index")


def act_url(slug: str, *ids: Any) -> str:
    query = urlencode({"contact": ids}, doseq=True)
    return f"{reverse('wagtail_drip_admin:act', args=[slug])}?{query}"


def export_url(*ids: Any) -> str:
    query = urlencode({"contact": ids}, doseq=True)
    return f"{reverse('wagtail_drip_admin:export_people')}?{query}"


class PersonPage(WagtailAdminTemplateMixin):
    """Page furniture of what has to do with contacts; for those who may see who they are."""

    header_icon = "user"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if not (may(request.user, "view", Contact) and may_see_people(request.user)):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    def get_breadcrumbs_items(self) -> list[dict[str, Any]]:
        listing = {"url": list_url(), "label": capfirst(Contact._meta.verbose_name_plural)}
        return [*self.breadcrumbs_items, listing, {"url": "", "label": self.get_header_title()}]


class ContactView(PersonPage, TemplateView):
    """What is known of somebody now, and below it their story."""

    template_name = "wagtail_drip/admin/contact.html"

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        people = Contact.objects.select_related("user").prefetch_related("tags", "aliases")
        self.object = get_object_or_404(within(people, request.user), pk=kwargs["instance_pk"])

    def get_page_title(self) -> str:
        return str(self.object)

    def get_header_more_buttons(self) -> list[Button]:
        user, pk = self.request.user, self.object.pk
        if self.object.erased_at:
            return []
        buttons = [
            Button(action.label, url=act_url(action.slug, pk), icon_name=action.icon, priority=n)
            for n, action in enumerate(contact_actions.allowed(user), start=10)
            if action.slug != "untag" or self.object.tags.all()
        ]
        if may(user, "change", Contact):
            url = reverse("wagtail_drip_admin:edit_contact", args=[pk])
            buttons.append(Button(_("Edit"), url=url, icon_name="edit", priority=1))
        if may_export(user):
            label = _("Export all about them")
            url = export_url(pk)
            buttons.append(Button(label, url=url, icon_name="download", priority=90))
        return sorted(buttons)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        before = parse_datetime(self.request.GET.get("before", "")) if self._before_given else None
        user = self.request.user
        inside = self.object.enrollments.filter(state=Enrollment.State.ACTIVE)
        entries, following = contact_timeline.page(self.object, user, before)
        older = f"?{urlencode({'before': following.isoformat()})}" if following else ""
        return {
            **super().get_context_data(**kwargs),
            "contact": self.object,
            "facts": facts(self.object),
            "stage": stage_of(self.object),
            "suppressions": against(self.object),
            "consents": within(
                self.object.consents.select_related("topic").order_by("topic__name"), user
            ),
            "inside": within(inside.select_related("campaign"), user),
            "entries": entries,
            "older": older,
            "lists": lists(self.object, user),
            "newest": bool(before) and contact_url(self.object.pk),
        }

    @property
    def _before_given(self) -> bool:
        try:
            moment = parse_datetime(self.request.GET.get("before", ""))
        except ValueError:
            return False
        return moment is not None and timezone.is_aware(moment) and kept(moment)


def facts(contact: Contact) -> list[tuple[str, Any]]:
    """What is known of them, with a label each; what isn't is left out."""
    name = f"{contact.first_name} {contact.last_name}".strip()
    rows: list[tuple[Any, Any]] = [
        (_("E-mail address"), "" if contact.erased_at else contact.email),  # a phone cuts titles
        (_("Name"), name),
        (_("Former addresses"), ", ".join(alias.email for alias in contact.aliases.all())),
        (_("Account"), str(contact.user) if contact.user else ""),
        (_("Language"), contact.language),
        (_("Time zone"), contact.time_zone),
        *_wishes(contact),
    ]
    defined = {one.key: one for one in Attribute.objects.all()}
    for key, value in sorted(contact.attributes.items()):
        one = defined.get(key)
        plain = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        rows.append((one.label, one.say(value)) if one else (key, plain))
    return [(str(label), text) for label, text in rows if text]


def stage_of(contact: Contact) -> str:
    """Where they stand in the lifecycle, in words."""
    if contact.erased_at:
        return ""
    found = lifecycle.with_stages(Contact.objects.filter(pk=contact.pk), timezone.now()).get()
    return str(capfirst(Stage(found.stage).label))


def _wishes(contact: Contact) -> list[tuple[Any, Any]]:
    """What they chose of how much they get and what may be seen, where it isn't the usual."""
    until, most = contact.paused_until, contact.most_per_week
    paused = until if until and until > timezone.now() else None
    unseen = [
        str(Contact._meta.get_field(name).verbose_name)  # type: ignore[union-attr]
        for name in TRACKED
        if not getattr(contact, name)
    ]
    return [
        (_("No news until"), localize(timezone.localtime(paused)) if paused else ""),
        (_("Most mails a week"), most),
        (_("Switched off"), ", ".join(unseen)),
    ]


def lists(contact: Contact, user: Any) -> list[tuple[str, str]]:
    """Where all records of theirs are listed, for those that the user may see."""
    found = [("events", Event), ("people", Enrollment), ("deliveries", Delivery)]
    query = urlencode({"q": contact.email})
    return [
        (
            str(capfirst(model._meta.verbose_name_plural)),
            f"{reverse(f'drip_{name}_modeladmin_index')}?{query}",
        )
        for name, model in found
        if not contact.erased_at and may(user, "view", model)
    ]


def against(contact: Contact) -> list[Suppression]:
    if contact.erased_at:
        return []
    return list(Suppression.objects.filter(address_hash__in=keyed_hashes(contact.email)))


# By hand


class ActView(PersonPage, TemplateView):
    """Asks what an action needs to know (GET), and does it (POST)."""

    template_name = "wagtail_drip/admin/act.html"
    action: Action

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        if kwargs["slug"] not in ACTIONS:
            raise Http404
        self.action = ACTIONS[kwargs["slug"]]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if not self.action.allowed(request.user):
            raise PermissionDenied
        try:
            self.people = chosen(request, self.action.most)
        except ValueError as error:
            messages.error(request, str(error))
            return redirect(list_url())
        if not self.people:
            messages.warning(request, _("Choose at least one contact."))
            return redirect(list_url())
        return super().dispatch(request, *args, **kwargs)

    def get_page_title(self) -> str:
        return str(self.action.label)

    def get_header_icon(self) -> str:
        return self.action.icon

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        form = self.action.form(request.POST, people=self.people, user=request.user)
        if form.is_valid():
            now = timezone.now()
            if context := self._foreseen(form.cleaned_data, now):
                return self.render_to_response(self.get_context_data(form=form, **context))
            try:
                count, data = self.action.do(self.people, form.cleaned_data, now)
            except ValueError as error:
                form.add_error(None, str(error))
            else:
                self._finish(count, data, now)
                return redirect(self._back(data))
        return self.render_to_response(self.get_context_data(form=form))

    def _foreseen(self, said: Any, now: datetime) -> dict[str, Any] | None:
        """What would come of it, unless that was shown and confirmed, or there are several."""
        if self.action.foresee is None or len(self.people) > 1:
            return None
        answer = ",".join(str(getattr(one, "pk", one)) for one in said.values())
        if self.request.POST.get("confirmed") == answer:
            return None
        return {**self.action.foresee(self.people[0], said, now), "confirmed": answer}

    def _finish(self, count: int, data: dict[str, Any], now: datetime) -> None:
        there = Contact.objects.filter(pk__in=[one.pk for one in self.people])
        contact_actions.write_down(
            list(there.only("pk")), self.action.slug, self.request.user, now, data
        )
        text = contact_actions.told(self.action, count, len(self.people))
        (messages.success if count else messages.warning)(self.request, text)

    def _back(self, data: dict[str, Any]) -> str:
        if len(self.people) > 1 and "kept" not in data:
            return list_url()
        return contact_url(data.get("kept", self.people[0].pk))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        people = self.people
        one = len(people) == 1
        return {
            **super().get_context_data(**kwargs),
            "form": kwargs.get("form") or self.action.form(people=people, user=self.request.user),
            **kwargs,
            "people": people[:20],
            "count": len(people),
            "more": max(0, len(people) - 20),
            "next_url": contact_url(people[0].pk) if one else list_url(),
            "submit": self.action.label,
            "foresees": one and self.action.foresee is not None,
            "serious": self.action.slug in ("erase", "merge", "suppress"),
        }


def chosen(request: HttpRequest, most: int) -> list[Contact]:
    """The contacts that the address names by number, or by a segment they are in.

    Raises ValueError where they are more than `most`, or the segment can't be asked.
    """
    people = Contact.objects.filter(erased_at=None)
    if slug := request.GET.get("segment"):
        try:
            people = get_object_or_404(Segment, slug=slug).members(timezone.now())
        except UnknownCondition as error:
            raise ValueError(str(error)) from None
    else:
        ids = request.GET.getlist("contact")[:MOST_IDS]
        people = people.filter(pk__in=[int(pk) for pk in ids if pk.isdecimal() and len(pk) < 19])
    found = list(within(people, request.user).order_by("pk")[: most + 1])
    if len(found) > most:
        raise ValueError(
            ngettext(
                "This can be done with %d contact at a time.",
                "This can be done with %d contacts at a time.",
                most,
            )
            % most
        )
    return found


def choose(request: HttpRequest) -> HttpResponse:
    """From the boxes of the list to the action that was chosen for them."""
    slug = request.GET.get("action", "")
    if slug not in (*ACTIONS, EXPORT):
        raise Http404
    ids = request.GET.getlist("contact")[:MOST_IDS]
    return redirect(export_url(*ids) if slug == EXPORT else act_url(slug, *ids))


# Export


def may_export(user: Any) -> bool:
    return may_see_people(user) and may(user, "export", Contact)


def export_people(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    """All that is kept of them as JSON: one object, or a list of several. Logged."""
    if not may_export(request.user):
        raise PermissionDenied
    try:
        people = chosen(request, 1000)
    except ValueError as error:
        messages.error(request, str(error))
        return redirect(list_url())
    now = timezone.now()
    contact_actions.write_down(people, EXPORT, request.user, now, {})
    if len(people) == 1:
        response: Any = JsonResponse(
            disclose(people[0], now=now), json_dumps_params={"indent": 2, "ensure_ascii": False}
        )
        name = f"contact-{people[0].pk}.json"
    else:
        response = StreamingHttpResponse(_listed(people, now), content_type="application/json")
        name = "contacts.json"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _listed(people: Sequence[Contact], now: datetime) -> Any:
    yield "["
    for number, one in enumerate(people):
        yield ",\n" if number else "\n"
        yield json.dumps(disclose(one, now=now), ensure_ascii=False)
    yield "\n]\n"
