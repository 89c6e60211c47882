"""Everybody is asked a little, all of it in time, and nobody too often."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tertulia.domain.identifiers import new_id
from tertulia.errors import Mistake
from tertulia.surveys import sampling

BANK = [f"item {number}" for number in range(13)]


def test_slots_are_even_and_change_with_the_key() -> None:
    people = [new_id() for _ in range(4000)]
    first = {person: sampling.slot(b"first", person, 4) for person in people}
    assert all(880 < count < 1120 for count in Counter(first.values()).values())
    assert first == {person: sampling.slot(b"first", person, 4) for person in people}
    same = sum(first[person] == sampling.slot(b"second", person, 4) for person in people)
    assert 850 < same < 1150


@given(st.integers(1, 6), st.integers(3, 5), st.integers(0, 40))
def test_every_block_has_the_anchor_and_no_item_twice(slots: int, size: int, turn: int) -> None:
    made = sampling.blocks(BANK, "item 3", slots, size, turn)
    assert len(made) == slots
    for block in made:
        assert block[0] == "item 3"
        assert len(set(block)) == len(block) == size


@given(st.integers(1, 6), st.integers(3, 5), st.integers(1, 30))
def test_over_rounds_every_item_is_asked_as_often(slots: int, size: int, turns: int) -> None:
    asked = Counter(
        item
        for turn in range(turns)
        for block in sampling.blocks(BANK, "item 3", slots, size, turn)
        for item in block[1:]
    )
    counts = [asked[item] for item in BANK if item != "item 3"]
    assert max(counts) - min(counts) <= 1


def test_nobody_is_kept_on_one_part_of_the_bank() -> None:
    seen = {sampling.blocks(BANK, "item 0", 4, 4, turn)[1] for turn in range(4)}
    assert {item for block in seen for item in block} == set(BANK)


def test_what_was_missed_comes_next() -> None:
    used: list[str] = []
    for _ in range(4):
        block = sampling.rotation(BANK, "item 0", used, 4)
        used = [item for item in used if item not in block] + list(block)
    assert set(used) == set(BANK)
    assert sampling.rotation(BANK, "item 0", used, 4)[1:] == tuple(item for item in used if item != "item 0")[:3]


@pytest.mark.parametrize("size", [2, 6])
def test_a_pulse_is_short(size: int) -> None:
    with pytest.raises(Mistake, match="3 to 5"):
        sampling.rotation(BANK, "item 0", (), size)
    with pytest.raises(Mistake, match="3 to 5"):
        sampling.blocks(BANK, "item 0", 2, size, 0)


def test_one_pulse_in_fourteen_days() -> None:
    today = date(2026, 11, 21)
    assert sampling.may_ask(None, today)
    assert sampling.may_ask(today - timedelta(days=14), today)
    assert not sampling.may_ask(today - timedelta(days=13), today)


def test_a_weekly_pulse_asks_each_person_once_in_four_weeks() -> None:
    for person in (new_id() for _ in range(50)):
        assert sum(sampling.in_turn(b"key", person, week) for week in range(4)) == 1
