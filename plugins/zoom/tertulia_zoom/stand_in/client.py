"""Be Zoom's clients in a meeting: one page for each participant, which speaks to a panel in a frame as Zoom does.

The page passes on what the panel asks in the SDK's own messages; what a client may do is decided here, as Zoom does
by role. A participant's page opens the panel when they accept an invitation to the app, or press its button.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeAlias

from aiohttp import web

from tertulia_zoom.stand_in import app_contexts
from tertulia_zoom.stand_in.rooms import Rooms, Wrong
from tertulia_zoom.stand_in.server import ZoomServer
from tertulia_zoom.stand_in.state import Instance, Stay

VERSION = "6.5.0"
WAIT = 20.0
Data: TypeAlias = dict[str, Any]


@dataclass
class Person:
    """Hold one participant's client: their stay, what their page has to be told, and what they were shown."""

    key: str
    stay: Stay
    role: str
    told: list[Data] = field(default_factory=list)


@dataclass
class Clients:
    """Hold the clients of the meetings of a stand-in; *panel* is the address of the app's home page.

    *sdk* is the official library's file; without it a small one of our own speaks the same messages.
    """

    server: ZoomServer
    panel: str = ""
    sdk: Path | None = None
    people: dict[str, Person] = field(default_factory=dict)
    chat: list[str] = field(default_factory=list)
    calls: list[tuple[str, str, Any]] = field(default_factory=list)
    unsupported: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        self._changed = asyncio.Condition()
        self._rooms: dict[str, Rooms] = {}
        self.server.attach.append(self._attach)

    def _attach(self, app: web.Application) -> None:
        app.router.add_get("/sdk.js", self._library)
        app.router.add_get("/client/{key}", self._page)
        app.router.add_get("/client-files/{name}", self._file)
        app.router.add_post("/client/{key}/call", self._call)
        app.router.add_get("/client/{key}/told", self._told)
        app.router.add_post("/client/{key}/leave", self._leave)

    # -- people ----------------------------------------------------------------------------------------------------

    def join(self, instance: Instance, user: str = "", name: str = "", *, role: str = "") -> Person:
        """Let somebody into a meeting with a client; the host of the meeting is its host."""
        host = self.server.town.meetings[instance.number]["host_id"]
        stay = self.server.meetings.join(instance, user, name)
        person = Person(secrets.token_hex(8), stay, role or ("host" if user and user == host else "attendee"))
        self.people[person.key] = person
        self._came_or_went(person, "join")
        return person

    def leave(self, person: Person) -> None:
        """Let somebody go."""
        self.server.meetings.leave(self.instance(person), person.stay)
        self._came_or_went(person, "leave")

    def url(self, person: Person) -> str:
        """Return the address of a participant's page."""
        return f"{self.server.url}/client/{person.key}"

    def instance(self, person: Person) -> Instance:
        """Return the instance that a participant is in."""
        return next(one for one in self.server.town.instances.values() if person.stay in one.stays)

    def rooms(self, person: Person) -> Rooms:
        """Return the breakout rooms of a participant's meeting."""
        return self._rooms.setdefault(self.instance(person).uuid, Rooms())

    def context(self, person: Person, **more: Any) -> str:
        """Seal the app context of a participant, as the client does when the panel asks or opens."""
        role = {"host": "host", "coHost": "co-host"}.get(person.role, "participant")
        client, secret = self.server.app_client
        told = app_contexts.said(person.stay.user, self.instance(person).uuid, client, role, time.time(), **more)
        return app_contexts.written(told, secret)

    def others(self, person: Person) -> list[Person]:
        """Return who is in the meeting with a participant, themselves included."""
        here = self.instance(person)
        return [one for one in self.people.values() if one.stay in here.stays and one.stay.left is None]

    def _came_or_went(self, person: Person, status: str) -> None:
        event = {"timestamp": int(time.time()), "participants": [{**described(person), "status": status}]}
        for one in self.others(person):
            if one.role in ("host", "coHost") and one is not person:
                self.tell(one, "onParticipantChange", event)

    def tell(self, person: Person, name: str, data: Data) -> None:
        """Tell a participant's page of an event; names that begin with a sign are for the page, not the panel."""
        person.told.append({"name": name, "data": data})
        asyncio.get_running_loop().create_task(self._wake())

    async def _wake(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    # -- pages -----------------------------------------------------------------------------------------------------

    async def _library(self, _: web.Request) -> web.Response:
        if self.sdk is None:
            text = _own("sdk.js")
        else:
            # the file as it was published, in what Node would wrap it in; its default export is the SDK
            official = await asyncio.to_thread(self.sdk.read_text, encoding="utf-8")
            text = f"(function (exports) {{{official}\nwindow.zoomSdk = exports.default;\n}})({{}});\n"
        return web.Response(text=text, content_type="text/javascript", charset="utf-8")

    async def _page(self, request: web.Request) -> web.Response:
        person = self._person(request)
        meeting = self.server.town.meetings[self.instance(person).number]
        filled = {"name": person.stay.name, "topic": meeting["topic"], "panel": self.panel, "role": person.role}
        text = _own("client.html")
        for name, value in filled.items():
            text = text.replace("{" + name + "}", escape(str(value), quote=True))
        return web.Response(text=text, content_type="text/html", charset="utf-8")

    async def _file(self, request: web.Request) -> web.Response:
        kinds = {"client.js": "text/javascript", "client.css": "text/css"}
        name = request.match_info["name"]
        if name not in kinds:
            raise web.HTTPNotFound
        return web.Response(text=_own(name), content_type=kinds[name], charset="utf-8")

    async def _told(self, request: web.Request) -> web.Response:
        person, after = self._person(request), int(request.query.get("after", "0"))
        try:
            async with asyncio.timeout(WAIT), self._changed:
                await self._changed.wait_for(lambda: len(person.told) > after)
        except TimeoutError:
            return web.json_response([])
        return web.json_response(person.told[after:])

    async def _leave(self, request: web.Request) -> web.Response:
        self.leave(self._person(request))
        return web.Response(status=204)

    # -- calls of the SDK ------------------------------------------------------------------------------------------

    async def _call(self, request: web.Request) -> web.Response:
        person, asked = self._person(request), json.loads(await request.read())
        name, data = str(asked.get("apiName")), asked.get("data") or {}
        self.calls.append((person.key, name, data))
        try:
            answer = CALLS.get(name)
            if answer is None or name in self.unsupported:
                raise Wrong(10065, "This API is not supported by the client.")
            return web.json_response({"result": answer(self, person, data)})
        except Wrong as wrong:
            return web.json_response({"errorCode": str(wrong.code), "errorMessage": wrong.message})

    def _person(self, request: web.Request) -> Person:
        person = self.people.get(request.match_info["key"])
        if person is None:
            raise web.HTTPNotFound
        return person


def described(person: Person) -> Data:
    """Describe a participant as the SDK does."""
    return {
        "screenName": person.stay.name,
        "participantId": person.stay.session,
        "participantUUID": person.stay.device,
        "role": person.role,
    }


def _hosts(person: Person) -> None:
    if person.role not in ("host", "coHost"):
        raise Wrong(10011, "This API requires host or co-host.")


def _config(clients: Clients, person: Person, data: Data) -> Data:
    asked = [str(one) for one in data.get("js_api_lists", [])]
    known = {*CALLS, *EVENTS} - clients.unsupported
    return {
        "runningContext": "inMeeting",
        "unsupportedApis": [one for one in asked if one not in known],
        "clientVersion": VERSION,
        "browserVersion": "stand-in",
        "product": "desktop",
        "auth": {"status": "authorized" if person.stay.user else "unauthorized"},
    }


def _me(clients: Clients, person: Person, data: Data) -> Data:
    status = "authorized" if person.stay.user else "unauthenticated"
    return {**described(person), "status": status}


def _meeting(clients: Clients, person: Person, data: Data) -> Data:
    number = clients.instance(person).number
    return {"meetingID": number, "meetingTopic": clients.server.town.meetings[number]["topic"]}


def _participants(clients: Clients, person: Person, data: Data) -> Data:
    _hosts(person)
    return {"participants": [described(one) for one in clients.others(person)]}


def _context(clients: Clients, person: Person, data: Data) -> Data:
    return {"context": clients.context(person)}


def _invite(clients: Clients, person: Person, data: Data) -> Data:
    invited = secrets.token_hex(8)
    for one in clients.others(person):
        if one is not person:
            clients.tell(one, "@invited", {"by": person.stay.name})
    return {"invitationUUID": invited}


def _notify(clients: Clients, person: Person, data: Data) -> Data:
    clients.tell(person, "@notice", {"title": str(data.get("title")), "message": str(data.get("message"))})
    return {"message": "Success"}


def _say(clients: Clients, person: Person, data: Data) -> Data:
    message = str(data.get("message", ""))
    clients.chat.append(message)
    for one in clients.others(person):
        clients.tell(one, "@chat", {"from": person.stay.name, "message": message})
    return {"result": [{"channelId": "meeting", "messageId": secrets.token_hex(8)}]}


def _create(clients: Clients, person: Person, data: Data) -> Data:
    _hosts(person)
    return clients.rooms(person).create(data)


def _configure(clients: Clients, person: Person, data: Data) -> Data:
    _hosts(person)
    return clients.rooms(person).configure(data)


def _assign(clients: Clients, person: Person, data: Data) -> Data:
    _hosts(person)
    here = {one.stay.device for one in clients.others(person)}
    return clients.rooms(person).assign(data, here)


def _open(clients: Clients, person: Person, data: Data) -> Data:
    _hosts(person)
    rooms = clients.rooms(person)
    rooms.open()
    for one in clients.others(person):
        where = rooms.of(one.stay.device)
        if where:
            one.stay = clients.server.meetings.enter(clients.instance(one), one.stay, where.id)
            clients.tell(one, "@room", {"name": where.name})
    return {"message": "Success"}


def _close(clients: Clients, person: Person, data: Data) -> Data:
    _hosts(person)
    clients.rooms(person).close()
    for one in clients.others(person):
        if one.stay.room:
            one.stay = clients.server.meetings.exit(clients.instance(one), one.stay)
            clients.tell(one, "@room", {"name": ""})
    return {"message": "Success"}


Answer: TypeAlias = Callable[[Clients, Person, Data], Data]
EVENTS = ("onParticipantChange", "onMyUserContextChange")
CALLS: dict[str, Answer] = {
    "config": _config,
    "getUserContext": _me,
    "getMeetingContext": _meeting,
    "getMeetingParticipants": _participants,
    "getAppContext": _context,
    "sendAppInvitationToAllParticipants": _invite,
    "showNotification": _notify,
    "sendMessageToChat": _say,
    "createBreakoutRooms": _create,
    "configureBreakoutRooms": _configure,
    "assignParticipantToBreakoutRoom": _assign,
    "openBreakoutRooms": _open,
    "closeBreakoutRooms": _close,
}


@cache
def _own(name: str) -> str:
    return files("tertulia_zoom.stand_in.client_page").joinpath(name).read_text(encoding="utf-8")
