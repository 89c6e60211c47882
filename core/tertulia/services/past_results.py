"""How people did lately in a kind of game: remembered as two numbers that fade, to make teams even."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, time, timedelta

import sqlalchemy as sa

from tertulia.domain.identifiers import Id
from tertulia.services.rounds import RoundRow
from tertulia.storage import people
from tertulia.storage.database import Tx, upsert
from tertulia.storage.tables import past_result

HALF_LIFE = timedelta(days=28)
"""After that long a result counts half."""
PRIOR = 0.5
"""Everybody begins as if they had played one round like this, so that one lucky round makes no champion."""


def faded(value: float, since: datetime, now: datetime) -> float:
    """Return what is left of *value* by exponential forgetting."""
    return float(value * 0.5 ** (max(timedelta(0), now - since) / HALF_LIFE))


async def scores(tx: Tx, round_: RoundRow, persons: Collection[Id], now: datetime) -> dict[Id, float]:
    """Return how strong each of *persons* was lately in the round's kind, 0 to 1; who never played is left out."""
    found: dict[Id, float] = {}
    for some in people.chunks(set(persons)):
        for row in await tx.execute(_of(round_).where(past_result.c.person_id.in_(some))):
            # both numbers fade, and so the guess goes back to the middle
            score, rounds = faded(row.score, row.at, now), faded(row.rounds, row.at, now)
            found[row.person_id] = (score + PRIOR) / (rounds + 1)
    return found


async def remember(tx: Tx, round_: RoundRow, results: Mapping[Id, float], now: datetime) -> None:
    """Add the *results* of a round; of when it was the day is kept."""
    day = datetime.combine(now.astimezone(UTC).date(), time(), UTC)
    before: dict[Id, tuple[float, float]] = {}
    for some in people.chunks(set(results)):
        for row in await tx.execute(_of(round_).where(past_result.c.person_id.in_(some))):
            before[row.person_id] = faded(row.score, row.at, day), faded(row.rounds, row.at, day)
    rows = [
        {
            "organization_id": round_.organization,
            "workspace_id": round_.workspace,
            "kind": round_.kind,
            "person_id": one,
            "score": before.get(one, (0.0, 0.0))[0] + result,
            "rounds": before.get(one, (0.0, 0.0))[1] + 1.0,
            "at": day,
        }
        for one, result in sorted(results.items())
    ]
    keys = ("workspace_id", "kind", "person_id")
    await upsert(tx, past_result, rows, keys=keys, update=("score", "rounds", "at"))


def _of(round_: RoundRow) -> sa.Select[tuple[object, ...]]:
    return sa.select(past_result).where(
        past_result.c.organization_id == round_.organization,
        past_result.c.workspace_id == round_.workspace,
        past_result.c.kind == round_.kind,
    )
