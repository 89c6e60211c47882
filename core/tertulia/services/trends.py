"""A member's own check-ins over the weeks: for the member alone, computed from what is kept anyway."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa

from tertulia.domain.attention import iso_week
from tertulia.domain.identifiers import Json
from tertulia.domain.people import Person
from tertulia.runtime import Runtime
from tertulia.storage import people, tables
from tertulia.storage.database import Tx

KIND = "check-in"
WEEKS = 26


@dataclass(frozen=True, kw_only=True)
class Week:
    """Hold one ISO week of a member's check-ins; *going* is the mean of the points given, from 1 to 5."""

    name: str
    count: int
    going: float | None
    words: Mapping[str, int]


async def of_member(runtime: Runtime, tx: Tx, person: Person) -> list[Week]:
    """Return the weeks in which the member checked in, newest first, at most half a year back."""
    response, round_ = tables.response, tables.round_table
    selves = await people.selves(tx, person.organization, person.id)
    query = (
        sa.select(response.c.given_at, response.c["values"].label("said"))
        .join(round_, round_.c.id == response.c.round_id)
        .where(
            response.c.organization_id == person.organization,
            response.c.person_id.in_(selves),
            response.c.passed.is_(False),
            response.c.given_at >= runtime.clock.now() - timedelta(weeks=WEEKS),
            round_.c.kind == KIND,
        )
        .order_by(response.c.given_at)
    )
    weeks: dict[str, list[Json]] = defaultdict(list)
    for row in await tx.execute(query):
        if row.said.keys() & {"going", "work", "blockers", "mood", "life"}:
            weeks[iso_week(person, row.given_at)].append(row.said)
    return [_week(name, said) for name, said in sorted(weeks.items(), reverse=True)]


def _week(name: str, said: list[Json]) -> Week:
    points = [int(one["going"]) for one in said if str(one.get("going", "")).isdecimal()]
    words = Counter(str(one["mood"]) for one in said if one.get("mood"))
    return Week(
        name=name,
        count=len(said),
        going=sum(points) / len(points) if points else None,
        words=dict(words.most_common()),
    )
