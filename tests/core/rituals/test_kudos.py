"""Kudos through real rounds: who is told, what the digest shows, what crosses teams, and who never appears."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tertulia.delivery import outbox
from tertulia.domain.prompts import Thanks
from tertulia.errors import Mistake
from tertulia.extension import RoundRequest
from tertulia.kinds import Thanked
from tertulia.rituals.kudos import SHOWN, Kudos, Options
from tertulia.services import (
    erasing,
    kudos,
    kudos_telling,
    kudos_withdrawing,
    merging,
    my_data,
    preferences,
    programs,
    retention,
)
from tertulia.storage import people, tables
from tertulia.storage import programs as stored

MONDAY = datetime(2026, 11, 23, 0, 0, tzinfo=UTC)
OpenTown = Callable[..., Any]
PROGRAM = """
[[practice]]
key = "thanks"
kind = "kudos"
title = "Thanks"
places = ["square:plaza"]
cadence = { rule = "FREQ=WEEKLY;BYDAY=MO", start = "2026-11-23T09:00", time = "local" }
open_for = "6d"

[practice.options]
values = ["Care", "Courage"]
"""
NAMES = ("Ana", "Ben", "Cleo", "Dov")


def content() -> Any:
    request = RoundRequest(practice="k", options=Options(), occurrence="now", group_size=5, seed=1)
    return Kudos().prepare(request).content


def test_an_answer_names_people_a_value_and_who_may_read_it() -> None:
    values = {"whom": "Ana, ben@example.org;", "value": "Care", "why": " For the soup. ", "audience": "public"}
    given = Kudos().accept(content(), "answer", values)
    assert given.thanks == Thanks(to=("Ana", "ben@example.org"), why="For the soup.", value="Care", public=True)
    # who sees it is the giver's own choice, never the default
    assert not Kudos().accept(content(), "answer", {"whom": "Ana"}).thanks.public
    # nothing of it is kept twice
    assert given.values == {}
    for wrong in ({}, {"whom": " "}, {"whom": "Ana", "value": "Speed"}, {"whom": "Ana", "why": "x" * 601}):
        with pytest.raises(Mistake):
            Kudos().accept(content(), "answer", wrong)


def test_a_practice_without_values_asks_for_none_and_two_of_one_name_are_refused() -> None:
    request = RoundRequest(practice="k", options=Options(values=()), occurrence="now", group_size=5, seed=1)
    draft = Kudos().prompt(Kudos().prepare(request).content, "en")
    assert [field.key for field in draft.fields] == ["whom", "why", "audience"]
    with pytest.raises(ValueError, match="two values have the same name"):
        Options(values=("Care", "care"))


def test_a_digest_shows_a_part_and_literal_words() -> None:
    thanks = [Thanked(giver="A", receiver="B", value=None, why="**bold** [x](https://example.org)")] * (SHOWN + 1)
    shown = Kudos().digest(content(), thanks, None, "en")
    assert shown is not None
    assert "a part of it" in shown.body.plain()
    assert "<strong>bold" not in shown.body.html()
    assert "<a " not in shown.body.html()
    assert Kudos().digest(content(), [], None, "en") is None


async def started(town: Any, names: Sequence[str] = NAMES, **fields: str) -> None:
    await town.apply(PROGRAM)
    for name in names:
        await town.add(name, **fields)


async def tell(town: Any) -> None:
    await kudos_telling.tell_due(town.runtime)
    await outbox.Sender(town.runtime).drain()


async def digest_of(town: Any, square: Any) -> str:
    return str(square.ritual.sent[-1].prompt.body.plain()) if square.ritual.sent else ""


async def give(
    town: Any, giver: str, receiver: str, why: str = "For the soup.", *, public: bool = True, practice: str = "thanks"
) -> None:
    """Thank as a command or the page does."""
    async with town.runtime.database.write() as tx:
        program = await stored.current(tx, town.organization, town.workspace)
        who = kudos.Giver(
            organization=town.organization,
            workspace=town.workspace,
            practice=program.practice(practice),
            person=town.people[giver],
            platform="square",
        )
        thanks = Thanks(to=(), why=why, value="Care", public=public)
        await kudos.give(town.runtime, tx, who, [town.people[receiver]], thanks)


async def test_thanks_given_to_a_prompt_are_told_counted_as_a_tie_and_stand_in_the_digest(
    open_town: OpenTown, square: Callable[..., Any]
) -> None:
    place = square("square")
    async with open_town(place) as town:
        await started(town)
        await town.live(MONDAY + timedelta(hours=9))
        values = {"whom": "Ben, cleo@example.org", "value": "Care", "why": "For the soup.", "audience": "public"}
        reply = await town.answer("Ana", values)
        assert "told on their own channel" in reply.text.plain()
        assert "change it" not in reply.text.plain()
        assert (await town.answer("Ana", {"whom": "Nobody"})).status == "refused"
        assert (await town.answer("Ana", {"whom": "Ana"})).status == "refused"
        # the same form thanks again, and only between the two
        await town.answer("Ana", {"whom": "Dov", "why": "In private."})
        await town.answer("Dov", verb="pass")
        await tell(town)
        told = {name: [letter.body.plain() for letter in town.letters(name)[1:]] for name in NAMES}
        assert [len(told[name]) for name in NAMES] == [0, 1, 1, 1]
        assert "Ana: Care: For the soup." in told["Ben"][0]
        assert "Only the two of you see it" in told["Dov"][0]
        ties = await town.rows(tables.interaction)
        assert {(row["kind"], row["source_id"], row["target_id"], row["weight"]) for row in ties} == {
            ("kudos", town.end("Ana"), town.end(name), 1.0) for name in ("Ben", "Cleo", "Dov")
        }
        await town.live(MONDAY + timedelta(days=7, hours=1))
        shown = await digest_of(town, place)
        assert "Ana thanks Ben" in shown
        assert "Ana thanks Cleo" in shown
        assert "Dov" not in shown
        assert "In private" not in shown
        (closed,) = [row for row in await town.rounds() if row["state"] == "closed"]
        assert closed["summary"]["figures"] == {"invited": 4, "answered": 1, "passed": 1}


async def test_who_opted_out_is_not_told_counted_or_shown_and_nobody_learns_of_it(
    open_town: OpenTown, square: Callable[..., Any]
) -> None:
    place = square("square")
    async with open_town(place) as town:
        await started(town)
        async with town.runtime.database.write() as tx:
            await preferences.opt_out(town.runtime, tx, town.organization, town.people["Ben"], "thanks")
            await preferences.opt_out(town.runtime, tx, town.organization, town.people["Cleo"])
        await town.live(MONDAY + timedelta(hours=9))
        replies = [
            await town.answer("Ana", {"whom": name, "audience": "public", "why": f"For {name}."})
            for name in ("Ben", "Cleo", "Dov")
        ]
        assert {reply.status for reply in replies[1:]} == {"changed"}
        assert len({reply.text.plain() for reply in replies}) == 1
        await tell(town)
        assert [len(town.letters(name)) for name in NAMES] == [1, 0, 0, 2]
        assert [row["target_id"] for row in await town.rows(tables.interaction)] == [town.end("Dov")]
        with pytest.raises(Mistake, match="take it up again"):
            await give(town, "Ben", "Ana")
        # who opts out later is not shown either, on whichever side
        await give(town, "Dov", "Ana", "Before the wish.")
        async with town.runtime.database.write() as tx:
            await preferences.opt_out(town.runtime, tx, town.organization, town.people["Dov"], "thanks")
        await tell(town)
        await town.live(MONDAY + timedelta(days=8))
        assert await digest_of(town, place) == ""


async def test_thanks_that_cannot_be_told_hold_up_nobody_else(
    open_town: OpenTown, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_town() as town:
        await started(town, ("Ana", "Ben", "Cleo"))
        await town.live(MONDAY + timedelta(hours=9))
        await give(town, "Ana", "Ben", "Lost.")
        await give(town, "Ana", "Cleo", "Kept.")
        mine = tables.kudos.c.receiver_id == town.people["Ben"]
        async with town.runtime.database.write() as tx:
            kept = (await tx.execute(tables.kudos.select().where(mine))).one().sealed
            await tx.execute(tables.kudos.update().where(mine).values(sealed=b"damaged"))
        await tell(town)
        assert "Kept." in town.letters("Cleo")[-1].body.plain()
        assert [set(record.__dict__["ids"]) for record in caplog.records if record.exc_info] == [{"person"}]
        async with town.runtime.database.write() as tx:
            await tx.execute(tables.kudos.update().where(mine).values(sealed=kept))
        await town.live(MONDAY + timedelta(hours=9, minutes=10))
        await tell(town)
        assert "Lost." in town.letters("Ben")[-1].body.plain()


async def test_a_message_waits_for_the_end_of_quiet_hours_and_several_come_as_one(open_town: OpenTown) -> None:
    async with open_town() as town:
        await started(town, ("Ana", "Ben", "Cleo"))
        await town.live(MONDAY + timedelta(hours=21))
        await give(town, "Ana", "Ben", "Late.")
        await give(town, "Cleo", "Ben", "Later.")
        await tell(town)
        before = len(town.letters("Ben"))
        await town.live(MONDAY + timedelta(days=1, hours=7, minutes=59))
        await tell(town)
        assert len(town.letters("Ben")) == before
        await town.live(MONDAY + timedelta(days=1, hours=8))
        await tell(town)
        (letter,) = town.letters("Ben")[before:]
        assert "Late." in letter.body.plain()
        assert "Later." in letter.body.plain()
        # the next one waits until some time has gone by, and is sent once
        await give(town, "Ana", "Ben", "Again.")
        await tell(town)
        assert len(town.letters("Ben")) == before + 1
        await town.live(MONDAY + timedelta(days=2, hours=8))
        await tell(town)
        await tell(town)
        assert [len(town.letters("Ben")), "Again." in town.letters("Ben")[-1].body.plain()] == [before + 2, True]


async def test_who_leaves_one_practice_is_still_told_of_the_thanks_of_another(open_town: OpenTown) -> None:
    async with open_town() as town:
        await started(town, ("Ana", "Ben", "Cleo"))
        await town.apply(PROGRAM + PROGRAM.replace('"thanks"', '"cheers"').replace('"Thanks"', '"Cheers"'))
        await town.live(MONDAY + timedelta(hours=10))
        before = len(town.letters("Ben"))
        await give(town, "Ana", "Ben", "For the soup.")
        await give(town, "Ana", "Ben", "For the goal.", practice="cheers")
        await give(town, "Cleo", "Ben", "For the save.", practice="cheers")
        # what is owed to Ben already waits, as in a night, while Ben leaves one of the two
        assert await kudos_telling.tell_due(town.runtime) == 2
        async with town.runtime.database.write() as tx:
            await preferences.opt_out(town.runtime, tx, town.organization, town.people["Ben"], "thanks")
        await tell(town)
        (letter,) = town.letters("Ben")[before:]
        assert "For the goal." in letter.body.plain()
        assert "For the save." in letter.body.plain()
        assert "For the soup." not in letter.body.plain()


async def test_no_message_goes_to_whom_it_may_not(open_town: OpenTown) -> None:
    async with open_town() as town:
        await started(town)
        await town.live(MONDAY + timedelta(hours=10))
        counts = {name: len(town.letters(name)) for name in NAMES}
        for name in ("Ben", "Cleo", "Dov"):
            await give(town, "Ana", name)
        async with town.runtime.database.write() as tx:
            of = (town.runtime, tx, town.organization)
            await preferences.set_budget(*of, town.people["Ben"], 1)
            await preferences.snooze(*of, town.people["Cleo"], MONDAY + timedelta(days=1, hours=12))
            await preferences.opt_out(*of, town.people["Dov"], "thanks")
        await tell(town)
        assert {name: len(town.letters(name)) for name in NAMES} == counts
        await town.live(MONDAY + timedelta(days=1, hours=12))
        await tell(town)
        assert len(town.letters("Cleo")) == counts["Cleo"] + 1
        # Ben's one message of the week was the invitation; in the next week there is room again
        await town.live(MONDAY + timedelta(days=7, hours=8, minutes=30))
        await tell(town)
        assert len(town.letters("Ben")) == counts["Ben"] + 1
        assert len(town.letters("Dov")) == counts["Dov"]


async def test_whom_they_name_can_keep_thanks_out_and_who_gave_them_can_take_them_back(
    open_town: OpenTown, square: Callable[..., Any], database_url: str
) -> None:
    place = square("square")
    async with open_town(place, url=database_url) as town:
        await started(town)
        await town.live(MONDAY + timedelta(hours=10))
        for name in ("Ben", "Cleo", "Dov"):
            await give(town, "Ana", name, f"For {name}.")
        await tell(town)
        assert [len(town.letters(name)) for name in NAMES] == [1, 2, 2, 2]
        async with town.runtime.database.write() as tx:
            of = (town.runtime, tx, town.organization)
            (bens,) = await kudos.received(*of, town.people["Ben"])
            (cleos,) = await kudos.received(*of, town.people["Cleo"])
            await kudos.hide(tx, town.organization, town.people["Ben"], bens.id, hidden=True)
            with pytest.raises(Mistake, match="no such thanks"):
                await kudos.hide(tx, town.organization, town.people["Cleo"], bens.id, hidden=False)
            with pytest.raises(Mistake, match="no such thanks"):
                await kudos.take_back(town.runtime, tx, town.organization, town.people["Cleo"], cleos.id)
            await kudos.take_back(town.runtime, tx, town.organization, town.people["Ana"], cleos.id)
            # that Ben keeps them out is not told to Ana
            assert {one.hidden for one in await kudos.given(*of, town.people["Ana"])} == {False}
        assert {row["target_id"] for row in await town.rows(tables.interaction)} == {town.end("Ben"), town.end("Dov")}
        await town.live(MONDAY + timedelta(days=7))
        shown = await digest_of(town, place)
        assert "For Dov." in shown
        assert "Ben" not in shown
        assert "Cleo" not in shown
        # what stood in one digest stands in no other
        await town.live(MONDAY + timedelta(days=14))
        assert [call.prompt.body.plain() for call in place.ritual.sent] == [shown]


async def test_what_stands_in_a_posted_digest_can_still_be_kept_out_or_taken_back(
    open_town: OpenTown, square: Callable[..., Any]
) -> None:
    place = square("square")
    async with open_town(place) as town:
        await started(town)
        await town.live(MONDAY + timedelta(hours=9))
        await give(town, "Ana", "Ben", "For the soup.")
        await give(town, "Ana", "Cleo", "For the tea.")
        await town.live(MONDAY + timedelta(days=6, hours=12))
        posted = await digest_of(town, place)
        assert "soup" in posted
        assert "tea" in posted
        async with town.runtime.database.write() as tx:
            mine = (town.runtime, tx, town.organization)
            (bens,) = await kudos.received(*mine, town.people["Ben"])
            await kudos_withdrawing.hide(*mine, town.people["Ben"], bens.id, hidden=True)
        await outbox.Sender(town.runtime).drain()
        assert place.ritual.sent[-1].method == "refresh"
        assert "soup" not in await digest_of(town, place)
        assert "tea" in await digest_of(town, place)
        async with town.runtime.database.write() as tx:
            mine = (town.runtime, tx, town.organization)
            (cleos,) = await kudos.received(*mine, town.people["Cleo"])
            await kudos_withdrawing.take_back(*mine, town.people["Ana"], cleos.id)
        await outbox.Sender(town.runtime).drain()
        assert await digest_of(town, place) == "What was shown here was taken back."


async def test_a_group_learns_whether_thanks_cross_teams_once_five_gave_on_either_side(
    open_town: OpenTown, square: Callable[..., Any]
) -> None:
    place = square("square")
    async with open_town(place) as town:
        await started(town, [f"R{number}" for number in range(6)], team="Red")
        for number in range(6):
            await town.add(f"B{number}", team="Blue")
        await town.live(MONDAY + timedelta(hours=10))
        for number in range(5):
            await give(town, f"R{number}", f"R{number + 1}", public=False)
        for number in range(4):
            await give(town, f"R{number}", f"B{number}", public=False)
            await give(town, f"R{number}", f"B{number + 1}", public=False)
        await town.live(MONDAY + timedelta(days=7))
        # many thanks, but four givers
        assert await digest_of(town, place) == ""
        await town.live(MONDAY + timedelta(days=7, hours=10))
        await give(town, "B4", "R4", public=False)
        await town.live(MONDAY + timedelta(days=14))
        assert await digest_of(town, place) == "About 60 of 100 thanks went from one team to another."
        closed = [row["summary"]["figures"] for row in await town.rounds() if row["state"] == "closed"]
        assert [figures.get("crossing") for figures in closed] == [None, 60]
        # the next stretch of time begins anew, so that no difference of two shares tells about one person
        await town.live(MONDAY + timedelta(days=14, hours=10))
        await give(town, "R0", "B0", public=False)
        await town.live(MONDAY + timedelta(days=21))
        assert len(place.ritual.sent) == 1


async def test_what_is_kept_is_ones_own_goes_with_erasure_and_ends_after_a_year(open_town: OpenTown) -> None:
    async with open_town() as town:
        await started(town)
        await town.live(MONDAY + timedelta(hours=10))
        await give(town, "Ana", "Ben", "For Ben.")
        await give(town, "Cleo", "Ana", "For Ana.", public=False)
        await give(town, "Dov", "Cleo", "For Cleo.")
        assert b"For Ben." not in (await town.rows(tables.kudos))[0]["sealed"]
        async with town.runtime.database.write() as tx:
            held = await my_data.collect(town.runtime, tx, town.organization, town.people["Ana"])
            assert [(row["to"], row["why"]) for row in held["thanks_given"]] == [("Ben", "For Ben.")]
            assert [(row["from"], row["why"]) for row in held["thanks_received"]] == [("Cleo", "For Ana.")]
            assert "For Cleo." not in str(held)
            await erasing.erase(town.runtime, tx, town.organization, town.people["Ana"], "test")
        (left,) = await town.rows(tables.kudos)
        assert left["giver_id"] == town.people["Dov"]
        await retention.sweep(town.runtime, MONDAY + timedelta(days=365))
        assert len(await town.rows(tables.kudos)) == 1
        await retention.sweep(town.runtime, MONDAY + timedelta(days=367))
        assert await town.rows(tables.kudos) == []


async def test_a_merge_keeps_thanks_and_can_be_undone(open_town: OpenTown, square: Callable[..., Any]) -> None:
    place = square("square")
    async with open_town(place) as town:
        await started(town)
        await town.live(MONDAY + timedelta(hours=10))
        await give(town, "Ana", "Ben", "For Ben.")
        async with town.runtime.database.write() as tx:
            kept, gone = town.people["Cleo"], town.people["Ben"]
            merged = await merging.merge(town.runtime, tx, town.organization, kept=kept, gone=gone, actor="test")
            of = (town.runtime, tx, town.organization)
            assert [one.why for one in await kudos.received(*of, kept)] == ["For Ben."]
        await tell(town)
        # on either of the two accounts that are one person's now
        told = [town.letters(name)[-1].body.plain() for name in ("Ben", "Cleo")]
        assert ["For Ben." in letter for letter in told].count(True) == 1
        async with town.runtime.database.write() as tx:
            await merging.undo(town.runtime, tx, town.organization, merged, actor="test")
            assert await people.current(tx, town.organization, gone) == gone
            assert await kudos.received(town.runtime, tx, town.organization, kept) == []


async def test_a_flood_of_thanks_is_stopped(open_town: OpenTown) -> None:
    async with open_town() as town:
        await started(town, ("Ana", "Ben"))
        await town.live(MONDAY + timedelta(hours=10))
        for _ in range(kudos.A_DAY):
            await give(town, "Ana", "Ben")
        with pytest.raises(Mistake, match="go on tomorrow"):
            await give(town, "Ana", "Ben")


async def test_who_has_to_join_first_is_told_and_shown_only_then(open_town: OpenTown) -> None:
    async with open_town() as town:
        await started(town)
        async with town.runtime.database.write() as tx:
            text = PROGRAM.replace('places = ["square:plaza"]', 'join = "opt-in"')
            where = {"organization": town.organization, "workspace": town.workspace}
            await programs.apply(town.runtime, tx, **where, text=text, actor="test")
        await town.join("thanks", "Ana", "Ben")
        await town.live(MONDAY + timedelta(hours=10))
        await give(town, "Ana", "Ben")
        await give(town, "Ana", "Cleo")
        with pytest.raises(Mistake, match="take it up again"):
            await give(town, "Cleo", "Ana")
        await tell(town)
        assert [len(town.letters(name)) for name in NAMES] == [1, 2, 0, 0]
