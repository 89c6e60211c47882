"""A live round: who may hold it, its states, and what its host sees while it runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any

import pytest

from tertulia.domain.people import Actor, Place
from tertulia.domain.programs import Cadence, Practice
from tertulia.errors import Mistake, Refused
from tertulia.live import Attendee, Counts, Standing
from tertulia.services import closing, identities, live_seats, live_sessions, matching, people, rounds
from tertulia.services.installations import Installations
from tertulia.services.live import WorkspaceLive
from tertulia.services.prompts import open_ticket
from tertulia.storage import tables

Open = Callable[[], AbstractAsyncContextManager[Any]]
CADENCE = Cadence(rule="FREQ=WEEKLY", start="2026-03-02T09:00:00")
ICE = Practice(key="warm-up", kind="icebreaker", title="Warm-up", cadence=CADENCE)
PULSE = Practice(key="pulse", kind="single-question", title="Pulse", cadence=CADENCE)
MEETING = Place(platform="square", ref="meeting-1", kind="meeting")


def actor(name: str) -> Actor:
    return Actor(platform="square", realm="r", user=name)


async def member(stage: Any, name: str, role: str | None = None) -> str:
    person: str = await stage.member(name)
    async with stage.database.write() as tx:
        account = await identities.resolve(stage.runtime, tx, stage.organization, actor(name))
        await identities.link(stage.runtime, tx, stage.organization, account.id, person, "import", actor="test")
        if role:
            await people.grant(stage.runtime, tx, stage.organization, stage.workspace, person, role, actor="test")
    return person


async def hosted(stage: Any) -> tuple[WorkspaceLive, str]:
    await stage.apply(ICE, PULSE)
    await member(stage, "Hana", "host")
    stage.runtime.installations = Installations(stage.runtime)
    live = WorkspaceLive(stage.runtime, organization=stage.organization, workspace=stage.workspace)
    return live, await live.start(MEETING, actor("Hana"), "warm-up", {"warmth": 1})


async def test_a_host_opens_a_round_that_closes_in_a_day(open_stage: Open) -> None:
    async with open_stage() as stage:
        _, session = await hosted(stage)
        (round_,) = await stage.rows(tables.round_table)
        assert (round_["state"], round_["next_action"], round_["occurrence"]) == ("open", "close", f"host:{session}")
        assert round_["closes_at"] == round_["next_at"] == stage.clock.now() + timedelta(hours=24)
        (place,) = await stage.rows(tables.place)
        assert (place["ref"], place["origin"]) == ("meeting-1", "host")
        assert len(await stage.rows(tables.ritual_memory)) == 1


async def test_no_question_twice_for_the_same_people(open_stage: Open) -> None:
    async with open_stage() as stage:
        live, _ = await hosted(stage)
        for _ in range(9):
            await live.start(MEETING, actor("Hana"), "icebreaker", {})
        asked = [row["content"]["question"] for row in await stage.rows(tables.round_table)]
        assert len(set(asked)) == len(asked) == 10


async def test_only_hosts_and_admins_of_the_workspace_may(open_stage: Open) -> None:
    async with open_stage() as stage:
        live, session = await hosted(stage)
        await member(stage, "Mia")
        await member(stage, "Ana", "analyst")
        for name in ("Mia", "Ana", "Stranger"):
            with pytest.raises(Refused, match="only hosts"):
                await live.start(MEETING, actor(name), "warm-up", {})
            with pytest.raises(Refused, match="only hosts"):
                await live.advance(session, actor(name), "asking")
        await member(stage, "Ola", "owner")
        assert (await live.advance(session, actor("Ola"), "asking")).state == "asking"


async def test_what_cannot_be_held_live_is_a_mistake(open_stage: Open) -> None:
    async with open_stage() as stage:
        live, _ = await hosted(stage)
        for practice, options, says in (
            ("nothing", {}, "it has: warm-up, pulse"),
            ("pulse", {}, "is a survey"),
            ("warm-up", {"warmth": 7}, "warmth does not fit"),
        ):
            with pytest.raises(Mistake, match=says):
                await live.start(MEETING, actor("Hana"), practice, options)


async def test_states_follow_their_order(open_stage: Open) -> None:
    async with open_stage() as stage:
        live, session = await hosted(stage)
        for state in ("ended", "groups", "lobby", "nonsense"):
            with pytest.raises(Refused, match="cannot go from lobby"):
                await live.advance(session, actor("Hana"), state)
        for state in ("asking", "turns", "groups", "ended"):
            assert (await live.advance(session, actor("Hana"), state)).state == state
        with pytest.raises(Refused, match="cannot go from ended"):
            await live.advance(session, actor("Hana"), "asking")


async def test_another_workspace_does_not_know_the_session(open_stage: Open) -> None:
    async with open_stage() as stage:
        _, session = await hosted(stage)
        async with stage.database.write() as tx:
            other = await people.create_workspace(
                stage.runtime, tx, stage.organization, name="Lima", zone="UTC", language="es", actor="test"
            )
        elsewhere = WorkspaceLive(stage.runtime, organization=stage.organization, workspace=other)
        with pytest.raises(Refused, match="no such session"):
            await anext(elsewhere.watch(session))


async def test_a_host_watches_counts_and_never_names(open_stage: Open) -> None:
    async with open_stage() as stage:
        live, session = await hosted(stage)
        shown: list[Counts] = []
        more = asyncio.Condition()

        async def noting() -> None:
            async for counts in live.watch(session):
                shown.append(counts)
                async with more:
                    more.notify_all()

        async def reached(**expected: Any) -> None:
            async with more:
                reached = more.wait_for(lambda: shown and expected.items() <= vars(shown[-1]).items())
                await asyncio.wait_for(reached, 10)

        watcher = asyncio.create_task(noting())
        await reached(state="lobby", answered=0)
        await live.advance(session, actor("Hana"), "asking")
        await reached(state="asking")
        (round_,) = await stage.rows(tables.round_table)
        await stage.answer(round_["id"], await member(stage, "Zoe"), {"answer": "A heron"})
        await stage.answer(round_["id"], await member(stage, "Ada"), {"answer": "Zinc"})
        await stage.answer(round_["id"], await member(stage, "Bo"), verb="pass")
        await reached(answered=2, passed=1, present=3, shared=("A heron", "Zinc"))
        await live.advance(session, actor("Hana"), "ended")
        await asyncio.wait_for(watcher, 5)
        assert shown[-1].state == "ended"


async def test_everybody_is_shown_the_question_with_their_own_buttons(open_stage: Open) -> None:
    async with open_stage() as stage:
        live, session = await hosted(stage)
        ada = await member(stage, "Ada")
        vault = stage.runtime.vault
        for who, person in ((actor("Ada"), ada), (actor("Stranger"), None), (None, None)):
            prompt = await live.prompt(session, who)
            assert prompt.title == "Warm-up"
            assert {open_ticket(vault, action.token).person for action in prompt.actions} == {person}


async def test_people_in_the_meeting_are_counted_once(open_stage: Open) -> None:
    async with open_stage() as stage:
        live, session = await hosted(stage)
        ada = await member(stage, "Ada")
        (place,) = await stage.rows(tables.place)
        async with stage.database.write() as tx:
            for number, person in enumerate((ada, ada, None)):
                await tx.execute(
                    tables.participation.insert().values(
                        organization_id=stage.organization,
                        id=f"{number:032x}",
                        workspace_id=stage.workspace,
                        place_id=place["id"],
                        person_id=person,
                        kind="attended",
                        platform="square",
                        started_at=stage.clock.now(),
                    )
                )
        assert (await live.advance(session, actor("Hana"), "asking")).present == 2


HANA = actor("Hana")
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For rules that no database changes."""


def seat(name: str, ref: str | None = None) -> Attendee:
    return Attendee(ref=ref or f"seat-{name}", actor=actor(name), holder=f"holder of {name}")


def guest(ref: str) -> Attendee:
    return Attendee(ref=ref, holder=f"holder of {ref}")


async def asked(stage: Any, *names: str) -> tuple[WorkspaceLive, str]:
    """Open a session that asks, with members who have taken their seats."""
    live, session = await hosted(stage)
    for name in names:
        await member(stage, name)
        await live.enter(session, seat(name))
    await live.advance(session, HANA, "asking")
    return live, session


async def counted(live: WorkspaceLive, session: str) -> Counts:
    return await anext(live.watch(session))


@ON_SQLITE
async def test_one_session_at_a_time_is_held_at_a_place(open_stage: Open) -> None:
    async with open_stage() as stage:
        live, first = await hosted(stage)
        assert await live.running(MEETING) == first
        second = await live.start(MEETING, HANA, "warm-up", {})
        assert await live.running(MEETING) == second
        await live.advance(second, HANA, "asking")
        third = await live.start(MEETING, HANA, "warm-up", {})
        states = {row["occurrence"]: row["state"] for row in await stage.rows(tables.round_table)}
        assert states == {f"host:{first}": "cancelled", f"host:{second}": "open", f"host:{third}": "open"}
        assert (await counted(live, second)).state == "ended", "what was asked stays open for who was not there"
        await live.over(MEETING)
        await live.over(MEETING)
        assert await live.running(MEETING) is None
        assert [offer.practice for offer in await live.offers()] == ["warm-up"]


@ON_SQLITE
async def test_a_person_with_two_devices_is_one(open_stage: Open) -> None:
    async with open_stage() as stage:
        live, session = await asked(stage, "Ada", "Bo")
        await live.enter(session, seat("Ada", "phone of Ada"))
        await live.enter(session, guest("somebody"))
        counts = await counted(live, session)
        assert (counts.present, counts.guests) == (3, 1)
        order = await live.turns(session, HANA, 30)
        assert len(order) == 3
        turn = (await live.standing(session, seat("Ada"))).turn
        assert turn == (await live.standing(session, seat("Ada", "phone of Ada"))).turn
        assert turn is not None
        assert order[turn - 1] in ("seat-Ada", "phone of Ada")


@ON_SQLITE
async def test_turns_go_by_the_clock_and_by_the_host(open_stage: Open) -> None:
    async with open_stage() as stage:
        live, session = await asked(stage, "Ada", "Bo", "Cy")
        order = await live.turns(session, HANA, 30)
        assert order == await live.turns(session, HANA, 90), "they go on as they began"
        turn = (await counted(live, session)).turn
        assert turn is not None
        assert (turn.number, turn.of, turn.ends) == (1, 3, stage.clock.now() + timedelta(seconds=30))
        turn = (await live.next_turn(session, HANA, 1)).turn
        assert turn is not None
        assert turn.number == 2
        await live.leave(session, order[2])
        await live.enter(session, guest("late"))
        turn = (await counted(live, session)).turn
        assert turn is not None
        assert (turn.number, turn.of) == (2, 3)
        assert (await live.standing(session, guest("late"))).turn == 3
        stage.clock.advance(timedelta(seconds=61))
        turn = (await counted(live, session)).turn
        assert turn is not None
        assert turn.ends is None
        with pytest.raises(Mistake, match="choose 10 to 600"):
            await live.turns(session, HANA, 5)
        with pytest.raises(Refused, match="only hosts"):
            await live.next_turn(session, actor("Ada"), 1)


@ON_SQLITE
async def test_a_meeting_s_list_says_who_left(open_stage: Open) -> None:
    async with open_stage() as stage:
        live, session = await asked(stage, "Ada", "Bo")
        await live.present(session, HANA, [Attendee(ref="seat-Ada"), Attendee(ref="seat-Hana", actor=HANA)])
        counts = await counted(live, session)
        assert (counts.present, counts.guests) == (2, 0), "who sat there before is still known"
        for name, who in (("too many", [Attendee(ref=str(n)) for n in range(1001)]),):
            with pytest.raises(Refused):
                await live.present(session, HANA, who)
            assert (await counted(live, session)).present == 2, name


async def test_accounts_that_are_seen_are_there_and_in_no_figure(open_stage: Open) -> None:
    async with open_stage() as stage:
        live, session = await asked(stage, "Ada", "Bo")
        cy = await member(stage, "Cy")
        before = await counted(live, session)
        with pytest.raises(Refused, match="only hosts"):
            await live.seen(session, actor("Ada"), [actor("Cy")])
        for _ in range(2):
            await live.seen(session, HANA, [actor("Cy"), actor("Ada"), actor("Cy")])
        await live.seen(session, HANA, [])
        assert await counted(live, session) == before
        assert "account" not in str(await live.turns(session, HANA, 30))
        async with stage.database.read() as tx:
            found = await live_sessions.find(tx, stage.organization, stage.workspace, session)
            assert cy in await live_seats.persons(tx, found)
            assert len(await live_seats.read(tx, found)) == 3
        await live.enter(session, seat("Cy"))
        assert (await counted(live, session)).present == before.present + 1, "who comes to a seat is counted"


@ON_SQLITE
async def test_a_member_is_spoken_to_in_the_language_they_chose(open_stage: Open) -> None:
    async with open_stage() as stage:
        live, _ = await asked(stage, "Ada")
        async with stage.database.write() as tx:
            person = tables.person
            await tx.execute(person.update().where(person.c.name == "Ada").values(languages=["pl", "en"]))
        assert await live.language(actor("Ada")) == "pl"
        assert await live.language(actor("Nobody")) is None


@ON_SQLITE
async def test_nobody_takes_another_s_seat(open_stage: Open) -> None:
    async with open_stage() as stage:
        live, session = await asked(stage, "Ada", "Bo")
        for intruder in (guest("seat-Ada"), seat("Bo", "seat-Ada")):
            with pytest.raises(Refused, match="somebody else"):
                await live.enter(session, intruder)
        await live.enter(session, Attendee(ref="free", holder="left again"))
        await live.enter(session, guest("free"))  # nothing was said from there
        await live.respond(session, guest("free"), "answer", {"answer": "Mine"})
        with pytest.raises(Refused, match="somebody else"):
            await live.enter(session, Attendee(ref="free", holder="another"))
        await live.enter(session, seat("Bo", "free"))  # an account is proven, a holder only says so
        for name in ("", "x" * 201, "a\nb"):
            with pytest.raises(Refused):
                await live.enter(session, guest(name))


async def test_guests_answer_without_a_name_and_are_forgotten_at_the_close(open_stage: Open) -> None:
    async with open_stage() as stage:
        live, session = await asked(stage, "Ada")
        shown = await live.guest_prompt(session)
        assert "without your name" in shown.recorded
        assert {action.token for action in shown.actions} == {""}
        for ref in ("g1", "g2"):
            await live.enter(session, guest(ref))
        assert (await live.respond(session, guest("g1"), "answer", {"answer": "A lynx"})).status == "taken"
        assert (await live.respond(session, guest("g1"), "answer", {"answer": "A wolf"})).status == "changed"
        assert (await live.respond(session, guest("g2"), "pass", {})).status == "taken"
        assert (await live.respond(session, guest("g2"), "answer", {})).status == "refused"
        assert (await live.respond(session, guest("g2"), "burn", {})).status == "refused"
        for who in (Attendee(ref="g1", holder="another"), guest("nobody"), seat("Ada")):
            with pytest.raises(Refused):
                await live.respond(session, who, "answer", {"answer": "Mine"})
        counts = await counted(live, session)
        assert (counts.answered, counts.passed, counts.shared) == (1, 1, ("A wolf",))
        assert (await live.standing(session, guest("g1"))) == Standing(member=False, answered=True)
        assert (await live.standing(session, Attendee(ref="g2", holder="another"))).answered is None
        (row,) = await stage.rows(tables.round_table)
        await stage.answer(row["id"], await member(stage, "Zoe"), {"answer": "A heron"})
        await live.advance(session, HANA, "ended")
        assert (await live.respond(session, guest("g2"), "pass", {})).status == "refused"
        summary = await close(stage, row["id"])
        assert summary["figures"] == {"invited": 0, "answered": 2, "passed": 1}
        assert await stage.rows(tables.seat) == []
        shown_later = await live.summary(session)
        assert shown_later is not None
        assert "2 personas respondieron" in shown_later.body.plain()
        assert "wolf" not in shown_later.body.plain()


async def close(stage: Any, round_id: str) -> dict[str, Any]:
    async with stage.database.write() as tx:
        for step in (closing.start_close, closing.finish_close):
            found = await rounds.find(tx, round_id, stage.organization)
            assert found is not None
            await step(stage.runtime, tx, found)
        closed = await rounds.find(tx, round_id, stage.organization)
    assert closed is not None
    assert closed.state == "closed"
    return dict(closed.summary or {})


async def test_groups_bring_everybody_together_with_somebody_new(open_stage: Open) -> None:
    async with open_stage() as stage:
        names = ("Ada", "Bo", "Cy", "Di")
        live, session = await asked(stage, *names)
        met: set[frozenset[str]] = set()
        for _ in range(3):
            groups = await live.groups(session, HANA, 2)
            assert groups == await live.groups(session, HANA, 2), "a second click changes nothing"
            pairs = {frozenset(group) for group in groups}
            assert len(pairs) == 2
            assert not pairs & met
            met |= pairs
            stage.clock.advance(timedelta(hours=1))
            session = await live.start(MEETING, HANA, "warm-up", {})
            for name in names:
                await live.enter(session, seat(name))
            await live.advance(session, HANA, "asking")
        assert len(met) == 6, "everybody met everybody"
        with pytest.raises(Mistake, match="choose 2, 3 or 4"):
            await live.groups(session, HANA, 9)
        with pytest.raises(Refused, match="only hosts"):
            await live.groups(session, actor("Ada"), 2)


@ON_SQLITE
async def test_guests_are_in_groups_and_in_no_memory(open_stage: Open) -> None:
    async with open_stage() as stage:
        live, session = await asked(stage, "Ada", "Bo")
        for ref in ("g1", "g2", "g3"):
            await live.enter(session, guest(ref))
        await live.enter(session, seat("Ada", "phone of Ada"))
        groups = await live.groups(session, HANA, 2)
        assert sorted(ref for group in groups for ref in group) == [
            "g1", "g2", "g3", "phone of Ada", "seat-Ada", "seat-Bo",
        ]  # fmt: skip
        together = next(group for group in groups if "seat-Ada" in group)
        assert "phone of Ada" in together
        counts = await counted(live, session)
        assert (counts.state, counts.groups, counts.apart) == ("groups", 2, 0)
        assert len(await stage.rows(tables.match_history)) == 2
        standing = await live.standing(session, guest("g1"))
        assert standing.group in (1, 2)
        assert standing.group_size in (2, 3, 4)


@ON_SQLITE
async def test_who_does_not_want_to_meet_stays_apart(open_stage: Open) -> None:
    async with open_stage() as stage:
        live, session = await asked(stage, "Ada", "Bo")
        async with stage.database.write() as tx:
            ada, bo = [(await identities.resolve(stage.runtime, tx, stage.organization, actor(name))).person
                       for name in ("Ada", "Bo")]  # fmt: skip
            await matching.avoid(stage.runtime, tx, stage.organization, ada, bo)
        assert await live.groups(session, HANA, 2) == ()
        counts = await counted(live, session)
        assert (counts.state, counts.groups) == ("groups", 0)
