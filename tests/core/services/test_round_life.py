"""Whole rounds on the driven clock, from the timer to the summary, with a platform in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from tertulia import bootstrap
from tertulia.capabilities import Platform
from tertulia.config import Config
from tertulia.delivery.ticker import Ticker
from tertulia.domain.identifiers import Id
from tertulia.domain.people import Actor
from tertulia.errors import Mistake, OutcomeUnknown, RetryLater, Unreachable
from tertulia.extension import Context
from tertulia.hookspecs import hookimpl
from tertulia.runtime import Runtime
from tertulia.sandbox.drive import drive, settled
from tertulia.services import identities, installations, people, preferences, programs, rounds
from tertulia.storage import keys
from tertulia.storage.tables import delivery, round_table
from tertulia.testing.clock import DrivenClock
from tertulia.testing.engine import InlineEngine
from tertulia.testing.ports import FakeRitualPort, FakeSurveyPort

MONDAY = datetime(2026, 11, 23, 0, 0, tzinfo=UTC)
CHECK_IN = """
[[practice]]
key = "daily"
kind = "check-in"
title = "Daily check-in"
cadence = { rule = "FREQ=DAILY", start = "2026-11-23T09:30", time = "local" }
open_for = "10h"
reminders = ["4h"]
"""


@dataclass
class Town:
    """Hold one organization with a platform in memory."""

    runtime: Runtime
    clock: DrivenClock
    organization: Id
    workspace: Id
    survey: FakeSurveyPort
    ritual: FakeRitualPort
    people: dict[str, Id] = field(default_factory=dict)

    async def add(self, name: str, **fields: str) -> Id:
        async with self.runtime.database.write() as tx:
            person = await people.add_person(
                self.runtime,
                tx,
                self.organization,
                {"name": name, "email": f"{name.lower()}@example.org", **fields},
                workspace=self.workspace,
                actor="test",
            )
            actor = Actor(platform="square", realm="r", user=name)
            account = await identities.reachable(self.runtime, tx, self.organization, actor, {"to": name})
            await identities.link(self.runtime, tx, self.organization, account.id, person, "import", actor="test")
        self.people[name] = person
        return person

    async def apply(self, text: str) -> None:
        async with self.runtime.database.write() as tx:
            await programs.apply(
                self.runtime, tx, organization=self.organization, workspace=self.workspace, text=text, actor="test"
            )

    async def live(self, until: datetime, then: Callable[[datetime], object] | None = None) -> None:
        async for at in drive(self.runtime, self.clock, until):
            if then is not None:
                result = then(at)
                if asyncio.iscoroutine(result):
                    await result

    def asked(self) -> list[str]:
        return [call.to.address["to"] for call in self.survey.sent if call.to is not None]

    async def states(self) -> dict[tuple[str, str], int]:
        query = sa.select(delivery.c.purpose, delivery.c.state, sa.func.count())
        async with self.runtime.database.read() as tx:
            rows = await tx.execute(query.group_by(delivery.c.purpose, delivery.c.state))
            return {(row[0], row[1]): row[2] for row in rows}


MakeTown = Callable[[], object]


@pytest.fixture
def town(database_url: str, tmp_path: Path) -> MakeTown:
    """Return an async context manager that opens a town on the test's database, on a Monday at midnight UTC."""

    @asynccontextmanager
    async def opened(clock: DrivenClock | None = None) -> AsyncIterator[Town]:
        keys.new_keys(tmp_path / "keys")
        config = Config(
            mode="sandbox",
            database_url=database_url,
            engine_url="",
            public_url="http://127.0.0.1:1",
            host="127.0.0.1",
            port=0,
            keys_file=tmp_path / "keys",
            keystore=tmp_path / "rounds",
        )
        survey, ritual = FakeSurveyPort(), FakeRitualPort()

        class Square:
            @hookimpl
            def register_platforms(self, context: Context) -> list[Platform]:
                return [Platform(name="square", survey=survey, ritual=ritual)]

        driven = clock or DrivenClock(MONDAY)
        runtime = await bootstrap.build(
            config, clock=driven, extra_plugins={"square": Square()}, engine=InlineEngine()
        )
        async with runtime.database.write() as tx:
            organization = await people.create_organization(runtime, tx, name="Hub", actor="test")
            workspace = await people.create_workspace(runtime, tx, organization, name="All", actor="test")
            await installations.enable(
                runtime,
                tx,
                organization=organization,
                workspace=workspace,
                plugin="square",
                settings={},
                actor="test",
            )
        ticker = Ticker(runtime, "local", tick=0.005)
        await runtime.engine.launch(ticker.work(), executor="local", concurrency=4)
        ticking = asyncio.create_task(ticker.run())
        try:
            yield Town(runtime, driven, organization, workspace, survey, ritual)
        finally:
            await ticker.drain()
            await ticking
            await runtime.engine.stop()
            await bootstrap.close(runtime)

    return opened


async def test_everyone_is_asked_once_at_their_own_morning(town: MakeTown) -> None:
    async with town() as place:
        await place.add("Ana", zone="Europe/Berlin")
        await place.add("Ben", zone="America/New_York")
        await place.apply(CHECK_IN)
        when: list[tuple[datetime, list[str]]] = []
        await place.live(MONDAY + timedelta(hours=15), lambda at: when.append((at, place.asked())))
        assert (MONDAY + timedelta(hours=8, minutes=30), ["Ana"]) in when
        first = {name: next(at for at, asked in when if name in asked) for name in ("Ana", "Ben")}
        assert first["Ben"] == MONDAY + timedelta(hours=14, minutes=30)


async def test_a_round_closes_and_the_next_one_follows(town: MakeTown) -> None:
    async with town() as place:
        await place.add("Ana", zone="Europe/Berlin")
        await place.apply(CHECK_IN)
        await place.live(MONDAY + timedelta(days=3))
        async with place.runtime.database.read() as tx:
            rows = (await tx.execute(sa.select(round_table).order_by(round_table.c.opens_at))).all()
        assert [row.state for row in rows] == ["closed", "closed", "closed", "planned"]
        assert [row.occurrence[:10] for row in rows] == ["2026-11-23", "2026-11-24", "2026-11-25", "2026-11-26"]
        assert await place.states() == {("invite", "sent"): 3, ("remind:1", "sent"): 3}


async def test_an_opt_out_between_planning_and_sending_is_honoured(town: MakeTown) -> None:
    async with town() as place:
        await place.add("Ana", zone="Europe/Berlin")
        ben = await place.add("Ben", zone="America/New_York")
        await place.apply(CHECK_IN)

        async def opt_out(at: datetime) -> None:
            if place.asked() == ["Ana"]:
                async with place.runtime.database.write() as tx:
                    await preferences.opt_out(place.runtime, tx, place.organization, ben, "daily")

        await place.live(MONDAY + timedelta(hours=20), opt_out)
        assert "Ben" not in place.asked()


async def test_the_reminders_of_a_survey_do_not_tell_how_many_answered(town: MakeTown) -> None:
    survey = """
[[practice]]
key = "one"
kind = "single-question"
title = "One question"
cadence = { rule = "FREQ=DAILY;COUNT=1", start = "2026-11-23T09:30", time = "local" }
open_for = "10h"
reminders = ["4h"]
options = { question = "How was it?" }
"""
    async with town() as place:
        for name in ("Ana", "Ben", "Cleo", "Dan", "Eva", "Fay", "Gil"):
            await place.add(name, zone="UTC")
        await place.apply(survey)
        await place.live(MONDAY + timedelta(hours=15))
        assert (await place.states())["remind:1", "sent"] == 7
        async with place.runtime.database.read() as tx:
            round_id = (await tx.execute(sa.select(round_table.c.id))).scalar_one()
            standing = await rounds.progress(tx, place.organization, round_id)
        assert standing is not None
        assert standing.deliveries == {"invite": {"sent": 5}, "remind:1": {"sent": 5}}


async def test_a_survey_is_never_asked_in_a_shared_place(town: MakeTown) -> None:
    survey = """
[[practice]]
key = "one"
kind = "single-question"
title = "One question"
cadence = { rule = "FREQ=DAILY;COUNT=1", start = "2026-11-23T09:30", time = "local" }
ask = "both"
places = ["square:plaza"]
options = { question = "How was it?" }
"""
    async with town() as place:
        with pytest.raises(Mistake, match="asked privately"):
            await place.apply(survey)
        await place.apply(survey.replace('ask = "both"', 'ask = "each"'))


async def test_who_left_between_planning_and_sending_is_not_written_to(town: MakeTown) -> None:
    async with town() as place:
        await place.add("Ana", zone="Europe/Berlin")
        ben = await place.add("Ben", zone="America/New_York")
        await place.apply(CHECK_IN)

        async def leave(at: datetime) -> None:
            if place.asked() == ["Ana"]:
                async with place.runtime.database.write() as tx:
                    await people.leave(place.runtime, tx, place.organization, place.workspace, ben, actor="test")

        await place.live(MONDAY + timedelta(hours=20), leave)
        assert "Ben" not in place.asked()


async def test_a_night_worker_is_asked_after_quiet_hours(town: MakeTown) -> None:
    async with town() as place:
        await place.add("Nia", zone="UTC", quiet_start="08:00", quiet_end="16:00")
        await place.apply(CHECK_IN)
        seen: list[datetime] = []
        await place.live(MONDAY + timedelta(hours=23), lambda at: seen.append(at) if place.asked() else None)
        assert seen[0] == MONDAY + timedelta(hours=16)


async def test_an_unknown_outcome_is_final_for_an_invitation_and_the_reminder_is_the_second_chance(
    town: MakeTown,
) -> None:
    async with town() as place:
        await place.add("Ana", zone="UTC")
        place.survey.fail("ask", OutcomeUnknown("the connection was reset"))
        await place.apply(CHECK_IN)
        await place.live(MONDAY + timedelta(hours=12))
        assert await place.states() == {("invite", "ambiguous"): 1}
        await place.live(MONDAY + timedelta(hours=15))
        assert await place.states() == {("invite", "ambiguous"): 1, ("remind:1", "sent"): 1}


async def test_a_refused_send_is_tried_again(town: MakeTown) -> None:
    async with town() as place:
        await place.add("Ana", zone="UTC")
        place.survey.fail("ask", RetryLater("busy", timedelta(seconds=0.05)), RetryLater("busy", timedelta(0)))
        await place.apply(CHECK_IN)
        await place.live(MONDAY + timedelta(hours=10))
        assert place.asked() == ["Ana"]
        assert len(place.survey.attempts) == 3


async def test_who_cannot_be_reached_gets_the_next_channel_from_the_next_round_on(town: MakeTown) -> None:
    async with town() as place:
        await place.add("Ana", zone="UTC")
        place.survey.fail("ask", Unreachable("the app was removed"))
        await place.apply(CHECK_IN)
        await place.live(MONDAY + timedelta(days=1, hours=12))
        states = await place.states()
        assert states[("invite", "failed")] == 1
        assert states[("invite", "skipped")] == 1
        assert place.asked() == []


async def test_the_weekly_budget_is_the_persons_own(town: MakeTown) -> None:
    async with town() as place:
        await place.add("Ana", zone="UTC", message_budget="3")
        await place.apply(CHECK_IN)
        await place.live(MONDAY + timedelta(days=9))
        weeks = dict(await _sent_by_week(place))
        assert weeks == {"2026-W48": 3, "2026-W49": 3}


async def _sent_by_week(place: Town) -> list[tuple[str, int]]:
    from tertulia.storage.tables import budget

    async with place.runtime.database.read() as tx:
        return [(row.week, row.used) for row in await tx.execute(sa.select(budget).order_by(budget.c.week))]


async def test_a_missed_round_is_told_and_the_next_is_not(town: MakeTown) -> None:
    async with town() as place:
        await place.add("Ana", zone="UTC")
        await place.apply(CHECK_IN)
        await settled(place.runtime)
        place.clock.set(MONDAY + timedelta(days=2, hours=10))
        await settled(place.runtime)
        async with place.runtime.database.read() as tx:
            rows = (await tx.execute(sa.select(round_table).order_by(round_table.c.opens_at))).all()
        assert [(row.occurrence[:10], row.state) for row in rows] == [
            ("2026-11-23", "cancelled"),
            ("2026-11-24", "cancelled"),
            ("2026-11-25", "open"),
            ("2026-11-26", "planned"),
        ]


async def test_a_new_program_leaves_open_rounds_as_they_were(town: MakeTown) -> None:
    async with town() as place:
        await place.add("Ana", zone="UTC")
        await place.apply(CHECK_IN)
        await place.live(MONDAY + timedelta(hours=10))
        await place.apply(CHECK_IN.replace("09:30", "11:00"))
        await place.live(MONDAY + timedelta(days=1, hours=12))
        async with place.runtime.database.read() as tx:
            rows = (await tx.execute(sa.select(round_table).order_by(round_table.c.opens_at))).all()
        assert [(row.program_version, row.occurrence[11:16]) for row in rows][:2] == [(1, "09:30"), (2, "11:00")]


async def test_who_was_asked_later_because_it_was_night_is_reminded_too(town: MakeTown) -> None:
    async with town() as place:
        for name, zone in (("Lis", "Europe/Lisbon"), ("Osa", "Asia/Tokyo")):
            await place.add(name, zone=zone)
        common = CHECK_IN.replace("T09:30", "T15:00").replace('"local"', '"common"').replace("10h", "2d")
        await place.apply(common.replace("DAILY", "WEEKLY"))
        await place.live(MONDAY + timedelta(days=3))
        states = await place.states()
        assert states[("invite", "sent")] == 2
        assert states[("remind:1", "sent")] == 2
