"""What all public pages have in common: who comes in by which link, and how a page is answered.

A page's address is a key to it. So no page is stored, indexed or told to another site, and GET and
HEAD change nothing: mail scanners and previews follow links.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import SuspiciousOperation
from django.core.signing import BadSignature
from django.db import transaction
from django.http import HttpRequest, HttpResponse, QueryDict, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.shortcuts import render
from django.utils import translation
from django.utils.functional import cached_property
from django.views import View
from wagtail.models import Site

from ..conf import conf
from ..engine.retrying import on_deadlock
from ..models import Alias, Contact, visitors

# Not in the request's transaction: what is answered is committed, and a deadlock is repeated. So is
# the whole page, since under serializable even a read may lose; its writes may be done twice.
DOORS: tuple[Any, ...] = (on_deadlock, login_not_required, transaction.non_atomic_requests)
LOST = "wagtail_drip/recipients/lost.html"


class PublicView(View):
    """A page for somebody who need not log in."""

    doors = DOORS
    http_method_names = ["get", "head", "post", "options"]
    template_name = ""

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Any:
        view = super().as_view(**initkwargs)
        for door in cls.doors:
            view = door(view)
        return view

    @cached_property
    def posted(self) -> QueryDict:
        """The form, or an empty one where what came can't be read as one."""
        try:
            return self.request.POST
        except (MultiPartParserError, SuspiciousOperation, UnreadablePostError, LookupError):
            return QueryDict()

    def site(self) -> Site | None:
        return Site.find_for_request(self.request)

    def answer(
        self, context: dict[str, Any], *, template: str = "", language: str = "", status: int = 200
    ) -> HttpResponse:
        """A page in this language, where the site speaks it."""
        site = self.site()
        context = {"site_name": site_name(site) if site else "", **context}
        with translation.override(spoken(language)):
            response = render(self.request, template or self.template_name, context, status=status)
            # Else the middleware would name the browser's, and the browser offer to translate.
            response["Content-Language"] = translation.get_language() or settings.LANGUAGE_CODE
        return closed(response)


class PersonView(PublicView):
    """A page of one person, who comes by a signed link (content/person_links.py)."""

    read: Callable[[str], str]  # the key in the link; raises BadSignature
    contact: Contact

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        try:
            key = type(self).read(kwargs["signed"])
        except BadSignature as error:
            return self.lost(error)
        found = contact_of_key(key)
        if found is None:
            return self.answer({"state": "gone"}, template=LOST)
        self.contact = found
        with translation.override(spoken(found.language)):
            return super().dispatch(request, *args, **kwargs)

    def lost(self, error: BadSignature) -> HttpResponse:
        return self.answer({"state": "forged"}, template=LOST, status=404)

    def page(self, context: dict[str, Any], *, template: str = "") -> HttpResponse:
        """A page in the person's own language."""
        context = {"address": masked(self.contact.email), **context}
        return self.answer(context, template=template, language=self.contact.language)


def contact_of_key(key: str) -> Contact | None:
    """Whose key it is, or was before a merge; None where they were erased, or it is no key."""
    try:
        uuid = UUID(hex=key)
    except ValueError:
        return None
    if found := Contact.objects.filter(uuid=uuid).first():
        return None if found.erased_at else found
    alias = Alias.objects.filter(uuid=uuid, contact__erased_at=None).select_related("contact")
    return former.contact if (former := alias.first()) else None


def closed(response: HttpResponse) -> HttpResponse:
    """The address of this page goes nowhere, and nobody keeps or shows the page for us."""
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex, nofollow"
    response["Cache-Control"] = "private, no-store"
    return response


def site_name(site: Site) -> str:
    return site.site_name or getattr(settings, "WAGTAIL_SITE_NAME", "") or site.hostname


def spoken(language: str) -> str | None:
    """The language as the site speaks it; else the visitor's own."""
    try:
        return translation.get_supported_language_variant(language)
    except LookupError:
        return translation.get_language()


def masked(email: str) -> str:
    """Enough for its owner to know it by, for nobody else to write to: `a•••@example.com`."""
    local, _at, domain = email.rpartition("@")
    return f"{local[:1]}•••@{domain}"


def client_ip(request: HttpRequest) -> str:
    """Where the visitor comes from, "" where that can't be told."""
    return visitors.client_ip(request.META)


def kept_ip(request: HttpRequest) -> str | None:
    """The address as a proof keeps it, if it is to keep any."""
    try:
        return str(ip_address(client_ip(request))) if conf.KEEP_IP else None
    except ValueError:
        return None
