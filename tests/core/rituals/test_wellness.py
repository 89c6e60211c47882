"""Standing sessions through real rounds: sign-up, room, waiting, the calendar, and nothing kept of who came."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from tertulia.capabilities import Command
from tertulia.domain.people import Actor
from tertulia.rituals.wellness_plan import Options
from tertulia.services import answers, calendars, people, preferences, rounds
from tertulia.services.prompts import Ticket
from tertulia.storage import tables

MONDAY = datetime(2026, 11, 23, 0, 0, tzinfo=UTC)
OpenTown = Callable[..., Any]
YOGA = """
[[practice]]
key = "yoga"
kind = "wellness"
title = "Yoga"
cadence = { rule = "FREQ=WEEKLY;BYDAY=MO", start = "2026-11-23T09:00", time = "common", zone = "UTC" }
open_for = "1d"
reminders = ["12h"]

[practice.options]
what = "Yoga for stiff backs"
teacher = "Ines"
email = "ines@example.org"
where = "Room 3"
zone = "Europe/Lisbon"
minutes = 40
capacity = 2
sessions = [{ day = "WE", time = "17:30" }, { day = "TH", time = "08:00" }]
"""
WEDNESDAY = datetime(2026, 11, 25, 17, 30, tzinfo=UTC)
CLASS = ("Ana", "Ben", "Cleo", "Dov")


async def signed_up(town: Any, *more: str) -> None:
    """Let the class sign up for Wednesday, in this order; there is room for two."""
    await town.apply(YOGA)
    for name in ("Ines", *CLASS, *more):
        await town.add(name, zone="Asia/Tokyo" if name == "Ana" else "Europe/Lisbon")
    await town.live(MONDAY + timedelta(hours=12))
    for name in CLASS:
        reply = await town.answer(name, {"sessions": ["session-0"]})
        assert reply.status == "taken", reply
        town.clock.advance(timedelta(minutes=1))


def last(town: Any, name: str) -> str:
    return str(town.letters(name)[-1].body.plain())


async def stage(town: Any, name: str) -> Any:
    return next(row for row in await town.rounds() if (row["content"] or {}).get("stage") == name)


async def entries(town: Any, round_id: str, name: str) -> list[tuple[str, datetime]]:
    async with town.runtime.database.read() as tx:
        round_ = await rounds.find(tx, round_id)
        found = await calendars.engagements(town.runtime, tx, round_, town.people[name], "en")
    return [(one.title, one.starts) for one in found]


async def test_a_place_given_up_goes_to_the_next_who_is_told_at_once(open_town: OpenTown, database_url: str) -> None:
    async with open_town(url=database_url) as town:
        await signed_up(town)
        (field,) = town.letters("Ana")[0].fields
        assert [option.label for option in field.options] == [
            "Thursday, 26 November, 02:30 (your time)",
            "Thursday, 26 November, 17:00 (your time)",
        ]
        await town.live(MONDAY + timedelta(hours=34))
        assert "you have a place." in last(town, "Ben")
        assert "you are number 1 of those who wait" in last(town, "Cleo")
        assert "you are number 2 of those who wait" in last(town, "Dov")
        # the teacher is told a number, and was asked like everybody
        assert last(town, "Ines").endswith("signed up for your session are 2. 2 more wait.")
        assert not any(name in last(town, "Ines") for name in CLASS)
        places = (await stage(town, "places"))["id"]
        assert await entries(town, places, "Ben") == [("Yoga for stiff backs", WEDNESDAY)]
        assert await entries(town, places, "Cleo") == []

        assert (await town.answer("Ben", verb="give-up")).status == "taken"
        await town.live(MONDAY + timedelta(hours=36))
        assert "a place came free, and it is yours." in last(town, "Cleo")
        assert len(town.letters("Dov")) == 2
        assert await entries(town, places, "Cleo") == [("Yoga for stiff backs", WEDNESDAY)]
        # whoever moved up may give the place up as well, and whoever knows of a place is not told again
        assert (await town.answer("Cleo", verb="give-up")).status == "taken"
        await town.live(WEDNESDAY)
        assert "a place came free, and it is yours." in last(town, "Dov")
        assert [len(town.letters(name)) for name in CLASS] == [2, 2, 3, 3]
        await nothing_but_the_sign_up_is_kept(town)


async def nothing_but_the_sign_up_is_kept(town: Any) -> None:
    assert await town.rows(tables.participation) == []
    assert await town.rows(tables.interaction) == []
    assert {row["person_id"] for row in await town.rows(tables.reservation)} == {
        town.people["Ana"],
        town.people["Dov"],
    }
    assert all(row["values"] == {} for row in await town.rows(tables.response))


async def test_the_series_goes_on_and_not_this_time_gives_up_the_place(open_town: OpenTown) -> None:
    async with open_town() as town:
        await signed_up(town)
        assert (await town.answer("Ana", verb="decline")).status == "changed"
        assert (await town.answer("Ben", {"sessions": ["session-0", "session-9"]})).status == "refused"
        await town.live(MONDAY + timedelta(days=7, hours=10))
        assert "you have a place." in town.letters("Cleo")[1].body.plain()
        assert len(town.letters("Ana")) == 2
        # the next week is another round, whose sessions are a week later
        assert "(your time)" in town.letters("Ana")[-1].fields[0].options[0].label
        assert "Wednesday, 02 December, 17:30" in town.letters("Ben")[-1].fields[0].options[0].label


async def test_who_opted_out_is_never_written_to_counted_or_waited_for(open_town: OpenTown) -> None:
    async with open_town() as town:
        await town.apply(YOGA)
        await town.add("Eve")
        async with town.runtime.database.write() as tx:
            await preferences.opt_out(town.runtime, tx, town.organization, town.people["Eve"], "yoga")
        await signed_up(town)
        async with town.runtime.database.write() as tx:
            await preferences.opt_out(town.runtime, tx, town.organization, town.people["Ana"])
        await town.live(MONDAY + timedelta(hours=34))
        assert "you have a place." in last(town, "Cleo")
        assert last(town, "Ines").endswith("signed up for your session are 2. 1 more wait.")
        # who opts out once places are known keeps nobody waiting either
        async with town.runtime.database.write() as tx:
            await preferences.opt_out(town.runtime, tx, town.organization, town.people["Ben"], "yoga")
        await town.live(WEDNESDAY)
        assert "a place came free, and it is yours." in last(town, "Dov")
        assert town.letters("Eve") == []
        assert [len(town.letters(name)) for name in ("Ana", "Ben")] == [1, 2]


async def test_who_was_not_asked_may_sign_up_and_a_teacher_who_left_is_told_nothing(open_town: OpenTown) -> None:
    async with open_town() as town:
        await town.apply(YOGA)
        eve = await town.add("Eve", zone="Asia/Tokyo")
        async with town.runtime.database.write() as tx:
            await preferences.set_budget(town.runtime, tx, town.organization, eve, 0)
        await signed_up(town)
        assert town.letters("Eve") == []
        asked = next(row for row in await town.rounds() if row["state"] == "open")
        ticket = Ticket(town.organization, town.workspace, asked["id"], eve, "answer")
        values = {"sessions": ["session-1"]}
        reply = await answers.answer(town.runtime, ticket, person=eve, platform="web", values=values, key=None)
        assert reply.status == "taken", reply
        assert "(Europe/Lisbon)" in reply.prompt.fields[0].options[1].label
        async with town.runtime.database.write() as tx:
            where = (town.organization, town.workspace, town.people["Ines"])
            await people.leave(town.runtime, tx, *where, actor="test")
        await town.live(MONDAY + timedelta(hours=34))
        assert len(town.letters("Ines")) == 1
        lines = await town.rows(tables.reservation, item="session-1")
        assert [row["person_id"] for row in lines] == [eve]


async def test_a_minute_to_breathe_is_a_word_away_and_leaves_no_trace(open_town: OpenTown) -> None:
    async with open_town() as town:
        await town.add("Ana")
        await town.runtime.installations.refresh()
        (live,) = town.runtime.installations.of(town.workspace)
        actor = Actor(platform="square", realm="r", user="Ana")
        reply = await live.context.inbox.command(Command(name="breathe", actor=actor), "one")
        assert "six times: breathe in" in reply.text.plain()
        assert "/my/breathe" in reply.text.html()
        assert await town.rows(tables.participation) == await town.rows(tables.response) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"zone": "Lisbon"},
        {"sessions": []},
        {"sessions": [{"day": "WE", "time": "24:00"}]},
        {"sessions": [{"day": "WE", "time": "09:00"}, {"day": "WE", "time": "09:00"}]},
        {"capacity": 0},
    ],
)
def test_a_series_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    right = {
        "what": "Yoga",
        "teacher": "Ines",
        "where": "Room 3",
        "zone": "UTC",
        "sessions": [{"day": "MO", "time": "09:00"}],
    }
    Options.model_validate(right)
    with pytest.raises(ValidationError):
        Options.model_validate({**right, **wrong})
