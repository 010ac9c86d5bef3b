"""Recommendations out of a site's own events: bought together first, else the same category.

For each person, what they ordered, have in their cart and looked at says what they care for. What
others ordered together with it comes first, the most often first; then what stands in the same
categories. Of whom nothing is known yet gets what most orders had. Six queries for a whole slice,
however many people it has.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from ..content import products
from ..content.personalizing import Hold, Recipient
from ..content.products import Product
from ..content.recommendations import Recommender
from .among import among
from .event_lines import ref_of
from .journeys import Event

MOST_POPULAR = 20  # some of them may not be shown now


@dataclass(slots=True)
class Taste:
    """What one person cares for and has bought, by refs of products; the latest first."""

    about: dict[Hashable, None] = field(default_factory=dict)
    bought: set[Hashable] = field(default_factory=set)


class EventRecommender(Recommender):
    """Subclass it to name other events. What they are about, the product adapter's `ref` says."""

    order_events: tuple[str, ...] = ("order_placed",)
    view_events: tuple[str, ...] = ("product_viewed", "cart_changed")
    orders_looked_at = 2000  # the latest ones; what was bought together is counted in them
    events_of_a_person = 50  # the latest ones say what they care for
    candidates = 200  # most products that are loaded for a slice

    def recommend(
        self, recipients: Sequence[Recipient], most: int
    ) -> Mapping[int, Sequence[Product] | Hold | None]:
        tastes = self._tastes(recipients)
        about = {ref for taste in tastes.values() for ref in taste.about}
        strangers = any(not taste.about for taste in tastes.values())
        popular = self._popular() if strangers else []
        if not (about or popular):
            return {}
        adapter = products.adapter()
        together = self._together(about) if about else {}
        wanted = Counter[Hashable]()
        for counts in together.values():
            wanted.update(counts)
        likely = [ref for ref, _times in wanted.most_common(self.candidates)]
        loaded = adapter.load(list(dict.fromkeys([*about, *likely, *popular])))
        known = {ref: one for ref, one in loaded.items() if isinstance(one, Product)}
        categories = {one.category for ref, one in known.items() if ref in about and one.category}
        beside = adapter.of_categories(categories, self.candidates) if categories else {}
        best = [known[ref] for ref in popular if ref in known]
        return {
            one.id: self._shown(
                _chosen(tastes[one.id], together, known, beside) if tastes[one.id].about else best,
                most,
            )
            for one in recipients
        }

    def _shown(self, chosen: Iterable[Product], most: int) -> list[Product]:
        return list(islice(filter(self.may_be_shown, chosen), most))

    def may_be_shown(self, product: Product) -> bool:
        """Whether it may be recommended now; a site may leave out what is sold out."""
        return True

    def _tastes(self, recipients: Sequence[Recipient]) -> dict[int, Taste]:
        """One query: all orders count as bought, and the latest events say what they care for."""
        theirs: dict[int, list[tuple[str, Any]]] = defaultdict(list)
        rows = Event.objects.filter(
            among("contact_id", {one.contact_id for one in recipients}),
            name__in=[*self.order_events, *self.view_events],
        ).order_by("-at", "-pk")
        for contact, name, data in rows.values_list("contact_id", "name", "data"):
            theirs[contact].append((name, data))
        read = {contact: self._taste(events) for contact, events in theirs.items()}
        return {one.id: _with_own(read.get(one.contact_id), one.data) for one in recipients}

    def _taste(self, events: Iterable[tuple[str, Any]]) -> Taste:
        taste = Taste()
        for number, (name, data) in enumerate(events):
            refs = refs_of(data)
            if name in self.order_events:
                taste.bought.update(refs)
            if number < self.events_of_a_person:
                taste.about.update(dict.fromkeys(refs))
        return taste

    def _together(self, about: set[Hashable]) -> dict[Hashable, Counter[Hashable]]:
        """For each of these, in how many of the latest orders each other one stood beside it."""
        found: dict[Hashable, Counter[Hashable]] = defaultdict(Counter)
        for refs in self._latest_orders():
            for ref in about.intersection(refs):
                found[ref].update(other for other in refs if other != ref)
        return found

    def _popular(self) -> list[Hashable]:
        """What most of the latest orders had, the most often first."""
        times = Counter(ref for refs in self._latest_orders() for ref in refs)
        return [ref for ref, _times in times.most_common(MOST_POPULAR)]

    def _latest_orders(self) -> Iterator[dict[Hashable, None]]:
        """What each of them was about. One query."""
        rows = Event.objects.filter(name__in=self.order_events).order_by("-at", "-pk")
        for data in rows.values_list("data", flat=True)[: self.orders_looked_at]:
            yield refs_of(data)


def refs_of(data: Any) -> dict[Hashable, None]:
    """The products that an event's data names: each of its items, and the one it is about."""
    if not isinstance(data, Mapping):
        return {}
    items = data.get("items")
    named = [data, *(items if isinstance(items, list) else [])]
    refs = (ref_of(item) for item in named if isinstance(item, Mapping))
    return dict.fromkeys(ref for ref in refs if ref is not None)


def _with_own(taste: Taste | None, data: Any) -> Taste:
    """What made the person enter counts most, as data alone: it may be no event of these."""
    found = taste or Taste()
    return Taste({**refs_of(data), **found.about}, found.bought)


def _chosen(
    taste: Taste,
    together: Mapping[Hashable, Counter[Hashable]],
    known: Mapping[Hashable, Product],
    beside: Mapping[Hashable, Sequence[Product]],
) -> list[Product]:
    times: Counter[Hashable] = Counter()
    for ref in taste.about:
        times.update(together.get(ref, {}))
    best = [known[ref] for ref, _times in times.most_common() if ref in known]
    cared_for = (known[ref].category for ref in taste.about if ref in known)
    categories = dict.fromkeys(category for category in cared_for if category)
    more = [product for category in categories for product in beside.get(category, ())]
    own = taste.bought | set(taste.about)
    found = {one.ref: one for one in [*best, *more] if one.ref not in own}
    return list(found.values())
