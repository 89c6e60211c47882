"""The responder's side of a candle: open it with the key phrase, say that it is taken up, and close it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

from tertulia.domain.identifiers import Id
from tertulia.errors import Mistake, Refused
from tertulia.runtime import Runtime
from tertulia.storage import people, tables
from tertulia.storage.database import Tx
from tertulia.surveys.candle import alerts, responders, sealing
from tertulia.surveys.candle.alerts import HANDED_OVER
from tertulia.surveys.candle.days import day
from tertulia.surveys.candle.wishes import Wishes, told, wishes

STATES = ("waiting", "opened", "acknowledged")
NEXT = {"acknowledged": ("opened",), "closed": ("opened", "acknowledged")}
WRONG = "This key phrase is not yours, or not the present one; nothing was opened."


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """Hold what a responder may see of a candle without the key: what it is called and how it stands."""

    id: Id
    reference: str
    state: str
    lit_on: date
    as_deputy: bool
    key: Id


@dataclass(frozen=True, kw_only=True)
class Opened:
    """Hold who asks for care and how to reach them."""

    waiting: Waiting
    name: str
    email: str
    team: str
    wishes: Wishes

    @property
    def told(self) -> Sequence[str]:
        """Say how the person wants to be reached."""
        return told(self.wishes)


async def addressed(tx: Tx, organization: Id, workspace: Id, person: Id) -> list[Waiting]:
    """Return the candles that a person may open now, withdrawn ones of the retention included."""
    return [_waiting(row, as_deputy) for row, as_deputy in await _rows(tx, organization, workspace, person)]


async def open_all(
    runtime: Runtime, tx: Tx, organization: Id, workspace: Id, person: Id, phrase: str
) -> list[Opened]:
    """Open whatever the key of *phrase* opens among the candles that a person may read; each opening is audited."""
    key = sealing.public_key(organization, phrase)
    selves = await people.selves(tx, organization, person)
    table = tables.candle_key
    query = sa.select(table.c.id).where(table.c.organization_id == organization, table.c.person_id.in_(selves))
    if key.id not in set((await tx.execute(query)).scalars()):
        raise Mistake(WRONG)
    opened: list[Opened] = []
    for row, as_deputy in await _rows(tx, organization, workspace, person):
        box = row.deputy_box if as_deputy else row.responder_box
        if box is None or row.state not in STATES or (row.deputy_key if as_deputy else row.responder_key) != key.id:
            continue
        try:
            content = sealing.unseal(box, phrase, organization, row.id)
        except Refused:
            continue  # altered in the database: it stays unopened, and the deputy gets it
        await alerts.note(runtime, tx, dict(row._mapping), "candle.open", actor=person)
        if row.state == "waiting":
            await _set(runtime, tx, row, "opened")
        opened.append(_opened(_waiting(row, as_deputy), content))
    return opened


async def take_up(runtime: Runtime, tx: Tx, organization: Id, workspace: Id, person: Id, candle: Id, to: str) -> None:
    """Say that a candle was taken up (*to* is `acknowledged`), or that the person was cared for (`closed`)."""
    if to not in NEXT:
        raise Refused("no such step", 400)
    for row, _ in await _rows(tx, organization, workspace, person):
        if row.id == candle:
            if row.state in NEXT[to]:
                await _set(runtime, tx, row, to)
                verb = "candle.acknowledge" if to == "acknowledged" else "candle.close"
                await alerts.note(runtime, tx, dict(row._mapping), verb, actor=person)
            return
    raise Mistake("There is no such candle for you; load the page again.")


async def _rows(tx: Tx, organization: Id, workspace: Id, person: Id) -> list[tuple[sa.Row[Any], bool]]:
    """Return what is addressed to a person, and whether as a deputy: nothing before it was handed over."""
    if not await responders.is_responder(tx, organization, workspace, person):
        return []
    table = tables.candle
    selves = await people.selves(tx, organization, person)
    of = (table.c.organization_id == organization, table.c.workspace_id == workspace)
    found: list[tuple[sa.Row[Any], bool]] = []
    for column, where, as_deputy in (
        (table.c.responder_id, sa.true(), False),
        (table.c.deputy_id, table.c.step >= HANDED_OVER, True),
    ):
        query = sa.select(table).where(*of, column.in_(selves), where).order_by(table.c.lit_on, table.c.reference)
        found += [(row, as_deputy) for row in (await tx.execute(query)).all()]
    return found


async def _set(runtime: Runtime, tx: Tx, row: sa.Row[Any], state: str) -> None:
    table = tables.candle
    # only from the state that was read: a candle that is taken back meanwhile stays so
    mine = (table.c.organization_id == row.organization_id, table.c.id == row.id, table.c.state == row.state)
    changed = {"state": state, "next_at": None, "changed_on": day(runtime.clock.now())}
    await tx.execute(table.update().where(*mine).values(**changed))


def _waiting(row: sa.Row[Any], as_deputy: bool) -> Waiting:
    return Waiting(
        id=row.id,
        reference=row.reference,
        state=row.state,
        lit_on=row.lit_on.date(),
        as_deputy=as_deputy,
        key=row.deputy_key if as_deputy else row.responder_key,
    )


def _opened(waiting: Waiting, content: Any) -> Opened:
    return Opened(
        waiting=waiting,
        name=str(content["name"]),
        email=str(content["email"]),
        team=str(content["team"]),
        wishes=wishes(content),
    )
