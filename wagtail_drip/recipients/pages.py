"""What a site's own pages take to carry a sign-up form: a mixin for page models, and a block.

    class NewsletterPage(SignUpMixin, Page):
        content_panels = Page.content_panels + SignUpMixin.sign_up_panels

and in its template `{% load wagtail_drip %}{% drip_sign_up page %}`. In a StreamField:
`("sign_up", SignUpBlock())`.
"""

from __future__ import annotations

from typing import Any

from django.db import models
from django.middleware.csrf import get_token
from django.utils.translation import gettext_lazy as _
from modelcluster.fields import ParentalManyToManyField
from wagtail.admin.panels import FieldPanel
from wagtail.blocks import CharBlock, ListBlock, StructBlock, TextBlock
from wagtail.snippets.blocks import SnippetChooserBlock

from .forms import sign_up_context


class SignUpMixin(models.Model):
    """Give it to a page model: editors choose which topics its form offers."""

    sign_up_topics = ParentalManyToManyField(
        "wagtail_drip.Topic",
        blank=True,
        related_name="+",
        verbose_name=_("mailing topics to sign up for"),
    )

    sign_up_panels = [FieldPanel("sign_up_topics")]

    class Meta:
        abstract = True


class SignUpBlock(StructBlock):
    """A sign-up form between other blocks of a page."""

    heading = CharBlock(label=_("Heading"), required=False, max_length=120)
    text = TextBlock(label=_("Text"), required=False, rows=2)
    topics = ListBlock(
        SnippetChooserBlock("wagtail_drip.Topic", label=_("Mailing topic")),
        label=_("Mailing topics"),
        min_num=1,
        help_text=_("With several, people choose among them."),
    )
    button = CharBlock(label=_("What the button says"), required=False, max_length=60)

    class Meta:
        label = _("Sign-up form")
        description = _("Visitors leave their address for one or several mailing topics.")
        icon = "mail"
        template = "wagtail_drip/recipients/sign_up_block.html"

    def get_context(self, value: Any, parent_context: Any = None) -> dict[str, Any]:
        context = super().get_context(value, parent_context=parent_context)
        topics = [topic for topic in value.get("topics") or () if topic is not None]
        # There in whatever way the page's template renders its blocks, as long as they see the
        # request: `{% include_block %}` hands it on.
        request = context.get("request")
        token = {"csrf_token": get_token(request)} if request else {}
        return {**context, **token, **sign_up_context(request, topics)}
