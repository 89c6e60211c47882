"""Rounds too large to be matched at once: blocks drawn by chance, and a second sitting for those whom one failed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tertulia.matching import bound
from tertulia.matching.arrays import Floats, Indices
from tertulia.matching.assignment import Group
from tertulia.matching.costs import by_size, with_talk
from tertulia.matching.groups import form as form_groups
from tertulia.matching.pairs import Pairs, weigh
from tertulia.matching.people import Past
from tertulia.matching.quality import served, worth
from tertulia.matching.roster import Roster
from tertulia.matching.rules import AGAIN, BIGGEST, LARGEST, WISH


@dataclass(frozen=True)
class Sitting:
    """Hold groups of places, how well they suit each place, and what all are worth beside their bound."""

    groups: list[Group]
    served: Floats
    worth: float
    bound: float

    @property
    def share(self) -> float:
        """Return the worth as a share of the bound; a bound of nothing is reached."""
        return self.worth / self.bound if self.bound > 0 else 1.0


@dataclass(frozen=True)
class _Block:
    """Hold the groups of some people, by their places there."""

    roster: Roster
    pairs: Pairs
    groups: list[Group]
    mates: Indices

    def price(self, group: Group) -> float:
        return with_talk(self.roster, self.pairs.cost, group, by_size(self.roster.policy.size))


def form(roster: Roster, past: Past, factors: Floats, seed: int, largest: int = LARGEST) -> Sitting:
    """Form the groups of a whole roster, in blocks where it has more than *largest* people."""
    if len(roster.guests) > largest:
        return _in_blocks(roster, past, factors, seed, largest)
    return _sitting(_seated(roster, past, factors, seed), factors)


def judged(roster: Roster, past: Past, factors: Floats, groups: list[Group], largest: int = LARGEST) -> Sitting:
    """Say how good *groups* are that were formed elsewhere; of more than can be matched at once, without a bound."""
    every = np.arange(len(roster.guests), dtype=np.intp)
    if len(every) <= largest:
        return _sitting(_Block(roster, weigh(roster, past, factors), groups, every), factors, among_all=True)
    satisfied, valued = np.zeros(len(every)), np.zeros(len(every))
    for part in _parts(groups, largest):
        places = np.array([place for group in part for place in group], dtype=np.intp)
        pairs = weigh(roster.part(places.tolist()), past, factors[places])
        satisfied[places] = served(pairs, _renumbered(part))
        valued[places] = worth(pairs, factors[places], _renumbered(part))
    return Sitting(groups, satisfied, float(valued.sum()), float(factors.sum() * WISH))


def _sitting(block: _Block, factors: Floats, *, among_all: bool = False) -> Sitting:
    if among_all or any(block.price(group) > AGAIN / 2 for group in block.groups):
        most = bound.of_wishes(block.pairs, factors)
    else:
        most = bound.of_permutation(block.pairs, factors, block.mates)
    reached = float(worth(block.pairs, factors, block.groups).sum())
    return Sitting(block.groups, served(block.pairs, block.groups), reached, most)


def _parts(groups: Sequence[Group], largest: int) -> list[Sequence[Group]]:
    step = largest // BIGGEST
    return [groups[start : start + step] for start in range(0, len(groups), step)]


def _seated(roster: Roster, past: Past, factors: Floats, seed: int) -> _Block:
    pairs = weigh(roster, past, factors)
    formed = form_groups(roster, pairs.cost, seed)
    return _Block(roster, pairs, formed.groups, formed.mates)


def _in_blocks(roster: Roster, past: Past, factors: Floats, seed: int, largest: int) -> Sitting:
    count = len(roster.guests)
    satisfied, valued, price = np.zeros(count), np.zeros(count), np.zeros(count)
    groups: list[Group] = []
    failed: list[Group] = []
    # the roster's own order is drawn by chance already
    for places in np.array_split(np.arange(count), -(-count // largest)):
        block = _seated(roster.part(places.tolist()), past, factors[places], seed)
        price[places] = bound.prices(block.pairs, factors[places], block.mates)
        satisfied[places] = served(block.pairs, block.groups)
        valued[places] = worth(block.pairs, factors[places], block.groups)
        for group in block.groups:
            (failed if block.price(group) > AGAIN / 2 else groups).append(_placed(places, group))
    if failed:
        groups, again = _drawn(groups, failed, largest)
        places = np.array([place for group in again for place in group])
        block = _seated_again(roster.part(places.tolist()), past, factors[places], seed, again)
        satisfied[places] = served(block.pairs, block.groups)
        valued[places] = worth(block.pairs, factors[places], block.groups)
        groups += [_placed(places, group) for group in block.groups]
    return Sitting(groups, satisfied, float(valued.sum()), bound.ceiling(roster, past, factors, price))


def _placed(places: Indices, group: Group) -> Group:
    return tuple(int(places[place]) for place in group)


def _drawn(groups: Sequence[Group], failed: Sequence[Group], largest: int) -> tuple[list[Group], list[Group]]:
    """Return the groups that stay, and those that sit down again: who failed, and others from everywhere."""
    most = largest // BIGGEST
    again = list(failed[:most])
    step = max(1, -(-len(groups) // max(1, most - len(again))))
    others = set(range(0, len(groups), step)) if len(again) < most else set()
    stay = [group for at, group in enumerate(groups) if at not in others]
    return stay + list(failed[most:]), again + [groups[at] for at in sorted(others)]


def _seated_again(roster: Roster, past: Past, factors: Floats, seed: int, before: Sequence[Group]) -> _Block:
    """Form groups anew, and keep those from *before* unless they cost more."""
    fresh = _seated(roster, past, factors, seed)
    old = _renumbered(before)
    if sum(map(fresh.price, fresh.groups)) <= sum(map(fresh.price, old)):
        return fresh
    return _Block(roster, fresh.pairs, old, fresh.mates)


def _renumbered(groups: Sequence[Group]) -> list[Group]:
    """Return groups of the same sizes over the places 0, 1, 2 …"""
    ends = np.cumsum([len(group) for group in groups]).tolist()
    return [tuple(range(end - len(group), end)) for end, group in zip(ends, groups, strict=True)]
