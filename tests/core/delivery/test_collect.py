"""Reading participation and directories: resumable, never twice, asked for by events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from typing import Any

from tertulia.capabilities import Batch
from tertulia.delivery.collect import EVERY, Collector, collect
from tertulia.domain.participation import Interaction, Participation
from tertulia.domain.people import Actor, Member, Place
from tertulia.errors import OperatorError, RetryLater
from tertulia.storage import tables

NOW = datetime.fromisoformat("2026-11-04T12:00:00+00:00")
HERE = Place(platform="toy", ref="carried", kind="channel")
ANA = Actor(platform="toy", realm="realm", user="ana")
BO = Actor(platform="toy", realm="realm", user="bo")


def stay(minute: int, actor: Actor = ANA) -> Participation:
    return Participation(actor=actor, place=HERE, kind="attended", started=NOW + timedelta(minutes=minute))


async def cursors(station: Any) -> dict[str, tuple[str | None, datetime | None]]:
    return {row["port"]: (row["value"], row["collect_at"]) for row in await station.rows(tables.cursor)}


async def test_facts_and_accounts_are_read_at_first_and_then_by_and_by(open_station: Callable[[], Any]) -> None:
    async with open_station() as station:
        await station.place("carried")
        ana, bo = await station.person("ana"), await station.person("bo")
        tie = Interaction(source=ANA, target=BO, kind="reply", at=NOW, place=HERE)
        station.toy.participation.facts = [stay(0), stay(1), tie, stay(2, BO), stay(0)]
        station.toy.directory.directory = [Member(actor=Actor(platform="toy", realm="realm", user="new"), name="New")]
        collector = Collector(station.runtime)
        assert await collector.run_due() == 2
        assert await collector.run_due() == 0
        assert {row["person_id"] for row in await station.rows(tables.participation)} == {ana, bo}
        assert len(await station.rows(tables.participation)) == 3
        assert [row["weight"] for row in await station.rows(tables.interaction)] == [1.0]
        assert len(await station.rows(tables.identity)) == 3
        assert await cursors(station) == {
            "participation": ("5", NOW + EVERY["participation"]),
            "directory": ("1", NOW + EVERY["directory"]),
        }
        station.clock.advance(EVERY["participation"])
        station.toy.participation.facts.append(stay(9))
        assert await collector.run_due() == 1
        assert len(await station.rows(tables.participation)) == 4


async def test_a_crash_loses_nothing_and_repeats_at_most_a_batch(open_station: Callable[[], Any]) -> None:
    async with open_station() as station:
        await station.place("carried")
        await station.person("ana")
        station.toy.participation.facts = [stay(minute) for minute in range(6)]
        served = station.toy.participation.since

        async def dies(cursor: str | None, places: frozenset[Place]) -> AsyncIterator[Batch[Any]]:
            async for batch in served(cursor, places):
                yield batch
                if batch.cursor == "4":
                    raise asyncio.CancelledError

        station.toy.participation.since = dies
        crashing = asyncio.create_task(Collector(station.runtime).run_due())
        await asyncio.gather(crashing, return_exceptions=True)
        assert crashing.cancelled()
        assert len(await station.rows(tables.participation)) == 4
        assert (await cursors(station))["participation"] == ("4", None)
        station.toy.participation.since = served
        other = Collector(station.runtime)
        await other.run_due()
        assert len(await station.rows(tables.participation)) == 4, "the dead reader's lease still holds"
        async with station.database.write() as tx:
            await tx.execute(tables.lease.update().values(until=0.0))
        await other.run_due()
        assert len(await station.rows(tables.participation)) == 6
        assert (await cursors(station))["participation"][0] == "6"


async def test_an_event_asks_for_a_reading_even_while_one_runs(open_station: Callable[[], Any]) -> None:
    async with open_station() as station:
        await station.place("carried")
        collector = Collector(station.runtime)
        served = station.toy.participation.since

        async def meanwhile(cursor: str | None, places: frozenset[Place]) -> AsyncIterator[Batch[Any]]:
            await station.send("e1", {"type": "collect", "who": "-", "place": "carried", "after": 10})
            await station.send("e2", {"type": "collect", "who": "-", "place": "carried", "after": 30})
            await station.process()
            async for batch in served(cursor, places):
                yield batch

        station.toy.participation.since = meanwhile
        await collector.run_due()
        station.toy.participation.since = served
        assert (await cursors(station))["participation"][1] == NOW + timedelta(minutes=10)
        station.clock.advance(timedelta(minutes=10))
        assert await collector.run_due() == 1
        assert (await cursors(station))["participation"][1] == station.clock.now() + EVERY["participation"]


async def test_a_reading_for_an_unknown_place_is_not_made(open_station: Callable[[], Any]) -> None:
    async with open_station() as station:
        await station.place("carried")
        await Collector(station.runtime).run_due()
        before = await cursors(station)
        facts = [{"type": "collect", "who": "-", "place": ref, "after": 1} for ref in ("elsewhere",)]
        await station.send("e1", {"type": "left", "who": "x", "place": "carried"}, *facts)
        await station.process()
        assert await cursors(station) == before


async def test_faults_are_tried_again_and_keep_nobody_else_waiting(open_station: Callable[[], Any]) -> None:
    async with open_station() as station:
        await station.place("carried")
        station.toy.participation.fail("since", RetryLater("busy", timedelta(minutes=3)))
        station.toy.directory.fail("members", OperatorError("wrong secret"))
        await Collector(station.runtime).run_due()
        assert await cursors(station) == {
            "participation": (None, NOW + timedelta(minutes=3)),
            "directory": (None, NOW + EVERY["directory"]),
        }


async def test_two_collectors_read_a_port_once(open_station: Callable[[], Any]) -> None:
    async with open_station() as station:
        await station.place("carried")
        await asyncio.gather(*(Collector(station.runtime).run_due() for _ in range(4)))
        assert len(station.toy.participation.attempts) == 1


async def test_the_worker_reads_what_is_due_and_stops(open_station: Callable[[], Any], eventually: Any) -> None:
    async with open_station() as station:
        await station.place("carried")
        stop = asyncio.Event()
        worker = asyncio.create_task(collect(station.runtime, stop))

        async def read() -> bool:
            return len(station.toy.participation.attempts) == 1

        await eventually(read)
        stop.set()
        await asyncio.wait_for(worker, 5)
