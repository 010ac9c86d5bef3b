"""The shelf the demo starts with. Titles, authors and texts are invented (books.json)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path


@dataclass(frozen=True)
class Book:
    slug: str
    title: str
    author: str
    genre: str
    price: Decimal
    motif: str  # of covers.MOTIFS
    palette: str  # of covers.PALETTES
    blurb: tuple[str, ...]  # paragraphs


def books() -> list[Book]:
    rows = json.loads(Path(__file__).with_name("books.json").read_text(encoding="utf-8"))
    return [
        Book(**{**row, "price": Decimal(row["price"]), "blurb": tuple(row["blurb"])})
        for row in rows
    ]
