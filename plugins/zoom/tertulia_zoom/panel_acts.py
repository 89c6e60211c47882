"""Do what a panel asks: each act takes the pass and the JSON that came, and returns JSON."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

from tertulia import Actor, Attendee, Context, Id, Prompt, Refused
from tertulia_zoom import panel_view
from tertulia_zoom.desk import Desk
from tertulia_zoom.panel_meeting import SESSIONS, accounts_in, accounts_present
from tertulia_zoom.panel_pass import Pass
from tertulia_zoom.panel_view import View
from tertulia_zoom.panel_watch import Seen, Watch

WAIT = 20.0
"""Real seconds that a panel's question for news is held."""
PACE, TOGETHER = 1.0, 100
"""Everybody but the host hears news that many seconds late for each hundred panels, each at their own moment: three
hundred must not ask all at once for each answer."""
SESSIONS_KNOWN = 50
MEETINGS_KNOWN = 50
"""So many are watched for panels that may ask again; one that panels wait for is never forgotten."""
KEPT = timedelta(days=2)
"""So long the session that was the last in an instance of a meeting is remembered."""
HELD = ("icebreaker", "quiz")
"""The kinds of practices that the panel knows how to hold."""
NOTHING_RUNS = "Nothing is running in this meeting."


@dataclass
class Panels:
    """Hold what the panels of one installation share."""

    desk: Desk
    watches: dict[str, Watch] = field(default_factory=dict)
    members: dict[Id, set[str]] = field(default_factory=dict)
    _told: int = 0

    @property
    def context(self) -> Context:
        """The installation's context."""
        return self.desk.context

    def watch(self, who: Pass) -> Watch:
        """Return what watches the pass's meeting."""
        known = self.watches.pop(who.meeting, None)
        if known is None:
            known = Watch(self.context, session_key(who), after=self._told)
        self.watches[who.meeting] = known
        self._forget(but=who.meeting)
        return known

    def _forget(self, *, but: str) -> None:
        """Forget what was longest not asked about; whoever asks again is not told a number twice."""
        idle = [name for name, watch in self.watches.items() if not watch.waiting and name != but]
        for name in idle[: max(0, len(self.watches) - MEETINGS_KNOWN)]:
            self._told = max(self._told, self.watches.pop(name).seen.number)

    def attendee(self, who: Pass, seat: object) -> Attendee:
        """Name the pass's user at a seat; who has no account is known by this panel alone."""
        if not isinstance(seat, str) or not 0 < len(seat) <= 200 or not seat.isprintable():
            raise Refused("no seat", 400)
        holder = hashlib.sha256(f"{who.meeting}:{who.user or who.visitor}".encode()).hexdigest()
        return Attendee(ref=seat, actor=self.actor(who), holder=holder)

    def actor(self, who: Pass) -> Actor | None:
        """Return the account that Zoom proved."""
        return self.desk.actor(who.user) if who.user else None

    def host(self, who: Pass) -> Actor:
        """Return the account of a host; raises `Refused` for everybody else."""
        if not who.hosting or not who.user:
            raise Refused("only the meeting's host and co-hosts do this", 403)
        return self.desk.actor(who.user)


def session_key(who: Pass) -> str:
    """Name where the session of an instance is kept, so that its result is found after the end."""
    return f"{SESSIONS}{hashlib.sha256(who.meeting.encode()).hexdigest()[:32]}"


Act: TypeAlias = Callable[[Panels, Pass, Mapping[str, Any]], Awaitable[View]]


async def news(panels: Panels, who: Pass, asked: Mapping[str, Any]) -> View:
    """Tell how the meeting stands once that is new to the panel, or after a while."""
    watch = panels.watch(who)
    number = asked.get("seen")
    known = number if isinstance(number, int) and not isinstance(number, bool) else 0
    seen = await watch.after(known, WAIT)
    if known and not who.hosting:
        await asyncio.sleep(PACE * max(1.0, watch.waiting / TOGETHER) * (0.5 + int(who.visitor[:2], 16) / 255))
        seen = watch.seen
    view: View = {"seen": seen.number, "session": seen.session, "now": _now(panels), "hosting": who.hosting}
    if who.hosting and (seen.counts is None or seen.counts.state == "ended"):
        offers = [one for one in await panels.context.live.offers() if one.kind in HELD]
        view["offers"] = [{"practice": one.practice, "title": one.title, "kind": one.kind} for one in offers]
    if seen.session is None:
        return view
    return view | await _running(panels, who, asked, seen, seen.session)


async def _running(panels: Panels, who: Pass, asked: Mapping[str, Any], seen: Seen, session: Id) -> View:
    counts, live = seen.counts, panels.context.live
    if counts is None:
        return {}
    view: View = {}
    asked_now = counts.question
    key = f"{session}:{counts.state}:{counts.turn.number if counts.turn else 0}"
    key += f":{asked_now.number}:{asked_now.closed}" if asked_now else ""
    member = asked.get("member") is True
    if asked.get("key") != key:
        attendee = panels.attendee(who, asked.get("seat"))
        known = str(asked.get("key")).startswith(f"{session}:")
        # once is enough: three hundred panels must not all write whenever a turn ends
        seated = known or counts.state == "ended" or await _seated(panels, session, attendee)
        mine = await live.standing(session, attendee)
        view |= {"key": key, "mine": panel_view.standing(mine) | ({} if seated else {"elsewhere": True})}
        member = mine.member
        if counts.state == "ended":
            summary = await live.summary(session) if mine.member else None
            view["summary"] = summary and panel_view.prompt(summary)
        elif counts.state != "lobby" or who.hosting:
            view["question"] = panel_view.prompt(await _question(panels, who, session, member=mine.member))
            if asked_now and mine.member and (asked_now.closed or asked_now.number > 1):
                stands = await live.summary(session)
                view["summary"] = stands and panel_view.prompt(stands)
    elif member:
        # the page only remembers what it was told; whether it is so is asked again, unless there is nothing to see
        member = (
            bool(counts.shared) and (await live.standing(session, panels.attendee(who, asked.get("seat")))).member
        )
    return view | {"counts": panel_view.counts(counts, shared=member)}


async def _seated(panels: Panels, session: Id, attendee: Attendee) -> bool:
    """Take the seat; where another panel answered from it this one only follows."""
    try:
        await panels.context.live.enter(session, attendee)
    except Refused as refusal:
        if refusal.status != 409:
            raise
        return False
    return True


async def _question(panels: Panels, who: Pass, session: Id, *, member: bool) -> Prompt:
    live = panels.context.live
    return await live.prompt(session, panels.actor(who)) if member else await live.guest_prompt(session)


def _now(panels: Panels) -> int:
    return int(panels.context.clock.now().timestamp() * 1000)


async def _session(panels: Panels, who: Pass) -> Id:
    session = await _running_here(panels, who)
    if session is None:
        raise Refused(NOTHING_RUNS, 409)
    return session


async def _running_here(panels: Panels, who: Pass) -> Id | None:
    """Return what runs in the pass's own instance: the next meeting of the same number is another one."""
    session = await panels.context.live.running(panels.desk.place(who.number))
    kept = await panels.context.store.get(session_key(who))
    return session if kept is not None and kept["session"] == session else None


async def start(panels: Panels, who: Pass, asked: Mapping[str, Any]) -> View:
    """Choose a question: open a session in the lobby, where only the host sees it."""
    host, options = panels.host(who), dict[str, Any]()
    for name in ("warmth", "length", "size"):
        if name in asked:
            options[name] = asked[name]
    place = panels.desk.place(who.number)
    session = await panels.context.live.start(place, host, _text(asked, "practice"), options)
    until = (datetime.now(UTC) + KEPT).timestamp()
    await panels.context.store.put(session_key(who), {"session": session, "until": until})
    panels.watch(who).nudge()
    return {"session": session}


async def ask(panels: Panels, who: Pass, asked: Mapping[str, Any]) -> View:
    """Show the question to everybody."""
    host = panels.host(who)
    await panels.context.live.advance(await _session(panels, who), host, "asking")
    return {}


async def present(panels: Panels, who: Pass, asked: Mapping[str, Any]) -> View:
    """Take the host's own list of who is in the meeting: by the meeting's ids, with no name."""
    host, seats = panels.host(who), asked.get("seats")
    if not isinstance(seats, list) or not all(isinstance(seat, str) for seat in seats):
        raise Refused("no list of seats", 400)
    session = await _running_here(panels, who)
    if session is not None:
        accounts = await accounts_in(panels.desk, who.number, who.meeting)
        there = [Attendee(ref=seat, actor=accounts.get(seat)) for seat in dict.fromkeys(seats)]
        await panels.context.live.present(session, host, there)
    return {}


async def roll(panels: Panels, who: Pass, asked: Mapping[str, Any]) -> View:
    """Learn which accounts came before the meeting was a place of ours: they are not asked as absent."""
    host, session = panels.host(who), await _session(panels, who)
    accounts = await accounts_present(panels.desk, who.meeting)
    if accounts:
        await panels.context.live.seen(session, host, accounts)
    return {}


async def answer(panels: Panels, who: Pass, asked: Mapping[str, Any]) -> View:
    """Take an answer or a pass: a member's under their name, anybody else's without."""
    values, verb, live = asked.get("values", {}), _text(asked, "verb"), panels.context.live
    if not isinstance(values, dict):
        raise Refused("no values", 400)
    session, attendee = await _session(panels, who), panels.attendee(who, asked.get("seat"))
    actor = attendee.actor
    if actor is None or not await _is_member(panels, session, attendee, actor):
        return panel_view.reply(await live.respond(session, attendee, verb, values))
    shown = await live.prompt(session, actor)
    token = next((action.token for action in shown.actions if action.verb == verb), None)
    if token is None:
        raise Refused("no such button", 400)
    return panel_view.reply(await panels.context.inbox.answered(token, actor, values, _text(asked, "key")))


async def _is_member(panels: Panels, session: Id, attendee: Attendee, actor: Actor) -> bool:
    """Tell whether the account is a member's; asked once in a session, for the inbox checks each answer anyway."""
    known = panels.members.setdefault(session, set())
    if actor.user not in known and (await panels.context.live.standing(session, attendee)).member:
        known.add(actor.user)
    while len(panels.members) > SESSIONS_KNOWN:
        panels.members.pop(next(iter(panels.members)))
    return actor.user in known


async def turns(panels: Panels, who: Pass, asked: Mapping[str, Any]) -> View:
    """Give everybody a turn, and tell the host in which order."""
    host = panels.host(who)
    order = await panels.context.live.turns(await _session(panels, who), host, _number(asked, "seconds"))
    return {"order": list(order)}


async def following(panels: Panels, who: Pass, asked: Mapping[str, Any]) -> View:
    """End a turn early."""
    host = panels.host(who)
    await panels.context.live.next_turn(await _session(panels, who), host, _number(asked, "number"))
    return {}


async def question(panels: Panels, who: Pass, asked: Mapping[str, Any]) -> View:
    """Ask the next question of a quiz."""
    host = panels.host(who)
    await panels.context.live.show_question(await _session(panels, who), host, _number(asked, "number"))
    return {}


async def reveal(panels: Panels, who: Pass, asked: Mapping[str, Any]) -> View:
    """Close a question of a quiz before its time."""
    host = panels.host(who)
    await panels.context.live.close_question(await _session(panels, who), host, _number(asked, "number"))
    return {}


async def groups(panels: Panels, who: Pass, asked: Mapping[str, Any]) -> View:
    """Form groups, and tell the host whom to put into which room."""
    host = panels.host(who)
    made = await panels.context.live.groups(await _session(panels, who), host, _number(asked, "size"))
    return {"groups": [list(group) for group in made]}


async def end(panels: Panels, who: Pass, asked: Mapping[str, Any]) -> View:
    """End the session: from now on colleagues who were not there are asked."""
    host = panels.host(who)
    await panels.context.live.advance(await _session(panels, who), host, "ended")
    return {}


def _text(asked: Mapping[str, Any], name: str) -> str:
    value = asked.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= 100 or not value.isprintable():
        raise Refused(f"no {name}", 400)
    return value


def _number(asked: Mapping[str, Any], name: str) -> int:
    value = asked.get(name)
    if isinstance(value, bool) or not isinstance(value, int):
        raise Refused(f"no {name}", 400)
    return value


ACTS: dict[str, Act] = {
    "news": news,
    "start": start,
    "ask": ask,
    "present": present,
    "roll": roll,
    "answer": answer,
    "turns": turns,
    "next": following,
    "question": question,
    "reveal": reveal,
    "groups": groups,
    "end": end,
}
