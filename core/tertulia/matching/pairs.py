"""What stands against every two guests, how well they suit each other, and what it costs to bring them together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tertulia.matching import repeats, wishes
from tertulia.matching.arrays import Bools, Bytes, Floats, Ints, kinds, marked
from tertulia.matching.fairness import importance
from tertulia.matching.hours import common_starts
from tertulia.matching.people import Past
from tertulia.matching.roster import Roster
from tertulia.matching.rules import FORBIDDEN, HOURS, NEVER, Breach


@dataclass(frozen=True)
class Pairs:
    """Hold square matrices over a roster: breaches, wishes fulfilled (0 to `WISH`), and the cost to be made least."""

    breaches: Bytes
    wishes: Ints
    cost: Floats


def weigh(roster: Roster, past: Past, factors: Floats | None = None) -> Pairs:
    """Weigh every two guests; *factors* say how much each counts, by default as earlier rounds served them."""
    if factors is None:
        factors = importance(roster.guests, roster.policy.evenness)
    overlap = _overlap(roster)
    breaches = _breaches(roster, overlap)
    value = wishes.values(roster, past, overlap)
    del overlap
    cost = _cost(value, breaches, factors)
    first, second, ages = repeats.recent(roster.places(), past.met, roster.policy.rounds)
    repeats.mark(breaches, first, second)
    again = repeats.cost(ages, roster.policy.rounds)
    cost[first, second] += again
    cost[second, first] += again
    return Pairs(breaches, value, cost)


def _overlap(roster: Roster) -> Ints:
    masks, index = kinds(roster.hours)
    shared: Ints = common_starts(masks)[np.ix_(index, index)] if masks else np.zeros((0, 0), dtype=np.int32)
    return shared


def _breaches(roster: Roster, overlap: Ints) -> Bytes:
    willing = np.array([guest.asynchronous for guest in roster.guests], dtype=bool)
    apart: Bools = overlap < roster.policy.starts
    apart &= ~(willing[:, None] & willing[None, :])
    breaches = apart.astype(np.uint8) * np.uint8(Breach.HOURS)
    breaches |= _no_common_tongue(roster) * np.uint8(Breach.LANGUAGE)
    breaches |= _one_side(roster) * np.uint8(Breach.LIST)
    places = roster.places()
    for place, guest in enumerate(roster.guests):
        for other in guest.avoid:
            if other in places:
                breaches[place, places[other]] |= np.uint8(Breach.LIST)
                breaches[places[other], place] |= np.uint8(Breach.LIST)
    return breaches


def _one_side(roster: Roster) -> Bools:
    known: dict[str, int] = {}
    sides = np.array(
        [-1 if guest.side is None else known.setdefault(guest.side, len(known)) for guest in roster.guests], dtype=int
    )
    same: Bools = (sides[:, None] == sides[None, :]) & (sides >= 0)[:, None]
    np.fill_diagonal(same, False)
    return same


def _no_common_tongue(roster: Roster) -> Bools:
    spoken, index = kinds(roster.tongues)
    apart = np.array([[not one & other for other in spoken] for one in spoken], dtype=bool)
    return apart.reshape(len(spoken), len(spoken))[np.ix_(index, index)]


def _cost(value: Ints, breaches: Bytes, factors: Floats) -> Floats:
    cost: Floats = factors[:, None] + factors[None, :]
    cost *= value
    cost *= -0.5
    np.rint(cost, out=cost)
    cost[marked(breaches, Breach.HOURS)] += HOURS
    cost[marked(breaches, NEVER)] = FORBIDDEN
    np.fill_diagonal(cost, 0)
    return cost
