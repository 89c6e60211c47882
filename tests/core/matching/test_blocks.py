"""Rounds that are too large for one matching are matched in blocks, under the same rules and below a bound."""

from __future__ import annotations

from datetime import date
from itertools import combinations

import numpy as np
import pytest

from tertulia.matching import Guest, Past, Policy, blocks
from tertulia.matching.roster import Roster

WEEK = date(2026, 11, 23)


def roster(many: int, seed: int, **changes: object) -> Roster:
    chance = np.random.default_rng(seed)
    guests = [
        Guest(
            id=f"{number:04}",
            team=str(chance.integers(6)),
            city=str(chance.integers(3)),
            worker="employee" if chance.random() < 0.3 else "freelancer",
            **changes,
        )
        for number in range(many)
    ]
    return Roster.make(guests, Policy(), WEEK, seed)


@pytest.mark.parametrize("many", [41, 60, 97])
def test_everybody_has_one_group_and_the_gap_is_honest(many: int) -> None:
    people = roster(many, many)
    factors = np.ones(many)
    whole = blocks.form(people, Past(), factors, 1)
    parts = blocks.form(people, Past(), factors, 1, largest=20)
    assert sorted(place for group in parts.groups for place in group) == list(range(many))
    assert parts.worth <= whole.worth * 1.0001
    assert whole.worth <= parts.bound * 1.0001
    assert 0.8 < parts.share <= 1


def test_those_whom_a_block_fails_sit_down_again() -> None:
    """Spread four who speak a language of their own over blocks that may hold one of them alone."""
    spoken = [("eu",) if number % 20 == 0 else ("en",) for number in range(80)]
    guests = [Guest(id=f"{number:04}", languages=tongues) for number, tongues in enumerate(spoken)]
    people = Roster.make(guests, Policy(), WEEK, 4)
    sitting = blocks.form(people, Past(), np.ones(80), 4, largest=40)
    alone = [group for group in sitting.groups if len(group) == 1]
    assert alone == []
    for group in sitting.groups:
        assert all(people.tongues[one] & people.tongues[other] for one, other in combinations(group, 2))


def test_blocks_are_the_same_again() -> None:
    people = roster(70, 2)
    first, second = (blocks.form(people, Past(), np.ones(70), 9, largest=20) for _ in range(2))
    assert first.groups == second.groups


def test_groups_formed_elsewhere_are_judged_alike_in_parts() -> None:
    people = roster(70, 2)
    groups = blocks.form(people, Past(), np.ones(70), 9).groups
    whole = blocks.judged(people, Past(), np.ones(70), groups)
    parts = blocks.judged(people, Past(), np.ones(70), groups, largest=20)
    assert np.array_equal(whole.served, parts.served)
    assert whole.worth == pytest.approx(parts.worth)
    assert whole.worth <= whole.bound <= parts.bound
