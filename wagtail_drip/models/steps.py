"""Step, the mail that editors write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.contenttypes.fields import GenericRelation
from django.db import models
from django.http import HttpResponse
from django.utils.translation import gettext_lazy as _
from modelcluster.models import ClusterableModel
from wagtail.models import (
    DraftStateMixin,
    LockableMixin,
    PreviewableMixin,
    RevisionMixin,
    TranslatableMixin,
    WorkflowMixin,
)
from wagtail.search import index

from ..content.blocks import BodyBlock
from ..content.messages import MessageStream
from ..fields import OpenStreamField
from .filling import as_draft
from .gating import Gated
from .owned import OfSite
from .stages import Stage

if TYPE_CHECKING:
    from ..content.compiling import Brand, Source
    from .campaigns import Campaign


class Step(
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
    """One message. Never a wait or a branch; may stand in several flows."""

    name = models.CharField(
        _("name"), max_length=200, help_text=_("For editors; readers see the subject.")
    )
    stage = models.CharField(
        _("lifecycle stage"),
        max_length=10,
        choices=Stage.choices,
        blank=True,
        help_text=_("For whom it is meant. Lists of mails may be filtered by it."),
    )
    channel = models.CharField(max_length=30, default="email", editable=False)
    subject = models.CharField(_("subject"), max_length=200, blank=True)
    preheader = models.CharField(
        _("preheader"),
        max_length=200,
        blank=True,
        help_text=_("The line that inboxes show after the subject."),
    )
    body = OpenStreamField(BodyBlock, blank=True, verbose_name=_("body"))
    # What a step of another channel holds, instead of subject, preheader and body.
    message = OpenStreamField(MessageStream, blank=True, verbose_name=_("message"))
    sender_name = models.CharField(_("sender name"), max_length=100, blank=True)
    sender_email = models.EmailField(_("sender address"), blank=True)

    revisions = GenericRelation(
        "wagtailcore.Revision",
        content_type_field="base_content_type",
        object_id_field="object_id",
        related_query_name="drip_step",
        for_concrete_model=False,
    )
    workflow_states = GenericRelation(
        "wagtailcore.WorkflowState",
        content_type_field="base_content_type",
        object_id_field="object_id",
        related_query_name="drip_step",
        for_concrete_model=False,
    )

    search_fields = [
        index.SearchField("name"),
        index.SearchField("subject"),
        index.AutocompleteField("name"),
        index.FilterField("locale"),
        index.FilterField("site"),
    ]

    class Meta(TranslatableMixin.Meta):
        verbose_name = _("mail")
        verbose_name_plural = _("mails")
        ordering = ["name"]
        permissions = [
            ("send_tests", _("Can send a mail to named addresses as a test")),
            ("write_html", _("Can write HTML in mails")),
        ]

    def __str__(self) -> str:
        return self.name

    def source(self, brand: Brand | None = None, campaign: Campaign | None = None) -> Source:
        """Its message, as the content wing takes it. `brand`: default its own site's.

        `campaign`: whose mail it is. It says why one gets it, and what is done to links.
        """
        from . import branding, sources

        return sources.source(self, brand or branding.brand_of(self.site), campaign)

    def get_lock(self) -> Any:
        """Its own; a draft has that of the approval which it will be published by, too."""
        from . import approving

        return super().get_lock() or approving.lock_of(self)

    def used_in(self) -> list[Campaign]:
        """The campaigns that may still send it; while there are any, it can't be deleted."""
        from . import publishing

        return publishing.used_in(self)

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        """Raises ProtectedError, saying where it is used, while a campaign may still send it."""
        from . import publishing

        # The signal alone would refuse inside Django's transaction and leave the caller's broken.
        publishing.protect_step(Step, self)
        return super().delete(*args, **kwargs)

    delete.alters_data = True  # type: ignore[attr-defined]

    def copy_for_translation(self, locale: Any, exclude_fields: Any = None) -> Step:
        """Unsaved, and a draft: Wagtail's copy would be live, untranslated."""
        return as_draft(super().copy_for_translation(locale, exclude_fields=exclude_fields))

    copy_for_translation.alters_data = True  # type: ignore[attr-defined]

    @property
    def preview_modes(self) -> list[tuple[str, Any]]:
        from . import previewing

        return previewing.modes(self)

    def serve_preview(self, request: Any, mode_name: str) -> HttpResponse:
        from . import previewing

        return previewing.serve(self, request, mode_name)
