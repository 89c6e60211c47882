"""Real processes that die, one clock that they share, and a platform that survives them and knows what arrived."""

from __future__ import annotations

import asyncio
import json
import os
import random
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import aiohttp
import pytest
import sqlalchemy as sa

from tertulia import bootstrap
from tertulia.config import Config
from tertulia.domain.identifiers import Id, Json
from tertulia.domain.people import Actor, Member
from tertulia.services import directory, installations, people, programs
from tertulia.storage import keys
from tertulia.storage.database import Database, Tx
from tertulia.storage.tables import delivery, identity, membership, person, round_table
from tertulia.testing import loopback
from tertulia.testing.clock import DrivenClock
from tertulia.testing.engine import InlineEngine
from tertulia.testing.loopback_faults import slow
from tertulia.testing.loopback_server import Arrival, LoopbackServer
from tertulia.testing.loopback_webhook import NAME

START = datetime.fromisoformat("2026-11-23T08:00:00+00:00")
QUICK = {"shard_lease": 1.5, "task_lease": 3.0, "beat": 0.3, "dead_after": 1.5, "mend_every": 1.5}
"""For many kills in a short time; the defaults of a service are tried where it is left alone."""

FINAL = {"sent", "ambiguous", "failed", "skipped"}
PAGE = 500


class Process:
    """Be one worker on its own port."""

    def __init__(self, nursery: IO[str], specification: Path, port: int):
        self._nursery, self._specification, self.port = nursery, specification, port
        self._diary = specification.with_name(f"diary-{port}")
        self._pid: int | None = None

    async def start(self) -> None:
        """Start it and return once it works."""
        self._diary.write_text("")
        print(self._specification, self.port, self._diary, file=self._nursery, flush=True)
        await self._says("ready", 120)

    async def _says(self, word: str, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while word not in (words := self._diary.read_text().split()):
            assert time.monotonic() < deadline, f"the worker did not say {word}"
            await asyncio.sleep(0.01)
            if words:
                self._pid = int(words[0])

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to it."""
        if self._pid is not None:
            with suppress(ProcessLookupError):
                os.kill(self._pid, number)

    async def kill(self) -> None:
        """End it as a power cut would."""
        self.signal(signal.SIGKILL)
        await self._gone(10)

    async def terminated(self, seconds: float) -> float:
        """Ask it to stop and return how long that took; fails where it does not end well within *seconds*."""
        begun = time.monotonic()
        self.signal(signal.SIGTERM)
        await self._says("ended", seconds)
        await self._gone(seconds)
        return time.monotonic() - begun

    async def _gone(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while self._pid is not None:
            try:
                os.kill(self._pid, 0)
            except ProcessLookupError:
                self._pid = None
                return
            assert time.monotonic() < deadline, "the worker did not end"
            await asyncio.sleep(0.005)


@dataclass
class Fleet:
    """Hold an organization, its platform, its clock and the processes that serve it."""

    database_url: str
    folder: Path
    platform: LoopbackServer
    organization: Id
    workspace: Id
    installation: Id
    processes: list[Process]
    chance: random.Random
    given: dict[str, str] = field(default_factory=dict)
    kills: int = 0

    def set_clock(self, instant: datetime) -> None:
        """Let it be *instant* in all processes at once."""
        _write_whole(self.folder / "clock", instant.isoformat())

    async def start(self, count: int | None = None) -> None:
        """Start the first *count* processes, or all."""
        for process in self.processes[:count]:
            await process.start()

    async def kill(self, process: Process, *, restart: bool = True) -> None:
        """Kill a process at once."""
        await process.kill()
        self.kills += 1
        if restart:
            await process.start()

    @property
    def embedded(self) -> bool:
        """Tell whether one process has the database to itself."""
        return len(self.processes) == 1

    def route(self, process: Process) -> str:
        """Return where the platform finds a process."""
        return f"http://127.0.0.1:{process.port}/plugins/{NAME}/{self.installation}"

    @asynccontextmanager
    async def database(self) -> AsyncIterator[Database]:
        """Open the database for a look; nothing stays open that would mend the files after a kill."""
        database = Database.open(self.database_url, checkpoints=False)
        try:
            yield database
        finally:
            await database.close()

    async def rows(self, query: sa.Select[Any]) -> list[sa.Row[Any]]:
        """Return what is stored."""
        async with self.database() as database, database.read() as tx:
            return list((await tx.execute(query)).all())

    async def states(self, purpose: str) -> Counter[str]:
        """Count the deliveries of a purpose by state."""
        query = sa.select(delivery.c.state, sa.func.count()).where(delivery.c.purpose == purpose)
        return Counter({row[0]: row[1] for row in await self.rows(query.group_by(delivery.c.state))})

    async def round(self) -> sa.Row[Any] | None:
        """Return the first round."""
        rows = await self.rows(sa.select(round_table).order_by(round_table.c.opens_at))
        return rows[0] if rows else None

    async def closed(self) -> bool:
        """Tell whether the first round has closed."""
        found = await self.round()
        return found is not None and found.state == "closed"

    async def released(self) -> bool:
        """Tell whether the first round, a survey, has closed and its figures are published."""
        found = await self.round()
        return found is not None and found.state == "released"

    async def users(self, *purposes: str, states: set[str]) -> list[str]:
        """Return whose deliveries of the purposes are in one of the states, once for each."""
        query = sa.select(identity.c.user).join(delivery, delivery.c.recipient == identity.c.person_id)
        chosen = query.where(delivery.c.purpose.in_(purposes), delivery.c.state.in_(states))
        return [row.user for row in await self.rows(chosen)]

    async def until(self, condition: Callable[[], Awaitable[object]], seconds: float = 180) -> float:
        """Wait until *condition* holds and return how long that took."""
        begun = time.monotonic()
        while not await condition():
            if time.monotonic() - begun > seconds:
                raise AssertionError(f"nothing came of it within {seconds:g} s")
            await asyncio.sleep(0.25)
        return time.monotonic() - begun

    async def all_final(self, purpose: str, count: int | None = None) -> bool:
        """Tell whether every delivery of *purpose* (at least *count*, if given) reached a final state."""
        states = await self.states(purpose)
        return bool(states) and states.keys() <= FINAL and (count is None or states.total() >= count)

    async def arrivals(self, count: int, seconds: float = 180) -> None:
        """Wait until the platform has that many arrivals, in small steps."""
        deadline = time.monotonic() + seconds
        while len(self.platform.journal) < count:
            assert time.monotonic() < deadline, f"only {len(self.platform.journal)} of {count} calls arrived"
            await asyncio.sleep(0.002)

    def asked(self, since: int = 0) -> list[Arrival]:
        """Return the questions that took effect since an index of the journal."""
        return [one for one in self.platform.journal[since:] if one.verb == "ask" and one.carried_out]

    async def answer(self, user: str, values: Json, *, verb: str = "answer") -> str:
        """Press a button as a member, again and again until that is acknowledged; returns the reply's status."""
        event = secrets.token_hex(8)
        while True:
            self.platform.route = self.route(self.chance.choice(self.processes))
            try:
                reply = await self.platform.press(user, verb, values, event=event)
            except aiohttp.ClientError:
                await asyncio.sleep(0.05)
                continue
            return str(reply["status"])


OpenFleet = Callable[..., AbstractAsyncContextManager[Fleet]]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the soak: it waits for minutes, and nobody should wait for it at the end."""
    items.sort(key=lambda item: item.path.name != "test_soak.py")


@pytest.fixture(scope="session")
def nursery() -> Iterator[IO[str]]:
    """Start the process that forks workers, so that a restart costs no imports."""
    command = [sys.executable, str(Path(__file__).with_name("worker.py"))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        yield process.stdin


@pytest.fixture
def fleet(database_url: str, tmp_path: Path, nursery: IO[str]) -> OpenFleet:
    """Return an async context manager that opens a fleet: one process on SQLite, two on PostgreSQL.

    Of them *running* start at once. What is drawn at random follows from the printed seed.
    """

    @asynccontextmanager
    async def opened(
        program: str,
        members: int,
        *,
        running: int | None = None,
        timing: Mapping[str, float] | None = None,
        delay: float = 0.04,
        seed: int | None = None,
        **settings: object,
    ) -> AsyncIterator[Fleet]:
        seed = secrets.randbits(32) if seed is None else seed
        print(f"seed {seed}")
        chance = random.Random(seed)
        embedded = database_url.startswith("sqlite")
        ports = [_free_port() for _ in range(1 if embedded else 2)]
        config = _config(database_url, tmp_path, ports[0])
        kept_waiting = dict(QUICK if timing is None else timing)
        specification = {"config": config, "clock": str(tmp_path / "clock"), "timing": kept_waiting}
        (tmp_path / "specification").write_text(json.dumps(specification))
        async with LoopbackServer() as platform:
            platform.choose = lambda verb: slow(chance.uniform(delay / 2, delay * 1.5)) if delay else None
            made = await _settle(config, platform.settings(**settings), program, members)
            processes = [Process(nursery, tmp_path / "specification", port) for port in ports]
            town = Fleet(database_url, tmp_path, platform, *made, processes, chance)
            town.set_clock(START)
            try:
                await town.start(running)
                yield town
            finally:
                for process in processes:
                    await process.kill()

    return opened


def _config(database_url: str, folder: Path, port: int) -> dict[str, Any]:
    keys.new_keys(folder / "keys")
    embedded = database_url.startswith("sqlite")
    return {
        "mode": "sandbox",
        "database_url": database_url,
        "engine_url": f"sqlite:///{folder / 'engine.db'}" if embedded else database_url,
        "public_url": f"http://127.0.0.1:{port}",
        "host": "127.0.0.1",
        "port": port,
        "keys_file": str(folder / "keys"),
        "keystore": str(folder / "rounds"),
    }


async def _settle(config: dict[str, Any], settings: Json, program: str, count: int) -> tuple[Id, Id, Id]:
    """Make an organization whose members all have an account on the platform, and apply the program."""
    paths = {name: Path(config[name]) for name in ("keys_file", "keystore")}
    whole = Config(**{**config, **paths, "plugins": frozenset()})
    runtime = await bootstrap.build(
        whole, clock=DrivenClock(START), extra_plugins={NAME: loopback}, engine=InlineEngine()
    )
    try:
        async with runtime.database.write() as tx:
            organization = await people.create_organization(
                runtime, tx, name="Hub", domains=["example.org"], actor="test"
            )
            workspace = await people.create_workspace(runtime, tx, organization, name="All", actor="test")
            place = {"organization": organization, "workspace": workspace}
            installation = await installations.enable(
                runtime, tx, **place, plugin=NAME, settings=settings, actor="test"
            )
            await directory.take(runtime, tx, organization, workspace, [_member(0)], enrol=True)
            for table in (person, membership, identity):
                await _multiply(tx, table, count)
        async with runtime.database.write() as tx:
            await programs.apply(runtime, tx, **place, text=program, actor="test")
    finally:
        await bootstrap.close(runtime)
    return organization, workspace, installation


async def _multiply(tx: Tx, table: sa.Table, count: int) -> None:
    """Copy the rows of the first member: the services take seconds for each thousand, and are not what is tried."""
    (first,) = (await tx.execute(sa.select(table))).mappings()
    key = "person_id" if "person_id" in first else "id"
    rows = []
    for number in range(1, count):
        row = {**first, key: f"{first[key][:-6]}{number:06}"}
        row |= {"id": f"{row['id'][:-6]}{number:06}"} if "id" in first else {}
        row |= {"user": f"u{number}", "address": {"user": f"u{number}"}} if table is identity else {}
        row |= {"name": f"Member {number}", "email": f"u{number}@example.org"} if table is person else {}
        rows.append(row)
    for start in range(0, len(rows), PAGE):
        await tx.execute(table.insert(), rows[start : start + PAGE])


def _member(number: int) -> Member:
    user = f"u{number}"
    return Member(
        actor=Actor(platform=NAME, realm="realm", user=user),
        name=f"Member {number}",
        email=f"{user}@example.org",
        directory_id=None,
        zone="UTC",
        language="en",
        address={"user": user},
    )


def _write_whole(path: Path, text: str) -> None:
    path.with_suffix(".new").write_text(text)
    os.replace(path.with_suffix(".new"), path)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
