"""Proposals as they are kept: what one person asked for, and what became of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, TypeAlias, cast

import sqlalchemy as sa

from tertulia.domain.identifiers import Id, Json
from tertulia.domain.people import Role
from tertulia.runtime import Runtime
from tertulia.storage import people
from tertulia.storage.database import Tx
from tertulia.storage.tables import proposal

LASTS = timedelta(days=7)
"""So long a proposal waits."""
SHOWN = 50
"""So many that were decided or ended are listed; all are in the log."""
State: TypeAlias = Literal["waiting", "approved", "refused", "withdrawn"]


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """Hold a proposal; *seen* is how things stood when it was made, *workspace* `None` for the organization's."""

    id: Id
    organization: Id
    workspace: Id | None
    what: str
    detail: Json
    seen: Json
    state: State
    by: Id
    at: datetime
    expires: datetime
    decided_by: Id | None
    decided_at: datetime | None
    used_at: datetime | None

    def waits(self, now: datetime) -> bool:
        """Tell whether somebody can still decide."""
        return self.state == "waiting" and now < self.expires


Look: TypeAlias = Callable[[Runtime, Tx, Proposal], Awaitable[Json]]
CarryOut: TypeAlias = Callable[[Runtime, Tx, Proposal, Id], Awaitable[None]]
Words: TypeAlias = Callable[[Json, Mapping[Id, str]], str]


@dataclass(frozen=True, kw_only=True)
class Change:
    """Hold what one kind of proposal needs and does.

    *proposers* and *approvers* are roles, by the proposal's detail. *look* raises `Mistake` for what makes no sense,
    and returns how things stand: where that differs at the decision, the proposal is out of date. *words* say it to
    people, from the detail and from how things stood; persons are given by id and name.
    """

    proposers: Callable[[Json], frozenset[Role]]
    approvers: Callable[[Json], frozenset[Role]]
    look: Look
    carry_out: CarryOut
    words: Words


async def find(tx: Tx, organization: Id, identifier: Id, *, lock: bool = False) -> Proposal | None:
    """Return a proposal of an organization; with *lock* nobody else decides on it until the transaction ends."""
    query = sa.select(proposal).filter_by(organization_id=organization, id=identifier)
    row = (await tx.execute(query.with_for_update() if lock else query)).one_or_none()
    return None if row is None else _read(row)


async def past(tx: Tx, organization: Id, workspace: Id, now: datetime) -> list[Proposal]:
    """Return what was decided or ended last, about a workspace or its whole organization; the newest first."""
    ended = sa.func.coalesce(proposal.c.decided_at, proposal.c.expires_at)
    over = sa.or_(proposal.c.state != "waiting", proposal.c.expires_at <= now)
    query = sa.select(proposal).where(*_about(organization, workspace), over).order_by(ended.desc(), proposal.c.id)
    return [_read(row) for row in await tx.execute(query.limit(SHOWN))]


async def waiting(tx: Tx, organization: Id, workspace: Id, now: datetime) -> list[Proposal]:
    """Return what waits for a decision, the oldest first."""
    query = sa.select(proposal).where(
        *_about(organization, workspace), proposal.c.state == "waiting", proposal.c.expires_at > now
    )
    return [_read(row) for row in await tx.execute(query.order_by(proposal.c.proposed_at, proposal.c.id))]


async def unused(
    tx: Tx, organization: Id, workspace: Id, what: str, by: Collection[Id], since: datetime
) -> list[Proposal]:
    """Return what was approved after *since* for one of *by* and was not made use of yet, the oldest first."""
    query = sa.select(proposal).where(
        proposal.c.organization_id == organization,
        proposal.c.workspace_id == workspace,
        proposal.c.what == what,
        proposal.c.state == "approved",
        proposal.c.used_at.is_(None),
        proposal.c.decided_at > since,
        proposal.c.proposed_by.in_(by),
    )
    return [_read(row) for row in await tx.execute(query.order_by(proposal.c.decided_at, proposal.c.id))]


async def named(tx: Tx, organization: Id, some: Collection[Proposal]) -> dict[Id, str]:
    """Return the names of those who proposed, who decided and whom it is about; followed through merges."""
    wanted = {one.by for one in some} | {one.decided_by for one in some if one.decided_by}
    wanted |= {str(one.detail["person"]) for one in some if "person" in one.detail}
    stands_for = {each: await people.current(tx, organization, each) for each in wanted}
    known = await people.persons(tx, organization, set(stands_for.values()))
    return {each: known[kept].name for each, kept in stands_for.items() if kept in known and known[kept].name}


async def roles(tx: Tx, organization: Id, workspace: Id | None, person: Id) -> frozenset[Role]:
    """Return the roles of a person in a workspace; for the organization's, those in any of its workspaces."""
    held = await people.roles_of(tx, organization, person)
    if workspace is not None:
        return held.get(workspace, frozenset())
    return frozenset(role for some in held.values() for role in some)


def of_person(organization: Id, selves: Sequence[Id]) -> sa.Select[Any]:
    """Select what a person proposed or decided on; who the other one was is theirs to know."""
    columns = (proposal.c.what, proposal.c.state, proposal.c.proposed_at, proposal.c.decided_at)
    mine = sa.or_(proposal.c.proposed_by.in_(selves), proposal.c.decided_by.in_(selves))
    query = sa.select(*columns).where(proposal.c.organization_id == organization, mine)
    return query.order_by(proposal.c.proposed_at, proposal.c.id)


def _about(organization: Id, workspace: Id) -> tuple[sa.ColumnElement[bool], ...]:
    of = sa.or_(proposal.c.workspace_id == workspace, proposal.c.workspace_id.is_(None))
    return proposal.c.organization_id == organization, of


def _read(row: sa.Row[Any]) -> Proposal:
    return Proposal(
        id=row.id,
        organization=row.organization_id,
        workspace=row.workspace_id,
        what=row.what,
        detail=row.detail,
        seen=row.seen,
        state=cast(State, row.state),
        by=row.proposed_by,
        at=row.proposed_at,
        expires=row.expires_at,
        decided_by=row.decided_by,
        decided_at=row.decided_at,
        used_at=row.used_at,
    )
