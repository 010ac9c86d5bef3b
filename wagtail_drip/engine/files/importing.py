"""From a file to drafts of a campaign and its mails; published only where that is asked for."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _
from wagtail.models import Locale, Site

from ...models import Campaign, Step, Topic
from . import schema
from .exporting import OTHERS, PLAIN, STREAMS, raw
from .references import Unresolved, convert, inward

# Ids of blocks that a file gives none: the same place gets the same id at each import.
NAMESPACE = uuid.UUID("6f2f0c7e-5a8e-4f0d-9d3c-1d0f6a0e7c11")


class BadFile(ValidationError):
    """The file can't be imported; `messages` names each place in it and what is wrong there."""


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one campaign or mail."""

    kind: str  # "campaign" or "step"
    name: str
    what: str  # "created", "changed" or "unchanged": its draft
    published: bool = False


def import_campaign(
    data: Any, *, site: Site, publish: bool = False, dry_run: bool = False, user: Any = None
) -> list[Change]:
    """Make or change the campaign and mails of a file, all of them or none.

    What is as the file says stays untouched. A dry run answers the same and keeps nothing.
    Raises BadFile for what the file says, flow.compiling.NotReady where publishing is refused.
    """
    if problems := schema.problems(data):
        raise BadFile(problems)
    with transaction.atomic():
        changes = _Import(data, site, publish, user).run()
        if dry_run:
            transaction.set_rollback(True)
    return changes


class _Import:
    def __init__(self, data: Mapping[str, Any], site: Site, publish: bool, user: Any) -> None:
        self.data, self.site, self.publish, self.user = data, site, publish, user
        self.slug = data["campaign"]["slug"]
        self.problems: list[str] = []

    def run(self) -> list[Change]:
        steps = [self.step(step, f"steps[{n}]") for n, step in enumerate(self.data["steps"])]
        self._stop_at_problems()  # a mail that is missing would make each send block wrong, too
        campaign = self.campaign(self.data["campaign"], "campaign")
        self._stop_at_problems()
        return [*steps, campaign]

    def _stop_at_problems(self) -> None:
        if self.problems:
            raise BadFile(self.problems)

    def step(self, data: Mapping[str, Any], path: str) -> Change:
        locale = self._locale(data.get("language"), path)
        row = Step.objects.filter(translation_key=data["key"], locale=locale).first()
        # A draft of its own: what a mail says goes live by publishing alone.
        row = row or Step(
            translation_key=uuid.UUID(data["key"]), locale=locale, site=self.site, live=False
        )
        return self._save("step", row, self._values(Step, data, path), path)

    def campaign(self, data: Mapping[str, Any], path: str) -> Change:
        row = Campaign.objects.filter(slug=self.slug).first()
        values = self._values(Campaign, data, path)
        values["topic"] = self._topic(data.get("topic"), f"{path}.topic")
        for name in OTHERS:
            values[name] = self._others(data.get(name, []), f"{path}.{name}")
        row = row or Campaign(site=self.site, live=False)
        return self._save("campaign", row, values, path)

    def _locale(self, code: str | None, path: str) -> Locale:
        if not code:
            return self.site.root_page.locale
        found = Locale.objects.filter(language_code=code).first()
        if found is None:
            message = _("this site has no language “%s”.") % code
            self.problems.append(schema.at(f"{path}.language", message))
        return found or self.site.root_page.locale

    def _topic(self, slug: str | None, path: str) -> Topic | None:
        found = Topic.objects.filter(slug=slug).first() if slug else None
        if slug and found is None:
            message = _("this site has no mailing topic “%s”; make it first.") % slug
            self.problems.append(schema.at(path, message))
        return found

    def _others(self, slugs: Sequence[str], path: str) -> list[Campaign]:
        found = list(Campaign.objects.filter(slug__in=slugs).order_by("slug"))
        for slug in sorted({*slugs} - {campaign.slug for campaign in found}):
            message = _("this site has no campaign “%s”; import it first.") % slug
            self.problems.append(schema.at(path, message))
        return found

    def _values(
        self, model: type[Campaign | Step], data: Mapping[str, Any], path: str
    ) -> dict[str, Any]:
        """Field values by name; what the file leaves out gets the field's default."""
        fields: Any = model._meta
        values = {
            name: data.get(name, fields.get_field(name).get_default()) for name in PLAIN[model]
        }
        for name in STREAMS[model]:
            values[name] = self._stream(model, name, data, f"{path}.{name}")
        return values

    def _stream(self, model: Any, name: str, data: Mapping[str, Any], path: str) -> Any:
        owner = data.get("key") or self.slug  # its place among the mails of the file may change
        block = model._meta.get_field(name).stream_block

        def leaf(leaf_block: Any, leaf_value: Any, place: str) -> Any:
            if leaf_block is None:
                self.problems.append(schema.at(place, _("this site has no such block or field.")))
                return None
            try:
                return inward(leaf_block, leaf_value, self.site)
            except Unresolved as error:
                self.problems.append(schema.at(place, str(error)))
                return None

        def identify(item: Mapping[str, Any], place: str) -> str:
            inside = f"{owner} {name}{place.removeprefix(path)}"
            return item.get("id") or str(uuid.uuid5(NAMESPACE, inside))

        return block.to_python(convert(block, data.get(name, []), leaf, identify, path))

    def _save(self, kind: str, row: Any, values: dict[str, Any], path: str) -> Change:
        what = "unchanged"
        draft = row.get_latest_revision_as_object() if row.pk else row
        if row.pk is None or _state(draft, values) != _state(None, values):
            what = "changed" if row.pk else "created"
            for name, value in values.items():
                setattr(draft, name, value)
            if not self._clean(draft, path):
                return Change(kind, draft.name, what)
            if not row.pk:
                draft.save()
            draft.save_revision(user=self.user)
        published = self.publish and self._publish(type(row), draft.pk)
        return Change(kind, draft.name, what, published)

    def _clean(self, draft: Any, path: str) -> bool:
        try:
            draft.full_clean()
        except ValidationError as error:
            for name, messages in error.message_dict.items():
                place = path if name == "__all__" else f"{path}.{name}"
                self.problems += [schema.at(place, message) for message in messages]
            return False
        return True

    def _publish(self, model: Any, pk: Any) -> bool:
        """Publish what is not live yet; whether there was anything to publish."""
        row = model._default_manager.get(pk=pk)
        if row.live and not row.has_unpublished_changes:
            return False
        (row.latest_revision or row.save_revision(user=self.user)).publish(user=self.user)
        return True


def _state(draft: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    """The draft's fields, or the given values, in a form that compares."""
    read = values if draft is None else {name: getattr(draft, name) for name in values}
    return {name: _plain(value) for name, value in read.items()}


def _plain(value: Any) -> Any:
    if hasattr(value, "stream_block"):
        return raw(value)
    if hasattr(value, "values_list") or isinstance(value, list):  # campaigns
        return sorted(row.slug for row in (value if isinstance(value, list) else value.all()))
    return value
