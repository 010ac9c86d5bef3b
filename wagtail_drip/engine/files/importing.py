"""From a file to drafts of a campaign and its mails; published only where that is asked for."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import unified_diff
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _
from wagtail.models import Locale, Site

from ...flow.compiling import NotReady
from ...models import Campaign, Step, Topic
from . import schema
from .exporting import OTHERS, PLAIN, STREAMS, TOPICS, as_text, campaign_data, raw, step_data
from .references import Unresolved, convert, inward

# Ids of blocks that a file gives none: the same place gets the same id at each import.
NAMESPACE = uuid.UUID("6f2f0c7e-5a8e-4f0d-9d3c-1d0f6a0e7c11")


MODELS: dict[str, Any] = {"campaign": Campaign, "step": Step}
DATA: dict[str, Any] = {"campaign": campaign_data, "step": step_data}


class BadFile(ValidationError):
    """The file can't be imported; `messages` names each place in it and what is wrong there."""


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one campaign or mail."""

    kind: str  # "campaign" or "step"
    name: str
    what: str  # "created", "changed" or "unchanged": its draft
    pk: Any = None
    published: bool = False
    # As a file has it, where it is changed: what it was, and what the file makes of it.
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None

    def diff(self) -> list[str]:
        """What changes, line by line of a file; [] where it is new or stays as it is."""
        if self.before is None or self.after is None:
            return []
        old, new = as_text(self.before).splitlines(), as_text(self.after).splitlines()
        return list(unified_diff(old, new, lineterm="", n=2))[2:]


def import_campaign(
    data: Any, *, site: Site, publish: bool = False, dry_run: bool = False, user: Any = None
) -> list[Change]:
    """`import_campaigns` of one file."""
    return import_campaigns({"": data}, site=site, publish=publish, dry_run=dry_run, user=user)


def import_campaigns(
    files: Mapping[str, Any],
    *,
    site: Site,
    publish: bool = False,
    dry_run: bool = False,
    user: Any = None,
) -> list[Change]:
    """Make or change the campaigns and mails of these files, by name: all of them or none.

    Campaigns may name one another, whichever file comes first. What is as the file says stays
    untouched. A dry run answers the same and keeps nothing.
    Raises BadFile for what the files say, flow.compiling.NotReady where publishing is refused.
    """
    found = {name: schema.problems(data) for name, data in files.items()}
    _stop_at(found)
    with transaction.atomic():
        imports = {name: _Import(data, site, user) for name, data in files.items()}
        for one in imports.values():
            one.reserve()
        changes = []
        for name, one in imports.items():
            try:
                changes += one.run()
            except BadFile as error:
                found[name] = error.messages
        _stop_at(found)
        if publish:
            changes = _publish_all(changes, user)
        if dry_run:
            transaction.set_rollback(True)
    return changes


def _stop_at(found: Mapping[str, list[str]]) -> None:
    named = [(name, one) for name, problems in found.items() for one in problems]
    if named:
        raise BadFile([f"{name}: {one}" if name else one for name, one in named])


def _publish_all(changes: Sequence[Change], user: Any) -> list[Change]:
    """Mails before campaigns; and a campaign that waits for another one after that."""
    published: dict[int, bool] = {}
    waiting = [one for one in changes if one.kind == "step"]
    waiting += [one for one in changes if one.kind == "campaign"]
    while waiting:
        refused: list[Change] = []
        for one in waiting:
            try:
                with transaction.atomic():
                    published[id(one)] = _publish(one, user)
            except NotReady as error:
                refused.append(one)
                trouble = error
        if len(refused) == len(waiting):
            raise trouble
        waiting = refused
    return [replace(one, published=published[id(one)]) for one in changes]


def _publish(change: Change, user: Any) -> bool:
    """Publish what is not live yet; whether there was anything to publish."""
    row = MODELS[change.kind].objects.get(pk=change.pk)
    if row.live and not row.has_unpublished_changes:
        return False
    (row.latest_revision or row.save_revision(user=user)).publish(user=user)
    return True


class _Import:
    def __init__(self, data: Mapping[str, Any], site: Site, user: Any) -> None:
        self.data, self.site, self.user = data, site, user
        self.slug = data["campaign"]["slug"]
        self.problems: list[str] = []
        self.reserved = False  # the campaign is there as a name alone

    def reserve(self) -> None:
        """Make the campaign, so that those of other files can name it."""
        if not Campaign.objects.filter(slug=self.slug).exists():
            name = self.data["campaign"]["name"]
            Campaign.objects.create(slug=self.slug, name=name, site=self.site, live=False)
            self.reserved = True

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
        row = Campaign.objects.get(slug=self.slug)
        values = self._values(Campaign, data, path)
        for name in TOPICS:
            values[name] = self._topic(data.get(name), f"{path}.{name}")
        for name in OTHERS:
            values[name] = self._others(data.get(name, []), f"{path}.{name}")
        return self._save("campaign", row, values, path, new=self.reserved)

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

    def _save(
        self, kind: str, row: Any, values: dict[str, Any], path: str, *, new: bool = False
    ) -> Change:
        new = new or row.pk is None
        draft = row.get_latest_revision_as_object() if row.pk else row
        if not new and _state(draft, values) == _state(None, values):
            return Change(kind, draft.name, "unchanged", pk=draft.pk)
        before = None if new else DATA[kind](draft, self.site)
        for name, value in values.items():
            setattr(draft, name, value)
        what = "created" if new else "changed"
        if not self._clean(draft, path):
            return Change(kind, draft.name, what)
        if new:
            draft.save()
        draft.save_revision(user=self.user)
        after = None if new else DATA[kind](draft, self.site)
        return Change(kind, draft.name, what, draft.pk, before=before, after=after)

    def _clean(self, draft: Any, path: str) -> bool:
        try:
            draft.full_clean()
        except ValidationError as error:
            for name, messages in error.message_dict.items():
                place = path if name == "__all__" else f"{path}.{name}"
                self.problems += [schema.at(place, message) for message in messages]
            return False
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
