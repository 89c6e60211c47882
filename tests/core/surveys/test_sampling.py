"""Everybody is asked a little, all of it in time, and nobody too often."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

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


SIZES = [(slots, size) for slots in range(1, 7) for size in range(3, 6) if slots * (size - 1) < len(BANK)]


def rounds(slots: int, size: int, turns: int) -> Iterator[tuple[tuple[str, ...], ...]]:
    """Hold rounds one after the other."""
    for turn in range(turns):
        yield sampling.blocks(BANK, "item 3", size, slots=slots, turn=turn)


@given(st.sampled_from(SIZES), st.integers(1, 12))
def test_every_block_has_the_anchor_and_no_item_is_asked_twice(shape: tuple[int, int], turns: int) -> None:
    slots, size = shape
    for made in rounds(slots, size, turns):
        assert len(made) == slots
        others = [item for block in made for item in block[1:]]
        assert {block[0] for block in made} == {"item 3"}
        assert len(set(others)) == len(others) == slots * (size - 1)


@given(st.sampled_from(SIZES), st.integers(1, 30))
def test_over_rounds_every_item_is_asked_as_often(shape: tuple[int, int], turns: int) -> None:
    asked = Counter(item for made in rounds(*shape, turns) for block in made for item in block[1:])
    counts = [asked[item] for item in BANK if item != "item 3"]
    assert max(counts) - min(counts) <= 1


@pytest.mark.parametrize(("slots", "size"), SIZES)
def test_nobody_is_kept_on_one_part_of_the_bank(slots: int, size: int) -> None:
    for number in range(slots):
        assert {item for made in rounds(slots, size, 60) for item in made[number]} == set(BANK)


@pytest.mark.parametrize("size", [2, 6])
def test_a_pulse_is_short(size: int) -> None:
    with pytest.raises(Mistake, match="3 to 5"):
        sampling.blocks(BANK, "item 0", size)


def test_a_bank_must_fill_all_parts() -> None:
    with pytest.raises(Mistake, match="a bank of 15"):
        sampling.blocks(BANK, "item 0", 4, slots=5)


def test_one_pulse_in_fourteen_days() -> None:
    now = datetime(2026, 11, 21, 9, tzinfo=UTC)
    assert sampling.may_ask(None, now)
    assert sampling.may_ask(now - timedelta(days=14), now)
    assert not sampling.may_ask(now - timedelta(days=13, hours=23), now)
    assert not sampling.may_ask(now + timedelta(days=13), now)


def test_a_weekly_pulse_asks_each_person_once_in_four_weeks() -> None:
    for person in (new_id() for _ in range(50)):
        draw = hashlib.sha256(person.encode()).digest()
        assert sum(sampling.in_turn(draw, week) for week in range(4)) == 1


def test_when_somebody_is_asked_does_not_tell_what() -> None:
    draws = [hashlib.sha256(str(number).encode()).digest() for number in range(4000)]
    both = Counter((sampling.part(draw, 4), sampling.in_turn(draw, 0)) for draw in draws)
    assert all(190 < both[part, True] < 310 for part in range(4))
