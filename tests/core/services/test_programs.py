"""Programs of a workspace: plan, apply, history and return, on real databases."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict

from tertulia.config import Config
from tertulia.domain.identifiers import Id, Json
from tertulia.domain.prompts import Draft, Given, Privacy
from tertulia.errors import Mistake
from tertulia.extension import Prepared, RitualKind, RoundRequest, Shared, Tally
from tertulia.hookspecs import hookimpl
from tertulia.plugins import Plugins
from tertulia.runtime import Runtime
from tertulia.services import programs
from tertulia.services.program_document import ProgramMistake
from tertulia.storage import audit, tables
from tertulia.storage import programs as stored_programs
from tertulia.storage.database import Database
from tertulia.storage.vault import Vault
from tertulia.surveys.keystore import KeyStore
from tertulia.testing.clock import DrivenClock
from tertulia.testing.context import FakeLimiter

NOW = datetime(2027, 1, 8, 12, tzinfo=UTC)  # a Friday
ORGANIZATION, WORKSPACE = "0" * 31 + "1", "0" * 31 + "2"
WHERE = {"organization": ORGANIZATION, "workspace": WORKSPACE}
CHECK_IN = """\
[[practice]]
key = "check-in"
kind = "question"
title = "How is it going?"
cadence = { rule = "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", start = "2027-01-04T09:30" }
"""
CAFE = """\
[[practice]]
key = "cafe"
kind = "question"
title = "Coffee?"
cadence = { rule = "FREQ=WEEKLY;BYDAY=TH", start = "2027-01-07T15:00", time = "common", zone = "Europe/Berlin" }
audience = { teams = ["Design"] }
open_for = "2d"
options = { warmth = 2 }
"""


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid")
    warmth: int = 1


class Question:
    """The smallest kind."""

    name = "question"
    privacy: Privacy = "named"
    options: type[BaseModel] = Options

    def prepare(self, request: RoundRequest) -> Prepared:
        return Prepared(content={})

    def prompt(self, content: Json, language: str) -> Draft:
        raise NotImplementedError

    def accept(self, content: Json, verb: str, values: Json) -> Given:
        raise NotImplementedError

    def summary(self, content: Json, given: Sequence[Shared], tally: Tally, language: str) -> Draft | None:
        return None


class QuestionPlugin:
    """Register the kind."""

    @hookimpl
    def register_rituals(self) -> Iterable[RitualKind]:
        return (Question(),)


OpenRuntime = Callable[[], AbstractAsyncContextManager[Runtime]]


@pytest.fixture
def open_runtime(
    open_database: Callable[[], AbstractAsyncContextManager[Database]], database_url: str, tmp_path: Path
) -> OpenRuntime:
    """Return a runtime with one workspace in Berlin and a driven clock."""
    config = Config(
        mode="production",
        database_url=database_url,
        engine_url=database_url,
        public_url="https://tertulia.example",
        host="127.0.0.1",
        port=0,
        keys_file=tmp_path / "keys",
        keystore=tmp_path / "keystore",
    )

    @asynccontextmanager
    async def opened() -> AsyncIterator[Runtime]:
        async with open_database() as database:
            runtime = Runtime(
                config=config,
                database=database,
                vault=Vault({b"test": bytes(32)}),
                keys=KeyStore(config.keystore),
                clock=DrivenClock(NOW),
                entropy=secrets.token_bytes,
                plugins=Plugins.load({"question": QuestionPlugin()}, builtin=False, allowed=frozenset()),
                limiter=FakeLimiter(),
            )
            await found(runtime)
            yield runtime

    return opened


async def found(runtime: Runtime) -> None:
    """Make the organization and its workspace."""
    async with runtime.database.write() as tx:
        await tx.execute(
            tables.organization.insert().values(id=ORGANIZATION, name="Acme", domains=[], created_at=NOW)
        )
        await tx.execute(
            tables.workspace.insert().values(
                organization_id=ORGANIZATION,
                id=WORKSPACE,
                name="All",
                zone="Europe/Berlin",
                language="en",
                message_budget=10,
                created_at=NOW,
            )
        )


async def join(runtime: Runtime, name: str, zone: str, team: str | None = None) -> Id:
    """Add a member."""
    identifier = runtime.new_id()
    async with runtime.database.write() as tx:
        hours = {"work_start": "09:00", "work_end": "17:00", "quiet_start": "20:00", "quiet_end": "08:00"}
        await tx.execute(
            tables.person.insert().values(
                organization_id=ORGANIZATION,
                id=identifier,
                name=name,
                zone=zone,
                languages=["en"],
                worker_type="employee",
                team=team,
                created_at=NOW,
                **hours,
            )
        )
        await tx.execute(
            tables.membership.insert().values(
                organization_id=ORGANIZATION, workspace_id=WORKSPACE, person_id=identifier, joined_at=NOW
            )
        )
    return identifier


async def applied(runtime: Runtime, text: str) -> int:
    """Apply *text* and return the version in force."""
    async with runtime.database.write() as tx:
        return (await programs.apply(runtime, tx, **WHERE, text=text, actor="ada")).version


async def planned(runtime: Runtime) -> set[tuple[str, str, int]]:
    """Return the planned rounds: practice, wall time, version."""
    columns = tables.round_table.c
    query = sa.select(columns.practice, columns.occurrence, columns.program_version).where(columns.state == "planned")
    async with runtime.database.read() as tx:
        return {(row.practice, row.occurrence, row.program_version) for row in await tx.execute(query)}


async def test_a_program_reads_back_as_it_was_written(open_runtime: OpenRuntime) -> None:
    async with open_runtime() as runtime:
        async with runtime.database.write() as tx:
            program = await programs.apply(runtime, tx, **WHERE, text=CHECK_IN + CAFE, actor="ada")
        async with runtime.database.read() as tx:
            assert await stored_programs.current(tx, ORGANIZATION, WORKSPACE) == program
            assert await stored_programs.at_version(tx, ORGANIZATION, WORKSPACE, 1) == program
            assert await stored_programs.at_version(tx, ORGANIZATION, WORKSPACE, 2) is None
            assert await stored_programs.current(tx, "another", WORKSPACE) is None
            stored = await programs.show(tx, ORGANIZATION, WORKSPACE)
    assert (stored.document, stored.applied_by, stored.applied_at) == (CHECK_IN + CAFE, "ada", NOW)


async def test_apply_schedules_rounds_and_is_audited(open_runtime: OpenRuntime) -> None:
    async with open_runtime() as runtime:
        assert await applied(runtime, CHECK_IN) == 1
        assert await planned(runtime) == {("check-in", "2027-01-11T09:30:00", 1)}
        assert await applied(runtime, CAFE) == 2
        assert await planned(runtime) == {("cafe", "2027-01-14T15:00:00", 2)}
        async with runtime.database.read() as tx:
            entries = (await tx.execute(sa.select(tables.audit).order_by(tables.audit.c.sequence))).all()
            assert await audit.verify(tx, runtime.vault) == []
    assert [(entry.verb, entry.actor, entry.subject) for entry in entries] == [
        ("program.apply", "ada", WORKSPACE)
    ] * 2
    assert entries[1].detail == {
        "version": 2,
        "changes": [
            {"what": "added", "practice": "cafe", "field": ""},
            {"what": "removed", "practice": "check-in", "field": ""},
        ],
    }


async def test_places_are_known_as_soon_as_a_practice_names_them(open_runtime: OpenRuntime) -> None:
    async with open_runtime() as runtime:
        named = 'places = [{ platform = "zoom", ref = "85746065432", kind = "meeting" }, "teams:19:abc"]\n'
        meeting, channel = ("zoom", "85746065432", "meeting", "program"), ("teams", "19:abc", "channel", "program")
        await applied(runtime, CHECK_IN)
        assert await known_places(runtime) == []
        await applied(runtime, CHECK_IN + named)  # each is asked privately
        assert await known_places(runtime) == [channel, meeting]
        await applied(runtime, CHECK_IN + named + CAFE + named)
        assert await known_places(runtime) == [channel, meeting], "once each"
        with pytest.raises(ProgramMistake):
            await applied(runtime, CHECK_IN + 'places = ["teams:19:other"]\nask = "nowhere"\n')
        await applied(runtime, CHECK_IN)
        assert await known_places(runtime) == [channel, meeting], "what happened there stays theirs"


async def known_places(runtime: Runtime) -> list[tuple[str, ...]]:
    place = tables.place
    columns = (place.c.platform, place.c.ref, place.c.kind, place.c.origin)
    async with runtime.database.read() as tx:
        rows = await tx.execute(sa.select(*columns).filter_by(organization_id=ORGANIZATION, workspace_id=WORKSPACE))
        return sorted(tuple(row) for row in rows)


async def test_what_changes_nothing_makes_no_version(open_runtime: OpenRuntime) -> None:
    async with open_runtime() as runtime:
        assert await applied(runtime, CHECK_IN) == 1
        assert await applied(runtime, "# only a comment more\n" + CHECK_IN) == 1
        assert await applied(runtime, CHECK_IN + CAFE) == 2
        assert await applied(runtime, CAFE + CHECK_IN) == 2
        async with runtime.database.read() as tx:
            assert len(await programs.history(tx, ORGANIZATION, WORKSPACE)) == 2


async def test_two_people_applying_at_once_make_two_versions(open_runtime: OpenRuntime) -> None:
    async with open_runtime() as runtime:
        versions = await asyncio.gather(*(applied(runtime, text) for text in (CHECK_IN, CAFE, CHECK_IN + CAFE)))
        assert sorted(versions) == [1, 2, 3]
        assert {version for _, _, version in await planned(runtime)} == {3}


async def test_a_refused_document_changes_nothing(open_runtime: OpenRuntime) -> None:
    async with open_runtime() as runtime:
        with pytest.raises(ProgramMistake, match="warmth"):
            await applied(runtime, CAFE.replace("warmth = 2", 'warmth = "hot"'))
        with pytest.raises(ProgramMistake, match="no ritual kind 'quiz'"):
            programs.check(runtime, CHECK_IN.replace('"question"', '"quiz"'))
        assert programs.check(runtime, CHECK_IN).practices[0].key == "check-in"
        assert await planned(runtime) == set()


async def test_a_plan_tells_the_differences_and_changes_nothing(open_runtime: OpenRuntime) -> None:
    wanted = CHECK_IN.replace("09:30", "10:00") + 'open_for = "8h"\nreminders = ["3h"]\n'
    async with open_runtime() as runtime:
        await applied(runtime, CHECK_IN + CAFE)
        before = await planned(runtime)
        async with runtime.database.read() as tx:
            plan = await programs.plan(runtime, tx, ORGANIZATION, WORKSPACE, "message_budget = 5\n" + wanted)
        assert await planned(runtime) == before
    assert (plan.current, plan.program.version) == (1, 2)
    assert plan.text().splitlines()[:7] == [
        "Version 1 -> 2",
        "~ program message_budget: 10 -> 5",
        '~ practice "check-in" cadence.start: 2027-01-04T09:30 -> 2027-01-04T10:00',
        '~ practice "check-in" open_for: 1d -> 8h',
        '~ practice "check-in" reminders: (nothing) -> 3h',
        '- practice "cafe" is removed: '
        "question, FREQ=WEEKLY;BYDAY=TH from 2027-01-07T15:00 Europe/Berlin, open for 2d",
        "",
    ]


async def test_a_plan_shows_the_next_rounds_of_every_zone(open_runtime: OpenRuntime) -> None:
    async with open_runtime() as runtime:
        await join(runtime, "Ada", "Europe/Berlin", "Design")
        await join(runtime, "Ben", "Europe/Berlin")
        await join(runtime, "Cyd", "Asia/Tokyo", "Design")
        async with runtime.database.read() as tx:
            plan = await programs.plan(runtime, tx, ORGANIZATION, WORKSPACE, CHECK_IN + CAFE)
    rounds = [
        (each.practice, each.zone, each.people, f"{each.local:%d %H:%M}", f"{each.utc:%d %H:%M}")
        for each in plan.rounds
    ]
    assert rounds == [
        ("check-in", "Asia/Tokyo", 1, "11 09:30", "11 00:30"),
        ("check-in", "Europe/Berlin", 2, "11 09:30", "11 08:30"),
        ("check-in", "Asia/Tokyo", 1, "12 09:30", "12 00:30"),
        ("check-in", "Europe/Berlin", 2, "12 09:30", "12 08:30"),
        ("check-in", "Asia/Tokyo", 1, "13 09:30", "13 00:30"),
        ("check-in", "Europe/Berlin", 2, "13 09:30", "13 08:30"),
        ("cafe", "Asia/Tokyo", 1, "14 23:00", "14 14:00"),
        ("cafe", "Europe/Berlin", 1, "14 15:00", "14 14:00"),
        ("cafe", "Asia/Tokyo", 1, "21 23:00", "21 14:00"),
        ("cafe", "Europe/Berlin", 1, "21 15:00", "21 14:00"),
        ("cafe", "Asia/Tokyo", 1, "28 23:00", "28 14:00"),
        ("cafe", "Europe/Berlin", 1, "28 15:00", "28 14:00"),
    ]
    assert 'Next rounds of "check-in":' in plan.text()
    assert "  Asia/Tokyo                   1 person   Mon 2027-01-11 09:30   2027-01-11 00:30 UTC" in plan.text()


async def test_the_first_round_of_a_plan_is_the_one_that_apply_schedules(open_runtime: OpenRuntime) -> None:
    async with open_runtime() as runtime:
        await join(runtime, "Ada", "America/New_York")
        await join(runtime, "Cyd", "Pacific/Auckland")
        for hours in range(0, 72, 5):
            assert isinstance(runtime.clock, DrivenClock)
            runtime.clock.set(NOW + timedelta(days=3, hours=hours))
            text = CHECK_IN.replace("going", f"going at {hours}")
            async with runtime.database.read() as tx:
                plan = await programs.plan(runtime, tx, ORGANIZATION, WORKSPACE, text)
            version = await applied(runtime, text)
            occurrences = {wall for _, wall, planned_by in await planned(runtime) if planned_by == version}
            assert occurrences <= {plan.rounds[0].local.isoformat()}


async def test_a_practice_without_rounds_says_why(open_runtime: OpenRuntime) -> None:
    ended = CHECK_IN.replace("FREQ=WEEKLY", "FREQ=WEEKLY;UNTIL=20270105")
    async with open_runtime() as runtime, runtime.database.read() as tx:
        plan = await programs.plan(runtime, tx, ORGANIZATION, WORKSPACE, ended)
    assert plan.rounds == ()
    assert "none: nobody is in the audience, or the rule has ended." in plan.text()


async def test_history_tells_every_version_newest_first(open_runtime: OpenRuntime) -> None:
    async with open_runtime() as runtime:
        await applied(runtime, CHECK_IN)
        await applied(runtime, CHECK_IN.replace("How is it going?", "How are you?"))
        async with runtime.database.read() as tx:
            second, first = await programs.history(tx, ORGANIZATION, WORKSPACE)
    assert str(second) == (
        'Version 2, 2027-01-08 12:00 UTC, by ada\n  ~ practice "check-in" title: How is it going? -> How are you?'
    )
    assert [change.what for change in first.changes] == ["added"]


async def test_an_old_version_returns_as_a_new_one(open_runtime: OpenRuntime) -> None:
    async with open_runtime() as runtime:
        await applied(runtime, CHECK_IN)
        await applied(runtime, CAFE)
        async with runtime.database.write() as tx:
            again = await programs.apply_version(runtime, tx, **WHERE, version=1, actor="ben")
        assert (again.version, [practice.key for practice in again.practices]) == (3, ["check-in"])
        async with runtime.database.read() as tx:
            assert (await programs.show(tx, ORGANIZATION, WORKSPACE)).document == CHECK_IN


async def test_what_does_not_exist_is_named(open_runtime: OpenRuntime) -> None:
    async with open_runtime() as runtime:
        async with runtime.database.read() as tx:
            with pytest.raises(Mistake, match="no program yet"):
                await programs.show(tx, ORGANIZATION, WORKSPACE)
        await applied(runtime, CHECK_IN)
        async with runtime.database.read() as tx:
            with pytest.raises(Mistake, match="no version 7; versions go from 1 to 1"):
                await programs.show(tx, ORGANIZATION, WORKSPACE, 7)
            for organization, workspace in ((ORGANIZATION, "none"), ("another", WORKSPACE)):
                with pytest.raises(Mistake, match="There is no workspace"):
                    await programs.show(tx, organization, workspace)
                with pytest.raises(Mistake, match="There is no workspace"):
                    await programs.plan(runtime, tx, organization, workspace, CHECK_IN)
                with pytest.raises(Mistake, match="There is no workspace"):
                    await programs.history(tx, organization, workspace)
