"""Sessions as rows: find them, and take one from state to state."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from tertulia.domain.identifiers import Id
from tertulia.domain.people import Place
from tertulia.domain.rounds import SESSION
from tertulia.errors import Refused
from tertulia.services.live_board import STAGE
from tertulia.storage.database import Tx
from tertulia.storage.tables import place as place_table
from tertulia.storage.tables import round_follow_up, round_table
from tertulia.storage.tables import session as session_table


@dataclass(frozen=True, kw_only=True)
class Session:
    """Hold one session as stored; *groups* are seats that share a room, none before people were *divided*.

    *asked* is the round that answers go to: the last question's, where the session asks several, else its own.
    """

    organization: Id
    id: Id
    round: Id
    place: Id
    host: Id
    state: str
    opened: datetime
    asked: Id = ""
    divided: bool = False
    groups: tuple[tuple[str, ...], ...] = ()


async def find(tx: Tx, organization: Id, workspace: Id, session: Id, *, lock: bool = False) -> Session:
    """Return a session of the workspace; raises `Refused` where there is none."""
    query = _of(organization, workspace).where(session_table.c.id == session)
    row = (await tx.execute(query.with_for_update(of=session_table) if lock else query)).one_or_none()
    if row is None:
        raise Refused("no such session", 404)
    return _session(row)


async def running(tx: Tx, organization: Id, workspace: Id, place: Place) -> list[Session]:
    """Return the sessions at *place* that have not ended, newest first."""
    query = (
        _of(organization, workspace)
        .join(place_table, place_table.c.id == session_table.c.place_id)
        .where(
            place_table.c.platform == place.platform,
            place_table.c.ref == place.ref,
            session_table.c.state != "ended",
            round_table.c.state == "open",
        )
        .order_by(round_table.c.opens_at.desc(), session_table.c.id.desc())
    )
    return [_session(row) for row in await tx.execute(query)]


@dataclass(frozen=True, kw_only=True)
class Held:
    """Hold a session with its practice and that one's kind."""

    session: Session
    practice: str
    kind: str


async def held(tx: Tx, organization: Id, workspace: Id, session: Id | None = None) -> list[Held]:
    """Return the workspace's sessions that run, or the one that is named, until its round closes."""
    query = _of(organization, workspace).add_columns(round_table.c.kind, round_table.c.practice)
    query = query.where(round_table.c.state.in_(("open", "closing")))
    query = query.where(session_table.c.id == session if session else session_table.c.state != "ended")
    rows = await tx.execute(query.order_by(round_table.c.opens_at.desc(), session_table.c.id))
    return [Held(session=_session(row), **{key: row._mapping[key] for key in ("practice", "kind")}) for row in rows]


async def step(tx: Tx, session: Session, state: str) -> None:
    """Take a session, read under its lock, to *state*; raises `Refused` where the order does not allow it."""
    if state not in SESSION[session.state]:
        raise Refused(f"the session cannot go from {session.state} to {state[:20]}", 409)
    await tx.execute(session_table.update().where(session_table.c.id == session.id).values(state=state))


_QUESTION = (
    sa.select(round_follow_up.c.round_id)
    .where(round_follow_up.c.root_id == session_table.c.round_id, round_follow_up.c.stage.like(f"{STAGE}%"))
    .order_by(round_follow_up.c.stage.desc())
    .limit(1)
    .correlate(session_table)
    .scalar_subquery()
)


def _of(organization: Id, workspace: Id) -> sa.Select[tuple[object, ...]]:
    return (
        sa.select(session_table, round_table.c.opens_at, _QUESTION.label("question"))
        .join(round_table, round_table.c.id == session_table.c.round_id)
        .where(session_table.c.organization_id == organization, round_table.c.workspace_id == workspace)
    )


def _session(row: sa.Row[tuple[object, ...]]) -> Session:
    fields = row._mapping
    return Session(
        organization=fields["organization_id"],
        id=fields["id"],
        round=fields["round_id"],
        place=fields["place_id"],
        host=fields["host_id"],
        state=fields["state"],
        opened=fields["opens_at"],
        asked=fields["question"] or fields["round_id"],
        divided=fields["groups"] is not None,
        groups=tuple(tuple(group) for group in fields["groups"] or ()),
    )
