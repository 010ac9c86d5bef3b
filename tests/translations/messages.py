"""Make the catalogs anew: `make messages` reads the words out of the package and compiles them.

GNU gettext (xgettext, msgmerge) is needed here and nowhere else: both the .po and the .mo files
are in the repository. What comes out depends on the package alone, so a second run changes
nothing: no dates, no line numbers, no guessed translations.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import polib
from django.conf import settings
from django.core.management import call_command
from django.core.management.commands import makemessages

import wagtail_drip

LANGUAGES = ("ar", "de", "fa", "ru")
PACKAGE = Path(wagtail_drip.__file__).parent
CATALOGS = {code: PACKAGE / f"locale/{code}/LC_MESSAGES/django.po" for code in LANGUAGES}
# What differs from run to run, and what names people.
UNKEPT = (
    "POT-Creation-Date",
    "PO-Revision-Date",
    "Last-Translator",
    "Language-Team",
    "Report-Msgid-Bugs-To",
)


class Extract(makemessages.Command):
    # A guessed translation is wrong more often than not, and nobody sees that it is missing.
    msgmerge_options = [*makemessages.Command.msgmerge_options, "--no-fuzzy-matching"]


def main() -> None:
    lacking = [name for name in ("xgettext", "msgmerge", "msgattrib") if not shutil.which(name)]
    if lacking:
        sys.exit(
            f"There is no {', '.join(lacking)} here: install GNU gettext (apt install gettext)."
        )
    settings.configure(USE_I18N=True)
    with working_in(PACKAGE):
        Path("locale").mkdir(exist_ok=True)
        call_command(
            Extract(), locale=list(LANGUAGES), add_location="file", no_obsolete=True, verbosity=0
        )
    for code, path in CATALOGS.items():
        catalog = tidy(polib.pofile(str(path)), code)
        catalog.save(str(path))
        path.with_suffix(".mo").write_bytes(compiled(catalog))
        done = len(catalog.translated_entries())
        sys.stdout.write(f"{code}: {done} of {len(catalog)} translated\n")


def tidy(catalog: polib.POFile, code: str) -> polib.POFile:
    for name in UNKEPT:
        catalog.metadata.pop(name, None)
    catalog.metadata["Project-Id-Version"] = "wagtail-drip"
    catalog.metadata["Language"] = code
    catalog.metadata_is_fuzzy = False
    catalog.header = ""
    for entry in catalog:
        entry.occurrences = sorted({(path, "") for path, _line in entry.occurrences})
    return catalog


def compiled(catalog: polib.POFile) -> bytes:
    """The .mo file of a catalog."""
    return catalog.to_binary()


@contextlib.contextmanager
def working_in(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


if __name__ == "__main__":
    main()
