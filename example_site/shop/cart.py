"""The cart: kept in the visitor's session, priced by the shop's pages of the moment."""

from __future__ import annotations

from collections.abc import Iterable, MutableMapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.http import HttpRequest

from .models import BookPage, DiscountCode, reduced

MOST = 20  # copies of one book
REMEMBERED = 5  # books that were taken out again
KEY = "cart"


@dataclass(frozen=True)
class Line:
    book: BookPage
    quantity: int = 1

    @property
    def title(self) -> str:
        return self.book.title

    @property
    def total(self) -> Decimal:
        return self.book.price * self.quantity


@dataclass(frozen=True)
class Bill:
    """What the lines come to; a code that names a book takes its percent off that book alone."""

    lines: tuple[Line, ...]
    code: DiscountCode | None = None

    @property
    def subtotal(self) -> Decimal:
        return sum((line.total for line in self.lines), Decimal())

    @property
    def total(self) -> Decimal:
        return sum((reduced(line.total, self._percent(line)) for line in self.lines), Decimal())

    @property
    def discount(self) -> Decimal:
        return self.subtotal - self.total

    def _percent(self, line: Line) -> int:
        if self.code and self.code.book_id in (None, line.book.pk):
            return self.code.percent
        return 0


class Cart:
    """What one visitor wants to buy. `len()` counts copies."""

    def __init__(self, session: MutableMapping[str, Any]) -> None:
        self.session = session

    def __len__(self) -> int:
        return sum(self._books.values())

    @property
    def id(self) -> str:
        """The same until it is emptied."""
        return self.session.get(KEY, {}).get("id", "")

    def lines(self) -> list[Line]:
        """In the order the books came in, one query; books that are not for sale are left out."""
        books = self._books
        pages = BookPage.objects.live().select_related("cover").in_bulk([int(pk) for pk in books])
        return [
            Line(pages[int(pk)], quantity) for pk, quantity in books.items() if int(pk) in pages
        ]

    def taken_out(self) -> list[BookPage]:
        """What was in the cart and is not any more, the last first; only what is for sale."""
        pages = BookPage.objects.live().select_related("cover").in_bulk(self._out)
        return [pages[pk] for pk in self._out if pk in pages]

    def quantity(self, book: int) -> int:
        return self._books.get(str(book), 0)

    def put(self, book: int, quantity: int) -> None:
        """So many copies of the book with this primary key, 0 for none."""
        had, books = self.quantity(book), {**self._books, str(book): min(quantity, MOST)}
        out = [pk for pk in self._out if pk != book]
        out = [book, *out][:REMEMBERED] if had and quantity <= 0 else out
        self._keep({pk: number for pk, number in books.items() if number > 0}, out)

    def keep_only(self, lines: Iterable[Line]) -> list[int]:
        """Take out all else. The primary keys of what was taken out."""
        kept = {str(line.book.pk): line.quantity for line in lines}
        gone = [int(pk) for pk in self._books if pk not in kept]
        if gone:
            self._keep(kept, self._out)
        return gone

    def clear(self) -> None:
        self.session.pop(KEY, None)

    @property
    def _books(self) -> dict[str, int]:
        return self.session.get(KEY, {}).get("books", {})

    @property
    def _out(self) -> list[int]:
        return self.session.get(KEY, {}).get("out", [])

    def _keep(self, books: dict[str, int], out: list[int]) -> None:
        self.session[KEY] = {"id": self.id or uuid4().hex, "books": books, "out": out}


def in_templates(request: HttpRequest) -> dict[str, Any]:
    """The context processor: every page shows how full the cart is, and where mails are read."""
    outbox = settings.OUTBOX or settings.DEBUG
    return {"cart": Cart(getattr(request, "session", {})), "outbox": outbox}
