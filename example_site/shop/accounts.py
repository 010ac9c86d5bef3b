"""Log in, see one's orders, say which letters one wants."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import LoginView
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from wagtail.models import Site

from wagtail_drip import api
from wagtail_drip.models import Consent, Topic
from wagtail_drip.models.addresses import normalize
from wagtail_drip.models.consent import suppressed

from . import telling
from .forms import LogInForm
from .models import Order
from .views import signed


class LogIn(LoginView):
    form_class = LogInForm  # type: ignore[assignment]
    template_name = "shop/login.html"
    next_page = "account"
    redirect_authenticated_user = True

    def form_valid(self, form: Any) -> HttpResponse:
        before = telling.person(self.request).get("email")
        response = super().form_valid(form)
        if telling.person(self.request).get("email") != before:
            telling.cart_changed(self.request)
        return response


@never_cache
@login_required
def account(request: HttpRequest) -> HttpResponse:
    mine = Order.objects.filter(user=request.user)  # type: ignore[misc]
    orders = mine.select_related("code").prefetch_related("lines")
    context = {"orders": [(order, signed(order)) for order in orders]}
    return TemplateResponse(request, "shop/account.html", context)


@never_cache
@login_required
def mail_settings(request: HttpRequest) -> HttpResponse:
    """GET shows what is on. POST `topics` (short names): these are on from now, the others off."""
    user: Any = request.user
    mails = Topic.Channel.EMAIL  # text messages need a number, which the link in mails asks for
    topics = Topic.objects.filter(site=Site.find_for_request(request), channel=mails)
    # Who left everything did so by a link in a mail; the same link, no account, takes it back.
    closed = telling.is_address(user.email) and bool(
        suppressed([normalize(user.email)], transactional=False)
    )
    if request.method == "POST" and telling.is_address(user.email) and not closed:
        save(user, topics, chosen=set(request.POST.getlist("topics")), source=request.path)
        messages.success(request, _("Saved."))
        return redirect("mail-settings")
    wanted = topics_of(user)
    context = {"topics": [(topic, topic.pk in wanted) for topic in topics], "closed": closed}
    return TemplateResponse(request, "shop/mail_settings.html", context)


def topics_of(user: Any) -> set[int]:
    granted = Consent.objects.filter(contact__user=user, state=Consent.State.GRANTED)
    return set(granted.values_list("topic_id", flat=True))


@transaction.atomic
def save(user: Any, topics: Iterable[Topic], *, chosen: set[str], source: str) -> None:
    """Only what the person changed; the words beside the box are the proof."""
    wanted = topics_of(user)
    for topic in topics:
        if topic.slug in chosen and topic.pk not in wanted:
            wording = f"{topic.name}: {topic.description}"
            api.subscribe(topic.slug, user=user, source=source, wording=wording)
        elif topic.slug not in chosen and topic.pk in wanted:
            api.unsubscribe(topic.slug, user=user, source=source)
