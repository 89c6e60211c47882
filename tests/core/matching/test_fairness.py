"""Over many rounds nobody is always served best or worst."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from itertools import combinations

import numpy as np

from tertulia.matching import Guest, Past, Policy, seat
from tertulia.matching.fairness import LEAST, MOST, importance

WEEK = date(2026, 11, 23)


def year(guests: list[Guest], evenness: float, rounds: int) -> list[float]:
    """Return everybody's mean after *rounds*."""
    sums = dict.fromkeys((guest.id for guest in guests), 0.0)
    met: dict[frozenset[str], int] = {}
    for turn in range(rounds):
        now = [replace(guest, served=sums[guest.id] / turn if turn else None) for guest in guests]
        policy = Policy(evenness=evenness, rounds=4)
        seating = seat(now, policy, Past(met=met), week=WEEK, seed=turn)
        met = {pair: age + 1 for pair, age in met.items() if age < 4}
        met |= {frozenset(pair): 1 for table in seating.tables for pair in combinations(table.people, 2)}
        for person, value in seating.served.items():
            sums[person] += value
    return sorted(total / rounds for total in sums.values())


def test_scarce_mates_go_round() -> None:
    chance = np.random.default_rng(11)
    guests = [
        Guest(
            id=f"{number:03}",
            team=str(chance.integers(5)),
            city=str(chance.integers(4)),
            worker="employee" if number < 8 else "freelancer",
        )
        for number in range(40)
    ]
    even, uneven = year(guests, 3.0, 16), year(guests, 0.0, 16)
    assert np.std(even) < np.std(uneven)
    assert even[0] >= uneven[0]
    assert np.mean(even) > 0.9 * np.mean(uneven)


def test_who_was_served_badly_counts_more_within_limits() -> None:
    guests = [Guest(id=str(number), served=served) for number, served in enumerate((0.0, 0.5, 1.0, None))]
    first, second, third, newcomer = importance(guests, 5.0)
    assert (first, second, third, newcomer) == (MOST, 1.0, LEAST, 1.0)
    assert set(importance(guests, 0.0)) == {1.0}
    assert set(importance([Guest(id="a")], 2.0)) == {1.0}
