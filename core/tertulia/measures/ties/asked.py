"""What is asked to be published of ties: shares, means and indices of groups, and how the whole holds together.

Everything is about groups of at least ten people and goes through the auditor; nothing is about one person's network.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TypeAlias

import numpy as np

from tertulia.domain.identifiers import Id
from tertulia.domain.surveys import FEWEST_ANSWERS
from tertulia.measures.figures import Period, Unit
from tertulia.measures.populations import BROAD, ONLY_ALL, Gathered, Population, Share, Statistic
from tertulia.measures.ties import crossing, structure
from tertulia.measures.ties.communities import communities, modularity, participation
from tertulia.measures.ties.contacts import Contacts, contacts
from tertulia.measures.ties.crossing import Crossing, Labels
from tertulia.measures.ties.edges import Edges
from tertulia.measures.ties.intervals import bounded, exactly, mean_of, ratio_of
from tertulia.measures.ties.network import Bools, Floats, Network, Places
from tertulia.measures.ties.reciprocity import Reciprocity, reciprocity
from tertulia.surveys.confidentiality import candidates
from tertulia.surveys.confidentiality.candidates import Atom
from tertulia.surveys.scoring import Estimate

Of: TypeAlias = Callable[[frozenset[Id]], Estimate | None]
FEWEST = 10
MANY = 50
"""Of fewer people how the whole holds together could tell that each of them has a tie, or that none has."""
FROM_0 = (0.0, math.inf, 0.5)
SHARE = (0.0, 1.0, 0.06)
INDEX = (-1.0, 1.0, 0.1)
"""From where to where a figure goes, and how near to these ends nothing finer is told."""
SOURCE = "interactions of the last 13 weeks: mentions, replies, comments, hand-overs, shared cards, kudos, meetings"
CROSSED = ("team", "location", "worker_type")
"""Between what the E–I index is taken."""
EVERY: Collection[candidates.Family] = ("company", "department", "attribute", "team")


@dataclass(frozen=True)
class Window:
    """Hold who is counted, by what, and the edges of the weeks up to *last* between them; *new* joined lately.

    Places in the edges are those of the people's ids in order.
    """

    roster: Mapping[Id, Atom]
    edges: Edges
    last: int
    new: frozenset[Id]

    @cached_property
    def ids(self) -> list[Id]:
        """The people by their places."""
        return sorted(self.roster)

    @cached_property
    def network(self) -> Network:
        """The network of the window."""
        return Network.of(self.edges, len(self.roster))

    @cached_property
    def contacts(self) -> Contacts:
        """Who is isolated or at risk."""
        new = np.array([one in self.new for one in self.ids], dtype=np.bool_)
        return contacts(self.network, self.edges, self.last, new)

    @cached_property
    def circles(self) -> Places:
        """Everybody's circle; drawn by the week, so that the same window gives the same circles."""
        return communities(self.network, self.last)

    @cached_property
    def returned(self) -> Reciprocity:
        """What comes back of what people give."""
        return reciprocity(self.network)

    @cached_property
    def values(self) -> Mapping[str, Floats]:
        """What is averaged over people."""
        return {
            "partners": self.network.partners.astype(np.float64),
            "strength": self.network.strength,
            "clustering": structure.local_clustering(self.network),
            "constraint": structure.constraint(self.network),
            "spread": participation(self.network, self.circles),
        }

    @cached_property
    def parts(self) -> Places:
        """How many people each part of the network has."""
        return structure.components(self.network)

    def crossing(self, attribute: str) -> Crossing:
        """Return what leads out of the groups of an attribute, and what stays inside."""
        return crossing.crossing(self.network, self.labels(attribute))

    def those(self, mask: Bools) -> frozenset[Id]:
        """Return the people of a mask."""
        return frozenset(one for one, inside in zip(self.ids, mask, strict=True) if inside)

    def mask(self, people: frozenset[Id]) -> Bools:
        """Return where *people* are."""
        return np.array([one in people for one in self.ids], dtype=np.bool_)

    def labels(self, attribute: str) -> Labels:
        """Return the number of each one's group."""
        values = [self.roster[one].get(attribute) for one in self.ids]
        if attribute == "worker_type":
            # who is not employed stands on one side, whatever the contract is called
            values = [value and ("employee" if value == "employee" else "other") for value in values]
        number = {value: place for place, value in enumerate(sorted(filter(None, set(values))))}
        return np.array([number.get(value or "", -1) for value in values], dtype=np.int64)


def gathered(home: Id, period: Period, window: Window) -> Gathered:
    """Ask for all figures of a window of weeks."""
    return Gathered(
        family="ties",
        period=period.key,
        populations=[
            Population(
                key="members",
                series=f"members:{home}",
                lot=f"{home}:{period.month}",
                atoms=window.roster,
                shares=_shares(window),
                statistics=[*_means(window), *_crossings(window), *_whole(window)],
                k=FEWEST,
            )
        ],
    )


def _shares(window: Window) -> list[Share]:
    state = window.contacts
    return [
        Share(key=key, formula=formula, source=SOURCE, fewest=FEWEST, those=window.those(mask))
        for key, formula, mask in (
            ("isolated", "ties-isolated", state.isolated),
            ("at_risk", "ties-at-risk", state.at_risk),
        )
    ]


def _means(window: Window) -> list[Statistic]:
    def mean(name: str) -> Of:
        def of(people: frozenset[Id]) -> Estimate | None:
            values = window.values[name][window.mask(people)]
            return mean_of(values) if _enough(~np.isnan(values)) else None

        return of

    def returned(people: frozenset[Id]) -> Estimate | None:
        who = window.mask(people)
        back, others = window.returned.back[who], window.returned.others[who]
        return bounded(ratio_of(back, others), 0, 1) if _enough(others > 0) else None

    return [
        _statistic("partners", "ties", 0.5, mean("partners"), BROAD, ends=FROM_0),
        _statistic("strength", "ties", 0.5, mean("strength"), BROAD, ends=FROM_0),
        _statistic("reciprocity", "share", 0.02, returned, BROAD, ends=SHARE),
        _statistic("clustering", "share", 0.02, mean("clustering"), BROAD, ends=SHARE),
        _statistic("constraint", "share", 0.02, mean("constraint"), BROAD, ends=SHARE),
        _statistic("spread", "share", 0.02, mean("spread"), BROAD, ends=SHARE),
    ]


def _enough(which: Bools) -> bool:
    """Tell whether it is so of five people or more: that a figure is missing must not say that it is so of none."""
    return int(which.sum()) >= FEWEST_ANSWERS


def _crossings(window: Window) -> list[Statistic]:
    """Ask for the E–I index between the groups of each attribute, and for what chance alone would give."""

    def seen(attribute: str) -> Of:
        def of(people: frozenset[Id]) -> Estimate | None:
            who, found = window.mask(people), window.crossing(attribute)
            external, internal = found.external[who], found.internal[who]
            if not _enough(external + internal > 0):
                return None
            return bounded(ratio_of(external - internal, external + internal, shared=True), -1, 1)

        return of

    def chance(attribute: str) -> Of:
        def of(people: frozenset[Id]) -> Estimate | None:
            if not _enough(window.network.partners > 0):
                return None
            labels = np.where(window.mask(people), window.labels(attribute), -1)
            dealt = crossing.chance(window.network, labels, window.last)
            return None if dealt is None else Estimate(dealt.expected, dealt.low, dealt.high, len(people))

        return of

    found = []
    for attribute in CROSSED:
        kinds = EVERY if attribute == "team" else BROAD
        found.append(_statistic(f"ei_{attribute}", "index", 0.02, seen(attribute), kinds, "ties-ei", ends=INDEX))
        found.append(
            _statistic(f"ei_{attribute}_chance", "index", 0.02, chance(attribute), ONLY_ALL, "ties-ei-chance")
        )
    return found


def _whole(window: Window) -> list[Statistic]:
    """Ask how the network of all holds together."""

    def of(value: Callable[[], float | None]) -> Of:
        return lambda people: exactly(value(), len(people))

    def tied(value: Callable[[], float | None]) -> Of:
        return of(lambda: value() if _enough(window.network.partners > 0) else None)

    def between() -> float | None:
        index = crossing.crossing(window.network, window.circles.astype(np.int64)).index()
        return None if index is None else (index + 1) / 2

    def circles() -> float:
        return float((np.bincount(window.circles) > 1).sum())

    whole = partial(_statistic, kinds=ONLY_ALL, fewest=MANY)
    return [
        whole("fragmentation", "share", 0.02, of(lambda: structure.fragmentation(window.parts)), ends=SHARE),
        whole("largest_part", "share", 0.02, of(lambda: structure.largest_share(window.parts)), ends=SHARE),
        whole("circles", "count", 1.0, of(circles), ends=(0.0, math.inf, 1.0)),
        whole("modularity", "share", 0.02, tied(lambda: modularity(window.network, window.circles))),
        whole("between_circles", "share", 0.02, tied(between), ends=SHARE),
    ]


def _statistic(
    key: str,
    unit: Unit,
    step: float,
    of: Of,
    kinds: Collection[candidates.Family],
    formula: str = "",
    *,
    fewest: int = FEWEST,
    ends: tuple[float, float, float] = (-math.inf, math.inf, 0.0),
) -> Statistic:
    least, most, edge = ends
    return Statistic(
        key=key,
        formula=formula or f"ties-{key.replace('_', '-')}",
        source=SOURCE,
        fewest=fewest,
        kinds=kinds,
        of=of,
        unit=unit,
        step=step,
        least=least,
        most=most,
        edge=edge,
    )
