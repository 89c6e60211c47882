"""Let whoever tries the stand-in walk into its meeting: a page that opens a client for anybody, host or guest."""

from __future__ import annotations

from functools import cache
from html import escape
from importlib.resources import files
from ipaddress import ip_address
from urllib.parse import urlsplit

from aiohttp import web

from tertulia_zoom.stand_in.client import Clients
from tertulia_zoom.stand_in.state import Instance


class Entrance:
    """Serve `/`, where one joins the meeting *number* as somebody of the account, or as a guest."""

    def __init__(self, clients: Clients, number: str):
        self._clients, self._number = clients, number
        clients.server.attach.append(self._attach)

    def _attach(self, app: web.Application) -> None:
        app.router.add_get("/", self._page)
        app.router.add_post("/join", self._join)

    async def _page(self, request: web.Request) -> web.Response:
        town, who = self._clients.server.town, request.query.get("as", "")
        host = town.meetings[self._number]["host_id"]
        named = {
            user: told["display_name"] + (" (host)" if user == host else "") for user, told in town.users.items()
        }
        options = "".join(
            f'<option value="{escape(user)}"{" selected" if user == who else ""}>{escape(name)}</option>'
            for user, name in named.items()
        )
        panel = self._clients.panel or self._clients.server.panel
        text = _text().replace("{options}", options).replace("{panel}", escape(panel, quote=True))
        return web.Response(text=text, content_type="text/html", charset="utf-8")

    async def _join(self, request: web.Request) -> web.Response:
        form = await request.post()
        panel, user, name = (str(form.get(field, "")).strip() for field in ("panel", "user", "name"))
        if not _is_local(panel):
            wrong = "The panel's address is one of this machine; tertulia zoom addresses prints it."
            return web.Response(status=400, text=wrong)
        self._clients.panel = panel
        person = self._clients.join(self._instance(), user, "" if user else name or "A guest")
        raise web.HTTPSeeOther(self._clients.url(person))

    def _instance(self) -> Instance:
        """Return the instance that is going on, or begin one."""
        known = self._clients.server.town.instances.values()
        going_on = [one for one in known if one.number == self._number and one.ended is None]
        return going_on[-1] if going_on else self._clients.server.meetings.start(self._number)


def _is_local(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return parts.scheme == "http" and ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False


@cache
def _text() -> str:
    return files("tertulia_zoom.stand_in.client_page").joinpath("entrance.html").read_text(encoding="utf-8")
