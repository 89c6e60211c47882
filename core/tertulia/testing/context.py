"""A whole context without the core: what a plugin's unit tests hand to its hooks."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal

import aiohttp
from aiohttp import web

from tertulia.capabilities import Command, Subscription
from tertulia.domain.clock import Clock
from tertulia.domain.identifiers import Id, Json
from tertulia.domain.markup import Markup
from tertulia.domain.participation import Interaction, Participation
from tertulia.domain.people import Actor, Member, Place
from tertulia.domain.prompts import Prompt, Reply
from tertulia.domain.rounds import SESSION
from tertulia.errors import Refused
from tertulia.extension import Window
from tertulia.live import Attendee, Counts, Offer, Question, Standing, Turn
from tertulia.testing.clock import DrivenClock
from tertulia.testing.samples import sample_prompt, summary_prompt

EPOCH = datetime(2026, 1, 5, 9, tzinfo=UTC)
"""A Monday morning; where fakes start unless told otherwise."""


class FakeStore:
    """Keep values in memory, as JSON, so that what a real store would refuse is refused here."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}

    async def get(self, key: str) -> Any:
        """Return the value under *key*, or `None`."""
        return json.loads(self.values[key]) if key in self.values else None

    async def put(self, key: str, value: Any) -> None:
        """Keep *value*."""
        self.values[key] = json.dumps(value)

    async def put_new(self, key: str, value: Any) -> bool:
        """Keep *value* unless there is one."""
        if key in self.values:
            return False
        self.values[key] = json.dumps(value)
        return True

    async def delete(self, key: str) -> None:
        """Forget *key*."""
        self.values.pop(key, None)

    async def scan(self, prefix: str) -> AsyncIterator[tuple[str, Any]]:
        """Yield the pairs whose key starts with *prefix*."""
        for key in sorted(key for key in self.values if key.startswith(prefix)):
            yield key, json.loads(self.values[key])


@dataclass
class FakeLimiter:
    """Let everyone pass at once and record who asked."""

    acquired: list[dict[str, tuple[Window, ...]]] = field(default_factory=list)
    penalties: list[tuple[str, float]] = field(default_factory=list)

    async def acquire(self, limits: Mapping[str, Sequence[Window]]) -> None:
        """Record the windows."""
        self.acquired.append({key: tuple(windows) for key, windows in limits.items()})

    async def penalty(self, key: str, seconds: float) -> None:
        """Record the pause."""
        self.penalties.append((key, seconds))


@dataclass(frozen=True, kw_only=True)
class Received:
    """Hold one call of the inbox: its name, its key where it has one, and its other arguments."""

    name: str
    key: str | None
    value: Any


@dataclass
class FakeInbox:
    """Take facts in memory, each key once, and answer with *reply* (set it to script the answer)."""

    reply: Reply = field(default_factory=lambda: Reply(status="taken", text=Markup.literal("Thank you.")))
    received: list[Received] = field(default_factory=list)
    open: tuple[Prompt, ...] = ()
    _replies: dict[str, Reply] = field(default_factory=dict)

    def _take(self, name: str, key: str | None, value: Any) -> bool:
        if key is not None and any(one.key == key and one.name == name for one in self.received):
            return False
        self.received.append(Received(name=name, key=key, value=value))
        return True

    async def answered(self, token: str, actor: Actor, values: Json, key: str, reply_to: str | None = None) -> Reply:
        """Record an answer; the same key answers as before."""
        self._take("answered", key, {"token": token, "actor": actor, "values": dict(values), "reply_to": reply_to})
        return self._replies.setdefault(key, self.reply)

    async def command(self, command: Command, key: str) -> Reply:
        """Record a command; the same key answers as before."""
        self._take("command", key, command)
        return self._replies.setdefault(key, self.reply)

    async def participated(self, facts: Sequence[Participation], key: str) -> None:
        """Record participation."""
        self._take("participated", key, tuple(facts))

    async def interacted(self, facts: Sequence[Interaction], key: str) -> None:
        """Record ties."""
        self._take("interacted", key, tuple(facts))

    async def joined(self, member: Member, key: str) -> None:
        """Record an account that appeared."""
        self._take("joined", key, member)

    async def left(self, actor: Actor, key: str) -> None:
        """Record an account that went."""
        self._take("left", key, actor)

    async def reachable(self, actor: Actor, address: Json | None) -> None:
        """Record how to write to an account."""
        self._take("reachable", None, (actor, address))

    async def linked(self, actor: Actor, person: Id) -> None:
        """Record a link."""
        self._take("linked", None, (actor, person))

    async def page(self, actor: Actor) -> str:
        """Return a link that leads nowhere, and record for whom."""
        self._take("page", None, actor)
        return f"https://tertulia.example/sign-in/{actor.user}"

    async def prompts(self, actor: Actor) -> tuple[Prompt, ...]:
        """Return what is scripted as *open*, and record for whom."""
        self._take("prompts", None, actor)
        return self.open


@dataclass
class FakeLive:
    """Run live sessions in memory, by the core's own table of states; *members* are whom it takes for members."""

    sessions: dict[Id, list[Counts]] = field(default_factory=dict)
    places: dict[Id, Place] = field(default_factory=dict)
    seats: dict[Id, dict[str, Attendee]] = field(default_factory=dict)
    members: frozenset[Actor] = frozenset()
    responses: dict[tuple[Id, str], Json | None] = field(default_factory=dict)
    shown: Prompt | None = None
    languages: dict[Actor, str] = field(default_factory=dict)
    there: dict[Id, set[Actor]] = field(default_factory=dict)
    _order: dict[Id, tuple[str, ...]] = field(default_factory=dict)
    _groups: dict[Id, tuple[tuple[str, ...], ...]] = field(default_factory=dict)

    async def offers(self) -> tuple[Offer, ...]:
        """Offer one icebreaker."""
        return (Offer(practice="icebreaker", title="Icebreaker", kind="icebreaker"),)

    async def start(self, place: Place, host: Actor, practice: str, options: Json) -> Id:
        """Open a session in the lobby."""
        session = f"{len(self.sessions):032x}"
        self.sessions[session] = [Counts(state="lobby", present=0, answered=0, passed=0)]
        self.places[session], self.seats[session] = place, {}
        return session

    async def running(self, place: Place) -> Id | None:
        """Return the newest session at *place* that has not ended."""
        there = [one for one, where in self.places.items() if where == place]
        return next((one for one in reversed(there) if self.sessions[one][-1].state != "ended"), None)

    async def advance(self, session: Id, host: Actor, state: str) -> Counts:
        """Take the session on, or refuse."""
        known = self.sessions[session]
        if state not in SESSION[known[-1].state]:
            raise Refused(f"a session cannot go from {known[-1].state} to {state}", 409)
        return self._count(session, state=state)

    def _count(self, session: Id, **changed: Any) -> Counts:
        known = self.sessions[session]
        given = [values for (of, _), values in self.responses.items() if of == session]
        passed = sum(values is None for values in given)
        now: dict[str, Any] = {"present": len(self.seats[session]), "answered": len(given) - passed, "passed": passed}
        known.append(replace(known[-1], **now, **changed))
        return known[-1]

    async def over(self, place: Place, at: datetime | None = None) -> None:
        """End what runs at *place*."""
        session = await self.running(place)
        if session is not None:
            self._count(session, state="ended")

    async def prompt(self, session: Id, actor: Actor | None = None) -> Prompt:
        """Show *shown* or a sample question, the same to everybody."""
        return self.shown or sample_prompt()

    async def language(self, actor: Actor) -> str | None:
        """Return what *languages* says."""
        return self.languages.get(actor)

    async def guest_prompt(self, session: Id) -> Prompt:
        """Show the same question without tokens."""
        shown = await self.prompt(session)
        return replace(shown, actions=tuple(replace(action, token="") for action in shown.actions))

    async def watch(self, session: Id) -> AsyncIterator[Counts]:
        """Yield what the session has been through so far."""
        for counts in tuple(self.sessions[session]):
            yield counts

    async def present(self, session: Id, host: Actor, attendees: Sequence[Attendee]) -> None:
        """Replace who is there."""
        known = self.seats[session]
        self.seats[session] = {one.ref: known.get(one.ref, one) for one in attendees}
        self._count(session)

    async def seen(self, session: Id, host: Actor, actors: Sequence[Actor]) -> None:
        """Note accounts, without a seat."""
        self.there.setdefault(session, set()).update(actors)

    async def enter(self, session: Id, attendee: Attendee) -> None:
        """Seat one participant, or refuse where another sits there."""
        before = self.seats[session].get(attendee.ref)
        if before is not None and before.holder not in (None, attendee.holder):
            raise Refused("somebody else sits there", 409)
        self.seats[session][attendee.ref] = attendee
        self._count(session)

    async def leave(self, session: Id, ref: str) -> None:
        """Let one participant go."""
        self.seats[session].pop(ref, None)
        self._count(session)

    async def turns(self, session: Id, host: Actor, seconds: int = 60) -> tuple[str, ...]:
        """Let everybody speak in the order of their names."""
        await self.advance(session, host, "turns")
        self._order[session] = tuple(sorted(self.seats[session]))
        self._count(session, turn=Turn(number=1, of=len(self._order[session]), ends=EPOCH))
        return self._order[session]

    async def next_turn(self, session: Id, host: Actor, number: int) -> Counts:
        """Count one turn on."""
        turn = self.sessions[session][-1].turn
        if turn is None:
            raise Refused("nobody has a turn now", 409)
        ended = turn.number >= turn.of
        following = replace(turn, number=min(number + 1, turn.of), ends=None if ended else EPOCH)
        return self._count(session, turn=following)

    async def show_question(self, session: Id, host: Actor, number: int) -> Counts:
        """Ask question *number* of two; one that was asked stays asked."""
        known = self.sessions[session][-1].question
        if known is not None and number <= known.number:
            return self.sessions[session][-1]
        if number > 2:
            raise Refused(f"question {number} cannot be asked now", 409)
        return self._count(session, question=Question(number=number, of=2, ends=EPOCH, closed=False))

    async def close_question(self, session: Id, host: Actor, number: int) -> Counts:
        """Close the question that is asked."""
        known = self.sessions[session][-1].question
        if known is None or known.number < number:
            raise Refused(f"question {number} was not asked", 409)
        return self._count(session, question=replace(known, closed=True))

    async def groups(self, session: Id, host: Actor, size: int = 2) -> tuple[tuple[str, ...], ...]:
        """Divide the seats in the order of their names."""
        await self.advance(session, host, "groups")
        refs = sorted(self.seats[session])
        made = tuple(tuple(refs[start : start + size]) for start in range(0, len(refs), size))
        self._groups[session] = made
        self._count(session, groups=len(made))
        return made

    async def standing(self, session: Id, attendee: Attendee) -> Standing:
        """Tell how one participant stands."""
        order, given = self._order.get(session, ()), self.responses.get((session, attendee.ref), False)
        groups = enumerate(self._groups.get(session, ()), start=1)
        mine = next(((number, group) for number, group in groups if attendee.ref in group), None)
        return Standing(
            member=attendee.actor in self.members,
            answered=None if given is False else given is not None,
            turn=order.index(attendee.ref) + 1 if attendee.ref in order else None,
            group=mine[0] if mine else None,
            group_size=len(mine[1]) if mine else 0,
        )

    async def respond(self, session: Id, attendee: Attendee, verb: str, values: Json) -> Reply:
        """Take what a guest gave."""
        status: Literal["changed", "taken"] = "changed" if (session, attendee.ref) in self.responses else "taken"
        self.responses[session, attendee.ref] = None if verb == "pass" else dict(values)
        self._count(session)
        return Reply(status=status, text=Markup.literal("Thank you."), private=True)

    async def summary(self, session: Id) -> Prompt | None:
        """Show the question as its own summary once somebody answered."""
        return summary_prompt() if self.sessions[session][-1].answered else None


@dataclass(kw_only=True)
class FakeContext:
    """Be a context without the core; `async with` gives it an HTTP session for loopback servers.

    The session knows no allow-list: the real one refuses hosts that the settings do not name.
    """

    settings: Any = None
    plugin: str = "example"
    installation: Id = "1" * 32
    workspace: Id = "2" * 32
    store: FakeStore = field(default_factory=FakeStore)
    clock: Clock = field(default_factory=lambda: DrivenClock(EPOCH))
    limiter: FakeLimiter = field(default_factory=FakeLimiter)
    inbox: FakeInbox = field(default_factory=FakeInbox)
    live: FakeLive = field(default_factory=FakeLive)
    origin: str = "https://tertulia.example"
    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    _http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> FakeContext:
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30))
        return self

    async def __aexit__(self, *_: object) -> Literal[False]:
        if self._http is not None:
            await self._http.close()
        return False

    @property
    def http(self) -> aiohttp.ClientSession:
        """The session; there is one inside `async with` only."""
        if self._http is None:
            raise RuntimeError("enter the context first: async with FakeContext(…) as context")
        return self._http

    @property
    def public_url(self) -> str:
        """Where routes would be mounted."""
        return f"{self.origin}/plugins/{self.plugin}/{self.installation}"

    def page(self, title: str, body: Markup, *, status: int = 200) -> web.Response:
        """Render a bare page."""
        head = Markup.literal(title).html()
        return web.Response(text=f"<!doctype html>{head}{body.html()}", status=status, content_type="text/html")

    async def subscribe(self, webhook: str, secrets: Sequence[str]) -> Subscription:
        """Return the subscription for *webhook*, with these secrets."""
        known = self.subscriptions.get(webhook)
        identifier = known.id if known else f"{len(self.subscriptions) + 3:032x}"
        url = f"{self.origin}/hooks/{self.plugin}/{identifier}"
        made = Subscription(id=identifier, name=webhook, url=url, secrets=tuple(secrets))
        self.subscriptions[webhook] = made
        return made

    async def unsubscribe(self, webhook: str) -> None:
        """Forget the subscription."""
        self.subscriptions.pop(webhook, None)
