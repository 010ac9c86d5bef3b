"""Tags: words that editors stick on people."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from wagtail.search import index

from .addresses import digest, folded
from .filling import ascii_slug
from .inserting import insert


class Tag(index.Indexed, models.Model):
    """A word that may stand on many people."""

    name = models.CharField(gettext_lazy("name"), max_length=100)
    # How conditions and files name it: ASCII, so that no collation takes `josé` for `jose`.
    slug = models.CharField(max_length=64, unique=True, editable=False)

    search_fields = [index.SearchField("name"), index.AutocompleteField("name")]

    class Meta:
        verbose_name = gettext_lazy("tag")
        verbose_name_plural = gettext_lazy("tags")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        """A tag that has its slug keeps it over renaming: conditions name it."""
        self.slug = self.slug or tag_slug(self.name)
        super().save(*args, **kwargs)

    def clean(self) -> None:
        self.name = " ".join(self.name.split())
        try:
            slug = self.slug or tag_slug(self.name)
        except ValueError as error:
            raise ValidationError({"name": str(error)}) from None
        if Tag.objects.filter(slug=slug).exclude(pk=self.pk).exists():
            raise ValidationError({"name": _("There is a tag of this name.")})


def tag_slug(name: str) -> str:
    """The slug of the tag called so: `VIP` and ` vip ` are one, `josé` and `jose` are two.

    Raises ValueError where nothing is left of the name, or it is too long.
    """
    name = folded(name)
    if not name or len(name) > 100:
        raise ValueError(_("A tag needs a name of 1 to 100 letters."))
    slug = ascii_slug(name, 50)
    return slug if slug == name.replace(" ", "-") else f"{slug}-{digest(name)[:12]}".strip("-")


def tags_named(names: Iterable[str]) -> dict[str, Tag]:
    """The tags of these names by slug; those that are missing are made. Raises ValueError."""
    wanted = {tag_slug(name): " ".join(name.split()) for name in names}
    found = Tag.objects.in_bulk(list(wanted), field_name="slug")
    missing = [Tag(name=name, slug=slug) for slug, name in wanted.items() if slug not in found]
    if any(not insert(tag) for tag in missing):  # somebody else made it meanwhile
        return Tag.objects.in_bulk(list(wanted), field_name="slug")
    return found | {tag.slug: tag for tag in missing}


class Tagging(models.Model):
    """One tag on one person, since when."""

    contact = models.ForeignKey(
        "wagtail_drip.Contact", on_delete=models.CASCADE, related_name="taggings"
    )
    tag = models.ForeignKey(Tag, on_delete=models.CASCADE, related_name="taggings")
    at = models.DateTimeField(gettext_lazy("since"), default=timezone.now)

    class Meta:
        verbose_name = gettext_lazy("tag of a contact")
        verbose_name_plural = gettext_lazy("tags of contacts")
        constraints = [models.UniqueConstraint(fields=["contact", "tag"], name="drip_tagging_once")]
        indexes = [models.Index(fields=["tag", "contact"], name="drip_tagging_tag")]

    def __str__(self) -> str:
        return str(self.tag_id)


def tag_all(contact_ids: Collection[int], tags: Collection[Tag], *, at: datetime) -> int:
    """Put all the tags on all the people. Returns for how many of them one is new."""
    return put_tags({(pk, tag.pk) for pk in contact_ids for tag in tags}, at=at)


def put_tags(pairs: Collection[tuple[int, int]], *, at: datetime) -> int:
    """Tag people, (contact id, tag id) each. Returns for how many of them one is new.

    Two queries; call it with a few thousand at most.
    """
    present = Tagging.objects.filter(
        contact_id__in={contact for contact, _tag in pairs}, tag_id__in={tag for _, tag in pairs}
    )
    new = set(pairs) - set(present.values_list("contact_id", "tag_id"))
    Tagging.objects.bulk_create(
        [Tagging(contact_id=contact, tag_id=tag, at=at) for contact, tag in sorted(new)],
        ignore_conflicts=True,  # numbers and a moment: MariaDB's INSERT IGNORE mangles none
    )
    return len({contact for contact, _tag in new})
