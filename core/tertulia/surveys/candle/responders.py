"""Who may receive a person's candle: members with the role and a key, never in the person's reporting line."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa

from tertulia.domain.identifiers import Id
from tertulia.domain.people import Person
from tertulia.domain.reporting import line_of
from tertulia.errors import Mistake
from tertulia.runtime import Runtime
from tertulia.storage import audit, people, tables
from tertulia.storage.database import Tx
from tertulia.surveys.candle import sealing
from tertulia.surveys.candle.sealing import PublicKey

ROLE = "responder"


@dataclass(frozen=True, kw_only=True)
class Responder:
    """Hold somebody who may receive candles, with the newest key that seals to them."""

    person: Id
    name: str
    key: PublicKey


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Hold whom a person may choose; *line_known* is false where nobody has said who leads the person."""

    responders: Sequence[Responder]
    line_known: bool

    def named(self, person: Id | None) -> Responder | None:
        """Return the responder with that id."""
        return next((one for one in self.responders if one.person == person), None)

    def deputy_of(self, responder: Id) -> Responder | None:
        """Return who takes over where *responder* does not open a candle: the next of the list."""
        return next((one for one in self.responders if one.person != responder), None)


async def make_key(runtime: Runtime, tx: Tx, organization: Id, person: Id) -> str:
    """Make a new key for a responder and return its phrase, which is shown once and kept nowhere.

    What was sealed to an older key stays readable with the older phrase.
    """
    phrase = sealing.new_phrase(runtime.entropy)
    key, now = sealing.public_key(organization, phrase), runtime.clock.now()
    table = tables.candle_key
    last = sa.select(sa.func.max(table.c.made_at)).where(
        table.c.organization_id == organization,
        table.c.person_id.in_(await people.selves(tx, organization, person)),
    )
    latest = (await tx.execute(last)).scalar()
    # the newest one seals, also where two are made at the same instant
    made = now if latest is None else max(now, latest + timedelta(milliseconds=1))
    row = {"organization_id": organization, "id": key.id, "person_id": person, "public": key.public, "made_at": made}
    await tx.execute(table.insert().values(row))
    await audit.record(
        tx,
        runtime.vault,
        organization=organization,
        at=now,
        actor=person,
        verb="candle.key",
        subject=person,
        detail={"key": key.id},
    )
    return phrase


async def keys_of(tx: Tx, organization: Id, persons: Collection[Id]) -> dict[Id, PublicKey]:
    """Return the newest key of each of *persons* who has one, those of merged persons included."""
    table, found = tables.candle_key, dict[Id, PublicKey]()
    for person in persons:
        selves = await people.selves(tx, organization, person)
        query = (
            sa.select(table)
            .where(table.c.organization_id == organization, table.c.person_id.in_(selves))
            .order_by(table.c.made_at.desc(), table.c.id)
            .limit(1)
        )
        row = (await tx.execute(query)).one_or_none()
        if row is not None:
            found[person] = PublicKey(row.id, bytes(row.public))
    return found


async def with_role(tx: Tx, organization: Id, workspace: Id) -> list[Person]:
    """Return the present members who are responders of a workspace, those with the role for longest first."""
    table = tables.role
    query = (
        sa.select(table.c.person_id)
        .where(table.c.organization_id == organization, table.c.workspace_id == workspace, table.c.role == ROLE)
        .order_by(table.c.granted_at, table.c.person_id)
    )
    ordered = list((await tx.execute(query)).scalars())
    present = await people.members_among(tx, organization, workspace, ordered)
    return [present[person] for person in ordered if person in present]


async def is_responder(tx: Tx, organization: Id, workspace: Id, person: Id) -> bool:
    """Tell whether a person is a responder of a workspace now."""
    return ROLE in (await people.roles_of(tx, organization, person)).get(workspace, frozenset())


async def choice(tx: Tx, organization: Id, workspace: Id, person: Id) -> Choice:
    """Return whom *person* may choose in a workspace, those who have the role for longest first."""
    if workspace not in await people.workspaces_of(tx, organization, person):
        raise Mistake("You are not a member of this workspace.")
    managers = await managers_of(tx, organization)
    barred = line_of(person, managers) | {person}
    able = [one for one in await with_role(tx, organization, workspace) if one.id not in barred]
    known = await keys_of(tx, organization, [one.id for one in able])
    found = [Responder(person=one.id, name=one.name, key=known[one.id]) for one in able if one.id in known]
    return Choice(responders=found, line_known=person in managers)


async def managers_of(tx: Tx, organization: Id) -> dict[Id, Id]:
    """Return who leads whom, merges followed: what was said of the person that remains wins."""
    line, into = tables.reporting_line, await people.survivors(tx, organization)
    found: dict[Id, Id] = {}
    query = sa.select(line.c.person_id, line.c.manager_id).where(line.c.organization_id == organization)
    for row in (await tx.execute(query.order_by(line.c.person_id))).all():
        led, leader = into.get(row.person_id, row.person_id), into.get(row.manager_id, row.manager_id)
        if led != leader and (led not in found or row.person_id == led):
            found[led] = leader
    return found
