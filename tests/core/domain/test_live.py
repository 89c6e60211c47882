"""Turns: everybody speaks once, whoever comes or goes, and nobody needs to watch the clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tertulia.domain.live import Turns, in_turn

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
NAMES = st.text("abcdefgh", min_size=1, max_size=2)


def turns(people: str, seconds: int = 60) -> Turns:
    return Turns(people=tuple(people), seconds=seconds, number=0, since=START)


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def test_the_clock_hands_on() -> None:
    made = turns("abc")
    assert [made.at(after(at)).number for at in (0, 59, 60, 119, 120, 179, 180, 9999)] == [0, 0, 1, 1, 2, 2, 3, 3]
    assert made.at(after(61)).ends == after(120)
    assert made.at(after(180)).ends is None


def test_a_turn_can_end_early_and_once() -> None:
    made = turns("abc").moved_on(0, after(20))
    assert (made.number, made.ends) == (1, after(80))
    assert made.moved_on(0, after(30)) == made, "a second click ends nobody else's turn"
    assert made.moved_on(1, after(80)).number == 2, "the clock was faster"
    assert turns("a").moved_on(0, after(5)).ends is None


def test_who_comes_late_speaks_last_and_who_goes_is_left_out() -> None:
    made = turns("abc").joined("d", after(70))
    assert (made.people, made.number) == (("a", "b", "c", "d"), 1)
    assert made.without("a", after(71)) == made, "who has spoken has spoken"
    assert made.without("c", after(71)).people == ("a", "b", "d")
    handed_on = made.without("b", after(75))
    assert (handed_on.people[handed_on.number], handed_on.ends) == ("c", after(135))
    late = turns("ab").joined("c", after(500))
    assert (late.people[late.number], late.ends) == ("c", after(560))


@given(st.sets(NAMES, max_size=8), st.text(max_size=5))
def test_the_order_is_the_same_everywhere(seats: set[str], seed: str) -> None:
    drawn = in_turn(seats, seed)
    assert drawn == in_turn(sorted(seats, reverse=True), seed)
    assert sorted(drawn) == sorted(seats)


Moves = st.lists(
    st.tuples(st.sampled_from(["join", "leave", "next"]), st.sampled_from("abcdefgh"), st.integers(0, 90)),
    max_size=20,
)


@given(Moves)
def test_nobody_speaks_twice_and_nobody_who_stays_is_forgotten(moves: list[tuple[str, str, int]]) -> None:
    made, now, here = turns("abc"), 0.0, set("abc")
    spoken: list[str] = []
    for move, who, pause in [*moves, ("next", "a", 10_000)]:
        before = made
        now += pause
        at = made.at(after(now))
        spoken += at.people[before.number : at.number]
        if move == "join":
            made = made.joined(who, after(now))
            here.add(who)
        elif move == "leave":
            made = made.without(who, after(now))
            here.discard(who)
        else:
            made = made.moved_on(at.number, after(now))
            spoken += at.people[at.number : made.number]
        assert made.number <= len(made.people)
    assert len(spoken) == len(set(spoken))
    assert here <= set(spoken)
