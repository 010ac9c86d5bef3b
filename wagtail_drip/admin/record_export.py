"""Records as a spreadsheet: streamed, and with no cell that a spreadsheet would run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet
from django.utils.encoding import force_str
from django.utils.text import capfirst
from wagtail.admin.views.mixins import SpreadsheetExportMixin

XLSX_ROWS = 50_000  # such a file is built in memory, within one request
FORMULA = ("=", "+", "-", "@")


def as_text(value: str) -> str:
    """A cell of a CSV file that no spreadsheet takes for a formula."""
    return f"'{value}" if value.lstrip().startswith(FORMULA) else value


class Streamed:
    """A queryset that is read in slices: a million rows at once would fill the memory."""

    def __init__(self, rows: QuerySet[Any]) -> None:
        self.rows, self.model = rows, rows.model

    def __iter__(self) -> Iterator[Any]:
        return self.rows.iterator(chunk_size=2000)


class RecordExport(SpreadsheetExportMixin):
    """Of the columns in the admin's `list_export`: `export_<name>` of the admin, or the field."""

    model_admin: Any

    def as_spreadsheet(self, queryset: QuerySet[Any], spreadsheet_format: str) -> Any:
        return super().as_spreadsheet(Streamed(queryset), spreadsheet_format)

    def to_row_dict(self, item: Any) -> dict[str, Any]:
        return {name: self._value(item, name) for name in self.list_export}

    def _value(self, item: Any, name: str) -> Any:
        own = getattr(self.model_admin, f"export_{name}", None)
        return own(item) if own else getattr(item, name)

    def get_heading(self, queryset: Any, field: str) -> str:
        own = getattr(self.model_admin, f"export_{field}", None)
        label = own.short_description if own else queryset.model._meta.get_field(field).verbose_name
        return capfirst(force_str(label))

    def preprocess_field_value(self, field: str, value: Any, export_format: str) -> Any:
        value = super().preprocess_field_value(field, value, export_format)
        # In XLSX each cell says that it is text; CSV can't.
        plain = isinstance(value, str) and export_format == self.FORMAT_CSV
        return as_text(value) if plain else value
