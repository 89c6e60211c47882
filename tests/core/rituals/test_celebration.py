"""Days that people chose, lived: who is asked for wishes, who reads them and when, and that a word takes all back."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from tertulia.delivery import outbox
from tertulia.errors import Mistake
from tertulia.extension import RoundRequest, Tally
from tertulia.kinds import Dealing, Occasion
from tertulia.rituals.celebration import MOST, Celebration, Options
from tertulia.services import celebrating, erasing, merging, my_data, occasions, people, preferences
from tertulia.services.occasions import Chosen
from tertulia.storage import tables

MONDAY = datetime(2026, 11, 23, 0, 0, tzinfo=UTC)
SUNDAY = MONDAY + timedelta(days=6)
OpenTown = Callable[..., Any]
PROGRAM = """
[[practice]]
key = "days"
kind = "celebration"
title = "Days to celebrate"
places = ["square:hall", "square:garden"]
cadence = { rule = "FREQ=WEEKLY;BYDAY=MO", start = "2026-11-23T09:30", time = "local" }
open_for = "3d"
"""
KIND = Celebration()
ZONES = {"Ana": "Asia/Tokyo", "Ben": "Europe/Madrid", "Cleo": "America/Bogota", "Dov": "Europe/Madrid"}


async def choose(town: Any, name: str, occasion: str = "birthday", **chosen: Any) -> None:
    picked = {"month": 11, "day": 29, "circle": "team", **chosen}
    async with town.runtime.database.write() as tx:
        where = (town.organization, town.workspace, "days", town.people[name], occasion)
        await occasions.choose(town.runtime, tx, *where, Chosen(**picked))


async def take_back(town: Any, name: str, occasion: str = "birthday") -> None:
    async with town.runtime.database.write() as tx:
        where = (town.organization, town.workspace, "days", town.people[name], occasion)
        await celebrating.take_back(town.runtime, tx, *where)
    await outbox.Sender(town.runtime).drain()


async def settle_in(town: Any) -> None:
    await town.apply(PROGRAM)
    for name, zone in ZONES.items():
        await town.add(name, zone=zone, team="Blue" if name == "Dov" else "Red")


def said(place: Any) -> list[str]:
    return [f"{call.place.ref}: {call.prompt.body.plain()}" for call in place.ritual.sent if call.method == "post"]


async def test_wishes_are_collected_in_the_team_and_read_on_the_day(
    open_town: OpenTown, square: Callable[..., Any]
) -> None:
    place = square("square")
    async with open_town(place) as town:
        await settle_in(town)
        await choose(town, "Ana", places=("square:hall",))
        await town.live(MONDAY + timedelta(hours=16))
        assert [len(town.letters(name)) for name in ZONES] == [0, 1, 1, 0]
        (asked,) = town.letters("Ben")
        assert [field.label for field in asked.fields] == ["Ana: birthday, Sunday, 29 November"]
        assert (await town.answer("Ben", {town.people["Ana"]: "A good year!"})).status == "taken"
        assert (await town.answer("Cleo", {town.people["Ben"]: "not asked"})).status == "refused"
        await town.answer("Cleo", verb="pass")
        await town.live(SUNDAY - timedelta(hours=1))
        assert place.ritual.sent == []
        assert town.letters("Ana") == []
        # nine in the morning in Tokyo
        await town.live(SUNDAY + timedelta(hours=1))
        (card,) = town.letters("Ana")
        assert card.title == "Happy birthday!"
        assert "- Ben: A good year!" in card.body.plain()
        assert said(place) == ["hall: Today is the birthday of Ana."]
        assert place.ritual.sent[0].prompt.actions == ()
        await town.live(SUNDAY + timedelta(days=7))
        assert [len(town.letters(name)) for name in ZONES] == [1, 1, 1, 0]
        assert len(said(place)) == 1
        assert {row["person_id"] for row in await town.rows(tables.participation)} == {town.people["Ben"]}


async def test_who_chose_nothing_is_celebrated_by_nobody(open_town: OpenTown, square: Callable[..., Any]) -> None:
    place = square("square")
    async with open_town(place) as town:
        await settle_in(town)
        for month, day in ((2, 30), (13, 1), (4, 31), (0, 0)):
            with pytest.raises(Mistake, match="no such day"):
                await choose(town, "Cleo", month=month, day=day)
        await choose(town, "Ana", circle="nobody")
        await choose(town, "Ben", month=12, day=25)
        await town.live(SUNDAY + timedelta(days=1))
        assert [len(town.letters(name)) for name in ZONES] == [1, 0, 0, 0]
        assert "All the best" in town.letters("Ana")[0].body.plain()
        assert place.ritual.sent == []


@pytest.mark.parametrize("how", ["everything", "leaves", "erased"])
async def test_who_opts_out_or_leaves_meanwhile_is_not_shown_written_to_or_counted(
    open_town: OpenTown, square: Callable[..., Any], how: str
) -> None:
    place = square("square")
    async with open_town(place) as town:
        await settle_in(town)
        await choose(town, "Ana", places=("square:hall",))
        await choose(town, "Dov", circle="all")
        await town.live(MONDAY + timedelta(hours=16))
        assert len(town.letters("Ben")[0].fields) == 2
        async with town.runtime.database.write() as tx:
            of = (town.runtime, tx, town.organization)
            if how == "leaves":
                await people.leave(*of, town.workspace, town.people["Ana"], actor="test")
            elif how == "erased":
                await erasing.erase(*of, town.people["Ana"], actor="test")
            else:
                await preferences.opt_out(*of, town.people["Ana"])
        reply = await town.answer("Ben", {town.people["Ana"]: "Hello?", town.people["Dov"]: "Cheers"})
        assert "Ana" not in reply.prompt.body.plain() + repr(reply.prompt.fields)
        await town.live(SUNDAY + timedelta(days=1))
        assert len(town.letters("Ana")) == 1  # the question of Monday
        assert place.ritual.sent == []
        assert "Cheers" in town.letters("Dov")[-1].body.plain()
        assert town.people["Ana"] not in json.dumps([row["values"] for row in await town.rows(tables.response)])
        await town.live(MONDAY + timedelta(days=9))
        assert town.people["Ana"] not in {row["person_id"] for row in await town.rows(tables.participation)}


async def test_who_opted_out_before_is_neither_asked_nor_celebrated(open_town: OpenTown) -> None:
    async with open_town() as town:
        await settle_in(town)
        await choose(town, "Ana")
        await choose(town, "Cleo")
        async with town.runtime.database.write() as tx:
            await preferences.opt_out(town.runtime, tx, town.organization, town.people["Cleo"], "days")
        await town.live(SUNDAY + timedelta(days=1))
        assert [len(town.letters(name)) for name in ZONES] == [1, 1, 0, 0]
        assert [field.key for field in town.letters("Ben")[0].fields] == [town.people["Ana"]]


async def test_taken_back_before_the_day_nothing_is_left(open_town: OpenTown, square: Callable[..., Any]) -> None:
    place = square("square")
    async with open_town(place) as town:
        await settle_in(town)
        await choose(town, "Ana", places=("square:hall",))
        await choose(town, "Cleo", day=28)
        await town.live(MONDAY + timedelta(hours=16))
        await town.answer("Ben", {town.people["Ana"]: "Soon!", town.people["Cleo"]: "Cheers"})
        await take_back(town, "Ana")
        amended = [call for call in place.letters() if call.method == "amend"]
        assert sorted([field.key for field in call.prompt.fields] for call in amended) == [[], [town.people["Cleo"]]]
        assert [row["values"] for row in await town.rows(tables.response)] == [{town.people["Cleo"]: "Cheers"}]
        asked = [row["share"] for row in await town.rows(tables.round_share) if "about" in row["share"]]
        assert town.people["Ana"] not in json.dumps(asked)
        await town.live(SUNDAY + timedelta(days=1))
        assert [prompt.title for prompt in town.letters("Ana")] == ["Days to celebrate"]  # Monday, about Cleo
        assert place.ritual.sent == []
        assert "Cheers" in town.letters("Cleo")[-1].body.plain()
        assert [row["occasion"] for row in await town.rows(tables.celebration)] == ["birthday"]


async def test_taken_back_after_the_day_places_show_it_no_more(
    open_town: OpenTown, square: Callable[..., Any]
) -> None:
    place = square("square")
    async with open_town(place) as town:
        await settle_in(town)
        await choose(town, "Ana", "welcome", year=2026, places=("square:hall", "square:garden"))
        await town.live(SUNDAY + timedelta(days=1))
        assert sorted(said(place)) == ["garden: Ana is new here. Welcome!", "hall: Ana is new here. Welcome!"]
        for _ in range(2):
            await take_back(town, "Ana", "welcome")
        changed = [call for call in place.ritual.sent if call.method == "refresh"]
        assert [call.prompt.body.plain() for call in changed[:2]] == ["This was taken back."] * 2
        assert await town.rows(tables.celebration) == []


async def test_the_days_are_sealed_and_only_one_s_own_data_tells_them(open_town: OpenTown) -> None:
    async with open_town() as town:
        await settle_in(town)
        await choose(town, "Ana")
        await town.live(MONDAY + timedelta(hours=16))
        async with town.runtime.database.read() as tx:
            of = (town.runtime, tx, town.organization)
            held = {name: await my_data.collect(*of, town.people[name]) for name in ("Ana", "Ben")}
        (told,) = held["Ana"]["celebrations"]
        assert (told["occasion"], told["day"], told["asked"]) == ("birthday", "11-29", "team")
        assert held["Ben"]["celebrations"] == []
        assert "2026-11-29" not in json.dumps(held["Ben"])
        assert town.people["Ana"] not in json.dumps(held["Ben"])
        (row,) = await town.rows(tables.celebration)
        assert b"month" not in row["sealed"]
        assert row["expires_at"] is None


async def test_a_merged_person_is_celebrated_once(open_town: OpenTown) -> None:
    async with open_town() as town:
        await settle_in(town)
        await town.add("Anna", team="Red")
        for name in ("Ana", "Anna"):
            await choose(town, name)
        async with town.runtime.database.write() as tx:
            of = (town.runtime, tx, town.organization)
            await merging.merge(*of, kept=town.people["Anna"], gone=town.people["Ana"], actor="test")
        await town.live(MONDAY + timedelta(hours=16))
        assert [field.label.partition(":")[0] for field in town.letters("Ben")[0].fields] == ["Anna"]


async def test_wishes_for_somebody_who_is_merged_meanwhile_are_asked_for_and_handed_over(open_town: OpenTown) -> None:
    async with open_town() as town:
        await settle_in(town)
        await town.add("Anna", team="Red")
        await choose(town, "Ana")
        await town.live(MONDAY + timedelta(hours=16))
        assert (await town.answer("Ben", {town.people["Ana"]: "A good year!"})).status == "taken"
        async with town.runtime.database.write() as tx:
            of = (town.runtime, tx, town.organization)
            await merging.merge(*of, kept=town.people["Anna"], gone=town.people["Ana"], actor="test")
        reply = await town.answer("Cleo", {town.people["Ana"]: "Many more!"})
        assert reply.status == "taken", reply.text
        await town.live(SUNDAY + timedelta(days=1))
        told = [letter for name in ("Ana", "Anna") for letter in town.letters(name) if "birthday" in letter.title]
        assert len(told) == 1
        assert "A good year!" in told[0].body.plain()
        assert "Many more!" in told[0].body.plain()


@pytest.mark.parametrize(
    ("chosen", "year", "day"),
    [
        (Chosen(month=2, day=29), 2027, date(2027, 2, 28)),
        (Chosen(month=2, day=29), 2028, date(2028, 2, 29)),
        (Chosen(month=12, day=31), 2026, date(2026, 12, 31)),
        (Chosen(month=5, day=1, year=2027), 2027, date(2027, 5, 1)),
        (Chosen(month=5, day=1, year=2027), 2028, None),
    ],
)
def test_a_day_in_a_year(chosen: Chosen, year: int, day: date | None) -> None:
    assert chosen.on(year) == day


def test_nobody_is_asked_for_more_than_a_few_at_a_time() -> None:
    request = RoundRequest(
        practice="d", options=Options(), occurrence="2026-11-23T09:30:00", group_size=9, seed=1, turn=0
    )
    content = KIND.prepare(request).content
    days = tuple(
        Occasion(person=f"p{n}", name="birthday", day=date(2026, 11, 27), at=SUNDAY, circle=frozenset({"me"}))
        for n in range(9)
    )
    dealing = Dealing(
        people=("me", "other"),
        parties=(),
        alone={},
        seed=1,
        opens_at=MONDAY,
        closes_at=MONDAY + timedelta(days=3),
        occasions=days,
    )
    shares = KIND.deal(content, dealing)
    assert list(shares) == ["me"]
    assert len(shares["me"].share["people"]) == MOST
    assert KIND.summary(content, (), Tally(invited=2, answered=1, passed=0), "en") is None
    with pytest.raises(Mistake):
        KIND.accept(content, "answer", {})


@pytest.mark.parametrize(
    ("language", "label"),
    [
        ("en", "Ana: birthday, Sunday, 29 November"),
        ("de-AT", "Ana: Geburtstag, Sonntag, 29. November"),
        ("es", "Ana: cumpleaños, domingo, 29 de noviembre"),
        ("zz", "Ana: birthday, Sunday, 29 November"),
    ],
)
def test_the_day_is_written_as_its_reader_does(language: str, label: str) -> None:
    about = {"a": {"occasion": "birthday", "day": "2026-11-29"}}
    share = {"me": {"id": "b"}, "people": [{"id": "a", "dealt": "a", "name": "Ana", "given": {}}], "about": about}
    (field,) = KIND.prompt_for({}, share, language).fields
    assert field.label == label
