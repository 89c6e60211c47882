"""The sandbox's start page: the clock and its pace, where to sit down as whom, and how the rounds stand."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from importlib import resources
from typing import Any

from aiohttp import web

from tertulia.domain.walltime import wall_time
from tertulia.extension import Access
from tertulia.sandbox import lab
from tertulia.sandbox.life import Life
from tertulia.sandbox.organization import Inhabitant
from tertulia.sandbox.town import Town
from tertulia.services import rounds
from tertulia.stage import Seat
from tertulia.web import access, pages, sessions
from tertulia.web.state import SESSION, TOUR, WALL

LIFE: web.AppKey[Life] = web.AppKey("life", Life)
STEPS = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(weeks=1)}
PACES = {
    "stopped": timedelta(0),
    "ten": timedelta(seconds=10),
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "six": timedelta(hours=6),
}
"""How much of the town's time passes in a second."""

ROOMS = {
    "my": "/my",
    "overview": "/my/overview/{workspace}",
    "console": "/workspaces/{workspace}",
    "rounds": "/workspaces/{workspace}/rounds",
    "surveys": "/workspaces/{workspace}/surveys",
    "profile": "/workspaces/{workspace}/overview",
    "recommendations": "/workspaces/{workspace}/recommendations",
    "care": "/workspaces/{workspace}/care",
    "feedback": "/my/feedback",
    "inbox": "/workspaces/{workspace}/feedback",
    "lab": "/workspaces/{lab}/plugins",
    "plugins": "/workspaces/{workspace}/plugins",
    "questions": "/my/questions",
    "kudos": "/my/kudos",
    "gallery": "/my/gallery",
    "live": "/my/live",
    "wellness": "/my/wellness",
}
"""Where one can go on sitting down."""
SHOWN, MAILS = 20, 40


def attach(app: web.Application, life: Life) -> None:
    """Serve the sandbox's pages on *app*."""
    app[LIFE], app[TOUR] = life, "/sandbox"
    rule = Access(kind="sandbox", why="the sandbox only; on loopback, with invented people")
    access.register(app, "GET", "/sandbox", _start, rule)
    access.register(app, "GET", "/sandbox/now.json", _now, rule)
    access.register(app, "GET", "/sandbox/live.js", _script, rule)
    access.register(app, "GET", "/sandbox/mail/{address}", _mail, rule)
    access.register(app, "POST", "/sandbox/clock", _clock, rule)
    access.register(app, "POST", "/sandbox/pace", _pace, rule)
    access.register(app, "POST", "/sandbox/sit", _sit, rule)


async def _start(request: web.Request) -> web.Response:
    life = request.app[LIFE]
    town = life.town
    async with town.runtime.database.read() as tx:
        recent = await rounds.recent(tx, town.organization, town.workspace, limit=12)
        standing = [await rounds.progress(tx, town.organization, round_.id) for round_ in recent]
    wanted = request.query.get("find", "").strip()[:80]
    found = [one for one in town.inhabitants if _matches(one, wanted)]
    return pages.render(
        request,
        "sandbox.html",
        title="Sandbox",
        moment=_moment(life),
        paces=PACES,
        pace=next((name for name, pace in PACES.items() if pace == life.pace), "stopped"),
        find=wanted,
        count=len(found),
        total=len(town.inhabitants),
        people=[_row(town, one) for one in found[:SHOWN]],
        you=_row(town, town.inhabitants[0]),
        first=_first(town, town.inhabitants[0]),
        lab=lab.NAME,
        entries=_entries(town),
        responders=[_row(town, one) for one in town.inhabitants if one.resident.email in town.phrases],
        phrases=town.phrases,
        rounds=[progress for progress in standing if progress is not None],
    )


def _matches(one: Inhabitant, wanted: str) -> bool:
    who = one.resident
    text = f"{who.name} {who.team} {who.location} {who.worker_type}".casefold()
    return all(word in text for word in wanted.casefold().split())


def _row(town: Town, one: Inhabitant) -> dict[str, Any]:
    who = one.resident
    return {
        "name": who.name,
        "email": who.email,
        "work": f"{who.worker_type}, {who.team}",
        "where": who.location,
        "local": f"{wall_time(town.clock.now(), who.zone):%a %H:%M}",
        "mails": len(town.mailbox.messages_for(who.email)) if one.reached else None,
        "seats": _seats(town, who.email),
    }


def _first(town: Town, one: Inhabitant) -> dict[str, Seat]:
    """Return the first seat of each kind, in which things can be tried."""
    return {seat.kind: seat for seat in reversed(_seats(town, one.resident.email))}


def _entries(town: Town) -> dict[str, list[tuple[str, str]]]:
    """Return what one enters to enable each plugin, as its form calls it."""
    model = town.runtime.plugins.settings_model
    return {name: list(lab.entries(model(name), settings)) for name, settings in sorted(town.settings.items())}


def _seats(town: Town, email: str) -> Sequence[Seat]:
    return [seat for stage in town.stages for seat in stage.seats(email)]


def _moment(life: Life) -> dict[str, Any]:
    return {
        "now": f"{wall_time(life.town.clock.now(), 'UTC'):%A, %d %B %Y, %H:%M}",
        "busy": life.busy,
        # a clock that goes at a pace is always on its way somewhere
        "done": 100 if life.pace else round(100 * life.done),
        "arrived": life.arrived.total(),
        "answers": life.answers.total(),
        "left": "" if life.pace or life.left is None else "{}:{:02}".format(*divmod(round(life.left), 60)),
    }


async def _now(request: web.Request) -> web.Response:
    return web.json_response(_moment(request.app[LIFE]))


async def _script(request: web.Request) -> web.Response:
    text = resources.files("tertulia.sandbox").joinpath("live.js").read_text(encoding="utf-8")
    return web.Response(text=text, content_type="text/javascript", charset="utf-8")


async def _mail(request: web.Request) -> web.Response:
    town = request.app[LIFE].town
    address = request.match_info["address"]
    mails = list(reversed(town.mailbox.messages_for(address)))[:MAILS]
    return pages.render(request, "sandbox_mail.html", title="Mail", address=address, mails=mails)


async def _clock(request: web.Request) -> web.Response:
    life = request.app[LIFE]
    step = STEPS.get(str((await request.post()).get("step", "")))
    if step is not None and not life.drives:
        task = asyncio.create_task(life.go_on(step))
        life.drives.add(task)
        task.add_done_callback(life.drives.discard)
        await asyncio.wait({task}, timeout=2.0)
    raise web.HTTPSeeOther("/sandbox")


async def _pace(request: web.Request) -> web.Response:
    pace = PACES.get(str((await request.post()).get("pace", "")))
    if pace is not None:
        life = request.app[LIFE]
        life.pace, life.paced = pace, True
    raise web.HTTPSeeOther("/sandbox")


async def _sit(request: web.Request) -> web.Response:
    """Open a member's session for whoever is named, as if a code had been typed."""
    town = request.app[LIFE].town
    form = await request.post()
    person, room = town.people.get(str(form.get("email", ""))), ROOMS.get(str(form.get("room", "my")))
    if person is None or room is None:
        raise web.HTTPNotFound
    runtime, present = town.runtime, request.get(SESSION)
    async with runtime.database.write() as tx:
        if present is not None:
            await sessions.end(tx, present)
        now = request.app[WALL].now()
        secret = await sessions.open_for_member(runtime, tx, town.organization, person, now)
    answer = web.Response(status=303, headers={"Location": room.format(workspace=town.workspace, lab=town.lab)})
    sessions.set_cookie(runtime.config, answer, secret)
    return answer
