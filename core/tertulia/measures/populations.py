"""What a family of measures asks to have published: people, what is true of each, and what is computed of groups."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from tertulia.domain.identifiers import Id
from tertulia.domain.surveys import FEWEST_ANSWERS, Item
from tertulia.measures.figures import COMPANY, ZONE, Family, Figure, Unit
from tertulia.surveys.confidentiality import candidates
from tertulia.surveys.confidentiality.candidates import Atom
from tertulia.surveys.scoring import Estimate

ATTRIBUTES = ("worker_type", "location", ZONE)
"""What people are grouped by beside departments and teams."""
TRUE, FALSE = "yes", "no"


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """Say what a figure is: its *key*, *about* what, its *formula* (an anchor in `docs/measures.md`), its *source*.

    Nothing is published of fewer than *fewest* people, nor of groups of other kinds than *kinds*.
    """

    key: str
    formula: str
    source: str
    about: str = ""
    fewest: int = FEWEST_ANSWERS
    kinds: Collection[candidates.Family] = ("company", "department", "attribute", "team")


@dataclass(frozen=True, kw_only=True)
class Share(Labelled):
    """Ask for how many of the people *those* are, rounded, with an interval.

    With *exposure*, each person's share of the time, it is a rate per average headcount, multiplied by *per_year*.
    """

    those: frozenset[Id]
    exposure: Mapping[Id, float] | None = None
    per_year: float = 1.0

    @property
    def item(self) -> Item:
        """The share as what the release of surveys knows: a question that everybody answered with yes or no."""
        return Item(
            key=self.key,
            text=self.key,
            points=(FALSE, TRUE),
            levels=((TRUE, (TRUE,)), (FALSE, (FALSE,))),
        )


@dataclass(frozen=True, kw_only=True)
class Statistic(Labelled):
    """Ask for what *of* computes of the people of a group, rounded to multiples of *step*; `None` is undefined.

    It must be a function of facts about these people alone (of what is counted in groups, that is all arithmetic).
    Where it goes from *least* to *most*, and at one of them tells something of each, nothing nearer than *edge* to
    them is told.
    """

    of: Callable[[frozenset[Id]], Estimate | None]
    unit: Unit
    step: float
    least: float = -math.inf
    most: float = math.inf
    edge: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Population:
    """Hold the people that shares and statistics are about, by what each is counted by.

    *key* is unique in a period. Figures of one *series* are audited together with those of its look-back: a person's
    fact counts as the same unknown in all of them. *lot* draws who is left out where a group changed by too few: the
    same lot leaves out the same people.
    """

    key: str
    series: str
    lot: str
    atoms: Mapping[Id, Atom]
    shares: Sequence[Share] = ()
    statistics: Sequence[Statistic] = ()
    k: int = FEWEST_ANSWERS


@dataclass(frozen=True, kw_only=True)
class Gathered:
    """Hold all that one family asks for in a period.

    *plain* are figures that no fact about a person is in. *derive* makes further figures of published ones alone.
    """

    family: Family
    period: str
    populations: Sequence[Population] = ()
    plain: Sequence[Figure] = ()
    derive: Callable[[Sequence[Figure]], Sequence[Figure]] = lambda published: ()


ONLY_ALL: Collection[candidates.Family] = (COMPANY.family,)
BROAD: Collection[candidates.Family] = ("company", "department", "attribute")
