"""Examine a service: each finding is one sentence that says what is wrong and how to mend it."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Literal

import sqlalchemy as sa

from tertulia.domain.planning import WEB
from tertulia.runtime import Runtime
from tertulia.services import identities, reachability
from tertulia.services.entra import checks
from tertulia.storage import people, programs, schema, tables
from tertulia.storage.database import Database, Tx
from tertulia.storage.people import Organization, Workspace
from tertulia.surveys.candle import lines, responders

ALIVE = 60.0
"""A worker that gave no sign of life for so many seconds does not run."""
SKEW = timedelta(minutes=5)
NAMES = 50
ENTRA = "sign-in with Entra"


@dataclass(frozen=True)
class Finding:
    """Hold one result; a *fault* must be mended, a *note* should be known, *ok* is as it should be."""

    level: Literal["ok", "note", "fault"]
    area: str
    text: str


async def examine(runtime: Runtime, *, names: bool = False) -> AsyncIterator[Finding]:
    """Examine everything behind an open runtime; *names* adds who cannot be reached."""
    yield await _database(runtime)
    if runtime.config.embedded:
        yield _sqlite()
    yield await _engine(runtime)
    for _, fault in sorted(runtime.plugins.faults.items()):
        # one that the allow-list leaves out is meant to be left out
        yield Finding("fault" if runtime.config.plugins is None else "note", "plugins", fault)
    settings = runtime.config.entra
    if settings is not None:
        async for level, text in checks.of_provider(runtime.config, settings):
            yield Finding(level, ENTRA, text)
    async with runtime.database.read() as tx:
        if settings is not None:
            async for level, text in checks.of_people(tx, settings):
                yield Finding(level, ENTRA, text)
        yield await _clock(runtime, tx)
        yield await _workers(runtime, tx)
        owners = await people.organizations(tx)
        if not owners:
            cure = "make one with `tertulia people create-organization NAME`."
            yield Finding("note", "people", f"There is no organization yet; {cure}")
        for owner in owners:
            async for finding in _organization(runtime, tx, owner, names=names):
                yield finding


async def _database(runtime: Runtime) -> Finding:
    version = await schema.current(runtime.database)
    if version != schema.newest():
        cure = "restart the service with this version, which brings it up to date."
        return Finding(
            "fault", "database", f"The schema is {version}, this code works with {schema.newest()}; {cure}"
        )
    kind = "SQLite" if runtime.config.embedded else "PostgreSQL"
    return Finding("ok", "database", f"{kind} answers, with schema {version}, in {runtime.config.mode} mode.")


def sqlite_is_sound(version: tuple[int, ...]) -> bool:
    """Tell whether that SQLite is free of the fault that can corrupt a WAL when it is reset."""
    return version >= (3, 51, 3) or (3, 50, 7) <= version < (3, 51) or (3, 44, 6) <= version < (3, 45)


def _sqlite() -> Finding:
    if sqlite_is_sound(sqlite3.sqlite_version_info):
        return Finding("ok", "database", f"SQLite is {sqlite3.sqlite_version}.")
    return Finding(
        "note",
        "database",
        f"SQLite is {sqlite3.sqlite_version}, whose WAL can be damaged when several connections reset it; Tertulia "
        "lets one connection do so, still prefer 3.51.3 or newer, and open the file with no other tool.",
    )


async def _engine(runtime: Runtime) -> Finding:
    url = runtime.config.engine_url
    if runtime.config.embedded:
        folder = Path(url.removeprefix("sqlite:///")).parent
        if await asyncio.to_thread(os.access, folder, os.W_OK | os.X_OK):
            return Finding("ok", "engine", "The engine's folder can be written.")
        return Finding("fault", "engine", f"TERTULIA_ENGINE_URL names {folder}, which cannot be written; mend it.")
    database = Database.open(url, pool=1)
    try:
        async with database.read() as tx:
            await tx.execute(sa.text("SELECT 1"))
    except sa.exc.SQLAlchemyError:
        return Finding("fault", "engine", "TERTULIA_ENGINE_URL names a database that does not answer; start it.")
    finally:
        await database.close()
    return Finding("ok", "engine", "The engine's database answers.")


async def _clock(runtime: Runtime, tx: Tx) -> Finding:
    now = runtime.clock.now()
    latest = (await tx.execute(sa.select(sa.func.max(tables.audit.c.at)))).scalar()
    if latest is not None and latest - now > SKEW:
        return Finding(
            "fault",
            "clock",
            f"The clock says {now:%Y-%m-%d %H:%M} UTC, but the log goes on to {latest:%Y-%m-%d %H:%M}; set it.",
        )
    if tx.dialect.name == "postgresql":
        server = (await tx.execute(sa.text("SELECT extract(epoch FROM clock_timestamp())"))).scalar_one()
        if abs(float(server) - time.time()) > 5:
            return Finding("fault", "clock", "This machine and the database differ by over 5 s; let both follow NTP.")
    return Finding("ok", "clock", f"It is {now:%Y-%m-%d %H:%M} UTC.")


async def _workers(runtime: Runtime, tx: Tx) -> Finding:
    beats = {row.id: time.time() - row.beat for row in await tx.execute(sa.select(tables.worker))}
    alive = [name for name, age in beats.items() if age < ALIVE]
    due = sa.select(sa.func.count()).where(tables.round_table.c.next_at <= runtime.clock.now() - SKEW)
    waiting = (await tx.execute(due)).scalar_one()
    if waiting and not alive:
        return Finding("fault", "workers", f"{waiting} rounds are due and no process works; start `tertulia serve`.")
    if waiting:
        return Finding("fault", "workers", f"{waiting} rounds are over 5 minutes late; look for errors in the log.")
    if not alive:
        return Finding("note", "workers", "No process works at the moment; start `tertulia serve`.")
    stale = len(beats) - len(alive)
    if stale:
        cure = "the others took over its work, restart it if it should run."
        return Finding("note", "workers", f"{len(alive)} work, {stale} stopped without a word; {cure}")
    return Finding("ok", "workers", f"{len(alive)} at work.")


async def _organization(runtime: Runtime, tx: Tx, owner: Organization, *, names: bool) -> AsyncIterator[Finding]:
    failed = sa.select(sa.func.count()).where(
        tables.inbox.c.organization_id == owner.id, tables.inbox.c.state == "failed"
    )
    count = (await tx.execute(failed)).scalar_one()
    if count:
        cure = "see `tertulia inbox list`, and once mended `tertulia inbox replay --all`."
        yield Finding("fault", f"inbox of {owner.name}", f"{count} events could not be processed; {cure}")
    strangers = sum((await identities.unresolved(tx, owner.id)).values())
    if strangers:
        cure = "they are offered linking, or declare the e-mail domain with `tertulia people domains`."
        yield Finding("note", f"people of {owner.name}", f"{strangers} accounts belong to nobody we know; {cure}")
    for home in await people.workspaces(tx, owner.id):
        async for finding in of_workspace(runtime, tx, home, names=names):
            yield finding


async def of_workspace(
    runtime: Runtime, tx: Tx, home: Workspace, *, names: bool | None = None
) -> AsyncIterator[Finding]:
    """Examine one workspace: its plugins, whether everybody can be reached, its responders and places.

    *names* lists who cannot be reached; `False` tells how to have them listed on the command line, `None` neither.
    """
    query = sa.select(tables.installation.c.id, tables.installation.c.plugin).where(
        tables.installation.c.organization_id == home.organization,
        tables.installation.c.workspace_id == home.id,
        tables.installation.c.enabled.is_(sa.true()),
    )
    enabled = {row.plugin: row.id for row in await tx.execute(query)}
    for plugin, identifier in sorted(enabled.items()):
        fault = runtime.installations.faults.get(identifier)
        if fault:
            yield Finding("fault", f"plugin {plugin} in {home.name}", fault)
    able = reachability.carriers(runtime, home)
    if WEB in enabled and WEB not in able:
        cure = "set them with `tertulia plugins configure web smtp_url=@FILE sender=ADDRESS`."
        yield Finding("fault", f"plugin web in {home.name}", f"It has no mail server (smtp_url, sender); {cure}")
    async for finding in _people(runtime, tx, home, names=names):
        yield finding
    yield await _care(tx, home)
    async for finding in _places(runtime, tx, home):
        yield finding


async def _people(runtime: Runtime, tx: Tx, home: Workspace, *, names: bool | None) -> AsyncIterator[Finding]:
    area = f"people of {home.name}"
    lost = await reachability.unreachable(runtime, tx, home)
    if not lost:
        yield Finding("ok", area, "Every member can be reached.")
        return
    unmailed = sum(person.email is None for person in lost)
    cure = "enable a plugin that they use, or the plugin web with a mail server, and give everyone an e-mail address"
    told = " (--names lists them)" if names is False else ""
    yield Finding("fault", area, f"{len(lost)} cannot be reached, {unmailed} have no e-mail address; {cure}{told}.")
    for person in lost[:NAMES] if names else ():
        yield Finding("fault", area, f"{person.name} ({person.email or 'no e-mail address'}, {person.id})")


async def _care(tx: Tx, home: Workspace) -> Finding:
    """Tell whether a candle would reach somebody, and somebody else where that one is away."""
    area = f"candles of {home.name}"
    found = await responders.with_role(tx, home.organization, home.id)
    able = len(await responders.keys_of(tx, home.organization, [one.id for one in found]))
    cure = "grant the role with `tertulia people roles grant responder`, and let each make a key on their own page."
    if not able:
        return Finding("note", area, f"Nobody can receive a candle: no responder has a key; {cure}")
    if able == 1:
        return Finding("note", area, f"One responder has a key, and no deputy takes over; {cure}")
    if not await lines.lines(tx, home.organization, home.id):
        return Finding("note", area, "No local help number is shown; add some with `tertulia candle add-number`.")
    return Finding("ok", area, f"{able} responders have keys.")


async def _places(runtime: Runtime, tx: Tx, home: Workspace) -> AsyncIterator[Finding]:
    program = await programs.current(tx, home.organization, home.id)
    if program is None:
        yield Finding("note", f"program of {home.name}", "There is none; apply one with `tertulia program apply`.")
        return
    served = {name for one in runtime.installations.of(home.id) for name in one.platforms}
    for practice in program.practices:
        for platform in sorted({place.platform for place in practice.places} - served):
            cure = "enable the plugin that serves it, or take the place out."
            what = f"Practice {practice.key} names a place on {platform}, which no enabled plugin serves"
            yield Finding("fault", f"program of {home.name}", f"{what}; {cure}")
