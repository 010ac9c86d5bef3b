"""What both bookshops start with, whatever sells their books.

Makes what is missing and leaves alone what is there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.core.files.images import ImageFile
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db.models import QuerySet
from wagtail.images import get_image_model
from wagtail.models import Site

from wagtail_drip.conf import conf
from wagtail_drip.models import Attribute, Campaign, Step, Topic

CAMPAIGNS = Path(__file__).resolve().parent / "campaigns"
BY_TEXT = "by-text"
TOPICS = (
    ("news", "Letters from the shop", "About once a month: books, and now and then an offer."),
    ("books-you-asked-about", "Books you asked about", "A few mails about the book you asked for."),
    ("after-your-order", "After your order", "A thank-you, and perhaps a few tips a week later."),
    (
        BY_TEXT,
        "A word by text",
        "Now and then a text message: a reading, a book come back.",
    ),
)


def campaign(file: Path) -> None:
    """Make the campaign, or follow its file where nobody has edited what an earlier one made."""
    made = Campaign.objects.filter(slug=file.stem).first()
    if made is None:
        call_command("drip_import", str(file), publish=True, verbosity=0)
    elif made.live and untouched([made, *steps_of(file)]):
        # A book that its mails show may be gone by now: then it stays as it is.
        with suppress(CommandError):
            call_command("drip_import", str(file), publish=True, verbosity=0)


def steps_of(file: Path) -> QuerySet[Step]:
    keys = [step["key"] for step in json.loads(file.read_text(encoding="utf-8"))["steps"]]
    return Step.objects.filter(translation_key__in=keys)


def untouched(rows: Iterable[Campaign | Step]) -> bool:
    return not any(row.revisions.filter(user__isnull=False).exists() for row in rows)


def picture(title: str, make):
    """The image of that title, drawn where it is missing."""
    images = get_image_model().objects
    if found := images.filter(title=title).first():
        return found
    name = "".join(c if c.isascii() and c.isalnum() else "-" for c in title.lower())
    drawn = make()
    image = images.create(
        title=title, file=ImageFile(BytesIO(drawn), name=f"{name}.png"), file_size=len(drawn)
    )
    image.get_file_hash()  # written where it is missing; campaign files name images by it
    return image


def topics(site: Site) -> None:
    for slug, name, description in TOPICS:
        values = {"name": name, "description": description, "site": site, "opt_in": "single"}
        values["channel"] = Topic.Channel.SMS if slug == BY_TEXT else Topic.Channel.EMAIL
        Topic.objects.get_or_create(slug=slug, defaults=values)
    number = {"label": "Mobile number", "type": Attribute.Type.PHONE}
    Attribute.objects.get_or_create(key=conf.SMS_ATTRIBUTE, defaults=number)


def people() -> None:
    """admin/admin and editor/editor, who may do in campaigns what editors do."""
    users: Any = get_user_model().objects
    if not users.filter(username="admin").exists():
        users.create_superuser("admin", password="admin")
    editors, _created = Group.objects.get_or_create(name="Editors")
    may = [
        f"{verb}_{noun}" for noun in ("campaign", "step") for verb in ("add", "change", "publish")
    ]
    may += ["add_topic", "change_topic", "view_contact", "view_event", "view_enrollment"]
    may += ["view_delivery", "see_personal_data", "send_tests"]
    may += [f"{verb}_{noun}" for noun in ("segment", "sitebrand") for verb in ("add", "change")]
    editors.permissions.add(
        *Permission.objects.filter(content_type__app_label="wagtail_drip", codename__in=may)
    )
    if not users.filter(username="editor").exists():
        users.create_user("editor", password="editor").groups.add(editors)


def adopt() -> None:
    """Make site and database those of this address; a demo may move to another port."""
    from wagtail_drip.models import Heartbeat

    address = urlsplit(conf.BASE_URL)
    Site.objects.filter(is_default_site=True).update(
        hostname=address.hostname or "localhost",
        port=address.port or (443 if address.scheme == "https" else 80),
    )
    Site.clear_site_root_paths_cache()
    heartbeat = Heartbeat.load()
    Heartbeat.objects.filter(pk=heartbeat.pk).update(base_url=conf.BASE_URL)
