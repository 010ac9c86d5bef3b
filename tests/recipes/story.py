"""What a recipe is there for, as a story: who does what, who gets which mails, what they say."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

PHONE = {"phone": "+447400123456"}
ORDER = {"book": 0, "order": 1, "total": "18.50"}


@dataclass(frozen=True)
class Story:
    """`happens`: (day, who, event, data); `gets`: by person, each mail by its day and name;
    `says`: by mail ("waits"; one person's: "ann waits"), words that stand in it, for each that
    goes out; with "!" such as must not.

    A book in the data is the number of one. All but Cyd chose the topic. `looks`: days besides
    on which the line runs; `general`: a recipe that is live beside this one.
    """

    recipe: str
    happens: list[tuple[Any, ...]]
    gets: dict[str, str]
    answers: dict[str, Any] = field(default_factory=dict)
    until: float = 40
    looks: tuple[float, ...] = ()
    general: str = ""
    says: dict[str, list[str]] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.recipe
