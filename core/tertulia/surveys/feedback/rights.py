"""The right to post: three a week for each member, handed out under a keyed hash that no message knows.

A right is a sealed token with a random number and a week. It says nothing about whom it was given to, and may be used
days later from another browser; what remains of it after its use is the hash of the number.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from tertulia.domain.identifiers import Id
from tertulia.errors import Mistake, Refused
from tertulia.runtime import Runtime
from tertulia.services.links import digest
from tertulia.storage import people, tables
from tertulia.storage.database import Tx, upsert

PER_WEEK = 3
PLACE = "feedback right"
VALID = timedelta(days=14)
"""From the Monday of the week in which a right was handed out."""


@dataclass(frozen=True, kw_only=True)
class Right:
    """Hold what a right allows: one message to the feedback of one workspace."""

    organization: Id
    workspace: Id
    number: str
    until: datetime


def monday(at: datetime) -> datetime:
    """Return the midnight (UTC) at which the week of *at* began."""
    start = at - timedelta(days=at.weekday())
    return start.replace(hour=0, minute=0, second=0, microsecond=0)


async def grant(runtime: Runtime, tx: Tx, organization: Id, workspace: Id, person: Id) -> str:
    """Hand out one of the week's rights as a token; raises `Mistake` where they are used up."""
    if workspace not in await people.workspaces_of(tx, organization, person):
        raise Mistake("You are not a member of this workspace.")
    begun = monday(runtime.clock.now())
    week = f"{begun.isocalendar().year}-W{begun.isocalendar().week:02d}"
    mark = runtime.vault.keyed_hash(f"{organization}:{week}:{person}", "feedback")
    if not await count(tx, organization, week, mark, PER_WEEK):
        raise Mistake(f"You have opened {PER_WEEK} pages this week; there are new ones next Monday.")
    fields = {
        "o": organization,
        "w": workspace,
        "n": runtime.entropy(16).hex(),
        "u": (begun + VALID).isoformat(),
    }
    return runtime.vault.token(fields, PLACE)


async def count(tx: Tx, organization: Id, week: str, mark: str, most: int) -> bool:
    """Count one right more that is handed out under the keyed hash *mark*; false where there were *most* already."""
    table = tables.feedback_right
    row = {"organization_id": organization, "week": week, "digest": mark, "used": 0}
    await upsert(tx, table, [row], keys=("week", "digest"))
    mine = (table.c.organization_id == organization, table.c.week == week, table.c.digest == mark)
    taken = table.update().where(*mine, table.c.used < most).values(used=table.c.used + 1)
    return bool((await tx.execute(taken)).rowcount)


def read(runtime: Runtime, token: str) -> Right:
    """Return what *token* allows; raises `Refused` for any other text and for one whose weeks are over."""
    fields = runtime.vault.open_token(token, PLACE)
    right = Right(
        organization=fields["o"], workspace=fields["w"], number=fields["n"], until=datetime.fromisoformat(fields["u"])
    )
    if right.until <= runtime.clock.now():
        raise Refused("this page was opened weeks ago", 410)
    return right


async def spend(tx: Tx, right: Right) -> bool:
    """Use a right up; false where it was used before."""
    row = {"organization_id": right.organization, "digest": digest(right.number), "until": right.until}
    return bool(await upsert(tx, tables.feedback_spent, [row], keys=("digest",)))


async def unspent(tx: Tx, right: Right) -> bool:
    """Tell whether a right was not used yet."""
    query = sa.select(tables.feedback_spent.c.digest).filter_by(
        organization_id=right.organization, digest=digest(right.number)
    )
    return (await tx.execute(query)).first() is None
