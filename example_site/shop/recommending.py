"""Which books go with an order: the shop asks its orders, not its events."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from django.db.models import Count, F, Q

from wagtail_drip.content.personalizing import Recipient
from wagtail_drip.content.products import Product
from wagtail_drip.content.recommendations import Recommender

from .drip import order_of, product
from .models import BookPage, Order, OrderLine

MOST = 3


class ShopRecommender(Recommender):
    """By the order that the reader's event names; where it names none, what most people bought."""

    def recommend(
        self, recipients: Sequence[Recipient], most: int
    ) -> Mapping[int, Sequence[Product] | None]:
        asked = {one.id: order_of(one.data) for one in recipients}
        found = recommend({order for order in asked.values() if order}, most)
        known = {book: product(book) for books in found.values() for book in books}
        best = [product(book) for book in bestsellers(most)] if None in asked.values() else []
        return {
            id: [known[book] for book in found.get(order, ())] if order else best
            for id, order in asked.items()
        }

    def sample(self, most: int) -> Sequence[Product]:
        books = BookPage.objects.live().select_related("cover").order_by("pk")[:most]
        return [product(book) for book in books]


def bestsellers(most: int = MOST) -> list[BookPage]:
    """The live books that stand in most orders; where there are few, the newest besides."""
    times = Count("order_lines__order", distinct=True)
    pages = BookPage.objects.live().select_related("cover").annotate(times=times)
    return list(pages.order_by("-times", "-first_published_at", "-pk")[:most])


@dataclass
class _Buyer:
    """What an order is about, and all that its buyer ever bought (primary keys of books)."""

    books: set[int] = field(default_factory=set)
    genres: set[str] = field(default_factory=set)
    bought: set[int] = field(default_factory=set)


def recommend(orders: Collection[int], most: int = MOST) -> dict[int, list[BookPage]]:
    """By order: first what others bought together with its books, then what stands beside them.

    Live books alone, never one the buyer has. Three queries, however many orders there are.
    """
    buyers = _buyers(orders)
    together = _bought_together({book for buyer in buyers.values() for book in buyer.books})
    genres = {genre for buyer in buyers.values() for genre in buyer.genres}
    others = {other for counts in together.values() for other in counts}
    candidates = (
        BookPage.objects.live()
        .select_related("cover")
        .filter(Q(pk__in=others) | Q(genre__in=genres))
        .order_by("-first_published_at", "-pk")
    )
    shelf = list(candidates) if buyers else []
    return {order: _chosen(buyer, together, shelf)[:most] for order, buyer in buyers.items()}


def _buyers(orders: Collection[int]) -> dict[int, _Buyer]:
    theirs = Order.objects.filter(pk__in=list(orders)).values("email")
    rows = OrderLine.objects.filter(order__email__in=theirs, book__isnull=False)
    bought: dict[str, set[int]] = defaultdict(set)
    found: dict[int, _Buyer] = defaultdict(_Buyer)
    for order, email, book, genre in rows.values_list(
        "order_id", "order__email", "book_id", "book__genre"
    ):
        bought[email].add(book)
        if order in orders:
            found[order].bought = bought[email]
            found[order].books.add(book)
            found[order].genres.add(genre)
    return dict(found)


def _bought_together(books: Iterable[int]) -> dict[int, Counter[int]]:
    """For each book, in how many orders each other one stood beside it."""
    pairs = (
        OrderLine.objects.filter(book__in=list(books))
        .annotate(other=F("order__lines__book"))
        .filter(other__isnull=False)
        .order_by()
        .values_list("book_id", "other")
        .annotate(times=Count("order", distinct=True))
    )
    found: dict[int, Counter[int]] = defaultdict(Counter)
    for book, other, times in pairs:
        if book != other:
            found[book][other] += times
    return found


def _chosen(
    buyer: _Buyer, together: dict[int, Counter[int]], shelf: Iterable[BookPage]
) -> list[BookPage]:
    times: Counter[int] = Counter()
    for book in buyer.books:
        times.update(together.get(book, {}))
    fitting = [
        page
        for page in shelf
        if page.pk not in buyer.bought and (times[page.pk] or page.genre in buyer.genres)
    ]
    return sorted(fitting, key=lambda page: -times[page.pk])  # else as the shelf has them
