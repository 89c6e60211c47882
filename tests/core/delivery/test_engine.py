from __future__ import annotations

import asyncio
import json
import sqlite3
from pathlib import Path

from tertulia.delivery.engine import DurableEngine, Work


class Journal:
    """Record what workflows did; the round `broken` fails, and while *draining* no shard begins."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, int]] = []
        self.shards: list[str] = []
        self.draining = False

    async def step(self, round_id: str, step: int) -> None:
        self.steps.append((round_id, step))
        if round_id == "broken":
            raise RuntimeError("on purpose")

    async def shard(self, shard_id: str) -> None:
        if self.draining:
            raise asyncio.CancelledError
        self.shards.append(shard_id)

    def work(self) -> Work:
        return Work(step=self.step, shard=self.shard)


def engine_url(database_url: str, tmp_path: Path) -> str:
    return database_url if database_url.startswith("postgresql") else f"sqlite:///{tmp_path / 'engine.db'}"


async def until_idle(engine: DurableEngine) -> None:
    async with asyncio.timeout(20):
        while not await engine.idle():  # noqa: ASYNC110  # nothing tells when
            await asyncio.sleep(0.05)


async def test_a_key_runs_once(database_url: str, tmp_path: Path) -> None:
    engine, journal = DurableEngine(engine_url(database_url, tmp_path), poll_seconds=0.1), Journal()
    await engine.launch(journal.work(), executor="local", concurrency=2)
    for _ in range(3):
        await engine.start("r1:5", "r1", 5)
        await engine.enqueue("shard:s1", "s1")
    await until_idle(engine)
    assert (journal.steps, journal.shards) == ([("r1", 5)], ["s1"])
    assert await engine.status("r1:5") == "done"
    assert await engine.status("never") is None
    await engine.stop()


async def test_a_failed_step_is_told_apart(database_url: str, tmp_path: Path) -> None:
    engine, journal = DurableEngine(engine_url(database_url, tmp_path), poll_seconds=0.1), Journal()
    await engine.launch(journal.work(), executor="local", concurrency=2)
    await engine.start("k", "broken", 1)
    await until_idle(engine)
    assert await engine.status("k") == "lost"
    await engine.stop()


async def test_what_was_cut_off_goes_on_after_a_restart(database_url: str, tmp_path: Path) -> None:
    url, journal = engine_url(database_url, tmp_path), Journal()
    journal.draining = True
    first = DurableEngine(url, poll_seconds=0.1)
    await first.launch(journal.work(), executor="local", concurrency=2)
    await first.enqueue("shard:s1", "s1")
    await asyncio.sleep(1.5)
    assert await first.status("shard:s1") == "pending"
    await first.stop()
    journal.draining = False
    second = DurableEngine(url, poll_seconds=0.1)
    await second.launch(journal.work(), executor="local", concurrency=2)
    await until_idle(second)
    assert journal.shards == ["s1"]
    await second.stop()


async def test_only_ids_are_kept_and_as_json(tmp_path: Path) -> None:
    path = tmp_path / "engine.db"
    engine, journal = DurableEngine(f"sqlite:///{path}", poll_seconds=0.1), Journal()
    await engine.launch(journal.work(), executor="local", concurrency=2)
    await engine.start("k", "r", 1)
    await until_idle(engine)
    await engine.stop()
    with sqlite3.connect(path) as connection:
        (inputs,) = connection.execute("SELECT inputs FROM workflow_input").fetchone()
    connection.close()
    assert "r" in json.dumps(json.loads(inputs))


async def test_it_tells_who_holds_work_and_hands_over_all_of_it(database_url: str, tmp_path: Path) -> None:
    url, journal, begun = engine_url(database_url, tmp_path), Journal(), list[str]()

    async def cut_off(shard_id: str) -> None:
        begun.append(shard_id)
        raise asyncio.CancelledError

    first = DurableEngine(url, poll_seconds=0.1)
    await first.launch(Work(step=journal.step, shard=cut_off), executor="first", concurrency=9)
    for number in range(5):
        await first.enqueue(f"shard:s{number}", f"s{number}")
    async with asyncio.timeout(20):
        while len(begun) < 5:  # noqa: ASYNC110  # nothing tells when
            await asyncio.sleep(0.05)
    assert await first.holders() == {"first"}
    await first.stop()
    second = DurableEngine(url, poll_seconds=0.1, page=2)
    await second.launch(journal.work(), executor="second", concurrency=9)
    assert await second.hand_over(["first"]) == 5
    await until_idle(second)
    assert sorted(journal.shards) == [f"s{number}" for number in range(5)]
    assert await second.holders() == frozenset()
    await second.stop()
