"""The log of what those who run the program did: changes and sensitive reads; candles are never in it."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from tertulia.extension import Access
from tertulia.services import tokens
from tertulia.storage import audit, people
from tertulia.storage.audit import AREAS as AREAS
from tertulia.storage.audit import Entry
from tertulia.web import pages
from tertulia.web.access import register
from tertulia.web.console.scope import ABOVE, home_of, note_reading
from tertulia.web.state import RUNTIME

OWNING = Access(
    kind="role", roles=frozenset({"owner"}), why="who answers for the organization reads who changed what"
)
SHOWN = 100


def attach(app: web.Application) -> None:
    """Add the log's page."""
    register(app, "GET", ABOVE + "/audit", show, OWNING)


def actors(entries: Sequence[Entry]) -> list[str]:
    """Return who acted, each once."""
    return sorted({one.actor for one in entries})


def told(value: object) -> str:
    """Write what an entry holds in words: lists one after the other, records as what stands in them."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(told(one) for one in value)
        case dict():
            return " ".join(said for one in value.values() if (said := told(one)))
    return str(value)


async def show(request: web.Request) -> web.Response:
    """Show the newest entries, or those before a number; reading is an entry itself."""
    before = request.query.get("before", "")
    older = int(before) if before.isascii() and before.isdigit() and len(before) < 16 else None
    async with request.app[RUNTIME].database.read() as tx:
        home = await home_of(request, tx)
        entries = await audit.entries(tx, home.organization, home.id, areas=AREAS, before=older, most=SHOWN + 1)
        names = {key: one.name for key, one in (await people.persons(tx, home.organization, actors(entries))).items()}
        called = await tokens.named(tx, home.organization, actors(entries))
    await note_reading(request, "audit.read", {"before": older})
    return pages.render(
        request,
        "console/audit.html",
        workspace=home,
        entries=entries[:SHOWN],
        names=names,
        tokens=called,
        told=told,
        more=entries[SHOWN - 1].sequence if len(entries) > SHOWN else None,
    )
