"""Virtual cafés through real rounds: introductions, times, notes, did you meet, silence, lotteries and mentors."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tertulia.cli import cafe
from tertulia.errors import Mistake
from tertulia.services import dealing, matching, preferences
from tertulia.storage import tables

MONDAY = datetime(2026, 11, 23, 0, 0, tzinfo=UTC)
OpenTown = Callable[..., Any]
CAFE = """
[[practice]]
key = "coffee"
kind = "cafe"
title = "Coffee"
join = "opt-in"
cadence = { rule = "FREQ=WEEKLY;BYDAY=MO", start = "2026-11-23T09:30", time = "local" }
open_for = "24h"
OPTIONS
"""


def program(options: str = "") -> str:
    return CAFE.replace("OPTIONS", options)


async def test_two_colleagues_are_introduced_find_a_time_meet_and_are_counted_once(
    open_town: OpenTown, square: Callable[..., Any], database_url: str
) -> None:
    place = square("square", gathers=True)
    async with open_town(place, url=database_url) as town:
        await town.apply(program())
        await town.add("Ana", zone="Europe/Madrid", team="Design")
        await town.add("Ben", zone="Europe/Athens", team="Platform")
        await town.join("coffee")
        await town.live(MONDAY + timedelta(hours=10))
        (letter,) = town.letters("Ana")
        assert "Ben (Platform)" in letter.body.plain()
        assert "You come from two different teams" in letter.body.plain()
        assert letter.link.startswith("http://127.0.0.1:1/a/")
        (field,) = letter.fields
        assert len(field.options) == 4
        (gathered,) = place.ritual.sent
        assert [one.address["to"] for one in gathered.group] == sorted(town.people, key=lambda one: town.people[one])
        assert "You are introduced to each other:" in gathered.prompt.body.plain()
        assert (gathered.prompt.actions, gathered.prompt.fields, gathered.prompt.link) == ((), (), None)
        first = field.options[0].label
        (other,) = town.letters("Ben")[0].fields
        assert other.options[0].label != first  # the same moment, an hour later on Ben's clock
        await town.answer("Ana", {"times": ["0", "1"]})
        reply = await town.answer("Ben", {"times": ["1", "2"]})
        assert f"{other.options[1].label} suits all of you" in reply.prompt.body.plain()
        await town.live(MONDAY + timedelta(days=1, hours=12))
        told = town.letters("Ana")[-1]
        assert field.options[1].label in told.body.plain()
        await town.live(MONDAY + timedelta(days=6))
        assert [letter.title for letter in town.letters("Ana")] == ["Coffee", "Your café", "Did you meet?"]
        assert await town.rows(tables.participation) == []
        await town.answer("Ana", {"met": "yes", "thanks": "It was lovely."})
        await town.answer("Ben", {"met": "yes"})
        await town.live(MONDAY + timedelta(days=13))
        assert "Ana: It was lovely." in next(x for x in town.letters("Ben") if x.title == "Thank you").body.plain()
        assert not [letter for letter in town.letters("Ana") if letter.title == "Thank you"]
        facts = await town.rows(tables.participation)
        root = (await town.rounds())[0]["id"]
        assert sorted((row["person_id"], row["kind"], row["round_id"]) for row in facts) == sorted(
            (person, "attended", root) for person in town.people.values()
        )
        ties = await town.rows(tables.interaction)
        assert {(row["source_id"], row["target_id"], row["kind"], row["weight"]) for row in ties} == {
            (town.end("Ana"), town.end("Ben"), "co-attendance", 1.0),
            (town.end("Ben"), town.end("Ana"), "co-attendance", 1.0),
        }


async def test_where_no_hours_meet_a_group_exchanges_notes_that_nobody_else_reads(open_town: OpenTown) -> None:
    async with open_town() as town:
        await town.apply(program())
        await town.add("Ana", zone="Europe/Madrid")
        await town.add("Kai", zone="Pacific/Auckland")
        await town.join("coffee")
        await town.live(MONDAY + timedelta(hours=10))
        letter = town.letters("Ana")[0]
        assert "Exchange a few notes" in letter.body.plain()
        assert [field.kind for field in letter.fields] == ["long"]
        await town.answer("Ana", {"note": "Hello from the south."})
        await town.live(MONDAY + timedelta(hours=20))  # the morning after in Auckland
        await town.answer("Kai", {"note": "Kia ora."})
        await town.live(MONDAY + timedelta(days=2, hours=12))
        assert "Ana: Hello from the south." in town.letters("Kai")[-1].body.plain()
        await town.answer("Kai", {"note": "Come and see us."})
        await town.live(MONDAY + timedelta(days=5, hours=12))
        last = town.letters("Ana")[-1]
        assert "Kai: Come and see us." in last.body.plain()
        assert last.fields[0].label == "Did you exchange notes?"
        summaries = [row["summary"] for row in await town.rounds() if row["state"] == "closed"]
        assert all(summary["shown"] is False for summary in summaries)
        facts = await town.rows(tables.participation)
        assert sorted(row["person_id"] for row in facts) == sorted(town.people.values())


async def test_who_opted_out_is_never_written_to_counted_or_shown(open_town: OpenTown) -> None:
    async with open_town() as town:
        await town.apply(program("options = { size = 3 }"))
        for name in ("Ana", "Ben", "Cleo", "Dov"):
            await town.add(name)
        await town.join("coffee")
        async with town.runtime.database.write() as tx:
            await preferences.opt_out(town.runtime, tx, town.organization, town.people["Dov"], "coffee")
        await town.live(MONDAY + timedelta(hours=10))
        assert town.letters("Dov") == []
        assert "Dov" not in "".join(letter.body.plain() for letter in town.letters())
        for name in ("Ana", "Ben", "Cleo"):
            await town.answer(name, {"times": ["0"]})
        async with town.runtime.database.write() as tx:
            await preferences.opt_out(town.runtime, tx, town.organization, town.people["Cleo"])
        before = len(town.letters())
        await town.live(MONDAY + timedelta(days=6))
        assert len(town.letters("Cleo")) == 1
        later = "".join(letter.body.plain() for letter in town.letters() if letter.title != "Coffee")
        assert "Ben" in later
        assert "Cleo" not in later
        assert len(town.letters()) > before
        for name in ("Ana", "Ben"):
            await town.answer(name, {"met": "yes"})
        await town.live(MONDAY + timedelta(days=14))
        gone = {town.people["Cleo"], town.people["Dov"]}
        assert not gone & {row["person_id"] for row in await town.rows(tables.participation)}
        ends = {town.end("Cleo"), town.end("Dov")}
        assert not ends & {row["source_id"] for row in await town.rows(tables.interaction)}
        assert not ends & {row["target_id"] for row in await town.rows(tables.interaction)}


async def test_three_silent_rounds_end_the_invitations_and_one_tap_brings_them_back(open_town: OpenTown) -> None:
    async with open_town() as town:
        await town.apply(program("options = { not_again_for = 0 }"))
        for name in ("Ana", "Ben"):
            await town.add(name)
        await town.join("coffee")

        async def ana_answers(at: datetime) -> None:
            letter = town.letters("Ana")[-1] if town.letters("Ana") else None
            if letter is not None and letter.title == "Coffee":
                await town.answer("Ana", {"times": ["0"]})

        await town.live(MONDAY + timedelta(days=26), ana_answers)
        titles = [letter.title for letter in town.letters("Ben")]
        # the fourth round opened before it was known that nothing came of the third
        assert titles.count("Coffee") == 4
        assert titles.count("A break from the café") == 1
        assert "A break from the café" not in [letter.title for letter in town.letters("Ana")]
        (row,) = await town.rows(tables.sign_up, person_id=town.people["Ben"])
        assert row["left_because"] == "silence"
        at = titles.index("A break from the café")
        assert (await town.answer("Ben", verb="return", letter=at)).status == "taken"
        (row,) = await town.rows(tables.sign_up, person_id=town.people["Ben"])
        assert row["left_at"] is None


async def test_a_lottery_draws_those_who_were_drawn_least_often(open_town: OpenTown) -> None:
    async with open_town() as town:
        await town.apply(program('options = { form = "lottery", hosts = ["boss@example.org"], draw = 2 }'))
        for name in ("Boss", "Ana", "Ben", "Cleo", "Dov"):
            await town.add(name)
        await town.join("coffee")
        await town.live(MONDAY + timedelta(days=8))
        drawn: list[set[str]] = []
        names = {person: name for name, person in town.people.items()}
        for round_ in await town.rounds():
            seats = await town.rows(tables.match_history, round_id=round_["id"])
            if seats:
                drawn.append({names[row["person_id"]] for row in seats if row["group_number"] is not None})
        assert len(drawn) == 2
        assert all("Boss" in table and len(table) == 3 for table in drawn)
        assert drawn[0] & drawn[1] == {"Boss"}
        unlucky = next(iter({"Ana", "Ben", "Cleo", "Dov"} - drawn[0]))
        assert "You were not drawn this time" in town.letters(unlucky)[0].body.plain()


async def test_mentors_meet_newcomers_only_and_teams_stay_among_themselves(open_town: OpenTown) -> None:
    async with open_town() as town:
        await town.apply(program('options = { form = "mentor", mentor_days = 365 }'))
        for name in ("Old", "Elder", "New", "Newer"):
            await town.add(name)
        old = [town.people["Old"], town.people["Elder"]]
        async with town.runtime.database.write() as tx:
            table = tables.membership
            await tx.execute(
                table.update().where(table.c.person_id.in_(old)).values(joined_at=MONDAY - timedelta(days=900))
            )
        await town.join("coffee")
        await town.live(MONDAY + timedelta(hours=10))
        for name in ("Old", "Elder"):
            text = town.letters(name)[0].body.plain()
            assert "New" in text
            assert "Old" not in text
            assert "Elder" not in text
    async with open_town() as town:
        await town.apply(program('options = { form = "within" }'))
        for name, team in (("Ana", "Red"), ("Ben", "Red"), ("Cleo", "Blue"), ("Dov", "Blue"), ("Eve", "Green")):
            await town.add(name, team=team)
        await town.join("coffee")
        await town.live(MONDAY + timedelta(hours=10))
        assert "Ben" in town.letters("Ana")[0].body.plain()
        assert "Dov" in town.letters("Cleo")[0].body.plain()
        assert town.letters("Eve")[0].body.plain() == "Nobody else takes part in this round."


async def test_a_private_list_is_kept_and_shows_in_nothing(open_town: OpenTown) -> None:
    async with open_town() as town:
        await town.apply(program())
        for name in ("Ana", "Ben"):
            await town.add(name)
        async with town.runtime.database.write() as tx:
            await matching.avoid(town.runtime, tx, town.organization, town.people["Ana"], town.people["Ben"])
        await town.join("coffee")
        await town.live(MONDAY + timedelta(hours=10))
        said = {town.letters(name)[0].body.plain() for name in ("Ana", "Ben")}
        assert said == {"No group could be found for you in this round; you come first in the next."}


async def test_a_dry_run_shows_figures_writes_nothing_and_tells_of_no_single_person(open_town: OpenTown) -> None:
    async with open_town() as town:
        await town.apply(program("options = { size = 4 }"))
        names = [f"Member{number}" for number in range(9)]
        for name in names:
            await town.add(name, team=f"Team {int(name[-1]) % 3}")
        await town.join("coffee", *names[:4])
        where = (town.organization, town.workspace, "coffee")
        with pytest.raises(Mistake, match="Fewer than 5 people take part"):
            await dealing.dry_run(town.runtime, *where)
        await town.join("coffee", *names[4:])
        formed = await dealing.dry_run(town.runtime, *where)
        shown = dict(cafe.rows(formed))
        assert shown["people"] == "9"
        assert shown["groups"] == "3 of 3"
        assert shown["nobody found for"] == "0"
        assert shown["of what is possible at best"].endswith("%")
        assert not any(name in str(shown) for name in names)
        assert await town.rows(tables.match_history) == []
        assert await town.rows(tables.round_share) == []
        with pytest.raises(Mistake, match="no coming round that forms groups"):
            await dealing.dry_run(town.runtime, town.organization, town.workspace, "tea")
