"""Colleagues who were not at a live round: asked once, on their own platform, for a day, with one result for all."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tertulia.capabilities import Platform
from tertulia.domain.people import Actor, Place
from tertulia.extension import Context
from tertulia.hookspecs import hookimpl
from tertulia.live import Attendee, LiveRounds
from tertulia.services import hard_weeks, identities, people, preferences, sign_ups
from tertulia.services.live import WorkspaceLive
from tertulia.storage import tables
from tertulia.testing.ports import FakeRitualPort, FakeSurveyPort
from tertulia.testing.world import Home, World, world

MEETING = Place(platform="hall", ref="meeting-1", kind="meeting")
PROGRAM = """

message_budget = 2
[[practice]]
key = "warm-up"
kind = "icebreaker"
title = "Warm-up"
places = ["square:plaza"]
cadence = { rule = "FREQ=YEARLY", start = "2026-12-01T09:00" }
[[practice]]
key = "crew"
kind = "icebreaker"
title = "Crew"
audience = { teams = ["Crew"] }
cadence = { rule = "FREQ=YEARLY", start = "2026-12-01T09:00" }
[[practice]]
key = "club"
kind = "icebreaker"
title = "Club"
join = "opt-in"
cadence = { rule = "FREQ=YEARLY", start = "2026-12-01T09:00" }
"""
HANA = Actor(platform="hall", realm="r", user="Hana")


@dataclass
class Town:
    core: World
    home: Home
    live: LiveRounds
    square: FakeSurveyPort
    plaza: FakeRitualPort
    people: dict[str, str] = field(default_factory=dict)

    async def add(self, name: str, **fields: str) -> str:
        """Add a member with an account in the hall, where meetings are, and one in the square, which can write."""
        person = await self.core.person(self.home, name, **fields)
        runtime, organization = self.core.runtime, self.home.organization
        async with runtime.database.write() as tx:
            for platform, address in (("hall", None), ("square", {"to": name})):
                actor = Actor(platform=platform, realm="r", user=name)
                account = await identities.reachable(runtime, tx, organization, actor, address)
                await identities.link(runtime, tx, organization, account.id, person, "import", actor="test")
            if name == "Hana":
                await people.grant(runtime, tx, organization, self.home.workspace, person, "host", actor="test")
        self.people[name] = person
        return person

    async def hold(self, *present: str, practice: str = "warm-up") -> str:
        session = await self.live.start(MEETING, HANA, practice, {})
        await self.live.advance(session, HANA, "asking")
        for name in present:
            who = Actor(platform="hall", realm="r", user=name)
            await self.live.enter(session, Attendee(ref=f"seat of {name}", actor=who))
        return session

    def asked(self) -> list[str]:
        return sorted(call.to.address["to"] for call in self.square.sent if call.to is not None)

    async def skipped(self) -> dict[str, str]:
        query = sa.select(tables.delivery.c.recipient, tables.delivery.c.reason).where(
            tables.delivery.c.state == "skipped", tables.delivery.c.purpose == "invite"
        )
        names = {person: name for name, person in self.people.items()}
        async with self.core.runtime.database.read() as tx:
            return {names[row.recipient]: row.reason for row in await tx.execute(query)}


OpenTown = Callable[[], AbstractAsyncContextManager[Town]]


@pytest.fixture
def town(tmp_path: Path) -> OpenTown:
    @asynccontextmanager
    async def opened() -> AsyncIterator[Town]:
        square, plaza = FakeSurveyPort(), FakeRitualPort()

        class Square:
            @hookimpl
            def register_platforms(self, context: Context) -> list[Platform]:
                return [Platform(name="square", survey=square, ritual=plaza)]

        async with world(f"sqlite:///{tmp_path / 't.db'}", tmp_path, plugins={"square": Square()}) as core:
            home = await core.workspace("Home")
            await core.enable(home, "square")
            live = WorkspaceLive(core.runtime, organization=home.organization, workspace=home.workspace)
            made = Town(core, home, live, square, plaza)
            await made.add("Hana")
            await core.apply(home, PROGRAM)
            yield made

    return opened


async def rows(core: World, table: sa.Table) -> list[Any]:
    async with core.runtime.database.read() as tx:
        return list((await tx.execute(sa.select(table))).all())


@pytest.mark.parametrize(("team", "asked"), [("Crew", {"Bo"}), (None, set())])
async def test_who_has_hard_weeks_is_not_asked(town: OpenTown, team: str | None, asked: set[str]) -> None:
    async with town() as place:
        await place.add("Ada", team="Crew")
        await place.add("Bo")
        session = await place.hold("Hana")
        runtime = place.core.runtime
        async with runtime.database.write() as tx:
            until = runtime.clock.now() + timedelta(days=9)
            where = (place.home.organization, place.home.workspace)
            await hard_weeks.begin(runtime, tx, *where, resumes=until, team=team, actor="test")
        await place.live.advance(session, HANA, "ended")
        held = {row.id for row in await rows(place.core, tables.round_table) if row.occurrence.startswith("host:")}
        told = [row for row in await rows(place.core, tables.delivery) if row.round_id in held]
        names = {person: name for name, person in place.people.items()}
        assert {names[row.recipient] for row in told if row.purpose == "invite"} == asked


async def test_who_was_not_there_is_asked_once_and_one_result_comes_of_it(town: OpenTown) -> None:
    async with town() as place:
        for name in ("Ada", "Bo", "Cy"):
            await place.add(name)
        session = await place.hold("Hana", "Ada")
        assert place.square.sent == []
        await place.live.advance(session, HANA, "ended")
        await place.live.over(MEETING)
        await place.core.until(lambda: place.asked() == ["Bo", "Cy"])
        call = next(call for call in place.square.sent if call.to and call.to.address["to"] == "Bo")
        assert call.prompt is not None
        (action,) = [action for action in call.prompt.actions if action.verb == "answer"]
        live = place.core.runtime.installations.of(place.home.workspace)[0]
        bo = Actor(platform="square", realm="r", user="Bo")
        reply = await live.context.inbox.answered(action.token, bo, {"answer": "A kite"}, "b1")
        assert reply.status == "taken"
        place.core.clock.advance(timedelta(hours=23, minutes=50))
        assert "open" in {row.state for row in await rows(place.core, tables.round_table)}
        place.core.clock.advance(timedelta(minutes=20))
        await place.core.until(lambda: bool(place.plaza.sent))
        assert "A kite" in str(place.plaza.sent[-1].prompt)
        assert place.asked() == ["Bo", "Cy"]
        summary = next(row.summary for row in await rows(place.core, tables.round_table) if row.summary)
        assert summary["figures"] == {"invited": 2, "answered": 1, "passed": 0}


async def test_wishes_quiet_hours_budget_and_audience_hold(town: OpenTown) -> None:
    async with town() as place:
        await place.add("Quiet", zone="Pacific/Auckland")
        await place.add("Stopped")
        await place.add("Snoozing")
        await place.add("Full")
        await place.add("Crewman", team="Crew")
        runtime, organization = place.core.runtime, place.home.organization
        async with runtime.database.write() as tx:
            await preferences.opt_out(runtime, tx, organization, place.people["Stopped"], "warm-up")
            later = place.core.clock.now() + timedelta(days=9)
            await preferences.snooze(runtime, tx, organization, place.people["Snoozing"], later)
            full = {"organization_id": organization, "person_id": place.people["Full"], "week": "2026-W02"}
            await tx.execute(tables.budget.insert().values(**full, used=2))
        session = await place.hold("Hana", practice="crew")
        await place.live.advance(session, HANA, "ended")
        await place.core.until(lambda: place.asked() == ["Crewman"])
        session = await place.hold("Hana", "Crewman")
        await place.live.advance(session, HANA, "ended")
        assert await place.skipped() == {
            "Stopped": "opted out",
            "Snoozing": "snoozed",
            "Full": "weekly message budget used",
        }
        assert place.asked() == ["Crewman"], "it is night in Auckland"
        place.core.clock.advance(timedelta(hours=12))
        await place.core.until(lambda: place.asked() == ["Crewman", "Quiet"])


async def test_a_practice_that_people_join_asks_nobody_else(town: OpenTown) -> None:
    async with town() as place:
        for name in ("Joined", "Left", "Never"):
            await place.add(name)
        club = (place.home.organization, place.home.workspace, "club")
        async with place.core.runtime.database.write() as tx:
            for name in ("Joined", "Left"):
                await sign_ups.sign_up(place.core.runtime, tx, *club, place.people[name])
            await sign_ups.withdraw(place.core.runtime, tx, *club, [place.people["Left"]])
        session = await place.hold("Hana", practice="club")
        await place.live.advance(session, HANA, "ended")
        await place.core.until(lambda: "Joined" in place.asked())
        invited = {row.recipient for row in await rows(place.core, tables.delivery)}
        assert invited == {place.people["Joined"]}


async def test_nobody_is_asked_about_what_was_never_asked(town: OpenTown) -> None:
    async with town() as place:
        await place.add("Ada")
        await place.live.start(MEETING, HANA, "warm-up", {})
        await place.live.over(MEETING)
        place.core.clock.advance(timedelta(days=2))
        states = {row.state for row in await rows(place.core, tables.round_table)}
        assert "cancelled" in states
        assert place.asked() == []
        session = await place.hold("Hana")
        await place.live.over(MEETING)  # the host closed the meeting without ending the round
        await place.core.until(lambda: place.asked() == ["Ada"])
        assert [counts.state async for counts in place.live.watch(session)] == ["ended"]
