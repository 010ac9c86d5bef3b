"""Reading: what the cells of an uploaded row say of a person, by the meaning of their columns."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..models import Attribute, Contact, ContactImport
from ..models.addresses import digest, folded, normalize
from ..models.attributes import Value
from ..models.tags import tag_slug

EMAIL, TAGS, ATTRIBUTE = "email", "tags", "attribute:"
# A column's meaning, as `ContactImport.mapping` has it; attributes come as "attribute:<key>".
MEANINGS = {
    EMAIL: gettext_lazy("E-mail address"),
    "first_name": gettext_lazy("First name"),
    "last_name": gettext_lazy("Last name"),
    "language": gettext_lazy("Language"),
    "time_zone": gettext_lazy("Time zone"),
    TAGS: gettext_lazy("Tags"),
}
LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
# How files call them, besides their names in the reader's language.
USUAL = {
    EMAIL: "email e-mail mail emailaddress e-mailaddress mailaddress emailadresse courriel correo",
    "first_name": "firstname first givenname vorname prenom prénom nombre",
    "last_name": "lastname last surname familyname nachname nom apellido",
    "language": "language lang locale sprache langue idioma",
    "time_zone": "timezone tz zeitzone",
    TAGS: "tags tag labels schlagworte",
}


@dataclass(slots=True)
class Person:
    """What one row says; `fields` and `attributes` hold what isn't empty."""

    row: int
    email: str
    digest: str
    fields: dict[str, str] = field(default_factory=dict)
    attributes: dict[str, Value] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)  # names by slug


class Reader:
    """Reads rows by an import's mapping."""

    def __init__(self, job: ContactImport) -> None:
        self.columns = [(int(number), meaning) for number, meaning in job.mapping.items()]
        self.attributes = {one.key: one for one in Attribute.objects.all()}

    def read(self, rows: Sequence[tuple[int, list[str]]]) -> tuple[list[Person], dict[int, str]]:
        """(people, why other rows can't be used by their number)."""
        people, refused = [], {}
        for number, cells in rows:
            try:
                people.append(self._person(number, cells))
            except ValueError as error:
                refused[number] = str(error)
        return people, refused

    def _person(self, number: int, cells: list[str]) -> Person:
        said = [
            (meaning, cells[column].strip())
            for column, meaning in self.columns
            if column < len(cells) and cells[column].strip()
        ]
        email = normalize(next((text for meaning, text in said if meaning == EMAIL), ""))
        person = Person(number, email, digest(email))
        for meaning, text in said:
            if meaning.startswith(ATTRIBUTE):
                key = meaning.removeprefix(ATTRIBUTE)
                if key in self.attributes:  # else it was deleted since the columns were named
                    value = self.attributes[key].read(text)
                    if value is not None:
                        person.attributes[key] = value
            elif meaning == TAGS:
                names = [name.strip() for name in re.split(r"[,;|]", text) if name.strip()]
                person.tags |= {tag_slug(name): name for name in names}
            elif meaning != EMAIL:
                person.fields[meaning] = self._field(meaning, text)
        return person

    def _field(self, name: str, text: str) -> str:
        if name == "language":
            if not LANGUAGE.fullmatch(text) or len(text) > 35:
                raise ValueError(_("“%s” is no language code such as en or de-at.") % text[:40])
            return text.lower()
        if name == "time_zone":
            if text.casefold() not in zones():
                raise ValueError(_("“%s” is no time zone such as Europe/Paris.") % text[:40])
            return zones()[text.casefold()]
        field: Any = Contact._meta.get_field(name)
        most = field.max_length
        if len(text) > most:
            words = {"name": MEANINGS[name], "most": most}
            raise ValueError(_("%(name)s: longer than %(most)d letters.") % words)
        return text


@cache
def zones() -> dict[str, str]:
    """All time zones by their names in lower case; listing them reads a folder of files."""
    return {zone.casefold(): zone for zone in available_timezones()}


def meanings() -> dict[str, Any]:
    """All that a column may mean, with a label each."""
    own = {f"{ATTRIBUTE}{one.key}": one.label for one in Attribute.objects.order_by("label")}
    return {**MEANINGS, **own}


def guess(header: Sequence[str], known: Mapping[str, Any]) -> dict[str, str]:
    """What the columns most likely mean, by their names: {"0": "email", …}."""
    names: dict[str, str] = {}
    for meaning, label in known.items():
        words = [str(label), meaning.removeprefix(ATTRIBUTE), *USUAL.get(meaning, "").split()]
        for word in words:
            names.setdefault(_bare(word), meaning)
    found: dict[str, str] = {}
    for number, title in enumerate(header):
        likely = names.get(_bare(title))
        if likely and likely not in found.values():
            found[str(number)] = likely
    return found


def _bare(text: str) -> str:
    return re.sub(r"[\W_]+", "", folded(text))
