"""How well two people suit each other: the wishes that they fulfil, weighed, from 0 to `WISH`."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

import numpy as np
from scipy.sparse import csr_array

from tertulia.domain.identifiers import Id
from tertulia.matching.arrays import Bools, Floats, Indices, Ints, kinds
from tertulia.matching.people import Past
from tertulia.matching.roster import Roster
from tertulia.matching.rules import WISH

LONG_OVERLAP = 40
"""So many common quarter hours a week, and more bring nothing further."""


def values(roster: Roster, past: Past, overlap: Ints) -> Ints:
    """Return how well every two suit each other; *overlap* are their common quarter hours."""
    wishes, guests = roster.policy.wishes, roster.guests
    total = wishes.team + wishes.city + wishes.worker + wishes.tenure + wishes.ties + wishes.hours
    weight = {name: round(WISH * share / total) for name, share in vars(wishes).items()}
    value = np.minimum(overlap, LONG_OVERLAP)
    value *= weight["hours"]
    value //= LONG_OVERLAP
    value += _strangers(roster.places(), past, weight["ties"])
    value += _different([guest.team for guest in guests]) * np.int32(weight["team"])
    value += _different([guest.city for guest in guests]) * np.int32(weight["city"])
    freelance = np.array([guest.worker != "employee" for guest in guests], dtype=bool)
    value += (freelance[:, None] ^ freelance[None, :]) * np.int32(weight["worker"])
    value += _tenures(roster) * np.int32(weight["tenure"])
    return value


def _different(marks: Sequence[Hashable]) -> Bools:
    """Tell which two differ; who has no mark differs from nobody."""
    _, index = kinds(marks)
    known = np.array([mark is not None for mark in marks], dtype=bool)
    different: Bools = index[:, None] != index[None, :]
    different &= known[:, None]
    different &= known[None, :]
    return different


def _tenures(roster: Roster) -> Bools:
    since = [(roster.week - guest.joined).days if guest.joined else None for guest in roster.guests]
    newcomer = np.array([days is not None and days < roster.policy.newcomer_days for days in since], dtype=bool)
    veteran = np.array([days is not None and days >= roster.policy.veteran_days for days in since], dtype=bool)
    one: Bools = newcomer[:, None] & veteran[None, :]
    return one | one.T


def _strangers(places: Mapping[Id, int], past: Past, weight: int) -> Ints:
    """Give the whole *weight* to two who would bridge circles, without a tie or a colleague in common.

    They get the less the more they have, and half where all they have is one circle.
    """
    count = len(places)
    first, second, strength = _edges(places, past.ties)
    shape = (count, count)
    direct = csr_array((strength, (first, second)), shape=shape)
    known = csr_array((np.ones(len(first)), (first, second)), shape=shape)
    closeness = ((known @ known) + 2 * direct).tocoo()
    together = _together(places, past.circles)
    value = np.where(together, np.int32(weight // 2), np.int32(weight))
    near = closeness.row, closeness.col
    value[near] = weight / (1 + closeness.data + together[near])
    return value


def _together(places: Mapping[Id, int], circles: Mapping[Id, int]) -> Bools:
    """Tell which two are of one circle; who is of none that is known is of nobody's."""
    circle = np.array([circles.get(person, -1) for person in places], dtype=np.intp)
    same: Bools = circle[:, None] == circle[None, :]
    same &= (circle >= 0)[:, None]
    return same


def _edges(places: Mapping[Id, int], ties: Mapping[frozenset[Id], float]) -> tuple[Indices, Indices, Floats]:
    found = []
    for pair, strength in ties.items():
        here = [places[person] for person in pair if person in places]
        if len(here) == 2 and strength > 0:
            found += [(here[0], here[1], strength), (here[1], here[0], strength)]
    first, second, strengths = zip(*found, strict=True) if found else ((), (), ())
    return np.array(first, dtype=np.intp), np.array(second, dtype=np.intp), np.array(strengths, dtype=np.float64)
