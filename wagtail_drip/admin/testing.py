"""The pages "Send a test" and "For whom the preview is".

A test is of the mail or text message as it was saved last; it goes to oneself or to a few named
addresses or numbers.
"""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy
from django.views.generic import TemplateView
from wagtail.admin import messages
from wagtail.admin.views.generic import WagtailAdminTemplateMixin
from wagtail.log_actions import log

from ..content import phone
from ..content.phone import SMS
from ..engine import testing
from ..models import Campaign, Contact, Event, Step
from ..models.addresses import normalize
from . import stand_ins
from .forms import MAIL
from .log_entries import TEST_LOGGED
from .permissions import may, may_see_people, may_send_tests
from .places import BACK, step_url, steps_url
from .stand_ins import StandInForm, campaigns_of


class TestForm(StandInForm):
    __test__ = False  # none of pytest's

    to = forms.CharField(
        label=pgettext_lazy("an address", "To"),
        max_length=1000,
        help_text=gettext_lazy("Up to 5 addresses, separated by commas."),
    )
    campaign = forms.ModelChoiceField(
        Campaign.objects.none(),
        label=gettext_lazy("As in the campaign"),
        required=False,
        empty_label=None,
        help_text=gettext_lazy("It gives the sender, and says at the foot why one gets it."),
    )
    field_order = ["to", "campaign", "who", "contact", "event"]

    def __init__(
        self, *args: Any, campaigns: list[Campaign], channel: str = MAIL, **kwargs: Any
    ) -> None:
        super().__init__(*args, campaigns=campaigns, **kwargs)
        self.channel = channel
        if channel == SMS:
            text = _("Up to 5 numbers, separated by commas, with the country's code: +44 ….")
            self.fields["to"].help_text = text
        ids = [campaign.pk for campaign in campaigns]
        field = self.fields["campaign"]
        field.queryset = Campaign.objects.filter(pk__in=ids)  # type: ignore[attr-defined]
        if not campaigns:
            del self.fields["campaign"]

    def clean_to(self) -> list[str]:
        found: list[str] = []
        # Numbers may be written with spaces in them.
        between, one_form = (r"[,;\n]+", phone.normalize) if self.channel == SMS else (
            r"[,;\s]+", normalize
        )  # fmt: skip
        for address in filter(str.strip, re.split(between, self.cleaned_data["to"])):
            try:
                found.append(one_form(address))
            except ValueError as error:
                raise forms.ValidationError(str(error)) from None
        addresses = list(dict.fromkeys(found))
        if not addresses:
            raise forms.ValidationError(_("Name at least one address."))
        if reason := testing.obstacle(addresses, self.channel):
            raise forms.ValidationError(reason)
        return addresses


class StandInPage(WagtailAdminTemplateMixin, TemplateView):
    """A form of a mail that asks for whom it is to be made."""

    template_name = "wagtail_drip/admin/send_test.html"
    header_icon = "mail"
    form_class: type[StandInForm] = StandInForm

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        row = get_object_or_404(Step, pk=unquote(str(kwargs["pk"])))
        self.object = row.get_latest_revision_as_object()
        self.campaigns = campaigns_of(row, request.user)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if not self.allowed(request.user):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    def allowed(self, user: Any) -> bool:
        raise NotImplementedError

    def get_page_subtitle(self) -> str:
        return str(self.object)

    def get_breadcrumbs_items(self) -> list[dict[str, Any]]:
        mails = {"url": steps_url(), "label": capfirst(Step._meta.verbose_name_plural)}
        page = {"url": "", "label": self.page_title, "sublabel": self.get_page_subtitle()}
        return [mails, {"url": self.back(), "label": self.get_page_subtitle()}, page]

    def back(self) -> str:
        return step_url(self.object.pk, self.request.GET.get(BACK, ""))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        form = kwargs.get("form") or self.form(initial=self.initial())
        return {**super().get_context_data(**kwargs), "form": form, "next_url": self.back()}

    def form(self, *args: Any, **kwargs: Any) -> StandInForm:
        return self.form_class(*args, user=self.request.user, campaigns=self.campaigns, **kwargs)

    def initial(self) -> dict[str, Any]:
        return {}


class PreviewAsView(StandInPage):
    page_title = gettext_lazy("For whom the preview is")
    submit = gettext_lazy("Show it")

    def allowed(self, user: Any) -> bool:
        return may(user, "change", Step) and may_see_people(user)

    def initial(self) -> dict[str, Any]:
        chosen = stand_ins.kept(self.request)
        if isinstance(chosen, Event):
            return {"who": stand_ins.EVENT, "event": chosen.pk}
        return {"who": stand_ins.CONTACT, "contact": chosen.email} if chosen else {}

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        form = self.form(request.POST)
        if form.is_valid():
            stand_ins.keep(request, form)
            return redirect(self.back())
        return self.render_to_response(self.get_context_data(form=form))


class TestView(StandInPage):
    __test__ = False

    page_title = submit = gettext_lazy("Send a test")
    form_class = TestForm

    def allowed(self, user: Any) -> bool:
        return may_send_tests(user) and self.object.channel in testing.TESTED

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        reason, is_text = testing.obstacle([], self.object.channel), self.object.channel == SMS
        told = {"test": True, "is_text": is_text, "reason": reason}
        return {**super().get_context_data(**kwargs), **told}

    def form(self, *args: Any, **kwargs: Any) -> StandInForm:
        form = super().form(*args, channel=self.object.channel, **kwargs)
        if self.object.channel == MAIL and not getattr(self.request.user, "email", ""):
            field = form.fields["to"]
            without = _("Your account has no e-mail address, so say where the test is to go.")
            field.help_text = f"{without} {field.help_text}"
        return form

    def initial(self) -> dict[str, Any]:
        wanted = self.request.GET.get(BACK, "")
        first = next((c.pk for c in self.campaigns if str(c.pk) == wanted), None)
        first = first or (self.campaigns[0].pk if self.campaigns else None)
        return {"to": self.own_address(), "campaign": first}

    def own_address(self) -> str:
        """Where the user gets what goes by this channel."""
        user = self.request.user
        if self.object.channel == MAIL:
            return getattr(user, "email", "")
        own = Contact.objects.filter(user=user.pk).first()
        return phone.number_of(own.attributes) if own else ""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        form = self.form(request.POST)
        if form.is_valid():
            said = form.cleaned_data
            campaign = said.get("campaign")
            reader = form.reader(campaign)
            try:
                told = testing.send_test(
                    self.object, said["to"], campaign=campaign, reader=reader, now=timezone.now()
                )
            except ValueError as error:
                form.add_error(None, str(error))
            else:
                self._tell(told, reader, campaign)
                return redirect(self.back())
        return self.render_to_response(self.get_context_data(form=form))

    def _tell(self, told: list[testing.Tested], reader: Any, campaign: Any) -> None:
        sent = [one.address for one in told if not one.trouble]
        for one in told:
            if one.trouble:
                said = {"address": one.address, "trouble": one.trouble}
                text = _("The test to %(address)s did not go out: %(trouble)s") % said
                messages.error(self.request, text)
        if not sent:
            return
        contact = {"contact": reader.contact_id} if reader else {}
        data = {"count": len(sent), **contact}
        log(instance=self.object, action=TEST_LOGGED, user=self.request.user, data=data)
        if campaign:
            told_of = {**data, "mail": self.object.name}
            log(instance=campaign, action=TEST_LOGGED, user=self.request.user, data=told_of)
        text = ngettext(
            "The test is on its way to %s.", "The tests are on their way to %s.", len(sent)
        )
        messages.success(self.request, text % ", ".join(sent))
