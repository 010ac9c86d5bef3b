"""SharedContent: blocks that are written once and stand in many mails; and the block for them.

Mails show its live version in their own language, so publishing it shows in the next mail.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib.contenttypes.fields import GenericRelation
from django.db import models
from django.db.models import ProtectedError
from django.db.models.signals import pre_delete
from django.http import HttpResponse
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from modelcluster.models import ClusterableModel
from wagtail.blocks import Block
from wagtail.models import (
    DraftStateMixin,
    LockableMixin,
    PreviewableMixin,
    ReferenceIndex,
    RevisionMixin,
    TranslatableMixin,
    WorkflowMixin,
)
from wagtail.search import index

from ..chosen import SnippetChooser
from ..content.blocks import BodyBlock
from ..content.compiling import Source
from ..content.email_block import PREVIEW
from ..content.grouping import GroupBlock
from ..content.personalizing import Hold
from ..fields import OpenStreamField
from ..streams import sharing
from .filling import as_draft
from .gating import Gated
from .owned import OfSite

_WITHIN = "within shared content"  # the mark that a stream is one's body


class SharedBodyBlock(BodyBlock):
    """All blocks of a mail but shared content, so that none can hold itself."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        with sharing() as pool:
            pool[_WITHIN] = []
            super().__init__(*args, **kwargs)


class SharedContent(
    OfSite,
    Gated,
    WorkflowMixin,
    DraftStateMixin,
    LockableMixin,
    RevisionMixin,
    PreviewableMixin,
    TranslatableMixin,
    index.Indexed,
    ClusterableModel,
):
    """A few blocks that several mails show."""

    name = models.CharField(_("name"), max_length=200, help_text=_("For editors alone."))
    body = OpenStreamField(SharedBodyBlock, blank=True, verbose_name=_("content"))

    revisions = GenericRelation(
        "wagtailcore.Revision",
        content_type_field="base_content_type",
        object_id_field="object_id",
        related_query_name="drip_shared_content",
        for_concrete_model=False,
    )
    workflow_states = GenericRelation(
        "wagtailcore.WorkflowState",
        content_type_field="base_content_type",
        object_id_field="object_id",
        related_query_name="drip_shared_content",
        for_concrete_model=False,
    )

    search_fields = [
        index.SearchField("name"),
        index.AutocompleteField("name"),
        index.FilterField("locale"),
        index.FilterField("site"),
    ]
    preview_modes = [("html", _("Mail")), ("dark", _("On a dark screen")), ("text", _("Text"))]

    class Meta(TranslatableMixin.Meta):
        verbose_name = _("shared content")
        verbose_name_plural = _("shared content")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        """Raises ProtectedError, saying where it is used, while a mail shows it."""
        # The signal alone would refuse inside Django's transaction and leave the caller's broken.
        protect(SharedContent, self)
        return super().delete(*args, **kwargs)

    delete.alters_data = True  # type: ignore[attr-defined]

    def copy_for_translation(self, locale: Any, exclude_fields: Any = None) -> SharedContent:
        """Unsaved, and a draft: Wagtail's copy would be live, untranslated."""
        return as_draft(super().copy_for_translation(locale, exclude_fields=exclude_fields))

    copy_for_translation.alters_data = True  # type: ignore[attr-defined]

    def used_in(self) -> list[Any]:
        """The mails that show it, by Wagtail's own index of references."""
        found = ReferenceIndex.get_references_to(self)
        return [obj for obj, _references in found.group_by_source_object() if obj is not None]

    def in_language(self, language: str) -> SharedContent:
        """Its live translation, where it has one; asked once for each row and language."""
        known = self.__dict__.setdefault("_drip_translations", {})
        if language not in known:
            known[language] = self._translation(language)
        return known[language]

    def _translation(self, language: str) -> SharedContent:
        rows = SharedContent.objects.filter(translation_key=self.translation_key, live=True)
        live = {row.locale.language_code.lower(): row for row in rows.select_related("locale")}
        wanted = language.lower()
        found = live.get(wanted) or live.get(wanted.partition("-")[0]) or self
        return self if found.pk == self.pk else found

    def source(self) -> Source:
        """A mail with it alone, for previews."""
        from . import branding

        return Source(
            subject=self.name,
            preheader="",
            body=self.body,
            language=self.locale.language_code,
            brand=branding.brand_of(self.site),
        )

    def serve_preview(self, request: Any, mode_name: str) -> HttpResponse:
        from ..content import making, sampling

        self.fill_in()
        try:
            mail = making.sample(self.source())
        except Exception as error:  # a draft may hold anything
            text = gettext("This content can't be shown yet: %s") % error
            return HttpResponse(text, content_type="text/plain; charset=utf-8")
        if mode_name == "text":
            return HttpResponse(mail.text, content_type="text/plain; charset=utf-8")
        dark = mode_name == "dark"
        return HttpResponse(sampling.as_on_dark_screens(mail.html) if dark else mail.html)


class SharedBlock(GroupBlock, SnippetChooser):
    """Shows the blocks of shared content as if they stood in the mail itself."""

    kept = True

    def __init__(self, target_model: Any = "wagtail_drip.SharedContent", **kwargs: Any) -> None:
        super().__init__(target_model, **kwargs)

    def nested(self, depth: int) -> Block | None:
        with sharing() as pool:
            return None if _WITHIN in pool else self

    def render(self, value: SharedContent | None, context: Any = None) -> str:
        if value is None and (context or {}).get("preview"):  # in the block picker
            return format_html("<p>{}</p>", gettext("What you wrote once stands here."))
        return super().render(value, context)

    def inside(self, value: SharedContent | None, language: str) -> Iterable[Any]:
        return value.in_language(language).body if value else ()

    def lacking(self, value: SharedContent | None, language: str) -> Hold | None:
        problems = self.problems(value, language)
        return Hold(problems[0]) if problems else None

    def problems(self, value: SharedContent | None, language: str = "") -> list[str]:
        if value is None:
            return [gettext("No shared content is chosen, or it no longer exists.")]
        if not value.in_language(language).live:
            return [gettext("The shared content “%s” is not published.") % value.name]
        return []

    class Meta:
        label = _("Shared content")
        description = _("What is written once and stands in several mails.")
        icon = "copy"
        group = _("From your site")
        preview_template = PREVIEW


def protect(sender: Any, instance: SharedContent, **kwargs: Any) -> None:
    """Before any deletion: refuse it while a mail shows it."""
    if mails := instance.used_in():
        text = gettext("“%(name)s” can't be deleted: it is used in %(mails)s.") % {
            "name": instance,
            "mails": ", ".join(f"“{mail}”" for mail in mails),
        }
        raise ProtectedError(text, set(mails))


def connect() -> None:
    """Connect the receiver; called once, when apps are ready."""
    pre_delete.connect(protect, sender=SharedContent, dispatch_uid="wagtail_drip.protect_shared")


def builtin() -> dict[str, Block]:
    return {"shared": SharedBlock()}
