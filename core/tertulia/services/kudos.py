"""Thanks between colleagues: give them, take them back, keep them out of the digest, and see one's own."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from tertulia.domain.attention import after_quiet_hours
from tertulia.domain.identifiers import Id
from tertulia.domain.programs import Practice
from tertulia.domain.prompts import Thanks
from tertulia.errors import Mistake
from tertulia.runtime import Runtime
from tertulia.services import audiences, colleagues, facts
from tertulia.storage import people, programs, ties
from tertulia.storage.database import Tx
from tertulia.storage.tables import kudos
from tertulia.storage.ties import Tie

KIND = "kudos"
LONGEST = 600
A_DAY = 20
"""Thanks that one person gives within a day at most: more is noise, or a machine."""
APART = timedelta(hours=12)
"""Between two messages to one person; what comes meanwhile waits, and comes in one message a practice."""
NOT_YOURS = "There are no such thanks; load the page again."
OPTED_OUT = "You do not take part in “{title}”; take it up again on your page first."


@dataclass(frozen=True, kw_only=True)
class Giver:
    """Say who gives, through which practice of which workspace, and on which platform."""

    organization: Id
    workspace: Id
    practice: Practice
    person: Id
    platform: str


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Hold thanks as one of the two sees them; *other* is empty where the other is not there any more."""

    id: Id
    workspace: Id
    practice: str
    other: str
    value: str | None
    why: str
    public: bool
    hidden: bool
    at: datetime


async def give_named(runtime: Runtime, tx: Tx, giver: Giver, thanks: Thanks) -> None:
    """Thank those whose names or addresses were typed; raises `Mistake` where one of them cannot be found."""
    if not any(name.strip() for name in thanks.to):
        raise Mistake("Write whom you thank: a name or an e-mail address.")
    found = [await colleagues.named(tx, giver.organization, [giver.workspace], name) for name in thanks.to]
    await give(runtime, tx, giver, found, thanks)


async def give(runtime: Runtime, tx: Tx, giver: Giver, receivers: Sequence[Id], thanks: Thanks) -> None:
    """Thank *receivers*, of whom each is told on the own channel; who opted out is not told, counted or shown."""
    receivers = list(dict.fromkeys(receivers))
    await _check(runtime, tx, giver, receivers, thanks)
    reached = await colleagues.taking_part(tx, giver.organization, giver.workspace, giver.practice, receivers)
    # who is in a group is nobody else's to know, not even from a count of ties
    tied = frozenset() if giver.practice.audience.groups else reached
    now = runtime.clock.now()
    for receiver in receivers:
        identifier = runtime.new_id()
        sealed = runtime.vault.seal(thanks.why.encode(), *sealed_place(giver.organization, identifier))
        tell_at = await _when(tx, giver.organization, receiver, now) if receiver in reached else None
        await tx.execute(
            kudos.insert().values(
                organization_id=giver.organization,
                id=identifier,
                workspace_id=giver.workspace,
                practice=giver.practice.key,
                giver_id=giver.person,
                receiver_id=receiver,
                value=thanks.value,
                sealed=sealed,
                public=thanks.public,
                hidden=False,
                tied=receiver in tied,
                platform=giver.platform,
                at=now,
                tell_at=tell_at,
            )
        )
        if receiver in tied:
            tie = _tie(giver.person, receiver, giver.platform, now)
            await ties.add(tx, runtime.vault, giver.organization, giver.workspace, {tie: 1.0})


async def _check(runtime: Runtime, tx: Tx, giver: Giver, receivers: Collection[Id], thanks: Thanks) -> None:
    organization, practice = giver.organization, giver.practice
    if giver.person in receivers:
        raise Mistake("You cannot thank yourself here; name a colleague.")
    if len(thanks.why) > LONGEST:
        raise Mistake(f"The reason has {len(thanks.why)} characters; shorten it to at most {LONGEST}.")
    if not await colleagues.taking_part(tx, organization, giver.workspace, practice, [giver.person]):
        raise Mistake(OPTED_OUT.format(title=practice.title))
    present = [one for one in await people.members(tx, organization, giver.workspace) if one.id in receivers]
    known = {one.id for one in await audiences.addressed(tx, organization, giver.workspace, practice, present)}
    if not known.issuperset(receivers):
        raise Mistake(f"“{practice.title}” is not for everybody whom you named; thank them in your own words.")
    since = runtime.clock.now() - timedelta(days=1)
    mine = (kudos.c.organization_id == organization, kudos.c.giver_id == giver.person, kudos.c.at > since)
    given = (await tx.execute(sa.select(sa.func.count()).select_from(kudos).where(*mine))).scalar_one()
    if given + len(receivers) > A_DAY:
        raise Mistake(f"That would be more than {A_DAY} thanks within a day; go on tomorrow.")


async def _when(tx: Tx, organization: Id, receiver: Id, now: datetime) -> datetime:
    """Return when to tell: at once, but not in quiet hours, and not soon after the message before."""
    person = await people.person(tx, organization, receiver)
    mine = (kudos.c.organization_id == organization, kudos.c.receiver_id == receiver)
    last: datetime | None = (await tx.execute(sa.select(sa.func.max(kudos.c.told_at)).where(*mine))).scalar()
    earliest = max(now, last + APART) if last is not None else now
    return after_quiet_hours(person, earliest) if person is not None else earliest


def _tie(source: Id, target: Id, platform: str, at: datetime) -> Tie:
    return Tie(facts.week_of(at), KIND, source, target, platform)


async def take_back(runtime: Runtime, tx: Tx, organization: Id, person: Id, identifier: Id) -> sa.Row[Any]:
    """Delete thanks for their giver, and the tie that was counted; a message that was sent stays sent.

    Returns the row as it was; `kudos_withdrawing` also takes it out of digests.
    """
    row = await _own(
        tx, organization, identifier, kudos.c.giver_id.in_(await people.selves(tx, organization, person))
    )
    await tx.execute(kudos.delete().where(kudos.c.organization_id == organization, kudos.c.id == identifier))
    if row.tied:
        tie = _tie(row.giver_id, row.receiver_id, row.platform, row.at)
        await ties.take_back(tx, runtime.vault, organization, row.workspace_id, tie, 1.0)
    return row


async def hide(tx: Tx, organization: Id, person: Id, identifier: Id, *, hidden: bool) -> sa.Row[Any]:
    """Keep thanks out of digests to come for their receiver, or let them in again; returns the row as it was."""
    mine = kudos.c.receiver_id.in_(await people.selves(tx, organization, person))
    row = await _own(tx, organization, identifier, mine)
    at = (kudos.c.organization_id == organization, kudos.c.id == identifier)
    await tx.execute(kudos.update().where(*at).values(hidden=hidden))
    return row


async def _own(tx: Tx, organization: Id, identifier: Id, mine: sa.ColumnElement[bool]) -> sa.Row[Any]:
    query = sa.select(kudos).where(kudos.c.organization_id == organization, kudos.c.id == identifier, mine)
    row = (await tx.execute(query.with_for_update())).one_or_none()
    if row is None:
        raise Mistake(NOT_YOURS)
    return row


async def received(runtime: Runtime, tx: Tx, organization: Id, person: Id) -> list[Entry]:
    """Return what colleagues thanked *person* for, newest first."""
    return await _entries(runtime, tx, organization, person, kudos.c.receiver_id, kudos.c.giver_id)


async def given(runtime: Runtime, tx: Tx, organization: Id, person: Id) -> list[Entry]:
    """Return what *person* thanked colleagues for, newest first; whether they hid it is theirs to know."""
    return await _entries(runtime, tx, organization, person, kudos.c.giver_id, kudos.c.receiver_id)


async def _entries(
    runtime: Runtime, tx: Tx, organization: Id, person: Id, mine: sa.Column[str], other: sa.Column[str]
) -> list[Entry]:
    selves = await people.selves(tx, organization, person)
    query = sa.select(kudos).where(kudos.c.organization_id == organization, mine.in_(selves))
    rows = (await tx.execute(query.order_by(kudos.c.at.desc(), kudos.c.id))).all()
    now = await people.survivors(tx, organization)
    others = {row.id: now.get(row._mapping[other], row._mapping[other]) for row in rows}
    known = await people.persons(tx, organization, set(others.values()))
    return [
        Entry(
            id=row.id,
            workspace=row.workspace_id,
            practice=row.practice,
            other=known[others[row.id]].name if others[row.id] in known else "",
            value=row.value,
            why=opened(runtime, row),
            public=row.public,
            hidden=row.hidden and mine is kudos.c.receiver_id,
            at=row.at,
        )
        for row in rows
    ]


async def offered(tx: Tx, organization: Id, person: Id) -> list[tuple[Id, Practice]]:
    """Return the practices of this kind through which *person* may thank, by workspace."""
    who = await people.person(tx, organization, person)
    found: list[tuple[Id, Practice]] = []
    for workspace in await people.workspaces_of(tx, organization, person) if who is not None else ():
        program = await programs.current(tx, organization, workspace)
        for practice in await audiences.practices_for(tx, workspace, program, who) if who is not None else ():
            if practice.kind == KIND:
                found.append((workspace, practice))
    return found


def opened(runtime: Runtime, row: sa.Row[Any]) -> str:
    """Return why a row of the table thanks."""
    return runtime.vault.open(row.sealed, *sealed_place(row.organization_id, row.id)).decode()


def sealed_place(organization: Id, identifier: Id) -> tuple[str, str, str]:
    """Return the associated data that the words of thanks are sealed to."""
    return kudos.name, organization, identifier
