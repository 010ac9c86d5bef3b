"""Attributes: what a site wants to know of its people, each with a type.

A value lives in `Contact.attributes` under the attribute's key, as JSON: a text, a number, true or
false, a phone number as "+491701234567", a date as "2026-12-31", a moment as
"2026-12-31T10:00:00+00:00" (UTC), a choice as its text.
So ISO dates compare as texts (models/questions.py). Site code may keep other keys there too;
editors and imports see those that are defined.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from wagtail.search import index

from ..content import phone

LONGEST = 2000  # characters of a text
KEY = RegexValidator(r"^[a-z][a-z0-9_]*\Z", gettext_lazy("Use a–z, 0–9 and _, a letter first."))
YES, NO = {"yes", "true", "1", "on", "y"}, {"no", "false", "0", "off", "n"}

Value = str | int | float | bool


class Attribute(index.Indexed, models.Model):
    """One thing to know of a person: the city, the size, the birthday."""

    class Type(models.TextChoices):
        TEXT = "text", gettext_lazy("text")
        NUMBER = "number", gettext_lazy("number")
        BOOLEAN = "boolean", gettext_lazy("yes or no")
        DATE = "date", gettext_lazy("date")
        DATETIME = "datetime", gettext_lazy("date and time")
        CHOICE = "choice", gettext_lazy("one of a list")
        PHONE = "phone", gettext_lazy("phone number")

    label = models.CharField(gettext_lazy("name"), max_length=100)
    key = models.CharField(
        gettext_lazy("key"),
        max_length=64,
        unique=True,
        validators=[KEY],
        help_text=gettext_lazy("How site code and files name it, such as shoe_size."),
    )
    type = models.CharField(
        gettext_lazy("type"), max_length=10, choices=Type.choices, default=Type.TEXT
    )
    choices = models.TextField(
        gettext_lazy("choices"), blank=True, help_text=gettext_lazy("One on each line.")
    )

    search_fields = [index.SearchField("label"), index.AutocompleteField("label")]

    class Meta:
        verbose_name = gettext_lazy("attribute")
        verbose_name_plural = gettext_lazy("attributes")
        ordering = ["label"]

    def __str__(self) -> str:
        return self.label

    def clean(self) -> None:
        if self.type == self.Type.CHOICE and not self.options():
            raise ValidationError({"choices": _("Name at least one choice.")})

    def options(self) -> list[str]:
        """The choices, in their order."""
        return [line.strip() for line in self.choices.splitlines() if line.strip()]

    def read(self, text: Any) -> Value | None:
        """What is stored for `text` as people write it; None for nothing.

        Raises ValueError, saying what would be right.
        """
        text = str(text if text is not None else "").strip().replace("\0", "")
        return _READERS[self.type](self, text) if text else None

    def say(self, value: Any) -> str:
        """A stored value as people read it; what is of another type shows as it is."""
        if isinstance(value, bool):
            return _("yes") if value else _("no")
        return "" if value is None else str(value)

    def _read_text(self, text: str) -> str:
        if len(text) > LONGEST:
            raise ValueError(_("“%(label)s” is longer than %(most)d letters.") % {
                "label": self, "most": LONGEST,
            })  # fmt: skip
        return text

    def _read_number(self, text: str) -> int | float:
        try:
            number = Decimal(text)
        except InvalidOperation:
            number = Decimal("nan")
        if not number.is_finite() or abs(number) >= 10**15:
            raise self._wrong(text, _("a number such as 12.5"))
        return int(number) if number == int(number) else float(number)

    def _read_boolean(self, text: str) -> bool:
        word = text.casefold()
        if word in YES or word == _("yes"):
            return True
        if word in NO or word == _("no"):
            return False
        raise self._wrong(text, _("yes or no"))

    def _read_date(self, text: str) -> str:
        try:
            return date.fromisoformat(text).isoformat()
        except ValueError:
            raise self._wrong(text, _("a date such as 2026-12-31")) from None

    def _read_datetime(self, text: str) -> str:
        try:
            moment = datetime.fromisoformat(text)
            if timezone.is_naive(moment):
                moment = timezone.make_aware(moment)
            return moment.astimezone(UTC).isoformat()
        except (ValueError, OverflowError):
            raise self._wrong(text, _("a moment such as 2026-12-31 18:00")) from None

    def _read_choice(self, text: str) -> str:
        for option in self.options():
            if option.casefold() == text.casefold():
                return option
        raise self._wrong(text, _("one of: %s") % ", ".join(self.options()[:10]))

    def _read_phone(self, text: str) -> str:
        try:
            return phone.normalize(text)
        except ValueError:
            wanted = _("a phone number such as +44 7400 123456")
            raise self._wrong(text, wanted) from None

    def _wrong(self, text: str, wanted: str) -> ValueError:
        words = {"text": text[:60], "label": self, "wanted": wanted}
        return ValueError(_("“%(text)s” is no “%(label)s”; it must be %(wanted)s.") % words)


_READERS: Mapping[str, Any] = {
    Attribute.Type.TEXT: Attribute._read_text,
    Attribute.Type.NUMBER: Attribute._read_number,
    Attribute.Type.BOOLEAN: Attribute._read_boolean,
    Attribute.Type.DATE: Attribute._read_date,
    Attribute.Type.DATETIME: Attribute._read_datetime,
    Attribute.Type.CHOICE: Attribute._read_choice,
    Attribute.Type.PHONE: Attribute._read_phone,
}
