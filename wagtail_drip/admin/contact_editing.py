"""Adding a contact by hand, and changing what is known of one."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.generic import FormView
from wagtail.admin import messages
from wagtail.admin.widgets import AdminDateInput, AdminDateTimeInput
from wagtail.admin.widgets.button import Button
from wagtail.coreutils import get_content_languages

from ..engine.identifying import find, identify
from ..engine.reconsidering import reconsider
from ..models import Attribute, Contact
from ..models.contacts import TRACKED
from . import contact_actions
from .contact_imports import may_import
from .contacts import PersonPage, contact_url, list_url
from .forms import zone_choices
from .permissions import may
from .sites import within

OWN = "attribute_"  # the form's fields of attributes
WIDGETS: dict[str, Any] = {
    Attribute.Type.DATE: AdminDateInput,
    Attribute.Type.DATETIME: AdminDateTimeInput,
}


class ContactForm(forms.ModelForm):
    """Names, language and time zone, what may be seen of them, and whatever attributes the site
    has defined."""

    class Meta:
        model = Contact
        fields = ["first_name", "last_name", "language", "time_zone", *TRACKED]
        help_texts = {
            name: gettext_lazy(
                "People choose this on their own page. Switch it on again only if they ask for it."
            )
            for name in TRACKED
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        spoken = dict(get_content_languages())
        if self.instance.language:
            spoken.setdefault(self.instance.language, self.instance.language)
        self.fields["language"] = forms.ChoiceField(
            label=gettext_lazy("Language"), required=False, choices=[("", "–"), *spoken.items()]
        )
        zones = [("", "–"), *zone_choices(self.instance.time_zone)[1:]]
        self.fields["time_zone"] = forms.ChoiceField(
            label=gettext_lazy("Time zone"), required=False, choices=zones
        )
        self.defined = list(Attribute.objects.order_by("label"))
        for one in self.defined:
            self.fields[OWN + one.key] = _field(one)
            self.initial[OWN + one.key] = one.say(self.instance.attributes.get(one.key))

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        self.values: dict[str, Any] = {}
        for one in self.defined:
            try:
                self.values[one.key] = one.read(cleaned.get(OWN + one.key))
            except ValueError as error:
                self.add_error(OWN + one.key, str(error))
        return cleaned

    def save(self, commit: bool = True) -> Contact:
        """Writes what this form holds alone: the rest may change meanwhile."""
        with transaction.atomic():
            row = Contact.objects.select_for_update().get(pk=self.instance.pk, erased_at=None)
            merged = {**row.attributes, **self.values}
            kept = {key: value for key, value in merged.items() if value is not None}
            fields = {name: self.cleaned_data[name] for name in self.Meta.fields}
            Contact.objects.filter(pk=row.pk).update(attributes=kept, **fields)
            reconsider([row.pk], timezone.now())
        return row


def _field(one: Attribute) -> forms.Field:
    """A text for each: `Attribute.read` knows what is right."""
    if one.type == Attribute.Type.CHOICE:
        choices = [("", "–"), *((option, option) for option in one.options())]
        return forms.ChoiceField(label=one.label, required=False, choices=choices)
    if one.type == Attribute.Type.BOOLEAN:
        choices = [("", "–"), (_("yes"), _("yes")), (_("no"), _("no"))]
        return forms.ChoiceField(label=one.label, required=False, choices=choices)
    widget = WIDGETS.get(one.type, forms.TextInput)
    return forms.CharField(label=one.label, required=False, widget=widget)


class AddForm(ContactForm):
    email = forms.CharField(label=gettext_lazy("E-mail address"), max_length=254)
    field_order = ["email"]

    def clean_email(self) -> str:
        email = self.cleaned_data["email"]
        try:
            known = find(email=email)
        except ValueError as error:
            raise forms.ValidationError(str(error)) from None
        if known:
            raise forms.ValidationError(_("There is a contact with this address."))
        return email


class EditView(PersonPage, FormView):
    template_name = "wagtail_drip/admin/act.html"
    form_class: type[ContactForm] = ContactForm
    log_as = "edit"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if not may(request.user, "change", Contact):
            raise PermissionDenied
        self.object = self._object()
        return super().dispatch(request, *args, **kwargs)

    def _object(self) -> Contact:
        people = within(Contact.objects.filter(erased_at=None), self.request.user)
        return get_object_or_404(people, pk=self.kwargs["pk"])

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "instance": self.object}

    def get_page_title(self) -> str:
        return _("Edit %s") % self.object

    def form_valid(self, form: Any) -> HttpResponse:
        contact = form.save()
        self._log(contact, {"fields": form.changed_data})
        messages.success(self.request, _("“%s” is saved.") % contact)
        return redirect(contact_url(contact.pk))

    def _log(self, contact: Contact, data: dict[str, Any]) -> None:
        contact_actions.write_down([contact], self.log_as, self.request.user, timezone.now(), data)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        back = contact_url(self.object.pk) if self.object.pk else list_url()
        return {**super().get_context_data(**kwargs), "submit": _("Save"), "next_url": back}


def list_buttons(user: Any) -> list[Button]:
    """What the list of contacts leads to, besides its downloads."""
    offers = [
        (may_import(user), _("Add a contact"), "add_contact", "plus"),
        (may_import(user), _("Import a file"), "upload_contacts", "upload"),
        (may_import(user), _("Imports"), "imports", "list-ul"),
    ]
    return [
        Button(label, url=reverse(f"wagtail_drip_admin:{name}"), icon_name=icon, priority=n)
        for n, (shown, label, name, icon) in enumerate(offers, start=10)
        if shown
    ]


class AddView(EditView):
    """For whom it is, not that they agreed to anything: they are subscribed afterwards."""

    form_class = AddForm
    log_as = "add"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if not may(request.user, "add", Contact):
            raise PermissionDenied
        self.object = Contact()
        return PersonPage.dispatch(self, request, *args, **kwargs)

    def get_page_title(self) -> str:
        return _("Add a contact")

    def form_valid(self, form: Any) -> HttpResponse:
        form.instance = identify(email=form.cleaned_data["email"], now=timezone.now())
        return super().form_valid(form)
