"""The sandbox's start page: the clock, the mail of every invented member, and how the rounds stand."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from aiohttp import web

from tertulia.domain.walltime import wall_time
from tertulia.extension import Access
from tertulia.sandbox.life import Life
from tertulia.services import rounds
from tertulia.storage.tables import person
from tertulia.web import access, pages

LIFE: web.AppKey[Life] = web.AppKey("life", Life)
STEPS = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(weeks=1)}
SHOWN = 40


def attach(app: web.Application, life: Life) -> None:
    """Serve the sandbox's pages on *app*."""
    app[LIFE] = life
    rule = Access(kind="sandbox", why="the sandbox only; on loopback, with invented people")
    access.register(app, "GET", "/sandbox", _start, rule)
    access.register(app, "GET", "/sandbox/mail/{address}", _mail, rule)
    access.register(app, "POST", "/sandbox/clock", _clock, rule)


async def _start(request: web.Request) -> web.Response:
    life = request.app[LIFE]
    town = life.town
    async with town.runtime.database.read() as tx:
        people = await _people(tx, life)
        recent = await rounds.recent(tx, town.organization, town.workspace, limit=12)
        standing = [await rounds.progress(tx, town.organization, round_.id) for round_ in recent]
    return pages.render(
        request,
        "sandbox.html",
        title="Sandbox",
        now=wall_time(town.clock.now(), "UTC"),
        busy=life.busy,
        people=people,
        rounds=[progress for progress in standing if progress is not None],
        you=town.you,
        workspace=town.workspace,
    )


async def _people(tx: Any, life: Life) -> list[dict[str, Any]]:
    town = life.town
    query = sa.select(person.c.name, person.c.email, person.c.location, person.c.zone, person.c.worker_type)
    found = await tx.execute(
        query.where(person.c.organization_id == town.organization, person.c.erased_at.is_(None))
        .order_by(person.c.email != town.you, person.c.name)
        .limit(SHOWN)
    )
    return [
        {
            **record._mapping,
            "mails": len(town.mailbox.messages_for(record.email)),
            "local": f"{wall_time(town.clock.now(), record.zone):%a %H:%M}",
        }
        for record in found
        if record.email
    ]


async def _mail(request: web.Request) -> web.Response:
    town = request.app[LIFE].town
    address = request.match_info["address"]
    mails = list(reversed(town.mailbox.messages_for(address)))[:SHOWN]
    return pages.render(request, "sandbox_mail.html", title="Mail", address=address, mails=mails)


async def _clock(request: web.Request) -> web.Response:
    life = request.app[LIFE]
    step = STEPS.get(str((await request.post()).get("step", "")))
    if step is not None and not life.busy:
        task = asyncio.create_task(life.go_on(step))
        life.drives.add(task)
        task.add_done_callback(life.drives.discard)
        await asyncio.wait({task}, timeout=2.0)
    raise web.HTTPSeeOther("/sandbox")
