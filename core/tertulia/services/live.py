"""Rounds held live, in a meeting or a channel: a session steps through its states while a host watches the counts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import cast

from tertulia.domain.identifiers import Id, Json
from tertulia.domain.markup import Markup
from tertulia.domain.people import Actor, Place
from tertulia.domain.programs import Program
from tertulia.domain.prompts import Given, Prompt, Reply
from tertulia.errors import Mistake, Refused
from tertulia.extension import RitualKind
from tertulia.kinds import Dealt
from tertulia.live import Attendee, Counts, Offer, Standing
from tertulia.runtime import Runtime
from tertulia.services import (
    live_absent,
    live_board,
    live_counts,
    live_groups,
    live_guests,
    live_opening,
    live_questions,
    live_seats,
    live_sessions,
    live_turns,
    live_who,
    rounds,
    shares,
    summaries,
)
from tertulia.services.live_absent import OPEN_FOR
from tertulia.services.live_sessions import Session
from tertulia.services.live_who import SignedIn
from tertulia.services.prompts import compose, compose_summary
from tertulia.services.rounds import RoundRow
from tertulia.storage import people, programs
from tertulia.storage.database import Tx
from tertulia.storage.tables import session as session_table

__all__ = ["OPEN_FOR", "WorkspaceLive"]

POLL = 1.0
"""Real seconds between two looks at what other processes did."""


def _can_be_held(kind: RitualKind) -> bool:
    """Tell whether a kind asks everybody the same, under their names, or is made to be held live."""
    return kind.privacy != "confidential" and (live_board.is_played(kind) or not isinstance(kind, Dealt))


class WorkspaceLive:
    """Run live rounds in one workspace."""

    def __init__(self, runtime: Runtime, *, organization: Id, workspace: Id) -> None:
        self._runtime, self._organization, self._workspace = runtime, organization, workspace
        self._whose = (organization, workspace)
        self._changed = asyncio.Condition()

    async def offers(self) -> tuple[Offer, ...]:
        """Return the practices that can be held live: surveys are not."""
        async with self._runtime.database.read() as tx:
            program = await programs.current(tx, *self._whose)
        return tuple(
            Offer(practice=one.key, title=one.title, kind=one.kind)
            for one in (program.practices if program else ())
            if _can_be_held(self._runtime.plugins.ritual(one.kind))
        )

    async def start(self, place: Place, host: Actor | SignedIn, practice: str, options: Json) -> Id:
        """Open a session in the lobby; raises `Refused` where *host* may not. One that runs there is ended.

        *options* replace those of the practice, key by key. The round stays open for 24 hours.
        """
        async with self._runtime.database.write() as tx:
            host_id = await self._host(tx, host)
            program = await programs.current(tx, *self._whose)
            chosen = live_opening.practice_of(program, practice)
            kind = self._runtime.plugins.ritual(chosen.kind)
            if kind.privacy == "confidential":
                raise Mistake(f"Practice {practice!r} is a survey, which is never held live; choose a ritual.")
            if not _can_be_held(kind):
                raise Mistake(f"Practice {practice!r} asks each person privately; choose a ritual for everybody.")
            for earlier in await live_sessions.running(tx, *self._whose, place):
                await self._end(tx, earlier)
            place_id = await live_opening.place_id(self._runtime, tx, *self._whose, place)
            session = self._runtime.new_id()
            size = await live_counts.present(tx, self._organization, None, place_id)
            content = await live_opening.prepare(
                self._runtime, tx, kind, chosen, options, whose=self._whose, session=session, size=size
            )
            version = cast(Program, program).version
            round_id = await live_opening.open_round(
                self._runtime, tx, chosen, whose=self._whose, version=version, session=session, content=content
            )
            await tx.execute(
                session_table.insert().values(
                    organization_id=self._organization,
                    id=session,
                    round_id=round_id,
                    place_id=place_id,
                    host_id=host_id,
                    state="lobby",
                )
            )
        await self._tell()
        return session

    async def running(self, place: Place) -> Id | None:
        """Return the session that runs at *place*, or `None`."""
        async with self._runtime.database.read() as tx:
            found = await live_sessions.running(tx, *self._whose, place)
        return found[0].id if found else None

    async def advance(self, session: Id, host: Actor | SignedIn, state: str) -> Counts:
        """Take the session to its next state; raises `Refused` where the order does not allow it."""
        async with self._runtime.database.write() as tx:
            await self._host(tx, host)
            found = await self._session(tx, session, lock=True)
            await live_sessions.step(tx, found, state)
            if state == "ended":
                await self._finish(tx, found)
            elif state == "asking" and await self._is_played(tx, found):
                await live_questions.show(self._runtime, tx, replace(found, state=state), 1)
            counts = await live_counts.read(self._runtime, tx, await self._session(tx, session))
        await self._tell()
        return counts

    async def end(self, session: Id, host: Actor | SignedIn) -> None:
        """End a session wherever it stands; one that is still in the lobby is called off."""
        async with self._runtime.database.write() as tx:
            await self._host(tx, host)
            await self._end(tx, await self._session(tx, session, lock=True))
        await self._tell()

    async def over(self, place: Place, at: datetime | None = None) -> None:
        """End what runs at *place*: the platform says that the meeting is over, perhaps for a while (*at*)."""
        async with self._runtime.database.write() as tx:
            for found in await live_sessions.running(tx, *self._whose, place):
                if at is None or found.opened <= at:
                    await self._end(tx, found)
        await self._tell()

    async def _end(self, tx: Tx, found: Session) -> None:
        if found.state == "lobby":
            await live_absent.call_off(tx, found)
            return
        await live_sessions.step(tx, found, "ended")
        await self._finish(tx, found)

    async def _finish(self, tx: Tx, found: Session) -> None:
        await live_questions.finish(self._runtime, tx, found)
        await live_absent.ask(self._runtime, tx, found)

    async def _is_played(self, tx: Tx, found: Session) -> bool:
        round_ = await rounds.find(tx, found.round, found.organization)
        return round_ is not None and live_board.is_played(self._runtime.plugins.ritual(round_.kind))

    async def show_question(self, session: Id, host: Actor | SignedIn, number: int) -> Counts:
        """Ask question *number* of a quiz (counted from 1) and close the one before; once asked it stays asked."""
        return await self._question(session, host, number, live_questions.show)

    async def close_question(self, session: Id, host: Actor | SignedIn, number: int) -> Counts:
        """Close question *number* before its time; where it has closed already nothing changes."""
        return await self._question(session, host, number, live_questions.close)

    async def _question(self, session: Id, host: Actor | SignedIn, number: int, act: live_questions.Act) -> Counts:
        async with self._runtime.database.write() as tx:
            await self._host(tx, host)
            await act(self._runtime, tx, await self._session(tx, session, lock=True), number)
            counts = await live_counts.read(self._runtime, tx, await self._session(tx, session))
        await self._tell()
        return counts

    async def watch(self, session: Id) -> AsyncIterator[Counts]:
        """Yield the counts now and at every change, until the session has ended."""
        last: Counts | None = None
        while last is None or last.state != "ended":
            async with self._runtime.database.read() as tx:
                counts = await live_counts.read(self._runtime, tx, await self._session(tx, session))
            if counts != last:
                last = counts
                yield counts
            else:
                await self._wait()

    async def _wait(self) -> None:
        async with self._changed:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), POLL)

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def prompt(self, session: Id, actor: Actor | SignedIn | None = None) -> Prompt:
        """Show the session's question to *actor*, or for everybody where that is `None` or a stranger."""
        async with self._runtime.database.read() as tx:
            found = await self._session(tx, session)
            round_ = await self._round(tx, found)
            known = await live_who.person_of(tx, self._organization, actor)
            person = await people.person(tx, self._organization, known) if known else None
            practice = await rounds.known_practice_of(self._runtime.database, tx, round_)
            kind = self._runtime.plugins.ritual(round_.kind)
            share: Json | None = None
            given: Given | None = None
            if person and found.asked != found.round:
                share, given = await live_board.own(tx, replace(round_, id=found.round), person.id)
            elif person:
                share = await shares.share_of(self._runtime, tx, round_, kind, person.id)
            language = person.languages[0] if person and person.languages else await self._language(tx)
        who = person.id if person else None
        return compose(self._runtime, round_, practice, person=who, language=language, share=share, given=given)

    async def language(self, actor: Actor) -> str | None:
        """Return the language that the actor's person chose, `None` for a stranger and for who chose none."""
        async with self._runtime.database.read() as tx:
            member = await self._member(tx, actor)
            person = await people.person(tx, self._organization, member) if member else None
        return person.languages[0] if person and person.languages else None

    async def guest_prompt(self, session: Id) -> Prompt:
        """Show the question to somebody whom nobody knows; answers go to `respond`."""
        shown = await self.prompt(session)
        actions = tuple(replace(action, token="") for action in shown.actions)
        return replace(shown, recorded=live_guests.RECORDED, actions=actions)

    async def present(self, session: Id, host: Actor, attendees: Sequence[Attendee]) -> None:
        """Take *attendees* for everybody who is in the meeting now; the others have left."""
        async with self._runtime.database.write() as tx:
            await self._host(tx, host)
            found = await self._session(tx, session, lock=True)
            await live_seats.list_present(self._runtime, tx, found, attendees)
            await live_turns.follow(self._runtime, tx, found)
        await self._tell()

    async def seen(self, session: Id, host: Actor, actors: Sequence[Actor]) -> None:
        """Note accounts that are in the meeting, in whatever seat, so that nobody of them is asked as absent."""
        async with self._runtime.database.write() as tx:
            await self._host(tx, host)
            await live_seats.note(self._runtime, tx, await self._session(tx, session, lock=True), actors)

    async def enter(self, session: Id, attendee: Attendee) -> None:
        """Note that one participant is there; raises `Refused` where another holds that seat."""

        async def work(tx: Tx) -> None:
            found = await self._session(tx, session, lock=True)
            await live_seats.enter(self._runtime, tx, found, attendee)
            await live_turns.follow(self._runtime, tx, found)

        await self._runtime.database.group(work)
        await self._tell()

    async def leave(self, session: Id, ref: str) -> None:
        """Note that one participant left."""
        async with self._runtime.database.write() as tx:
            found = await self._session(tx, session, lock=True)
            await live_seats.leave(self._runtime, tx, found, ref)
            await live_turns.follow(self._runtime, tx, found)
        await self._tell()

    async def turns(self, session: Id, host: Actor, seconds: int = 60) -> tuple[str, ...]:
        """Give everybody a turn of so many seconds, and return the participants in their order."""
        async with self._runtime.database.write() as tx:
            await self._host(tx, host)
            found = await self._session(tx, session, lock=True)
            if found.state != "turns":
                await live_sessions.step(tx, found, "turns")
            made = await live_turns.begin(self._runtime, tx, found, seconds)
        await self._tell()
        return made.people

    async def next_turn(self, session: Id, host: Actor, number: int) -> Counts:
        """End turn *number* (counted from 1) before its time; where it is over already nothing changes."""
        async with self._runtime.database.write() as tx:
            await self._host(tx, host)
            found = await self._session(tx, session, lock=True)
            known = await live_turns.read(tx, found)
            if found.state != "turns" or known is None:
                raise Refused("nobody has a turn now", 409)
            await live_turns.write(tx, found, known.moved_on(number - 1, self._runtime.clock.now()))
            counts = await live_counts.read(self._runtime, tx, found)
        await self._tell()
        return counts

    async def groups(self, session: Id, host: Actor, size: int = 2) -> tuple[tuple[str, ...], ...]:
        """Divide the participants into groups of 2, 3 or 4, apart from whom they met last time, and remember that."""
        policy = live_groups.policy_of(size)
        async with self._runtime.database.read() as tx:
            await self._host(tx, host, resolve=False)
            found = await self._session(tx, session)
            if found.divided:
                return found.groups
            round_ = await self._round(tx, found)
            gathering = await live_groups.gather(self._runtime, tx, found, round_, policy)
        divided = await live_groups.divide(self._runtime, gathering, policy)
        async with self._runtime.database.write() as tx:
            found = await self._session(tx, session, lock=True)
            if found.divided:  # another click was faster
                return found.groups
            if found.state != "groups":
                await live_sessions.step(tx, found, "groups")
            await live_groups.keep(self._runtime, tx, found, gathering, divided)
        await self._tell()
        return divided.groups

    async def standing(self, session: Id, attendee: Attendee) -> Standing:
        """Tell one participant how they stand."""
        async with self._runtime.database.read() as tx:
            found = await self._session(tx, session)
            person = await self._member(tx, attendee.actor)
            devices = await live_seats.theirs(tx, found, attendee.ref, person)
            spoken = await live_turns.read(tx, found)
            answered = (
                await live_guests.answered(tx, found, attendee)
                if person is None
                else await live_who.answered(tx, found, person)
            )
        turn = live_turns.place_of(spoken, devices) if spoken else None
        groups = enumerate(found.groups, start=1)
        mine = next(((number, group) for number, group in groups if attendee.ref in group), None)
        return Standing(
            member=person is not None,
            answered=answered,
            turn=None if turn is None else turn + 1,
            group=mine[0] if mine else None,
            group_size=len(mine[1]) if mine else 0,
        )

    async def respond(self, session: Id, attendee: Attendee, verb: str, values: Json) -> Reply:
        """Take the answer of somebody whom nobody knows; kept without a name until the round closes."""

        async def work(tx: Tx) -> bool:
            found = await self._session(tx, session, lock=True)
            if await self._member(tx, attendee.actor) is not None:
                raise Refused("a member answers under their name", 409)
            round_ = await self._round(tx, found)
            return await live_guests.take(self._runtime, tx, found, round_, attendee, verb, values)

        try:
            replaced = await self._runtime.database.group(work)
        except Mistake as mistake:
            return Reply(status="refused", text=Markup.literal(str(mistake)), private=True)
        await self._tell()
        return Reply(status="changed" if replaced else "taken", text=Markup.literal(live_guests.TAKEN), private=True)

    async def summary(self, session: Id) -> Prompt | None:
        """Show what members answered so far, or `None` where there is nothing to show."""
        async with self._runtime.database.read() as tx:
            found = await self._session(tx, session)
            round_ = await self._round(tx, replace(found, asked=found.round))
            practice, language = await rounds.practice_of(tx, round_), await self._language(tx)
            if found.asked != found.round and found.state != "ended":
                draft = await live_board.current(self._runtime, tx, round_, language)
            else:
                _, draft = await summaries.summarise(self._runtime, tx, round_, practice)
        return None if draft is None else compose_summary(self._runtime, round_, practice, language, draft)

    async def _host(self, tx: Tx, who: Actor | SignedIn, *, resolve: bool = True) -> Id:
        return await live_who.host(self._runtime, tx, self._whose, who, resolve=resolve)

    async def _member(self, tx: Tx, who: Actor | SignedIn | None) -> Id | None:
        return await live_who.member(tx, self._whose, who)

    async def _session(self, tx: Tx, session: Id, *, lock: bool = False) -> Session:
        return await live_sessions.find(tx, *self._whose, session, lock=lock)

    async def _round(self, tx: Tx, found: Session) -> RoundRow:
        round_ = await rounds.find(tx, found.asked, self._organization)
        if round_ is None:
            raise Refused("no such session", 404)
        return round_

    async def _language(self, tx: Tx) -> str:
        space = await people.workspace(tx, *self._whose)
        return space.language if space else "en"
