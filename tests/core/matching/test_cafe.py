"""Hard rules hold on any population; where one yields it had to, and the round says which and why."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date, time, timedelta
from itertools import combinations
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tertulia.errors import Mistake
from tertulia.matching import Guest, Past, Policy, Seating, Wishes, seat
from tertulia.matching.hours import meeting_starts

WEEK = date(2026, 11, 23)
LONELY = "Pacific/Auckland"
checked = settings(max_examples=25, deadline=None, print_blob=True)


def people(least: int, most: int) -> st.SearchStrategy[list[Guest]]:
    """Draw guests of three zones and a lonely one, who speak one or two of three languages and avoid some."""
    return st.integers(least, most).flatmap(
        lambda count: st.tuples(*(guest(number, count) for number in range(count))).map(list)
    )


def guest(number: int, count: int) -> st.SearchStrategy[Guest]:
    return st.builds(
        Guest,
        id=st.just(f"{number:03}"),
        team=st.sampled_from((None, "red", "green", "blue")),
        city=st.sampled_from((None, "Lisbon", "Quito")),
        worker=st.sampled_from(("employee", "freelancer", "contractor")),
        zone=st.sampled_from(("Europe/London", "Europe/London", "Asia/Kolkata", "America/New_York", LONELY)),
        start=st.sampled_from((time(8), time(10))),
        end=st.sampled_from((time(16), time(18))),
        languages=st.sampled_from((("en",), ("en-GB", "fr"), ("fr",), ("en", "de"), ("de", "fr"))),
        joined=st.sampled_from((None, WEEK - timedelta(days=10), WEEK - timedelta(days=2_000))),
        asynchronous=st.booleans(),
        avoid=st.frozensets(st.integers(0, count - 1).map("{:03}".format), max_size=1),
        served=st.sampled_from((None, 0.2, 0.8)),
    )


def pasts(count: int) -> st.SearchStrategy[Past]:
    pair = st.frozensets(st.integers(0, count + 1).map("{:03}".format), min_size=2, max_size=2)
    return st.builds(
        Past,
        met=st.dictionaries(pair, st.integers(1, 8), max_size=3 * count),
        ties=st.dictionaries(pair, st.floats(0, 9), max_size=2 * count),
        circles=st.dictionaries(st.integers(0, count + 1).map("{:03}".format), st.integers(0, 3), max_size=count),
    )


policies = st.builds(Policy, size=st.sampled_from((2, 3, 4)), rounds=st.sampled_from((0, 5)))


def can_meet(group: Sequence[Guest], policy: Policy) -> bool:
    shared = -1
    for one in group:
        shared &= meeting_starts(one, WEEK, policy.minutes)
    return shared.bit_count() >= policy.starts


def allowed(group: Sequence[Guest]) -> bool:
    """Tell whether the two rules that never yield hold."""
    if any(one.id in other.avoid or other.id in one.avoid for one, other in combinations(group, 2)):
        return False
    return bool(set.intersection(*({tag.partition("-")[0] for tag in one.languages} for one in group)))


def hours_fit(group: Sequence[Guest], policy: Policy) -> bool:
    return can_meet(group, policy) or all(one.asynchronous for one in group)


def repeats(group: Sequence[Guest], past: Past, policy: Policy) -> list[frozenset[str]]:
    pairs = [frozenset((one.id, other.id)) for one, other in combinations(group, 2)]
    return [pair for pair in pairs if 0 < past.met.get(pair, 0) <= policy.rounds]


def hold(guests: Sequence[Guest], policy: Policy, past: Past, seating: Seating) -> None:
    """Demand of any round what always holds."""
    known = {one.id: one for one in guests}
    seated = [person for table in seating.tables for person in table.people]
    assert sorted([*seated, *seating.alone]) == sorted(known)
    expected = {("alone", frozenset((person,))) for person in seating.alone}
    for table in seating.tables:
        group = [known[person] for person in table.people]
        assert 2 <= len(group) <= 4
        assert allowed(group)
        assert table.by == ("meeting" if can_meet(group, policy) else "notes")
        if not hours_fit(group, policy):
            expected.add(("hours", frozenset(table.people)))
        expected |= {("again", pair) for pair in repeats(group, past, policy)}
        assert table.why.endswith(".")
    assert {(item.rule, frozenset(item.people)) for item in seating.yielded} == expected
    assert all(item.reason.endswith(".") for item in seating.yielded)
    assert len(seating.yielded) == len(expected)
    assert sum(size * many for size, many in seating.figures.sizes.items()) == len(guests)
    assert 0 <= seating.figures.lowest <= seating.figures.mean + 1e-9 <= 1 + 1e-6
    assert seating.figures.share_of_bound <= 1 + 1e-9


@checked
@given(data=st.data(), policy=policies, seed=st.integers(0, 2**32))
def test_rules_hold_on_any_population(data: st.DataObject, policy: Policy, seed: int) -> None:
    guests = data.draw(people(0, 26))
    past = data.draw(pasts(len(guests)))
    hold(guests, policy, past, seat(guests, policy, past, week=WEEK, seed=seed))


def partitions(people: Sequence[Guest]) -> Iterator[list[tuple[Guest, ...]]]:
    """Form all groups of one to four in all ways."""
    if not people:
        yield []
        return
    first, others = people[0], people[1:]
    for size in range(min(4, len(people))):
        for mates in combinations(others, size):
            if allowed((first, *mates)):
                for rest in partitions([one for one in others if one not in mates]):
                    yield [(first, *mates), *rest]


@checked
@given(data=st.data(), seed=st.integers(0, 99))
def test_a_rule_yields_only_where_it_has_to(data: st.DataObject, seed: int) -> None:
    guests = data.draw(people(1, 7))
    past = data.draw(pasts(len(guests)))
    policy = Policy(rounds=5)
    seating = seat(guests, policy, past, week=WEEK, seed=seed)
    least = min(
        (
            sum(len(group) == 1 for group in groups),
            sum(len(group) > 1 and not hours_fit(group, policy) for group in groups),
        )
        for groups in partitions(guests)
    )
    assert (len(seating.alone), count(seating, "hours")) == least


@checked
@given(guests=people(2, 6), seed=st.integers(0, 99))
def test_nobody_meets_again_while_there_is_another_way(guests: list[Guest], seed: int) -> None:
    free = [replace(one, zone="UTC", languages=("en",), avoid=frozenset()) for one in guests]
    policy = Policy(rounds=20)
    met: dict[frozenset[str], int] = {}
    for turn in range(8):
        seating = seat(free, policy, Past(met=met), week=WEEK, seed=seed + turn)
        hold(free, policy, Past(met=met), seating)
        least = min(
            sum(len(repeats(group, Past(met=met), policy)) for group in groups)
            for groups in partitions(free)
            if all(len(group) > 1 for group in groups) and (len(free) % 2 or all(len(group) == 2 for group in groups))
        )
        assert count(seating, "again") <= least
        met = {pair: age + 1 for pair, age in met.items()}
        met |= {frozenset(pair): 1 for table in seating.tables for pair in combinations(table.people, 2)}


def count(seating: Seating, rule: str) -> int:
    return seating.figures.yielded.get(rule, 0)


def crowd(many: int, change: Callable[[int], dict[str, object]] = lambda _: {}) -> list[Guest]:
    return [replace(Guest(id=f"{number:03}", team=f"{number % 4}"), **change(number)) for number in range(many)]


@pytest.mark.parametrize(("many", "sizes"), [(2, [2]), (3, [3]), (4, [2, 2]), (5, [2, 3]), (31, [2] * 14 + [3])])
def test_an_odd_number_makes_one_group_of_three(many: int, sizes: list[int]) -> None:
    seating = seat(crowd(many), Policy(), Past(), week=WEEK, seed=1)
    assert sorted(len(table.people) for table in seating.tables) == sizes
    assert seating.yielded == ()


@pytest.mark.parametrize("size", [3, 4])
@pytest.mark.parametrize("many", [6, 7, 9, 10, 11, 13, 17, 22, 38])
def test_larger_groups_come_as_near_to_their_size_as_the_number_allows(many: int, size: Literal[3, 4]) -> None:
    seating = seat(crowd(many), Policy(size=size), Past(), week=WEEK, seed=1)
    assert {len(table.people) for table in seating.tables} <= {size - 1, size, min(4, size + 1)}
    assert seating.alone == ()


def test_one_member_is_told_that_nobody_else_takes_part() -> None:
    seating = seat(crowd(1), Policy(), Past(), week=WEEK, seed=1)
    assert seating.alone == ("000",)
    assert [item.reason for item in seating.yielded] == ["Nobody else takes part in this round."]


def test_nobody_at_all_is_a_round_without_tables() -> None:
    seating = seat([], Policy(), Past(), week=WEEK, seed=1)
    assert (seating.tables, seating.alone, seating.figures.people) == ((), (), 0)


@pytest.mark.parametrize("many", [3, 7, 12, 31])
def test_a_lonely_zone_exchanges_notes_with_one_table(many: int) -> None:
    guests = crowd(many, lambda number: {"zone": "Europe/London" if number else LONELY})
    seating = seat(guests, Policy(), Past(), week=WEEK, seed=3)
    hold(guests, Policy(), Past(), seating)
    (item,) = seating.yielded
    assert item.rule == "hours"
    assert "000" in item.people
    assert "exchange of notes" in item.reason
    assert [table.by for table in seating.tables].count("notes") == 1


def test_two_who_are_willing_to_write_break_no_rule() -> None:
    guests = crowd(2, lambda number: {"zone": ("Europe/London", LONELY)[number], "asynchronous": True})
    seating = seat(guests, Policy(), Past(), week=WEEK, seed=3)
    assert (seating.tables[0].by, seating.yielded) == ("notes", ())


def everybody(many: int) -> frozenset[str]:
    return frozenset(f"{number:03}" for number in range(many))


@pytest.mark.parametrize("many", [2, 9, 24])
def test_lists_that_name_everybody_are_kept(many: int) -> None:
    guests = crowd(many, lambda _: {"avoid": everybody(many)})
    seating = seat(guests, Policy(), Past(), week=WEEK, seed=3)
    assert seating.tables == ()
    assert count(seating, "alone") == many


def test_nobody_can_tell_who_listed_whom() -> None:
    mine = crowd(15, lambda number: {"avoid": everybody(15) if number == 4 else frozenset()})
    theirs = crowd(15, lambda number: {"avoid": frozenset() if number == 4 else frozenset({"004"})})
    first, second = (seat(guests, Policy(), Past(), week=WEEK, seed=3) for guests in (mine, theirs))
    assert first.alone == ("004",)
    assert first == second


def test_who_speaks_a_language_alone_is_told_so() -> None:
    guests = crowd(12, lambda number: {"languages": ("en",) if number else ("eu",)})
    seating = seat(guests, Policy(), Past(), week=WEEK, seed=3)
    assert [item.reason for item in seating.yielded] == ["Nobody else in this round shares a language with you."]
    assert len(seating.tables) == 5


def test_three_who_share_a_language_by_twos_only_are_no_group() -> None:
    spoken = (("en", "fr"), ("fr", "de"), ("de", "en"))
    for many in (3, 15):
        guests = crowd(many, lambda number: {"languages": spoken[number % 3]})
        hold(guests, Policy(size=3), Past(), seat(guests, Policy(size=3), Past(), week=WEEK, seed=2))


@pytest.mark.parametrize("many", [4, 8, 16, 30])
def test_where_everybody_met_those_meet_who_met_longest_ago(many: int) -> None:
    guests = crowd(many, lambda _: {"team": None})
    met = {frozenset((one.id, other.id)): 1 for one, other in combinations(guests, 2)}
    old = {frozenset((f"{number:03}", f"{number + 1:03}")): 40 for number in range(0, many, 2)}
    seating = seat(guests, Policy(), Past(met=met | old), week=WEEK, seed=5)
    assert {frozenset(table.people) for table in seating.tables} == set(old)
    assert {item.rule for item in seating.yielded} == {"again"}
    assert all("40 rounds ago" in item.reason for item in seating.yielded)


def test_a_meeting_that_is_long_past_is_no_repeat() -> None:
    guests = crowd(2)
    past = Past(met={frozenset(("000", "001")): 53})
    seating = seat(guests, Policy(rounds=52), past, week=WEEK, seed=1)
    assert seating.yielded == ()
    assert "a while" in seating.tables[0].why


@settings(checked, max_examples=10)
@given(data=st.data(), policy=policies, seed=st.integers(0, 99))
def test_one_seed_gives_one_round_in_whatever_order(data: st.DataObject, policy: Policy, seed: int) -> None:
    guests = data.draw(people(1, 20))
    past = data.draw(pasts(len(guests)))
    again = data.draw(st.permutations(guests))
    first, second = (seat(some, policy, past, week=WEEK, seed=seed) for some in (guests, again))
    assert first == second


def test_another_seed_gives_another_round_among_equals() -> None:
    rounds = {seat(crowd(20), Policy(), Past(), week=WEEK, seed=seed).tables for seed in range(8)}
    assert len(rounds) == 8


@checked
@given(data=st.data(), seed=st.integers(0, 99))
def test_what_is_said_of_a_group_rests_on_nothing_private(data: st.DataObject, seed: int) -> None:
    guests = data.draw(people(2, 9))
    past = data.draw(pasts(len(guests)))
    bare = [replace(one, avoid=frozenset(), served=None, worker="employee") for one in guests]
    said = {table.people: table.why for table in seat(guests, Policy(), past, week=WEEK, seed=seed).tables}
    plain = seat(bare, Policy(), replace(past, ties={}, circles={}), week=WEEK, seed=seed)
    assert all(said.get(table.people, table.why) == table.why for table in plain.tables)


def test_why_names_what_colleagues_see_of_each_other() -> None:
    guests = [
        Guest(id="a", team="red", city="Lisbon", joined=WEEK - timedelta(days=20)),
        Guest(id="b", team="blue", city="Quito", joined=WEEK - timedelta(days=2_000)),
    ]
    (table,) = seat(guests, Policy(), Past(), week=WEEK, seed=1).tables
    assert table.why == (
        "You come from two different teams and cities, and a newcomer meets somebody who knows the place well."
    )
    assert "not met" in seat(crowd(2, lambda _: {"team": None}), Policy(), Past(), week=WEEK, seed=1).tables[0].why


ACROSS, ALONG = ({"ac", "bd"}, {"ad", "bc"}), ({"ab", "cd"},)


@pytest.mark.parametrize(
    ("wish", "expected"),
    [("team", ACROSS), ("worker", ACROSS), ("city", ACROSS), ("tenure", ALONG), ("ties", ACROSS)],
)
def test_each_wish_is_followed(wish: str, expected: tuple[set[str], ...]) -> None:
    guests = [
        Guest(id="a", team="1", city="1", worker="employee", joined=WEEK),
        Guest(id="b", team="1", city="1", worker="employee", joined=WEEK - timedelta(days=1_000)),
        Guest(id="c", team="2", city="2", worker="freelancer"),
        Guest(id="d", team="2", city="2", worker="contractor"),
    ]
    past = Past(ties={frozenset("ab"): 3, frozenset("cd"): 3})
    nothing = dict.fromkeys(("team", "city", "worker", "tenure", "ties", "hours"), 0.0)
    policy = Policy(wishes=Wishes(**(nothing | {wish: 1.0})))
    for seed in range(6):
        tables = seat(guests, policy, past, week=WEEK, seed=seed).tables
        assert {"".join(table.people) for table in tables} in expected


def test_circles_are_brought_together_before_strangers_of_one_circle() -> None:
    # two rings of six: whoever sits opposite in a ring has neither a tie nor a colleague in common, as across rings
    rings = [[f"{ring}{number}" for number in range(6)] for ring in "ab"]
    ties = {frozenset((ring[number], ring[(number + 1) % 6])): 1.0 for ring in rings for number in range(6)}
    guests = [Guest(id=one) for ring in rings for one in ring]
    policy = Policy(wishes=Wishes(team=0, city=0, worker=0, tenure=0, ties=1, hours=0))
    known = Past(ties=ties, circles={one: "ab".index(one[0]) for ring in rings for one in ring})
    for seed in range(4):
        tables = seat(guests, policy, known, week=WEEK, seed=seed).tables
        assert all(one[0] != other[0] for one, other in (table.people for table in tables))
        assert {table.why for table in tables} == {"You have not met in a café lately."}
    blind = [seat(guests, policy, Past(ties=ties), week=WEEK, seed=seed).tables for seed in range(8)]
    assert any(one[0] == other[0] for tables in blind for one, other in (table.people for table in tables))


@pytest.mark.parametrize(
    "wrong",
    [{"size": 5}, {"minutes": 20}, {"minutes": 0}, {"rounds": -1}, {"starts": 0}, {"evenness": -1.0}],
)
def test_a_policy_that_makes_no_sense_is_a_mistake(wrong: dict[str, int]) -> None:
    with pytest.raises(Mistake, match=next(iter(wrong))):
        Policy(**wrong)


def test_wishes_that_weigh_nothing_are_a_mistake() -> None:
    with pytest.raises(Mistake, match="above 0"):
        Wishes(team=0, city=0, worker=0, tenure=0, ties=0, hours=0)
    with pytest.raises(Mistake, match="0 or more"):
        Wishes(team=-1)


def test_a_guest_is_named_once() -> None:
    with pytest.raises(Mistake, match="twice"):
        seat([*crowd(2), *crowd(1)], Policy(), Past(), week=WEEK, seed=1)
