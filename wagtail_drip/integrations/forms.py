"""Wagtail's form pages of a site that can't change their models: a trigger for each, declared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise
from wagtail.contrib.forms.models import AbstractFormSubmission

from .. import api
from ..models.form_data import address_in, answers
from .models import ModelTrigger


class FormTrigger(ModelTrigger):
    """Records `event` when somebody sends in the form of a page.

    `page`: its slug or primary key. `topics`: by a topic's short name, the name of the checkbox
    that asks for it; who ticks it chooses the topic, with the box's label as wording. The address
    is what stands in the form's first e-mail field; the answers are the event's data.
    """

    def __init__(
        self,
        event: str,
        label: str | Promise,
        *,
        page: str | int,
        topics: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(AbstractFormSubmission, event=event, label=label, email=self._address)
        self.page, self.topics, self.when = page, dict(topics or {}), self._is_here

    def _is_here(self, submission: Any) -> bool:
        return self.page in (submission.page.pk, submission.page.slug)

    def _fields(self, submission: Any) -> list[Any]:
        return list(submission.page.specific.get_form_fields())

    def _address(self, submission: Any) -> str:
        return address_in(self._fields(submission), submission.form_data)

    def picked(self, submission: Any) -> dict[str, Any]:
        page = {"form": submission.page.title, "page": submission.page.pk}
        return {**answers(self._fields(submission), submission.form_data), **page}

    def before(self, submission: Any, who: Mapping[str, Any]) -> None:
        labels = {field.clean_name: field.label for field in self._fields(submission)}
        for topic, box in self.topics.items():
            if submission.form_data.get(box):
                source = submission.page.url or str(submission.page)
                wording = labels.get(box, box)
                api.subscribe(topic, **who, source=source[:200], wording=wording)
