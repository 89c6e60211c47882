"""A gathering on the driven clock: from the poll of dates to what people say ninety days later."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tertulia.rituals.gathering_plan import Options
from tertulia.services import calendars, preferences, retention, rounds
from tertulia.storage import tables

MONDAY = datetime(2026, 11, 23, 0, 0, tzinfo=UTC)
OpenTown = Callable[..., Any]
RETREAT = """
[[practice]]
key = "retreat"
kind = "gathering"
title = "Retreat in Porto"
cadence = { rule = "FREQ=YEARLY;COUNT=1", start = "2026-11-23T10:00", time = "local" }
open_for = "3d"

[practice.options]
dates = ["2027-01-12T10:00", "2027-01-19T10:00"]
zone = "Europe/Lisbon"
where = "Porto"
hours = 30
capacity = 3
agenda = [
  { title = "Opening", time = "10:00" },
  { title = "Pottery", kind = "workshop", time = "15:00", minutes = 120, capacity = 1 },
  { title = "Dinner by the river", kind = "dinner", time = "20:00", minutes = 180 },
]
"""
CHOSEN = datetime(2027, 1, 19, 10, 0, tzinfo=UTC)
PEOPLE = ("Ana", "Ben", "Cleo", "Dov", "Eve")


async def gathered(town: Any) -> None:
    await town.apply(RETREAT)
    for name in ("Host", *PEOPLE):
        await town.add(name, zone="Europe/Athens" if name == "Ana" else "Europe/Lisbon")
    row = {"organization_id": town.organization, "workspace_id": town.workspace, "person_id": town.people["Host"]}
    async with town.runtime.database.write() as tx:
        await tx.execute(tables.role.insert().values(**row, role="host", granted_at=MONDAY))


async def sign_up(town: Any, name: str, items: list[str], diets: list[str]) -> None:
    reply = await town.answer(name, {"items": items, "diets": diets})
    assert reply.status in ("taken", "changed"), reply
    # who comes a minute later stands a place further behind
    town.clock.advance(timedelta(minutes=1))


async def test_a_gathering_from_the_poll_to_the_ninetieth_day(open_town: OpenTown) -> None:
    async with open_town() as town:
        await gathered(town)
        await town.live(MONDAY + timedelta(hours=12))
        (dates,) = town.letters("Ana")[0].fields
        assert [option.label for option in dates.options] == [
            "Tuesday, 12 January 2027, 12:00",
            "Tuesday, 19 January 2027, 12:00",
        ]
        await town.answer("Ana", {"dates": ["1"]})
        await town.answer("Ben", {"dates": ["0", "1"]})
        await town.live(MONDAY + timedelta(days=3, hours=14))
        letter = town.letters("Ana")[-1]
        assert letter.title == "You are invited"
        assert "Tuesday, 19 January 2027, 12:00" in letter.body.plain()
        assert [field.key for field in letter.fields] == ["items", "diets"]
        await sign_up(town, "Ana", ["item-1", "item-2"], ["vegan"])
        await sign_up(town, "Ben", ["item-1"], ["vegan", "nuts"])
        await sign_up(town, "Cleo", ["item-2"], [])
        await sign_up(town, "Dov", [], ["halal"])
        assert (await town.answer("Eve", verb="decline")).status == "taken"
        # changing one's mind about the food does not cost the place
        await sign_up(town, "Ana", ["item-1", "item-2"], ["vegetarian"])
        await needs_are_sealed(town)

        await town.live(MONDAY + timedelta(days=18))
        counts = town.letters("Host")[-1].body.plain()
        assert "The gathering: 3, 1 waiting" in counts
        assert "Pottery: 1, 1 waiting" in counts
        assert "Dinner by the river: 2" in counts
        assert "Vegan: 1" in counts
        assert "Vegetarian: 1" in counts
        assert "Halal: 1" in counts
        assert not any(name in counts for name in PEOPLE)
        assert "You have a place." in town.letters("Ana")[-1].body.plain()
        assert "Pottery" in town.letters("Ana")[-1].body.plain()
        assert "number 1 in waiting" in town.letters("Ben")[-1].body.plain()
        assert "number 1 of those who wait" in town.letters("Dov")[-1].body.plain()
        assert "invited" in town.letters("Eve")[-1].title
        assert await entries(town, "Ana") == ["Gathering at Porto", "Pottery", "Dinner by the river"]
        assert await entries(town, "Dov") == []

        assert (await town.answer("Cleo", verb="give-up")).status == "taken"
        await town.live(CHOSEN - timedelta(hours=20))
        assert "A place came free, and it is yours." in town.letters("Dov")[-1].body.plain()
        await town.live(CHOSEN)
        for name in ("Ana", "Ben", "Dov"):
            assert town.letters(name)[-1].title == "Today"
            if name != "Ben":
                await town.answer(name)
        assert town.letters("Cleo")[-1].title == "Your place"
        await town.live(CHOSEN + timedelta(days=4))
        assert await town.rows(tables.private_answer) != []
        await retention.sweep(town.runtime, town.clock.now())
        assert await town.rows(tables.private_answer) == []
        root = (await town.rounds())[0]["id"]
        here = {town.people["Ana"], town.people["Dov"]}
        facts = await town.rows(tables.participation)
        assert {(row["person_id"], row["kind"], row["round_id"]) for row in facts} == {
            (person, "attended", root) for person in here
        }
        assert len(facts) == 2
        assert {frozenset((row["source_id"], row["target_id"])) for row in await town.rows(tables.interaction)} == {
            frozenset((town.end("Ana"), town.end("Dov")))
        }

        await town.live(CHOSEN + timedelta(days=31))
        assert town.letters("Ana")[-1].body.plain() == "30 days ago you were at the gathering in Porto."
        await town.answer("Ana", {"worth": "5", "kept": "We meet again on Tuesdays."})
        await town.live(CHOSEN + timedelta(days=91))
        last = town.letters("Dov")[-1]
        assert last.body.plain() == "90 days ago you were at the gathering in Porto."
        assert (await town.answer("Dov", {"worth": "4"})).status == "taken"
        await town.live(CHOSEN + timedelta(days=100))
        assert not [row for row in await town.rounds() if row["state"] in ("open", "planned")]
        assert town.letters("Ben")[-1].title == "Today"
        assert len(await town.rows(tables.participation)) == 2


async def needs_are_sealed(town: Any) -> None:
    """Look into the database's files: what people eat stands nowhere in clear."""
    rows = await town.rows(tables.private_answer)
    assert {row["person_id"] for row in rows} == {town.people[name] for name in ("Ana", "Ben", "Dov")}
    for row in await town.rows(tables.response):
        assert "diets" not in row["values"]
    folder = Path(town.runtime.config.database_url.removeprefix("sqlite:///")).parent
    held = b"".join(path.read_bytes() for path in folder.glob("tertulia.db*"))
    assert b"item-1" in held
    assert b"halal" not in held
    assert b"vegetarian" not in held


async def entries(town: Any, name: str) -> list[str]:
    stage = next(row["id"] for row in await town.rounds() if (row["content"] or {}).get("stage") == "places")
    async with town.runtime.database.read() as tx:
        round_ = await rounds.find(tx, stage)
        assert round_ is not None
        found = await calendars.engagements(town.runtime, tx, round_, town.people[name], "en")
    return [one.title for one in found]


async def test_who_opted_out_is_never_written_to_counted_or_kept_waiting_for(open_town: OpenTown) -> None:
    async with open_town() as town:
        await gathered(town)
        async with town.runtime.database.write() as tx:
            await preferences.opt_out(town.runtime, tx, town.organization, town.people["Eve"], "retreat")
        await town.live(MONDAY + timedelta(days=3, hours=14))
        for name in ("Ana", "Ben", "Cleo", "Dov"):
            await sign_up(town, name, [], ["vegan"] if name == "Ana" else [])
        async with town.runtime.database.write() as tx:
            await preferences.opt_out(town.runtime, tx, town.organization, town.people["Ana"])
        before = len(town.letters("Ana"))
        await town.live(MONDAY + timedelta(days=18))
        counts = town.letters("Host")[-1].body.plain()
        assert "The gathering: 3\n" in counts
        assert "Vegan" not in counts
        assert "You have a place." in town.letters("Dov")[-1].body.plain()
        await town.live(CHOSEN + timedelta(days=40))
        assert len(town.letters("Ana")) == before
        assert town.letters("Eve") == []
        gone = {town.people["Ana"], town.people["Eve"]}
        assert not gone & {row["person_id"] for row in await town.rows(tables.participation)}


@pytest.mark.parametrize(
    "wrong",
    [
        {"dates": []},
        {"dates": ["2027-01-12T10:00+01:00"]},
        {"zone": "Porto"},
        {"agenda": [{"title": "Dinner", "time": "25:00"}]},
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    right = {"dates": ["2027-01-12T10:00"], "zone": "Europe/Lisbon", "where": "Porto"}
    Options.model_validate(right)
    with pytest.raises(ValidationError):
        Options.model_validate({**right, **wrong})
