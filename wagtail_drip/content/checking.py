"""What keeps a mail from being sent, in plain sentences that name the block."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from urllib.parse import unquote

from django.utils.translation import gettext as _

from . import making, merge_fields
from .compiling import MOST_BYTES, Row, Source, all_rows
from .email_block import EmailBlock
from .merge_fields import Fields
from .personalizing import Envelope

_ENVELOPE = Envelope(
    message_id="check@example.com",
    leave_url="https://example.com/the-link-to-unsubscribe/",
    from_email="sender@example.com",
)


def problems(source: Source) -> list[str]:
    """Why this message can't go out; [] when it can. Renders it once, with sample values."""
    found = list(_problems(source))
    return found or list(_rendering_problems(source))


def _problems(source: Source) -> Iterator[str]:
    fields = merge_fields.fields()
    if source.words is not None:
        yield from source.words.problems()
        for name, text in source.words.texts.items():
            label = source.words.child.block.child_blocks[name].label
            yield from _token_problems(text, fields, str(label))
        return
    if not source.subject.strip():
        yield _("The mail has no subject.")
    yield from _token_problems(source.subject, fields, _("Subject"))
    yield from _token_problems(source.preheader, fields, _("Preheader"))
    if not len(source.body):
        yield _("The mail has no body: add a block.")
    for row in all_rows(source):
        yield from _row_problems(row, fields)


def _row_problems(row: Row, fields: Fields) -> Iterator[str]:
    where = _("Block %(number)s (%(label)s)") % {"number": row.number, "label": row.block.label}
    if row.unknown:
        yield f"{where}: " + _("this site has no such block as “%s”.") % row.unknown
    for problem in row.gone:
        yield f"{where}: {problem}"
    if not isinstance(row.block, EmailBlock):
        return
    for problem in row.block.problems(row.value):
        yield f"{where}: {problem}"
    for text in row.block.texts(row.value):
        yield from _token_problems(text, fields, where)
    # There they would stay as typed, and the reader be led nowhere.
    for url in filter(merge_fields.LOOKALIKE.search, map(unquote, row.block.links(row.value))):
        yield f"{where}: " + _("merge fields do not work in the address %s.") % url


def _token_problems(text: str, fields: Fields, where: str) -> Iterator[str]:
    for token in merge_fields.tokens(text, fields):
        said = {"where": where, "token": token.source, "slug": token.slug}
        if not (token.known and fields.offer(token.slug)):
            yield _("%(where)s: there is no merge field %(token)s.") % said + _meant(token, fields)
        elif fields[token.slug].may_be_missing and not token.fallback:
            yield (
                _(
                    "%(where)s: %(token)s may have no value; say what stands instead, "
                    "like {{ %(slug)s|friend }}."
                )
                % said
            )


def _meant(token: merge_fields.Token, fields: Fields) -> str:
    names = fields.offered() if "." in token.slug else fields
    close = difflib.get_close_matches(token.slug.lower(), names, n=1, cutoff=0.5)
    return " " + _("Did you mean {{ %s }}?") % close[0] if close else ""


def _rendering_problems(source: Source) -> Iterator[str]:
    try:
        made = making.sample(source, envelope=_ENVELOPE)
        size = 0 if source.words is not None else len(made.as_bytes())
    except making.OUTAGE:
        raise
    except Exception as error:
        yield _("The mail can't be rendered: %s") % error
        return
    if source.words is None and not source.because:
        # A template of the site's own may leave it out.
        if _ENVELOPE.leave_url not in made.html:
            yield _("The mail has no link to unsubscribe.")
        elif _ENVELOPE.leave_url not in made.text:
            yield _("The mail's plain text has no link to unsubscribe.")
    if size > MOST_BYTES:
        yield (
            _("The mail is %(size)d KB long; Gmail cuts off what is longer than %(most)d KB.")
            % {"size": size // 1024, "most": MOST_BYTES // 1024}
        )
