"""Wagtail's form pages: what somebody sends in starts a campaign, with the consent it asks for.

    class ContactPage(DripFormMixin, AbstractEmailForm):
        content_panels = [*AbstractEmailForm.content_panels, …, *DripFormMixin.drip_panels]

The form gets a box for each topic that its editor chose; nobody gets a topic's mail without it.
What goes wrong here is logged, and the submission is kept.
"""

from __future__ import annotations

import logging
from typing import Any

from django import forms
from django.db import models, transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation
from django.utils.translation import gettext_lazy as _
from modelcluster.fields import ParentalManyToManyField
from wagtail.admin.panels import FieldPanel, MultiFieldPanel

from .. import api
from ..engine.signing_up import sign_up
from ..flow.triggers import FORM_SUBMITTED, SITE
from ..models.addresses import normalize
from ..models.form_data import address_in, answers
from ..models.signups import Choice
from .doors import kept_ip
from .forms import NumberField, goes_to_a_number
from .subscribing import may_try

logger = logging.getLogger("wagtail_drip")

BOX, NUMBER = "drip_topic_", "drip_number"


class DripFormMixin(models.Model):
    """Give it to a form page, before Wagtail's own class."""

    drip_campaign = models.ForeignKey(
        "wagtail_drip.Campaign",
        verbose_name=_("campaign that it starts"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        limit_choices_to={"trigger": FORM_SUBMITTED},
        help_text=_(
            "One of those that start when somebody sends in a form. Leave empty, and all of them "
            "start that ask for no form of their own."
        ),
    )
    drip_topics = ParentalManyToManyField(
        "wagtail_drip.Topic",
        verbose_name=_("mailing topics it asks consent for"),
        blank=True,
        related_name="+",
        help_text=_("The form gets a box for each, in the topic's own words."),
    )

    drip_panels = [
        MultiFieldPanel(
            [
                FieldPanel("drip_campaign", widget=forms.Select),
                FieldPanel("drip_topics", widget=forms.CheckboxSelectMultiple),
            ],
            heading=_("Mail after this form"),
        )
    ]

    class Meta:
        abstract = True

    def get_form_class(self) -> Any:
        topics = self.drip_topics.all()
        boxes: dict[str, forms.Field] = {
            f"{BOX}{topic.pk}": forms.BooleanField(label=topic.agreement, required=False)
            for topic in topics
        }
        if any(goes_to_a_number(topic) for topic in topics):
            boxes[NUMBER] = NumberField(label=_("Your mobile number"), required=False)
        return type("DripForm", (super().get_form_class(),), boxes)  # type: ignore[misc]

    def serve(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        self._drip_request = request
        return super().serve(request, *args, **kwargs)  # type: ignore[misc]

    def process_form_submission(self, form: Any) -> Any:
        submission = super().process_form_submission(form)  # type: ignore[misc]
        try:
            with transaction.atomic():
                self._drip_take(form.cleaned_data, submission)
        except Exception:
            logger.exception("What was sent in at %s started nothing", self)
        return submission

    def _drip_take(self, data: dict[str, Any], submission: Any) -> None:
        page: Any = self
        fields = list(page.get_form_fields())
        try:
            email = normalize(address_in(fields, data))
        except ValueError:
            return  # nobody to write to
        request = getattr(self, "_drip_request", None)
        if request and not may_try(request):
            logger.warning("Too many send in %s from one network: it starts nothing", page)
            return
        site = page.get_site()
        number = data.get(NUMBER) or ""
        topics = [
            topic
            for topic in self.drip_topics.all()
            if data.get(f"{BOX}{topic.pk}") and (number or not goes_to_a_number(topic))
        ]
        if topics and site:  # consent comes before the event that may need it
            sign_up(
                email,
                [
                    Choice(
                        topic,
                        topic.agreement,
                        topic.wording_version,
                        number if goes_to_a_number(topic) else "",
                    )
                    for topic in topics
                ],
                site=site,
                now=timezone.now(),
                source=(request.path if request else page.url or "")[:200],
                language=translation.get_language() or "",
                ip=kept_ip(request) if request else None,
            )
        told = {**answers(fields, data), "form": page.title, "page": page.pk}
        if self.drip_campaign:
            told["campaign"] = self.drip_campaign.slug
        if site:
            told[SITE] = site.pk
        key = f"{submission._meta.label_lower}:{submission.pk}" if submission else ""
        api.record(FORM_SUBMITTED, email=email, data=told, key=key)
