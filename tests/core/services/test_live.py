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
from tertulia.extension import Counts
from tertulia.services import identities, people
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
