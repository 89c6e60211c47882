"""Two truths and a lie, and this or that: played through, and nobody told more than they may know."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tertulia.errors import Mistake
from tertulia.extension import RoundRequest, Tally
from tertulia.rituals import this_or_that
from tertulia.rituals.this_or_that import ThisOrThat
from tertulia.rituals.two_truths import TwoTruths
from tertulia.services import preferences
from tertulia.storage import tables

MONDAY = datetime(2026, 11, 23, 0, 0, tzinfo=UTC)
OpenTown = Callable[..., Any]
PROGRAM = """
[[practice]]
key = "game"
kind = "KIND"
title = "Game"
ask = "both"
places = ["square:hall"]
cadence = { rule = "FREQ=WEEKLY;BYDAY=MO", start = "2026-11-23T09:30", time = "local" }
open_for = "6h"
"""
NAMES = ("Ana", "Ben", "Cleo", "Dora")


def sentences(name: str) -> dict[str, str]:
    return {"1": f"{name} juggles", "2": f"{name} flew", "3": f"{name} sings", "lie": "2"}


def text(prompt: Any) -> str:
    return str(prompt.body.plain())


async def test_two_truths_are_guessed_and_told(open_town: OpenTown) -> None:
    async with open_town() as town:
        await town.apply(PROGRAM.replace("KIND", "two-truths"))
        for name in (*NAMES, "Emil", "Fay"):
            await town.add(name)
        async with town.runtime.database.write() as tx:
            await preferences.opt_out(town.runtime, tx, town.organization, town.people["Fay"], "game")
        await town.live(MONDAY + timedelta(hours=10))
        for name in NAMES:
            assert (await town.answer(name, sentences(name))).status == "taken"
        await town.answer("Emil", verb="pass")
        await town.live(MONDAY + timedelta(hours=20))
        guess = town.letters("Ana")[-1]
        assert sorted(field.label for field in guess.fields) == [f"{name}: the lie is …" for name in NAMES[1:]]
        assert not [field for field in guess.fields if field.value]
        for name in NAMES[:3]:
            fields = town.letters(name)[-1].fields
            right = {field.key: "2" if field.label.startswith("Ben") else "1" for field in fields}
            assert (await town.answer(name, right)).status == "taken"
        async with town.runtime.database.write() as tx:
            await preferences.opt_out(town.runtime, tx, town.organization, town.people["Cleo"], "game")
        await town.live(MONDAY + timedelta(days=2))

        told = {name: text(town.letters(name)[-1]) for name in ("Ana", "Ben", "Dora")}
        assert "Ben made up: Ben flew You saw it." in told["Ana"]
        assert "Dora made up: Dora flew You were fooled." in told["Ana"]
        assert "Cleo" not in "".join(told.values())
        assert "3 of 3" not in "".join(told.values()), "of those who stayed two guessed: too few to be told"
        assert "Ana made up: Ana flew" in told["Dora"]
        assert [len(town.letters(name)) for name in ("Cleo", "Emil", "Fay")] == [2, 1, 0]
        facts = await town.rows(tables.participation)
        assert {row["person_id"] for row in facts} == {town.people[name] for name in NAMES}


def test_half_an_answer_to_two_truths_is_a_mistake() -> None:
    kind = TwoTruths()
    for values in ({}, {"1": "a", "2": "b", "3": "c"}, {"1": "a", "2": "b", "lie": "1"}):
        with pytest.raises(Mistake, match="all three sentences"):
            kind.accept({}, "answer", values)
    with pytest.raises(Mistake, match="are the same"):
        kind.accept({}, "answer", {"1": "a", "2": "A", "3": "c", "lie": "1"})


async def test_this_or_that_is_told_in_numbers_once_five_have_chosen(
    open_town: OpenTown, square: Callable[..., Any]
) -> None:
    place = square("square")
    async with open_town(place) as town:
        await town.apply(PROGRAM.replace("KIND", "this-or-that"))
        players = ("Ana", "Ben", "Cleo", "Emil", "Fay")
        for name in (*players, "Dora"):
            await town.add(name)
        async with town.runtime.database.write() as tx:
            await preferences.opt_out(town.runtime, tx, town.organization, town.people["Dora"], "game")
        await town.live(MONDAY + timedelta(hours=10))
        for name in players:
            side = "left" if name == "Ana" else "right"
            await town.answer(name, {"pair1": side, **({"pair2": "left"} if name != "Ana" else {})})
        pairs = next(row["content"]["pairs"] for row in await town.rounds() if row["state"] == "open")
        await town.live(MONDAY + timedelta(days=1))
        told = place.ritual.sent[-1].prompt.body.plain()
        assert told == f"- {pairs[0]['left']}: 1, {pairs[0]['right']}: 4"
        assert town.letters("Dora") == []


def test_pairs_do_not_repeat_before_all_were_asked() -> None:
    kind, used = ThisOrThat(), list[str]()
    assert len({pair["id"] for pair in this_or_that.bank()}) == len(this_or_that.bank()) >= 60
    for number in range(20):
        options = this_or_that.Options()
        request = RoundRequest(
            practice="p", options=options, occurrence="o", group_size=3, seed=number, used=tuple(used)
        )
        used += kind.prepare(request).uses
    assert len(set(used)) == 60
    with pytest.raises(Mistake, match="choose at least once"):
        kind.accept(kind.prepare(request).content, "answer", {})
    assert kind.summary(kind.prepare(request).content, (), Tally(invited=2, answered=0, passed=2), "en") is None
