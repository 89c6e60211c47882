"""What is read of many members at once says the same as reading each of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from tertulia.domain.people import Person
from tertulia.storage import makeup, people, tables
from tertulia.storage.database import Tx

NOW = datetime(2026, 3, 2, tzinfo=UTC)
ORG, OTHER, SPACE, ELSEWHERE = "a" * 32, "b" * 32, "c" * 32, "d" * 32
HOURS = {"work_start": "08:30", "work_end": "16:00", "quiet_start": "21:00", "quiet_end": "07:00"}
LEFT, ERASED = 7, 8


async def fill(tx: Tx) -> list[str]:
    """Let a dozen people of few kinds join a workspace, of whom one left and one was erased, and one another's."""
    ids = [f"{number:032x}" for number in range(12)]
    for organization, space in ((ORG, SPACE), (OTHER, ELSEWHERE)):
        kept = {"name": "x", "zone": "UTC", "language": "en", "message_budget": 1, "created_at": NOW}
        await tx.execute(tables.workspace.insert().values(organization_id=organization, id=space, **kept))
    for number, one in enumerate(ids):
        foreign = number == 11
        row = {
            "organization_id": OTHER if foreign else ORG,
            "id": one,
            "name": f"Person {number}",
            "email": None if number == 3 else f"p{number}@example.org",
            "zone": ("Europe/Lisbon", "Asia/Tokyo")[number % 2],
            "languages": ["pt", "en"] if number % 3 else ["en"],
            "worker_type": ("employee", "freelancer")[number % 2],
            "team": "Theirs" if foreign else (None, "Care", "Studio")[number % 3],
            "location": "Lisbon" if number % 2 else None,
            "created_at": NOW,
            "erased_at": NOW if number == ERASED else None,
            **HOURS,
        }
        await tx.execute(tables.person.insert().values(**row))
        joined = {"organization_id": row["organization_id"], "workspace_id": ELSEWHERE if foreign else SPACE}
        gone = NOW if number == LEFT else None
        await tx.execute(tables.membership.insert().values(**joined, person_id=one, joined_at=NOW, left_at=gone))
    return ids


def kind(one: Person) -> tuple[Any, ...]:
    return one.zone, one.worker_type, one.team, one.location, one.languages


async def test_it_agrees_with_the_members_one_by_one(open_database: Callable[[], Any]) -> None:
    async with open_database() as database, database.write() as tx:
        ids = await fill(tx)
        members = await people.members(tx, ORG, SPACE)
        assert [one.id for one in members] == [one for one in ids[:11] if one not in (ids[LEFT], ids[ERASED])]
        counted = await makeup.counted(tx, ORG, SPACE)
        assert {kind(one): many for one, many in counted.items()} == Counter(map(kind, members))
        assert {one.id for one in counted} == {""}, "they stand for their kind, and are nobody"
        assert await makeup.teams(tx, ORG, SPACE) == ["Care", "Studio"]
        listed = {
            one.id: (one.name, one.email, one.team, one.location) for one in await makeup.listed(tx, ORG, SPACE)
        }
        assert listed == {one.id: (one.name, one.email, one.team, one.location) for one in members}
        assert await people.members_among(tx, ORG, SPACE, ids) == {one.id: one for one in members}
        for organization, space in ((ORG, ELSEWHERE), (OTHER, SPACE)):
            assert await makeup.counted(tx, organization, space) == {}
            assert await makeup.listed(tx, organization, space) == []
            assert await makeup.teams(tx, organization, space) == []
            assert await people.members_among(tx, organization, space, ids) == {}
