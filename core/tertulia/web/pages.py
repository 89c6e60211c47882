"""Pages from templates: escaped, translated, without inline script or style."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any

import aiohttp_jinja2
import jinja2
from aiohttp import web
from markupsafe import Markup as Safe

from tertulia.domain.markup import Markup, unturned
from tertulia.extension import Access
from tertulia.web import access, sessions, texts
from tertulia.web.state import ROLES, RUNTIME, SESSION, TOUR
from tertulia.wording import LOCALES, catalogue

STATIC = Path(__file__).parent / "static"
SCRIPT = "text/javascript"
KINDS = {
    "style.css": "text/css",
    "icon.svg": "image/svg+xml",
    "progress.js": SCRIPT,
    "breathe.js": SCRIPT,
    "live.js": SCRIPT,
}
SECTIONS = (
    "", "/host", "/program", "/rounds", "/people", "/plugins", "/overview", "/recommendations", "/surveys",
    "/hard-weeks", "/care", "/proposals", "/roles", "/exports", "/settings", "/tokens", "/audit",
)  # fmt: skip
"""The pages of a workspace that `sections.html` leads to, where they exist and the caller may see them."""
_language: ContextVar[str] = ContextVar("language", default="en")


def _gettext(message: str) -> str:
    return catalogue(_language.get(), texts.CATALOGUE).gettext(message)


def _ngettext(singular: str, plural: str, number: int) -> str:
    return catalogue(_language.get(), texts.CATALOGUE).ngettext(singular, plural, number)


def markup(text: Markup) -> str:
    """Turn our own markup into HTML that templates do not escape again."""
    return Safe(text.html())  # noqa: S704 - `Markup.html` escapes every text in it


def _shown(value: object) -> object:
    """Keep what somebody wrote from turning around what stands after it on a page."""
    if not isinstance(value, str):
        return value
    plain = unturned(value)
    return value if plain is value else type(value)(plain)


def attach(app: web.Application) -> None:
    """Serve the style sheet, the icon and the script, read once."""
    files = {name: (STATIC / name).read_bytes() for name in KINDS}

    async def static(request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in files:
            raise web.HTTPNotFound
        kept = {"Cache-Control": "public, max-age=300"}
        return web.Response(body=files[name], content_type=KINDS[name], charset="utf-8", headers=kept)

    access.register(app, "GET", "/static/{name}", static, Access(kind="public", why="style, icon and script"))


def environment(app: web.Application | None = None) -> jinja2.Environment:
    """Make the template environment, for *app* or for pages outside any request."""
    options: dict[str, Any] = {
        "loader": jinja2.PackageLoader("tertulia.web"),
        "extensions": ["jinja2.ext.i18n"],
        "undefined": jinja2.StrictUndefined,
        "finalize": _shown,
        "trim_blocks": True,
        "lstrip_blocks": True,
    }
    made = aiohttp_jinja2.setup(app, **options) if app is not None else jinja2.Environment(autoescape=True, **options)
    made.install_gettext_callables(_gettext, _ngettext, newstyle=True)  # type: ignore[attr-defined]  # of i18n
    made.filters["markup"] = markup
    made.policies["ext.i18n.trimmed"] = True
    return made


def dumps(value: object) -> str:
    """Write JSON for people: indented, in their own script."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


def render(
    request: web.Request, template: str, *, status: int = 200, language: str | None = None, **values: object
) -> web.Response:
    """Render *template* with *values*, the session's form token and the language of the member or the browser."""
    wanted = language or _accepted(request.headers.get("Accept-Language", ""))
    chosen = _known(wanted) if texts.spoken(template) else "en"
    token = _language.set(chosen)
    session = request.get(SESSION)
    runtime = request.app[RUNTIME]
    context: Mapping[str, object] = {
        "language": chosen,
        "csrf": sessions.csrf_token(runtime, session) if session else "",
        "signed_in": session is not None and session.round is None,
        "sandbox": runtime.config.sandbox,
        "tour": request.app.get(TOUR, ""),
        "console": _console(request),
        "status": status,
        **values,
    }
    try:
        return aiohttp_jinja2.render_template(template, request, context, status=status)
    finally:
        _language.reset(token)


def _console(request: web.Request) -> Mapping[str, object] | None:
    """Return where the sections of the workspace are and which of them the caller's roles open, if this is one."""
    workspace = request.match_info.get("workspace")
    if not workspace or not request.get(ROLES):
        return None
    opened = {name for name in SECTIONS if access.opens(request, f"/workspaces/{{workspace}}{name}")}
    return {"above": f"/workspaces/{workspace}", "opened": opened, "here": request.path}


def plugin_page(title: str, body: Markup, *, status: int = 200) -> web.Response:
    """Render a page of a plugin in the house style; what `Context.page` returns."""
    text = (
        _standing()
        .get_template("plain.html")
        .render(title=title, body=body, language="en", csrf="", signed_in=False, sandbox=False)
    )
    return web.Response(text=text, status=status, content_type="text/html")


@cache
def _standing() -> jinja2.Environment:
    return environment()


def _accepted(header: str) -> str:
    return header.partition(",")[0].partition(";")[0].strip()


def _known(tag: str) -> str:
    """Return the tag of a catalogue that we have, or English."""
    base = tag.partition("-")[0].lower()
    return base if base in LOCALES else "en"
