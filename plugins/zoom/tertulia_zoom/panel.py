"""The panel that opens beside a running meeting: one page, its script, and what the script asks for.

The page holds nothing of anybody. Its script shows the app context that Zoom gave it, gets a short pass for it, and
keeps that in memory; without one it can do nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import cache, partial
from html import escape
from importlib.resources import files
from typing import Any

from aiohttp import web

from tertulia import Access, Context, Mistake, Refused, Route
from tertulia_zoom.desk import desk as desk_of
from tertulia_zoom.panel_acts import ACTS, NOTHING_RUNS, Panels
from tertulia_zoom.panel_meeting import Door
from tertulia_zoom.panel_pass import Pass, Passes
from tertulia_zoom.panel_phrases import PHRASES, accepted, phrases

CONTEXT_HEADER = "x-zoom-app-context"
SCRIPT = "text/javascript"
FILES = {"panel.js": SCRIPT, "client.js": SCRIPT, "words.js": SCRIPT, "panel.css": "text/css"}
YEAR = 31_536_000
TRANSPORT = f"max-age={YEAR}; includeSubDomains"


class Panel:
    """Serve the panels of one installation."""

    def __init__(self, context: Context):
        self._desk = desk = desk_of(context)
        app = desk.settings.app
        self._passes = Passes(app.client_secret.get_secret_value() if app else "", context.installation)
        self._door = Door(desk, self._passes)
        self._panels = Panels(desk)
        self._sdk = desk.settings.endpoints.sdk

    async def page(self, request: web.Request) -> web.Response:
        """Answer with the page; the context that Zoom sent along is handed to its script, which shows it once."""
        language = accepted(request.headers.get("Accept-Language", ""))
        said = phrases(language)
        parts = {name: said[name] for name in ("icebreaker", "moment", "scripts")}
        parts |= {"language": language, "phrases": json.dumps(said), "sdk": self._sdk}
        text = _file("panel.html")
        for name, part in (parts | {"context": request.headers.get(CONTEXT_HEADER, "")[:20_000]}).items():
            text = text.replace(f"{{{name}}}", escape(part, quote=True))
        return _html(text)

    async def file(self, request: web.Request, *, name: str) -> web.Response:
        """Answer with a script or the style of the page."""
        response = web.Response(text=_file(name), content_type=FILES[name], charset="utf-8")
        response.headers["Cache-Control"] = "no-cache"
        return response

    async def enter(self, request: web.Request) -> web.Response:
        """Exchange an app context for a pass."""
        try:
            asked = await _asked(request)
            said = (str(asked.get(name, "")) for name in ("context", "meeting", "visitor"))
            given = await self._door.enter(*said)
        except Refused as refusal:
            return _refused(refusal)
        language = await self._language(given) or accepted(request.headers.get("Accept-Language", ""))
        told = {"pass": self._passes.seal(given), "hosting": given.hosting}
        return _json(told | {"language": language, "phrases": phrases(language)})

    async def _language(self, given: Pass) -> str | None:
        """Return the language of the member behind a pass, where that is one of the panel's."""
        chosen = await self._desk.context.live.language(self._desk.actor(given.user)) if given.user else None
        return accepted(chosen) if chosen else None

    async def act(self, request: web.Request) -> web.Response:
        """Do what a panel with a pass asks."""
        try:
            now = datetime.now(UTC)
            who = self._passes.open(request.headers.get("authorization", ""), now)
            act = ACTS.get(request.match_info["act"])
            if act is None:
                raise Refused("no such thing", 404)
            told = await act(self._panels, who, await _asked(request))
        except Refused as refusal:
            return _refused(refusal)
        except Mistake as mistake:
            return _json({"error": str(mistake)}, status=409)
        renewed = who.renewed(now)
        return _json(told | ({"pass": self._passes.seal(renewed)} if renewed else {}))


def routes(context: Context) -> Iterable[Route]:
    """Return the panel's routes, none where the settings name no app."""
    settings = desk_of(context).settings
    if settings.app is None:
        return
    panel, ends = Panel(context), settings.endpoints
    page = Access(kind="verified", why="a page without data; whatever it asks for needs a pass")
    scripts = ("/".join(ends.sdk.split("/")[:3]),)
    yield Route(method="GET", path="/panel", handler=panel.page, access=page, frames=ends.frames, scripts=scripts)
    for name in FILES:
        handler = partial(panel.file, name=name)
        yield Route(method="GET", path=f"/panel/{name}", handler=handler, access=page, frames=ends.frames)
    sealed = Access(kind="verified", why="Zoom sealed the app context with our client secret")
    yield Route(method="POST", path="/panel/enter", handler=panel.enter, access=sealed)
    passed = Access(kind="verified", why="a short pass that the panel got for its app context")
    yield Route(method="POST", path="/panel/{act}", handler=panel.act, access=passed)


@cache
def _file(name: str) -> str:
    return files("tertulia_zoom.panel_page").joinpath(name).read_text(encoding="utf-8")


async def _asked(request: web.Request) -> Mapping[str, Any]:
    try:
        asked = json.loads(await request.read() or b"{}")
    except (ValueError, RecursionError):
        asked = None
    if not isinstance(asked, dict):
        raise Refused("not an object", 400)
    return asked


def _html(text: str) -> web.Response:
    response = web.Response(text=text, content_type="text/html", charset="utf-8")
    # Zoom's client shows no page without it; the core sends the other three headers with every answer
    response.headers["Strict-Transport-Security"] = TRANSPORT
    response.headers["Vary"] = "Accept-Language"
    return response


def _json(told: Mapping[str, Any], status: int = 200) -> web.Response:
    return web.json_response(dict(told), status=status, headers={"Cache-Control": "no-store"})


def _refused(refusal: Refused) -> web.Response:
    reason = str(refusal)
    if "only hosts and admins" in reason:
        name = "not_a_host"
    else:
        name = "nothing_runs" if reason == NOTHING_RUNS else "refused"
    said = PHRASES[name].replace("{reason}", reason)
    return _json({"error": said, "phrase": name, "reason": reason}, status=refusal.status)
