"""The page where one sits as any member of the stand-in: chats, channels, meetings, and the cards in them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Any
from urllib.parse import parse_qs, urlencode

from aiohttp import web

from tertulia_teams.stand_in import drawing, official, tab_host
from tertulia_teams.stand_in.page_style import SCRIPT, STYLE
from tertulia_teams.stand_in.server import CARD, StandIn, Turn
from tertulia_teams.stand_in.tenant import Conversation, Message, Person

HOME = "/stand-in"
Form = dict[str, list[str]]


class Page:
    """Serve the page and carry out what is done on it."""

    def __init__(self, stand_in: StandIn):
        self._stand_in = stand_in
        self._notes: dict[str, str] = {}
        self._renderer = official.renderer()

    def attach(self, app: web.Application) -> None:
        """Add the page's routes."""
        app.router.add_get(HOME, self._show)
        app.router.add_get(HOME + "/version", self._version)
        tab_host.TabHost(self._stand_in).attach(app)
        if self._renderer is not None:
            official.attach(app, self._renderer)
        doing = {"say": self._say, "press": self._press, "app": self._app, "react": self._react, "meet": self._meet}
        for name, do in doing.items():
            app.router.add_post(f"{HOME}/{name}", self._done(do))

    # -- doing -----------------------------------------------------------------------------------------------------

    def _done(
        self, do: Callable[[Person, Conversation, Form], Awaitable[str | None]]
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            # any page on the web could post here, and any name could lead here
            if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin" or not _local(request):
                raise web.HTTPForbidden
            form = parse_qs(await request.text(), keep_blank_values=True)
            person, conversation = self._where(form)
            if not self._stand_in.endpoint:
                note: str | None = "The bot has not said yet where it listens; enable the plugin in a workspace."
            else:
                note = await do(person, conversation, form)
            self._notes[person.id] = note or ""
            query = urlencode({"as": person.id, "in": conversation.id})
            raise web.HTTPSeeOther(f"{HOME}?{query}")

        return handle

    async def _say(self, person: Person, conversation: Conversation, form: Form) -> str | None:
        text = form.get("text", [""])[0].strip()
        if not text:
            return None
        mentions = [one for one in self._stand_in.tenant.people.values() if f"@{one.name}" in text]
        return _note(await self._stand_in.say(person, conversation, text, mentions))

    async def _press(self, person: Person, conversation: Conversation, form: Form) -> str | None:
        message = conversation.messages.get(form["message"][0])
        content = _content(message.seen_by(person)) if message else None
        if message is None or content is None:
            return "That message is gone."
        action = content["actions"][int(form["action"][0])]
        given = drawing.inputs_of(content, form)
        if action.get("associatedInputs") != "none" and (fault := drawing.missing(content, given)):
            return fault
        return _note(await self._stand_in.press(person, conversation, message, action, given))

    async def _app(self, person: Person, conversation: Conversation, form: Form) -> str | None:
        what = form["what"][0]
        if what == "add":
            if conversation.kind == "channel":
                await self._stand_in.install_in(conversation, person)
            else:
                await self._stand_in.install(person)
        elif what == "remove":
            await self._stand_in.uninstall(person)
        elif what == "block":
            person.blocked = not person.blocked
        return None

    async def _react(self, person: Person, conversation: Conversation, form: Form) -> str | None:
        message = conversation.messages.get(form["message"][0])
        return None if message is None else _note(await self._stand_in.react(person, conversation, message))

    async def _meet(self, person: Person, conversation: Conversation, form: Form) -> str | None:
        meeting = self._stand_in.tenant.meetings[conversation.meeting]
        people = [self._stand_in.tenant.people[one] for one in conversation.members]
        now = datetime.now(UTC)
        await self._stand_in.meet(meeting, people, now - timedelta(minutes=30), now)
        return "Everybody met for half an hour."

    # -- showing ---------------------------------------------------------------------------------------------------

    async def _version(self, request: web.Request) -> web.Response:
        return web.json_response({"version": self._count(), "sent": len(self._stand_in.sent)})

    def _count(self) -> int:
        known = self._stand_in.tenant.conversations.values()
        return sum(one.versions + one.deleted for place in known for one in place.messages.values())

    async def _show(self, request: web.Request) -> web.Response:
        if not _local(request):
            raise web.HTTPForbidden
        query: Form = {name: [value] for name, value in request.query.items()}
        person, conversation = self._where(query)
        note = self._notes.pop(person.id, "")
        html = (
            '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Teams stand-in</title>'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f'<style>{STYLE}</style></head><body data-version="{self._count()}">'
            f"{self._side(person, conversation)}<main>{self._head(person, conversation)}"
            f'<div class="note" role="status">{escape(note)}</div>'
            f'<section class="talk" aria-label="Messages">{self._talk(person, conversation)}</section>'
            f"{self._compose(person, conversation)}</main><script>{SCRIPT}</script>"
            f"{official.scripts() if self._renderer else ''}</body></html>"
        )
        return web.Response(text=html, content_type="text/html")

    def _where(self, query: Form) -> tuple[Person, Conversation]:
        tenant = self._stand_in.tenant
        person = tenant.people.get(query.get("as", [""])[0]) or next(iter(tenant.people.values()))
        conversation = tenant.conversations.get(query.get("in", [""])[0])
        if conversation is None or person.id not in conversation.members:
            conversation = tenant.chat(person)
        return person, conversation

    def _side(self, person: Person, here: Conversation) -> str:
        tenant = self._stand_in.tenant
        people = "".join(
            f'<option value="{escape(one.id)}"{" selected" if one is person else ""}>{escape(one.name)}'
            f"{' (guest)' if one.guest else ''}</option>"
            for one in tenant.people.values()
        )
        places = [tenant.chat(person)]
        places += [
            one for one in tenant.conversations.values() if one.kind != "personal" and person.id in one.members
        ]
        links = "".join(_place(person, one, one is here) for one in places)
        return (
            f'<nav><h1>Teams <small>stand-in</small></h1><form method="get" action="{HOME}">'
            f'<label><span>You are</span><select name="as" onchange="this.form.submit()">{people}</select></label>'
            f"<noscript><button>Sit here</button></noscript></form><ul>{links}</ul></nav>"
        )

    def _head(self, person: Person, conversation: Conversation) -> str:
        name = "Tertulia" if conversation.kind == "personal" else conversation.name
        buttons = []
        if conversation.kind == "meeting":
            buttons.append(_button("meet", "", "Hold the meeting", person, conversation))
        elif conversation.kind == "channel" and not conversation.has_app:
            buttons.append(_button("app", "add", "Add the app", person, conversation))
        elif conversation.kind == "personal":
            has = person.has_app
            buttons.append(
                _button(
                    "app", "remove" if has else "add", f"{'Remove' if has else 'Add'} the app", person, conversation
                )
            )
            buttons.append(_button("app", "block", "Unblock" if person.blocked else "Block", person, conversation))
            buttons.append(f'<a class="button" href="{tab_host.HOST}?as={escape(person.id)}">My page</a>')
        return f"<header><h2>{escape(name)}</h2><div>{''.join(buttons)}</div></header>"

    def _talk(self, person: Person, conversation: Conversation) -> str:
        roots = [one for one in self._visible(person, conversation) if not one.thread]
        shown = "".join(self._message(person, conversation, one) for one in roots)
        return shown or '<p class="empty">Nothing was said here yet.</p>'

    def _visible(self, person: Person, conversation: Conversation) -> list[Message]:
        said = conversation.messages.values()
        return [one for one in said if not one.deleted and one.only in {None, person.mri}]

    def _message(self, person: Person, conversation: Conversation, message: Message) -> str:
        sender = self._stand_in.tenant.people[message.sender].name if message.sender else "Tertulia"
        activity = message.seen_by(person)
        content = _content(activity)
        hidden = {"as": person.id, "in": conversation.id, "message": message.id}
        if content is not None:
            draw = drawing.card if self._renderer is None else official.card
            body = draw(content, target=f"{HOME}/press", hidden=hidden)
        else:
            body = f'<p class="text">{escape(str(activity.get("text", "")))}</p>'
        replies = [one for one in self._visible(person, conversation) if one.thread == message.id]
        thread = "".join(self._message(person, conversation, one) for one in replies)
        like = ""
        if conversation.kind != "personal" and message.sender is None:
            like = _button("react", "", "Like", person, conversation, message.id)
        marks = " · edited" if message.versions > 1 else ""
        whose = "mine" if message.sender == person.id else "bot" if message.sender is None else "other"
        return (
            f'<article class="{whose}"><h4>{escape(sender)}<small>{marks}</small></h4>{body}{like}'
            f"{f'<div class=thread>{thread}</div>' if thread else ''}</article>"
        )

    def _compose(self, person: Person, conversation: Conversation) -> str:
        hint = "help, kudos @Name, snooze 3 days, my data …"
        return (
            f'<form class="compose" method="post" action="{HOME}/say">{_hidden(person, conversation)}'
            f'<input name="text" aria-label="Message" placeholder="{hint}" autocomplete="off">'
            '<button class="positive">Send</button></form>'
        )


def _place(person: Person, place: Conversation, here: bool) -> str:
    name = "Tertulia" if place.kind == "personal" else place.name
    sign = {"personal": "●", "channel": "#", "meeting": "▷", "groupChat": "○"}[place.kind]
    query = escape(urlencode({"as": person.id, "in": place.id}))
    mark = ' aria-current="page"' if here else ""
    return f'<li><a href="{HOME}?{query}"{mark}><i aria-hidden="true">{sign}</i> {escape(name)}</a></li>'


def _hidden(person: Person, conversation: Conversation, message: str = "") -> str:
    values = {"as": person.id, "in": conversation.id, **({"message": message} if message else {})}
    return "".join(f'<input type="hidden" name="{name}" value="{escape(value)}">' for name, value in values.items())


def _button(do: str, what: str, label: str, person: Person, conversation: Conversation, message: str = "") -> str:
    return (
        f'<form class="small" method="post" action="{HOME}/{do}">{_hidden(person, conversation, message)}'
        f'<button name="what" value="{what}">{escape(label)}</button></form>'
    )


def _content(activity: dict[str, Any]) -> dict[str, Any] | None:
    for attachment in activity.get("attachments") or ():
        if attachment.get("contentType") == CARD and isinstance(attachment.get("content"), dict):
            content: dict[str, Any] = attachment["content"]
            return content
    return None


def _note(turn: Turn) -> str | None:
    """Return what a client shows of an answer that is no card: a message, or that something went wrong."""
    if turn.status >= 400:
        return f"Something went wrong ({turn.status})."
    answer = turn.json()
    if isinstance(answer, dict) and isinstance(answer.get("value"), str):
        return str(answer["value"])
    if isinstance(answer, dict) and isinstance(answer.get("value"), dict):
        return str(answer["value"].get("message") or "") or None
    return None


def _local(request: web.Request) -> bool:
    return request.host.partition(":")[0] in {"127.0.0.1", "localhost"}
