"""Importing a file of contacts in three steps: upload, name the columns, look at the dry run."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST
from django.views.generic import FormView, ListView, TemplateView
from wagtail.admin import messages
from wagtail.admin.widgets.button import Button

from ..conf import conf
from ..engine import importing, reading, uploading
from ..models import Contact, ContactImport, ImportChunk, Topic
from ..models.imports import CHUNK, refused_rows
from ..models.tags import tags_named
from . import contact_actions
from .contact_forms import MomentField
from .contacts import PersonPage, list_url
from .permissions import may, may_see_people
from .record_export import as_text
from .sites import within

State = ContactImport.State
SHOWN = 100  # refused rows on the page; the file has them all
SAMPLES = 3  # rows shown beside the names of columns


def may_import(user: Any) -> bool:
    return may_see_people(user) and may(user, "add", Contact)


def imports_of(user: Any) -> QuerySet[ContactImport]:
    return within(ContactImport.objects.all(), user)


def imports_url() -> str:
    return reverse("wagtail_drip_admin:imports")


class ImportPage(PersonPage):
    header_icon = "upload"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if not may_import(request.user):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    def get_breadcrumbs_items(self) -> list[dict[str, Any]]:
        start = {"url": list_url(), "label": capfirst(Contact._meta.verbose_name_plural)}
        imports = {"url": imports_url(), "label": _("Imports")}
        title = {"url": "", "label": self.get_header_title()}
        return [*self.breadcrumbs_items, start, imports, title][: 3 if self.top else 4]

    top = False


class ImportsView(ImportPage, ListView):
    """What was imported, and what is on the way."""

    template_name = "wagtail_drip/admin/imports.html"
    page_title = gettext_lazy("Imports")
    paginate_by = 20
    page_kwarg = "p"  # as Wagtail's own lists have it
    top = True

    def get_queryset(self) -> QuerySet[ContactImport]:
        return imports_of(self.request.user).select_related("created_by").order_by("-pk")

    def get_header_buttons(self) -> list[Any]:
        url = reverse("wagtail_drip_admin:upload_contacts")
        return [Button(_("Import a file"), url=url, icon_name="upload")]


class UploadForm(forms.Form):
    file = forms.FileField(label=gettext_lazy("CSV file"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["file"].widget.attrs["accept"] = ".csv,.tsv,.txt,text/csv"
        self.fields["file"].help_text = _(
            "Its first row names the columns. Up to %(rows)s rows and %(mb)d MB; in UTF-8, UTF-16 "
            "or Windows-1252, with commas, semicolons, tabs or bars between the cells."
        ) % {"rows": f"{conf.IMPORT_ROWS:,}", "mb": conf.IMPORT_BYTES // 1_000_000}


class UploadView(ImportPage, FormView):
    """Step 1."""

    template_name = "wagtail_drip/admin/import_form.html"
    page_title = gettext_lazy("Import contacts")
    form_class = UploadForm

    def form_valid(self, form: Any) -> HttpResponse:
        file = form.cleaned_data["file"]
        try:
            job = uploading.upload(
                file.file, name=file.name, user=self.request.user, now=timezone.now()
            )
        except ValueError as error:
            form.add_error("file", str(error))
            return self.form_invalid(form)
        return redirect("wagtail_drip_admin:map_import", pk=job.pk)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        own = {"step": 1, "submit": _("Upload"), "next_url": imports_url()}
        return {**super().get_context_data(**kwargs), **own}


class MapForm(forms.ModelForm):
    """What each column means, and what is to be done with these people."""

    tag_names = forms.CharField(
        label=gettext_lazy("Tag all of them"),
        required=False,
        max_length=1000,
        help_text=gettext_lazy("Separated by commas."),
    )
    agreed_at = MomentField(label=gettext_lazy("When they agreed"), required=False)

    class Meta:
        model = ContactImport
        fields = ["existing", "topics", "source", "wording"]
        widgets = {
            "existing": forms.RadioSelect,
            "topics": forms.CheckboxSelectMultiple,
            "wording": forms.Textarea({"rows": 2}),
        }
        help_texts = {
            "topics": gettext_lazy(
                "Only those that all of them agreed to get. Whoever left a topic since doesn't "
                "come back by this, and nobody who is suppressed gets anything."
            ),
            "source": gettext_lazy(
                "Asked where topics are chosen, and kept as proof: “signed up on paper at the book "
                "fair”."
            ),
        }

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = reading.meanings()
        guessed = self.instance.mapping or reading.guess(self.instance.header, known)
        choices = [("", _("– nothing –")), *known.items()]
        for number, title in enumerate(self.instance.header):
            self.fields[f"column_{number}"] = forms.ChoiceField(
                label=title or _("Column %d") % (number + 1), choices=choices, required=False
            )
            self.initial[f"column_{number}"] = guessed.get(str(number), "")
        topics = within(Topic.objects.order_by("name"), user)
        self.fields["topics"].queryset = topics  # type: ignore[attr-defined]
        self.fields["topics"].required = False

    def columns(self) -> list[tuple[Any, list[str]]]:
        """Each column's field with some of what stands below it."""
        first = ImportChunk.objects.filter(job=self.instance, number=0).first()
        rows = json.loads(first.rows)[:SAMPLES] if first else []
        found = []
        for number in range(len(self.instance.header)):
            cells = [cells[number][:60] for _row, cells in rows if number < len(cells)]
            found.append((self[f"column_{number}"], cells))
        return found

    def others(self) -> list[Any]:
        return [field for field in self.visible_fields() if not field.name.startswith("column_")]

    def clean_tag_names(self) -> list[Any]:
        names = [name for name in self.cleaned_data["tag_names"].split(",") if name.strip()]
        try:
            return list(tags_named(names).values())
        except ValueError as error:
            raise forms.ValidationError(str(error)) from None

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        mapping: dict[str, str] = {}
        for number in range(len(self.instance.header)):
            meaning = cleaned.get(f"column_{number}")
            if meaning in mapping.values():
                self.add_error(f"column_{number}", _("Another column has this meaning."))
            elif meaning:
                mapping[str(number)] = meaning
        if reading.EMAIL not in mapping.values():
            self.add_error(None, _("Say which column holds the e-mail address."))
        if cleaned.get("topics") and not cleaned.get("source"):
            self.add_error("source", _("Say how they agreed to these topics."))
        self.instance.mapping = mapping
        return cleaned

    def save(self, commit: bool = True) -> ContactImport:
        self.instance.agreed_at = self.cleaned_data["agreed_at"] or self.instance.created_at
        job = super().save(commit)
        job.tags.set(self.cleaned_data["tag_names"])
        return job


class MapView(ImportPage, FormView):
    """Step 2; until the import has begun one may come back to it."""

    template_name = "wagtail_drip/admin/import_form.html"
    form_class = MapForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        self.object = get_object_or_404(imports_of(request.user), pk=kwargs["pk"])
        if may_import(request.user) and self.object.state not in (State.UPLOADED, State.CHECKED):
            return redirect("wagtail_drip_admin:import", pk=self.object.pk)
        return super().dispatch(request, *args, **kwargs)

    def get_page_title(self) -> str:
        return str(self.object)

    def get_form_kwargs(self) -> dict[str, Any]:
        names = ", ".join(tag.name for tag in self.object.tags.all())
        own = {"instance": self.object, "initial": {"tag_names": names}, "user": self.request.user}
        return {**super().get_form_kwargs(), **own}

    def form_valid(self, form: Any) -> HttpResponse:
        job = form.save()
        importing.begin(job, State.CHECKING)
        return redirect("wagtail_drip_admin:import", pk=job.pk)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        own = {"step": 2, "submit": _("Check the file"), "next_url": imports_url()}
        return {**super().get_context_data(**kwargs), **own, "job": self.object}


class ImportView(ImportPage, TemplateView):
    """Step 3: what would become of the rows; then how far it is, and what became of them."""

    template_name = "wagtail_drip/admin/import.html"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        self.object = get_object_or_404(imports_of(request.user), pk=kwargs["pk"])
        return super().dispatch(request, *args, **kwargs)

    def get_page_title(self) -> str:
        return str(self.object)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        job = self.object
        done = min(job.position * CHUNK, job.rows)
        settled = job.state in (State.CHECKED, State.DONE)
        return {
            **super().get_context_data(**kwargs),
            "job": job,
            "step": 3,
            "running": job.state in ContactImport.RUNNING,
            "done": done,
            "percent": done * 100 // max(1, job.rows),
            "figures": figures(job) if settled else [],
            "refused": list(islice(refused_rows(job), SHOWN)) if settled else [],
            "refused_count": job.counts.get("refused", 0),
            "importable": job.counts.get("new", 0) + job.counts.get("known", 0),
        }


def figures(job: ContactImport) -> list[tuple[str, int]]:
    labels = {
        "new": _("New"),
        "known": _("Known already"),
        "suppressed": _("Of these suppressed: they get no topic"),
        "refused": _("Refused"),
    }
    return [(label, job.counts.get(name, 0)) for name, label in labels.items()]


@require_POST
def go(request: HttpRequest, pk: int, wish: str) -> HttpResponse:
    """Import what was checked; go on after an error; or throw the file away."""
    if not may_import(request.user):
        raise PermissionDenied
    job = get_object_or_404(imports_of(request.user), pk=pk)
    if wish == "discard" and job.state not in (State.IMPORTING, State.DONE):
        job.delete()
        messages.success(request, _("The file is thrown away; nothing was imported."))
        return redirect("wagtail_drip_admin:imports")
    if wish == "import" and importing.begin(job, State.IMPORTING):
        now, data = timezone.now(), {"rows": job.rows}
        contact_actions.write_down([job], "import", request.user, now, data)
    elif wish == "again":
        importing.go_on(job)
    return redirect("wagtail_drip_admin:import", pk=job.pk)


class Echo:
    """A file that gives back what is written to it."""

    def write(self, text: str) -> str:
        return text


def download_refused(request: HttpRequest, pk: int) -> StreamingHttpResponse:
    """The rows that were refused, with why, as CSV: to be mended and imported again."""
    if not may_import(request.user):
        raise PermissionDenied
    job = get_object_or_404(imports_of(request.user), pk=pk)
    response = StreamingHttpResponse(_refused(job), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="refused-{job.pk}.csv"'
    return response


def _refused(job: ContactImport) -> Iterator[str]:
    writer: Any = csv.writer(Echo())
    yield "\ufeff"  # so that spreadsheets take it for UTF-8
    yield writer.writerow([*map(as_text, job.header), _("Row"), _("Why it was refused")])
    for row, cells, why in refused_rows(job):
        padded = [*cells, *[""] * (len(job.header) - len(cells))]
        yield writer.writerow([*map(as_text, padded), row, as_text(why)])
