"""What the overview is made of: each component with its unit, its direction and where its figures come from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal, TypeAlias

Better: TypeAlias = Literal["higher", "lower"]
Shown: TypeAlias = Literal["percent", "score", "index", "signed"]
"""A share or a rate in percent; a score from -100 to 100; an index from 0 to 100; a number from -1 to 1."""


@dataclass(frozen=True, kw_only=True)
class Component:
    """Describe one part of the profile.

    *about* says what is measured in a sentence, *practical* from which change on it makes a difference, in its unit;
    *formula* is an anchor in `docs/measures.md`. Its figures are those of an *instrument*'s questions, or the one
    called *figure*. *charted* is whether its periods do not overlap, so that they may stand in a control chart.
    """

    key: str
    title: str
    about: str
    shown: Shown
    better: Better
    practical: float
    formula: str
    instrument: str = ""
    figure: str = ""
    narrowed: str = ""
    charted: bool = False
    optional: bool = False

    def words(self, value: float) -> str:
        """Write a figure in its unit."""
        match self.shown:
            case "percent":
                return f"{value:.0f} %"
            case "score":
                return f"{value:+.0f}"
            case "signed":
                return f"{value:+.2f}"
            case _:
                return f"{value:.0f}"

    def difference(self, value: float) -> str:
        """Write a difference of two figures in its unit."""
        return f"{value:+.2f}" if self.shown == "signed" else f"{value:+.0f} points"


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """Hold what others published: *value* of *n* (0 where it was not said) by the day *ended*, and whose it is."""

    component: str
    name: str
    value: float
    ended: date
    source: str
    license: str
    n: int = 0

    def age(self, today: date) -> int:
        """Return in whole months how old it is."""
        months = (today.year - self.ended.year) * 12 + today.month - self.ended.month
        return max(0, months - (today.day < self.ended.day))
