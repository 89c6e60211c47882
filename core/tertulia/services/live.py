"""Rounds held live, in a meeting or a channel: a session steps through its states while a host watches the counts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from typing import cast

import sqlalchemy as sa
from pydantic import ValidationError

from tertulia.domain.identifiers import Id, Json
from tertulia.domain.people import Actor, Place
from tertulia.domain.programs import Practice, Program
from tertulia.domain.prompts import Prompt
from tertulia.domain.rounds import SESSION, SessionState
from tertulia.errors import Mistake, Refused
from tertulia.extension import Counts, RitualKind, RoundRequest
from tertulia.runtime import Runtime
from tertulia.services import identities, opening, rounds, shares, summaries
from tertulia.services.prompts import compose
from tertulia.services.rounds import RoundRow
from tertulia.storage import people, programs
from tertulia.storage.database import Tx, upsert
from tertulia.storage.tables import participation, round_table
from tertulia.storage.tables import place as place_table
from tertulia.storage.tables import session as session_table

OPEN_FOR = timedelta(hours=24)
"""Colleagues who were not there can answer that long."""

HOSTS = frozenset({"host", "admin", "owner"})
POLL = 1.0
"""Real seconds between two looks at what other processes did."""

SHOWN = 50
"""At most that many shared answers go to a host's panel."""


class WorkspaceLive:
    """Run live rounds in one workspace."""

    def __init__(self, runtime: Runtime, *, organization: Id, workspace: Id) -> None:
        self._runtime, self._organization, self._workspace = runtime, organization, workspace
        self._changed = asyncio.Condition()

    async def start(self, place: Place, host: Actor, practice: str, options: Json) -> Id:
        """Open a session in the lobby; raises `Refused` where *host* may not.

        *options* replace those of the practice, key by key. The round stays open for 24 hours.
        """
        async with self._runtime.database.write() as tx:
            host_id = await self._host(tx, host)
            program = await programs.current(tx, self._organization, self._workspace)
            chosen = _practice(program, practice)
            kind = self._runtime.plugins.ritual(chosen.kind)
            if kind.privacy == "confidential":
                raise Mistake(f"Practice {practice!r} is a survey, which is never held live; choose a ritual.")
            place_id = await self._place(tx, place)
            session = self._runtime.new_id()
            size = await self._present(tx, None, place_id)
            content = await self._prepare(tx, kind, chosen, options, session, size)
            round_id = await self._open(tx, cast(Program, program), chosen, session, content)
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
        return session

    async def advance(self, session: Id, host: Actor, state: str) -> Counts:
        """Take the session to its next state; raises `Refused` where the order does not allow it."""
        async with self._runtime.database.write() as tx:
            await self._host(tx, host)
            found = await self._session(tx, session, lock=True)
            if state not in SESSION[found.state]:
                raise Refused(f"the session cannot go from {found.state} to {state[:20]}", 409)
            await tx.execute(session_table.update().where(session_table.c.id == session).values(state=state))
            counts = await self._counts(tx, session)
        async with self._changed:
            self._changed.notify_all()
        return counts

    async def watch(self, session: Id) -> AsyncIterator[Counts]:
        """Yield the counts now and at every change, until the session has ended."""
        last: Counts | None = None
        while last is None or last.state != "ended":
            async with self._runtime.database.read() as tx:
                counts = await self._counts(tx, session)
            if counts != last:
                last = counts
                yield counts
            else:
                await self._wait()

    async def _wait(self) -> None:
        async with self._changed:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), POLL)

    async def prompt(self, session: Id, actor: Actor | None = None) -> Prompt:
        """Show the session's question to *actor*, or for everybody where that is `None` or a stranger."""
        async with self._runtime.database.read() as tx:
            found = await self._session(tx, session)
            round_ = await rounds.find(tx, found.round_id, self._organization)
            known = await people.identity_of(tx, self._organization, actor) if actor else None
            person = await people.person(tx, self._organization, known.person) if known and known.person else None
            space = await people.workspace(tx, self._organization, self._workspace)
            if round_ is None or space is None:
                raise Refused("no such session", 404)
            practice = await rounds.practice_of(tx, round_)
            kind = self._runtime.plugins.ritual(round_.kind)
            share = await shares.share_of(self._runtime, tx, round_, kind, person.id) if person else None
        language = person.languages[0] if person and person.languages else space.language
        who = person.id if person else None
        return compose(self._runtime, round_, practice, person=who, language=language, share=share)

    async def _host(self, tx: Tx, actor: Actor) -> Id:
        identity = await identities.resolve(self._runtime, tx, self._organization, actor)
        roles = await people.roles_of(tx, self._organization, identity.person) if identity.person else {}
        if identity.person is None or not HOSTS & roles.get(self._workspace, frozenset()):
            raise Refused("only hosts and admins of this workspace hold live rounds")
        return identity.person

    async def _place(self, tx: Tx, place: Place) -> Id:
        mine = {"organization_id": self._organization, "workspace_id": self._workspace}
        named = mine | {"platform": place.platform, "ref": place.ref}
        row = named | {"id": self._runtime.new_id(), "kind": place.kind, "origin": "host"}
        await upsert(tx, place_table, [row], keys=("organization_id", "workspace_id", "platform", "ref"))
        return str((await tx.execute(sa.select(place_table.c.id).filter_by(**named))).scalar_one())

    async def _prepare(
        self, tx: Tx, kind: RitualKind, practice: Practice, options: Json, session: Id, size: int
    ) -> Json:
        group = opening.group_key(practice)
        memory = (self._organization, self._workspace, practice.kind, group)
        try:
            chosen = kind.options.model_validate({**practice.options, **options})
        except ValidationError as error:
            fault = error.errors()[0]
            key = ".".join(str(part) for part in fault["loc"]) or "options"
            raise Mistake(f"{key} does not fit practice {practice.key!r}: {fault['msg']}.") from None
        prepared = kind.prepare(
            RoundRequest(
                practice=practice.key,
                options=chosen,
                occurrence=f"host:{session}",
                group_size=size,
                seed=int(session[:16], 16),
                used=await opening.items_used(tx, *memory),
            )
        )
        await opening.remember(self._runtime, tx, *memory, prepared.uses)
        return prepared.content

    async def _open(self, tx: Tx, program: Program, practice: Practice, session: Id, content: Json) -> Id:
        now, round_id = self._runtime.clock.now(), self._runtime.new_id()
        await tx.execute(
            round_table.insert().values(
                organization_id=self._organization,
                id=round_id,
                workspace_id=self._workspace,
                practice=practice.key,
                kind=practice.kind,
                program_version=program.version,
                occurrence=f"host:{session}",
                state="open",
                next_action="close",
                next_at=now + OPEN_FOR,
                opens_at=now,
                closes_at=now + OPEN_FOR,
                confidential=False,
                content=dict(content),
            )
        )
        return round_id

    async def _session(self, tx: Tx, session: Id, *, lock: bool = False) -> sa.Row[tuple[object, ...]]:
        query = (
            sa.select(session_table)
            .join(round_table, round_table.c.id == session_table.c.round_id)
            .where(
                session_table.c.id == session,
                session_table.c.organization_id == self._organization,
                round_table.c.workspace_id == self._workspace,
            )
        )
        row = (await tx.execute(query.with_for_update(of=session_table) if lock else query)).one_or_none()
        if row is None:
            raise Refused("no such session", 404)
        return cast("sa.Row[tuple[object, ...]]", row)

    async def _counts(self, tx: Tx, session: Id) -> Counts:
        found = await self._session(tx, session)
        round_ = await rounds.find(tx, found.round_id, self._organization)
        answered, passed = await summaries.turnout(tx, found.round_id)
        return Counts(
            state=cast(SessionState, found.state),
            # who answers from elsewhere takes part too
            present=max(await self._present(tx, found.round_id, found.place_id), answered + passed),
            answered=answered,
            passed=passed,
            shared=await self._shared(tx, round_) if round_ else (),
        )

    async def _shared(self, tx: Tx, round_: RoundRow) -> tuple[str, ...]:
        """Return what was written for everyone, without names and in no order of time."""
        fields = self._runtime.plugins.ritual(round_.kind).prompt(round_.content, "en").fields
        written = [field.key for field in fields if field.kind in ("short", "long")]
        answers = await summaries.shared(tx, round_, ["workspace"])
        texts = (" · ".join(str(item.values[key]) for key in written if key in item.values) for item in answers)
        return tuple(sorted(filter(None, texts)))[:SHOWN]

    async def _present(self, tx: Tx, round_id: Id | None, place_id: Id) -> int:
        """Count who is at the place now, persons once however they came."""
        who = sa.func.coalesce(participation.c.person_id, participation.c.identity_id, participation.c.id)
        query = sa.select(sa.func.count(who.distinct())).where(
            participation.c.organization_id == self._organization,
            participation.c.kind == "attended",
            participation.c.ended_at.is_(None),
            sa.or_(participation.c.round_id == round_id, participation.c.place_id == place_id),
        )
        return int((await tx.execute(query)).scalar_one())


def _practice(program: Program | None, key: str) -> Practice:
    chosen = program.practice(key) if program else None
    if program and chosen is None:
        # a host types the kind; that will do where one practice has it
        same = [practice for practice in program.practices if practice.kind == key]
        chosen = same[0] if len(same) == 1 else None
    if chosen is None:
        known = ", ".join(practice.key for practice in program.practices) if program else ""
        raise Mistake(f"The program has no practice {key[:100]!r}; it has: {known or 'none'}.")
    return chosen
