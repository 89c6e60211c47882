"""The page where one sits as any user in Team Chat: the chat with the bot, channels, and the messages in them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlencode

from aiohttp import web

from tertulia_zoom.stand_in import chat_drawing
from tertulia_zoom.stand_in.chat import Written, jid_of
from tertulia_zoom.stand_in.chat_style import SCRIPT, STYLE
from tertulia_zoom.stand_in.operations import Body

if TYPE_CHECKING:
    from tertulia_zoom.stand_in.server import ZoomServer

HOME = "/stand-in/chat"
ANSWERED = 4.0
"""Seconds that the page waits for the bot before it shows itself again."""
Form = dict[str, list[str]]


class ChatPage:
    """Serve the page and carry out what is done on it."""

    def __init__(self, server: ZoomServer):
        self._server = server
        self._notes: dict[str, str] = {}

    def attach(self, app: web.Application) -> None:
        """Add the page's routes."""
        app.router.add_get(HOME, self._show)
        app.router.add_get(f"{HOME}/version", self._version)
        doing = {"say": self._say, "press": self._press, "choose": self._choose, "edit": self._edit}
        for name, do in doing.items():
            app.router.add_post(f"{HOME}/{name}", self._done(do))

    # -- doing -----------------------------------------------------------------------------------------------------

    def _done(self, do: Callable[[str, str, Form], None]) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            # any page on the web could post here, and any name could lead here
            if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin" or not _local(request):
                raise web.HTTPForbidden
            form = parse_qs(await request.text(), keep_blank_values=True)
            user, place = self._where(form)
            if self._server.bot.url is None:
                self._notes[user] = "The bot has not said yet where it listens; enable the plugin in a workspace."
            else:
                try:
                    do(user, place, form)
                except (KeyError, ValueError, StopIteration, IndexError):
                    self._notes[user] = "That message has changed."
                await self._answered(user)
            raise web.HTTPSeeOther(f"{HOME}?{urlencode({'as': user, 'in': place})}")

        return handle

    async def _answered(self, user: str) -> None:
        known = len(self._server.bot.attempts)
        try:
            async with asyncio.timeout(ANSWERED):
                await self._server.bot.quiet()
        except TimeoutError:
            self._notes[user] = "The bot takes its time."
        refused = [one.status for one in self._server.bot.attempts[known:] if one.status != 200]
        if refused:
            self._notes[user] = f"The bot did not take it ({refused[-1]})."

    def _say(self, user: str, place: str, form: Form) -> None:
        text = form["text"][0].strip()
        chat = self._server.town.chat
        for other, known in self._server.town.users.items():
            text = text.replace(f"@{known['display_name']}", f"<!{jid_of(other)}|{known['display_name']}>")
        if text:
            self._server.chatter.say(user, text, place if place in chat.channels else "")

    def _press(self, user: str, place: str, form: Form) -> None:
        message, value = self._message(user, place, form), form["value"][0]
        items = (item for element in _parts(message, "actions") for item in element["items"])
        self._server.chatter.press(user, message, next(item["text"] for item in items if item["value"] == value))

    def _choose(self, user: str, place: str, form: Form) -> None:
        message, value = self._message(user, place, form), form["value"][0]
        for element in _parts(message, "select"):
            for item in element["select_items"]:
                if item["value"] == value:
                    self._server.chatter.choose(user, message, element["text"], item["text"])

    def _edit(self, user: str, place: str, form: Form) -> None:
        self._server.chatter.fill_in(user, self._message(user, place, form), form["key"][0], form["text"][0] or " ")

    def _message(self, user: str, place: str, form: Form) -> Written:
        return {one.id: one for one in self._server.town.chat.seen(user, place)}[form["message"][0]]

    # -- showing ---------------------------------------------------------------------------------------------------

    async def _version(self, request: web.Request) -> web.Response:
        return web.json_response({"version": self._count()})

    def _count(self) -> int:
        return sum(one.versions + one.deleted for one in self._server.town.chat.messages.values())

    async def _show(self, request: web.Request) -> web.Response:
        if not _local(request):
            raise web.HTTPForbidden
        user, place = self._where({name: [value] for name, value in request.query.items()})
        note = self._notes.pop(user, "")
        html = (
            '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Zoom Team Chat stand-in</title>'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f'<style>{STYLE}</style></head><body data-version="{self._count()}">'
            f"{self._side(user, place)}<main><header><h2>{escape(self._name(place))}</h2></header>"
            f'<div class="note" role="status">{escape(note)}</div>'
            f'<section class="talk" aria-label="Messages">{self._talk(user, place)}</section>'
            f"{self._compose(user, place)}</main><script>{SCRIPT}</script></body></html>"
        )
        return web.Response(text=html, content_type="text/html")

    def _where(self, query: Form) -> tuple[str, str]:
        town = self._server.town
        user = query.get("as", [""])[0]
        user = user if user in town.users else next(iter(town.users))
        place = query.get("in", [""])[0]
        known = town.chat.channels.get(place)
        return user, place if known is not None and user in known.members else jid_of(user)

    def _name(self, place: str) -> str:
        known = self._server.town.chat.channels.get(place)
        return f"# {known.name}" if known else "Tertulia"

    def _side(self, user: str, here: str) -> str:
        town = self._server.town
        names = ((one, escape(str(known["display_name"]))) for one, known in town.users.items())
        people = "".join(
            f'<option value="{escape(one)}"{" selected" if one == user else ""}>{name}</option>'
            for one, name in names
        )
        places = [jid_of(user), *(jid for jid, known in town.chat.channels.items() if user in known.members)]
        links = "".join(self._link(user, place, place == here) for place in places)
        return (
            f'<nav><h1>Team Chat <small>stand-in</small></h1><form method="get" action="{HOME}">'
            f'<label><span>You are</span> <select name="as" onchange="this.form.submit()">{people}</select></label>'
            f"<noscript><button>Sit here</button></noscript></form><ul>{links}</ul></nav>"
        )

    def _link(self, user: str, place: str, here: bool) -> str:
        query = escape(urlencode({"as": user, "in": place}))
        mark = ' aria-current="page"' if here else ""
        return f'<li><a href="{HOME}?{query}"{mark}>{escape(self._name(place))}</a></li>'

    def _talk(self, user: str, place: str) -> str:
        shown = "".join(self._drawn(user, place, one) for one in self._server.town.chat.seen(user, place))
        return shown or '<p class="empty">Nothing was said here yet.</p>'

    def _drawn(self, user: str, place: str, message: Written) -> str:
        if message.writer:
            name = self._server.town.users[message.writer]["display_name"]
            whose = "mine" if message.writer == user else "other"
            text = escape(str(message.content.get("text", "")))
            return f'<article class="{whose}"><h4>{escape(name)}</h4><p class="said">{text}</p></article>'
        marks = " · edited" if message.versions > 1 else ""
        marks += " · only you see this" if message.only else ""
        hidden = {"as": user, "in": place, "message": message.id}
        body = chat_drawing.message(message.content, target=HOME, hidden=hidden)
        return f'<article class="bot"><h4>Tertulia<small>{marks}</small></h4>{body}</article>'

    def _compose(self, user: str, place: str) -> str:
        slash = "/tertulia " if place in self._server.town.chat.channels else ""
        hint = f"{slash}help, kudos @Name, snooze 3 days, my data …"
        hidden = (
            f'<input type="hidden" name="as" value="{escape(user)}"><input type="hidden" name="in" value="{place}">'
        )
        return (
            f'<form class="compose" method="post" action="{HOME}/say">{hidden}'
            f'<input name="text" aria-label="Message" placeholder="{hint}" autocomplete="off">'
            '<button class="primary">Send</button></form>'
        )


def _parts(message: Written, kind: str) -> list[Body]:
    return [element for element in message.content["body"] if element["type"] == kind]


def _local(request: web.Request) -> bool:
    return request.host.partition(":")[0] in {"127.0.0.1", "localhost"}
