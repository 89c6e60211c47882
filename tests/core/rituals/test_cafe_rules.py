"""Hard rules on generated populations, through real rounds: whom letters name, and why where a rule yielded."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import combinations
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tertulia.domain.walltime import wall_time
from tertulia.services import matching
from tertulia.storage import tables

MONDAY = datetime(2026, 11, 23, 0, 0, tzinfo=UTC)
OpenTown = Callable[..., Any]
PROGRAM = """
[[practice]]
key = "coffee"
kind = "cafe"
title = "Coffee"
join = "opt-in"
cadence = { rule = "FREQ=WEEKLY;BYDAY=MO", start = "2026-11-23T12:00", time = "common", zone = "UTC" }
open_for = "24h"
options = { size = SIZE, minutes = 60, notes = NOTES }
"""
ZONES = ("Europe/London", "Europe/London", "Asia/Kolkata", "America/New_York", "Pacific/Auckland")
TONGUES = ("en", "en fr", "fr", "en de", "de fr")


@dataclass(frozen=True)
class Population:
    """Hold who takes part: a zone and languages for each, who avoids whom, and who met in the round before."""

    people: tuple[tuple[str, str], ...]
    size: int = 2
    notes: bool = True
    avoid: frozenset[tuple[int, int]] = field(default_factory=frozenset)
    met: frozenset[tuple[int, int]] = field(default_factory=frozenset)


@st.composite
def populations(draw: st.DrawFn) -> Population:
    count = draw(st.integers(1, 11))
    person = st.tuples(st.sampled_from(ZONES), st.sampled_from(TONGUES))
    pair = st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)).filter(lambda two: two[0] != two[1])
    pairs = st.frozensets(pair, max_size=count) if count > 1 else st.just(frozenset())
    return Population(
        people=draw(st.tuples(*(person for _ in range(count)))),
        size=draw(st.sampled_from((2, 3, 4))),
        notes=draw(st.booleans()),
        avoid=draw(pairs),
        met=draw(pairs),
    )


def everybody(count: int) -> frozenset[tuple[int, int]]:
    return frozenset(combinations(range(count), 2))


LONDON = ("Europe/London", "en")
EDGES = {
    "one member": Population((LONDON,)),
    "two members": Population((LONDON,) * 2),
    "an odd number": Population((LONDON,) * 7),
    "one lonely time zone": Population(((*(LONDON,) * 5, ("Pacific/Auckland", "en"))), notes=False),
    "all on the list": Population((LONDON,) * 5, avoid=everybody(5)),
    "everybody met already": Population((LONDON,) * 4, met=everybody(4)),
    "nobody shares a language": Population((("Europe/London", "en"), ("Europe/London", "fr"))),
}


@pytest.mark.parametrize("name", EDGES)
async def test_the_rules_hold_where_it_is_hard(open_town: OpenTown, name: str) -> None:
    letters = await held(open_town, EDGES[name])
    said = "\n".join(letters.values())
    expected = {
        "one member": "Nobody else takes part in this round.",
        "all on the list": "No group could be found for you in this round; you come first in the next.",
        "one lonely time zone": "Your working hours have too little in common this week",
        "everybody met already": "You met in the last round already: no way was found",
        "nobody shares a language": "Nobody else in this round shares a language with you.",
    }
    assert expected.get(name, "You are introduced to:") in said


@settings(
    max_examples=8,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(population=populations())
def test_the_rules_hold_on_any_population(open_town: OpenTown, population: Population) -> None:
    asyncio.run(held(open_town, population))


async def held(open_town: OpenTown, population: Population) -> dict[str, str]:
    """Hold a round, judge what it kept and wrote, and return the letters by name."""
    async with open_town() as town:
        names = [f"Person{number:02}" for number in range(len(population.people))]
        for name, (zone, tongues) in zip(names, population.people, strict=True):
            person = await town.add(name, zone=zone)
            quiet = {"quiet_start": datetime.min.time(), "quiet_end": datetime.min.time()}
            async with town.runtime.database.write() as tx:
                table = tables.person
                await tx.execute(
                    table.update().where(table.c.id == person).values(languages=tongues.split(), **encoded(quiet))
                )
        await keep_past(town, names, population)
        text = PROGRAM.replace("SIZE", str(population.size)).replace("NOTES", str(population.notes).lower())
        await town.apply(text)
        await town.join("coffee")
        await town.live(MONDAY + timedelta(hours=13))
        letters = {}
        for name in names:
            (letter,) = town.letters(name)
            letters[name] = letter.body.plain()
        (round_,) = [row for row in await town.rounds() if row["state"] == "open"]
        shares = await town.rows(tables.round_share, round_id=round_["id"])
        judge(town, names, population, {row["person_id"]: row for row in shares}, letters)
        return letters


def encoded(times: dict[str, Any]) -> dict[str, Any]:
    return {key: value.strftime("%H:%M") for key, value in times.items()}


async def keep_past(town: Any, names: list[str], population: Population) -> None:
    ids = [town.people[name] for name in names]
    async with town.runtime.database.write() as tx:
        for one, other in sorted(population.avoid):
            await matching.avoid(town.runtime, tx, town.organization, ids[one], ids[other])
        # whoever met sat at one table of an earlier round; a pair needs a round of its own
        for number, (one, other) in enumerate(sorted(population.met)):
            for person in (ids[one], ids[other]):
                await tx.execute(
                    tables.match_history.insert().values(
                        organization_id=town.organization,
                        round_id="a" * 32 if len(population.met) == 6 else f"{number:032x}",
                        person_id=person,
                        workspace_id=town.workspace,
                        practice="coffee",
                        group_number=1,
                        served=0.5,
                        at=MONDAY - timedelta(days=7, minutes=number),
                    ).prefix_with("OR IGNORE")
                )  # fmt: skip


def judge(
    town: Any, names: list[str], population: Population, shares: dict[str, Any], letters: dict[str, str]
) -> None:
    by_id = {town.people[name]: number for number, name in enumerate(names)}
    assert shares.keys() == by_id.keys()
    apart = population.avoid | {(other, one) for one, other in population.avoid}
    met = population.met | {(other, one) for one, other in population.met}
    for person, row in shares.items():
        number, share = by_id[person], row["share"]
        letter = letters[names[number]]
        named = {other for other in range(len(names)) if other != number and names[other] in letter}
        if "alone" in share:
            assert row["group_id"] is None
            assert share["alone"] in letter
            assert not named
            continue
        group = [by_id[one] for one in share["people"]]
        assert number in group
        assert named == set(group) - {number}
        assert 2 <= len(group) <= 4
        assert {shares[one]["group_id"] for one in share["people"]} == {row["group_id"]}
        for pair in combinations(group, 2):
            assert pair not in apart
            if pair in met:
                assert "You met" in letter
        assert set.intersection(*(set(population.people[one][1].split()) for one in group))
        if share["by"] == "meeting":
            inside(share, [population.people[one][0] for one in group])
        elif not population.notes:
            assert "Your working hours have too little in common this week" in letter


def inside(share: dict[str, Any], zones: list[str]) -> None:
    assert 1 <= len(share["times"]) <= 3
    for at in map(datetime.fromisoformat, share["times"]):
        for zone in zones:
            begins, ends = wall_time(at, zone), wall_time(at + timedelta(minutes=60), zone)
            assert begins.weekday() < 5
            assert (begins.hour, begins.minute) >= (9, 0)
            assert (ends.hour, ends.minute) <= (17, 0)
            assert begins.date() == ends.date()
