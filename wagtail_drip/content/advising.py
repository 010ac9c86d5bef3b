"""What may be better in a mail that can go out as it is: warnings, where `checking` has errors."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from django.utils.translation import gettext as _
from wagtail.blocks import StreamValue

from . import making, richtext, site_urls
from .colors import READABLE, contrast
from .compiling import Source, all_rows
from .email_block import EmailBlock
from .rendering import Rendering

LONGEST_SUBJECT = 60  # letters that mail programs show on a computer; phones show some 40
HEAVIEST = 400 * 1024  # bytes of one picture that a phone still loads at once
_WHOLE = re.compile(r"(?i)([a-z][a-z0-9+.-]*:|/|#)")
_WORD = re.compile(r"\w+")
_CODE = re.compile(r"\{%[^{}]*%\}|\{#[^{}]*#\}")


def advice(source: Source) -> list[str]:
    """Sentences for editors, each naming its block; [] where there is nothing to say."""
    return [
        *_lines(source),
        *_code(source),
        *_headings(source),
        *_links(source),
        *_pictures(source),
        *_looks(source),
        *_text(source),
    ]


def _lines(source: Source) -> Iterator[str]:
    if len(source.subject) > LONGEST_SUBJECT:
        yield _("The subject has %(length)d letters; inboxes show some %(most)d, phones fewer.") % {
            "length": len(source.subject),
            "most": LONGEST_SUBJECT,
        }
    if not source.preheader.strip():
        yield _("There is no preheader: inboxes show the first words of the mail instead.")
    if not source.brand.postal_address.strip():
        yield _("No postal address stands at the foot; the law asks for one in many countries.")


def _code(source: Source) -> Iterator[str]:
    """Template tags: whoever writes them expects what no mail does."""
    texts = [(_("Subject"), source.subject), (_("Preheader"), source.preheader)]
    for row in all_rows(source):
        where = _("Block %(number)s (%(label)s)") % {"number": row.number, "label": row.block.label}
        own = row.block.texts(row.value) if isinstance(row.block, EmailBlock) else ()
        texts += [(where, text) for text in own]
    for where, text in texts:
        if found := _CODE.search(text):
            yield _("%(where)s: readers see “%(code)s” as it is typed.") % {
                "where": where,
                "code": found[0],
            }


def _headings(source: Source) -> Iterator[str]:
    """Whoever listens to a mail finds their way by its headings."""
    seen_large = False
    for row in all_rows(source):
        size = row.value.get("size") if hasattr(row.value, "get") else None
        if size == "large":
            seen_large = True
        elif size == "small" and not seen_large:
            where = {"number": row.number, "label": row.block.label}
            yield (
                _("Block %(number)s (%(label)s): a small heading comes before any large one.")
                % where
            )
            return


def _links(source: Source) -> Iterator[str]:
    for row in all_rows(source):
        links = row.block.links(row.value) if isinstance(row.block, EmailBlock) else ()
        for url in links:
            said = {"number": row.number, "label": row.block.label, "url": url}
            if not _WHOLE.match(url):
                yield (
                    _(
                        'Block %(number)s (%(label)s): the link "%(url)s" is relative; write the '
                        "whole address, or choose the page."
                    )
                    % said
                )
            elif site_urls.is_dead(url, source.brand.base_url):
                yield (
                    _(
                        'Block %(number)s (%(label)s): nothing is at "%(url)s" on this site; '
                        "choose the page, then the link stays right."
                    )
                    % said
                )


def _pictures(source: Source) -> Iterator[str]:
    """Heavy ones, and those whose file is gone."""
    rendering = Rendering(source.brand, source.language)
    for row in all_rows(source):
        images = row.block.images(row.value) if isinstance(row.block, EmailBlock) else ()
        for image in images:
            file = None if image.is_svg() else rendering.file_of(image, rendering.room)
            said = {"number": row.number, "label": row.block.label, "image": image.title}
            if file is None:
                yield _("Block %(number)s (%(label)s): mails can't show “%(image)s”.") % said
            elif (size := file.file.size) > HEAVIEST:
                said |= {"size": size // 1024, "most": HEAVIEST // 1024}
                yield (
                    _(
                        "Block %(number)s (%(label)s): “%(image)s” has %(size)d KB in the mail; up "
                        "to %(most)d KB load at once on phones. A photo as JPEG needs less."
                    )
                    % said
                )


def _looks(source: Source) -> Iterator[str]:
    for name, palette in ((_("light"), source.brand.light), (_("dark"), source.brand.dark)):
        pairs = [
            (_("text"), palette.words, palette.card),
            (_("links"), palette.link, palette.card),
            (_("buttons"), palette.on_accent, palette.accent),
            (_("the foot"), palette.quiet, palette.ground),
        ]
        for what, ink, paper in pairs:
            if contrast(ink, paper) < READABLE:
                yield _("On %(screen)s screens %(what)s can hardly be read.") % {
                    "screen": name,
                    "what": what,
                }


def _text(source: Source) -> Iterator[str]:
    """Who reads plain text must find there what the others see."""
    try:
        mail = making.sample(source)
        around = making.sample(replace(source, body=StreamValue(source.body.stream_block, [])))
    except making.OUTAGE:
        raise
    except Exception:  # what can't be rendered is an error, and told as one
        return
    post = set(_WORD.findall(source.brand.postal_address))
    if post - set(_WORD.findall(richtext.as_text(mail.html))):  # the foot is a site's own template
        yield _("The postal address does not stand in the mail.")
    foot = set(_WORD.findall(richtext.as_text(around.html)))
    seen = [word for word in _WORD.findall(richtext.as_text(mail.html)) if word not in foot]
    read = set(_WORD.findall(mail.text))
    missing = sum(word not in read for word in seen)
    if missing > max(5, len(seen) // 5):
        yield _("The plain text lacks %(missing)d of %(all)d words that the mail shows.") % {
            "missing": missing,
            "all": len(seen),
        }
