"""Where a member can ask the leadership, vote on questions and read answers, and where somebody moderates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import sqlalchemy as sa

from tertulia.domain.identifiers import Id
from tertulia.domain.people import Person
from tertulia.errors import Mistake
from tertulia.kinds import Questioned, Questioning
from tertulia.runtime import Runtime
from tertulia.services import audiences, colleagues, rounds
from tertulia.services.rounds import STAGE, RoundRow
from tertulia.storage import people, rituals
from tertulia.storage.database import Tx
from tertulia.storage.tables import round_table

SHOWN_FOR = timedelta(days=120)
HELD = ("open", "closing", "closed")
GONE = "There is no such round of questions; load the page again."
Doing = Literal["ask", "moderate", "vote", "answer", "read"]


@dataclass(frozen=True, kw_only=True)
class Forum:
    """Hold one round of questions as a member sees it: what can be done now, until when, and whether they moderate.

    *open* is the round or stage that is open; *takes_part* is false for a moderator whom the practice does not ask.
    """

    workspace: Id
    title: str
    root: Id
    opened_at: datetime
    open: RoundRow | None
    now: Questioning
    moderates: bool
    takes_part: bool

    @property
    def shows_questions(self) -> bool:
        """Tell whether what is published may be read by everybody: not while people still ask."""
        return self.now.doing in ("vote", "answer", "read")


async def forums(runtime: Runtime, tx: Tx, organization: Id, person: Id) -> list[Forum]:
    """Return the rounds of questions that *person* is asked in or moderates, newest first."""
    who = await people.person(tx, organization, person)
    mine = await people.workspaces_of(tx, organization, person)
    kinds = [name for name, kind in runtime.plugins.rituals().items() if isinstance(kind, Questioned)]
    query = sa.select(round_table).where(
        round_table.c.organization_id == organization,
        round_table.c.workspace_id.in_(mine),
        round_table.c.kind.in_(kinds),
        round_table.c.state.in_(HELD),
        round_table.c.occurrence.not_like(f"{STAGE}%"),
        round_table.c.opens_at > runtime.clock.now() - SHOWN_FOR,
    )
    rows = (await tx.execute(query.order_by(round_table.c.opens_at.desc(), round_table.c.id))).all()
    found = [await _forum(runtime, tx, who, rounds.row_of(row)) for row in rows if who is not None]
    return [one for one in found if one is not None]


async def forum(runtime: Runtime, tx: Tx, organization: Id, person: Id, root: Id) -> Forum:
    """Return the one that began with the round *root*; raises `Mistake` where it is not for *person*."""
    found = next((one for one in await forums(runtime, tx, organization, person) if one.root == root), None)
    if found is None:
        raise Mistake(GONE)
    return found


async def _forum(runtime: Runtime, tx: Tx, person: Person, round_: RoundRow) -> Forum | None:
    kind = runtime.plugins.ritual(round_.kind)
    if not isinstance(kind, Questioned) or kind.questioning(round_.content) is None:
        return None
    practice = await rounds.practice_of(tx, round_)
    where = (tx, round_.organization, round_.workspace, practice)
    asked = await audiences.includes(*where, person) and await colleagues.taking_part(*where, [person.id])
    moderates = await _moderates(tx, person, kind, round_)
    if not (asked or moderates):
        return None
    stages = [await rounds.find(tx, one, round_.organization) for one in await rituals.stages(tx, round_.id)]
    open_ = next((one for one in stages if one is not None and _is_open(runtime, one)), None)
    now = kind.questioning(open_.content) if open_ is not None else None
    return Forum(
        workspace=round_.workspace,
        title=practice.title,
        root=round_.id,
        opened_at=round_.opens_at,
        open=open_,
        now=now or Questioning(doing="read"),
        moderates=moderates,
        takes_part=bool(asked),
    )


async def _moderates(tx: Tx, person: Person, kind: Questioned, round_: RoundRow) -> bool:
    for email in kind.leaders(round_.content):
        named = await people.person_by_email(tx, round_.organization, email)
        if named is not None and named.id == person.id:
            return True
    return False


def _is_open(runtime: Runtime, round_: RoundRow) -> bool:
    return round_.state == "open" and (round_.closes_at is None or runtime.clock.now() < round_.closes_at)
