"""Serve the personal tab: what is open for the person in front of it, and the way to the member's own page.

A frame may get no cookies of ours, so the tab uses none. Its page and script hold nothing of anybody; what they ask
for needs the token that Teams gives the tab for the person in front of it (single sign-on), which stays in the page's
memory and is verified here at each call.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from aiohttp import web

from tertulia import Access, Actor, Context, Json, Refused, Reply, Route
from tertulia_teams import cards, tab_page
from tertulia_teams.config import PLATFORM, Settings
from tertulia_teams.texts import phrase
from tertulia_teams.verification import PersonVerifier

logger = logging.getLogger(__name__)

TAB = "/tab"
LIBRARY = "https://res.cdn.office.net/teams-js/2.58.0/js/MicrosoftTeams.min.js"
"""TeamsJS, from Microsoft's own address, with the digest that Microsoft publishes of it."""
DIGEST = "sha384-sMo/EOqQPa1OCup2/VBRum7oFeOS22kvs8WGDc45xK53tUVZzFR5WwFYDUYN1LO4"
FRAMES = (
    "https://teams.microsoft.com",
    "https://*.teams.microsoft.com",
    "https://*.cloud.microsoft",
    "https://*.microsoft365.com",
    "https://*.office.com",
    "https://outlook.office.com",
    "https://outlook.office365.com",
    "https://outlook-sdf.office.com",
    "https://outlook-sdf.office365.com",
)
"""Who may frame the tab: Teams, and Outlook and Microsoft 365, which show the same app."""
FRAMES_ELSEWHERE: dict[str, tuple[str, ...]] = {
    "gcc-high": ("https://gov.teams.microsoft.us", "https://teams.microsoft.us"),
    "dod": ("https://dod.teams.microsoft.us", "https://teams.microsoft.us"),
    "china": (),
}
"""The same for clouds of their own, as TeamsJS names the hosts that it talks to; in China it names none."""
LONGEST = 64 * 1024
SAID = 64
FILES = Path(__file__).parent / "static"
KINDS = {"tab.js": "text/javascript", "tab.css": "text/css"}
Answer: TypeAlias = Callable[[Actor, str, Json], Awaitable[Json]]


def resource(settings: Settings, public_url: str) -> str:
    """Return what the app registration calls this service, as people's tokens of version 1 name it."""
    return f"api://{urlsplit(public_url).hostname}/{settings.app_id}"


def tab_routes(context: Context) -> tuple[Route, ...]:
    """Return the routes of the tab."""
    tab = Tab(context)
    settings: Settings = context.settings
    frames: tuple[str, ...] = FRAMES_ELSEWHERE.get(settings.cloud, FRAMES)
    scripts: tuple[str, ...] = (LIBRARY.rpartition("/teams-js/")[0],)
    if settings.stand_in is not None:
        frames = scripts = (settings.stand_in,)
    public = Access(kind="public", why="the tab's page, script and style hold nothing of anybody")
    own = Access(
        kind="verified", why="the person's token, given to the tab by Teams, is checked before anything else"
    )
    shown = Route(method="GET", path=TAB, handler=tab.show, access=public, frames=frames, scripts=scripts)
    return (
        shown,
        *(Route(method="GET", path=f"{TAB}/{name}", handler=tab.file, access=public) for name in KINDS),
        Route(method="POST", path=f"{TAB}/questions", handler=tab.taking(tab.questions), access=own),
        Route(method="POST", path=f"{TAB}/answer", handler=tab.taking(tab.answer), access=own),
        Route(method="POST", path=f"{TAB}/link", handler=tab.taking(tab.link), access=own),
    )


class Tab:
    """Serve the tab of one installation."""

    def __init__(self, context: Context, **options: Any):
        self._context = context
        self._settings: Settings = context.settings
        self._verifier = PersonVerifier(self._settings, lambda: context.http, **options)
        self._audiences = frozenset({self._settings.app_id, resource(self._settings, context.public_url)})
        self._files = {name: (FILES / name).read_bytes() for name in KINDS}

    async def show(self, request: web.Request) -> web.Response:
        """Show the empty page; its script fills it in."""
        library, digest = LIBRARY, DIGEST
        if self._settings.stand_in is not None:
            library, digest = f"{self._settings.stand_in}/stand-in/teams.js", ""
        base = urlsplit(self._context.public_url).path + TAB
        html = tab_page.page(_accepted(request), base=base, library=library, digest=digest)
        return web.Response(text=html, content_type="text/html")

    async def file(self, request: web.Request) -> web.Response:
        """Return the script or the style."""
        name = request.path.rpartition("/")[2]
        kept = {"Cache-Control": "public, max-age=300"}
        return web.Response(body=self._files[name], content_type=KINDS[name], charset="utf-8", headers=kept)

    def taking(self, answer: Answer) -> Callable[[web.Request], Awaitable[web.Response]]:
        """Return a handler that answers the person in front of the tab, and nobody else."""

        async def handle(request: web.Request) -> web.Response:
            try:
                user = await self._verifier.person(request.headers.getall("Authorization", []), self._audiences)
                given = _parsed(await request.read(), request.content_type)
            except Refused as refused:
                logger.info("a tab was refused: %s", refused.reason)
                headers = {"Retry-After": "10"} if refused.status == 503 else {}
                return web.Response(status=refused.status, headers=headers)
            actor = Actor(platform=PLATFORM, realm=self._settings.tenant_id, user=user)
            return web.json_response(await answer(actor, _accepted(request), given))

        return handle

    async def questions(self, actor: Actor, language: str, given: Json) -> Json:
        """Return what is open for the person, as HTML."""
        try:
            prompts = await self._context.inbox.prompts(actor)
        except Refused:
            return {"html": tab_page.note(phrase("unknown_actor", language))}
        return {"html": tab_page.questions(prompts, language)}

    async def answer(self, actor: Actor, language: str, given: Json) -> Json:
        """Take an answer; *taken* says whether what comes back takes the question's place."""
        token, key, data = cards.read_token({cards.TOKEN: given.get("token")}), given.get("key"), given.get("data")
        if token is None or not isinstance(key, str) or not 0 < len(key) <= SAID:
            return {"taken": False, "html": tab_page.note(phrase("refused", language))}
        values = cards.read_values(data)
        reply = await self._context.inbox.answered(token, actor, values, f"tab:{actor.user}:{key}")
        return {"taken": reply.status in ("taken", "changed"), "html": _shown(reply, language)}

    async def link(self, actor: Actor, language: str, given: Json) -> Json:
        """Return a link that opens the member's own page outside the frame, once."""
        try:
            return {"link": await self._context.inbox.page(actor)}
        except Refused:
            return {"html": tab_page.note(phrase("unknown_actor", language))}


def _shown(reply: Reply, language: str) -> str:
    if reply.prompt is not None and reply.status in ("taken", "changed"):
        return tab_page.question(reply.prompt)
    text = reply.text.plain() if reply.text else phrase(reply.status, language)
    return tab_page.note(text)


def _accepted(request: web.Request) -> str:
    return request.headers.get("Accept-Language", "").partition(",")[0].partition(";")[0].strip() or "en"


def _parsed(body: bytes, kind: str) -> Json:
    if kind != "application/json":
        raise Refused("not JSON", 415)
    if len(body) > LONGEST:
        raise Refused("the body is too large", 413)
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise Refused("not JSON", 400) from None
    if not isinstance(value, dict):
        raise Refused("not an object", 400)
    return value
