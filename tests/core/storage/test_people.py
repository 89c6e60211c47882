"""Persons come out of the database as values, ten thousand of them in a few queries."""

from __future__ import annotations

import time as real_time
from collections.abc import Callable
from datetime import UTC, datetime, time
from typing import Any

import sqlalchemy as sa

from tertulia.domain.people import Actor
from tertulia.storage import people, tables
from tertulia.storage.database import Tx

NOW = datetime(2026, 3, 2, tzinfo=UTC)
ORG, OTHER, SPACE = "a" * 32, "b" * 32, "c" * 32
PERSON = {
    "organization_id": ORG,
    "zone": "Europe/Madrid",
    "languages": ["es", "en"],
    "worker_type": "freelancer",
    "work_start": "08:30",
    "work_end": "16:00",
    "quiet_start": "21:00",
    "quiet_end": "07:00",
    "created_at": NOW,
}


async def fill(tx: Tx, count: int) -> list[str]:
    ids = [f"{number:032x}" for number in range(count)]
    space = {"organization_id": ORG, "id": SPACE, "name": "x", "zone": "UTC", "language": "en", "message_budget": 1}
    await tx.execute(tables.workspace.insert().values(**space, created_at=NOW))
    rows = [{**PERSON, "id": one, "name": f"P{one}", "email": f"{one}@example.org"} for one in ids]
    of = {"organization_id": ORG, "workspace_id": SPACE, "joined_at": NOW}
    for some in people.chunks(rows):
        await tx.execute(tables.person.insert(), list(some))
    await tx.execute(tables.membership.insert(), [{**of, "person_id": one} for one in ids])
    return ids


async def account(tx: Tx, person: str | None, user: str, organization: str = ORG) -> None:
    row = {"organization_id": organization, "id": user.rjust(32, "f"), "person_id": person, "platform": "teams"}
    await tx.execute(
        tables.identity.insert().values(**row, realm="t", user=user, reachable=True, seen_at=NOW, address={"c": 1})
    )


async def test_a_person_is_read_as_a_value(open_database: Callable[[], Any]) -> None:
    async with open_database() as database, database.write() as tx:
        (one,) = await fill(tx, 1)
        found = await people.person(tx, ORG, one)
        assert found is not None
        assert (found.languages, found.work_start, found.quiet_end) == (("es", "en"), time(8, 30), time(7))
        assert await people.person(tx, OTHER, one) is None
        assert await people.workspaces_of(tx, ORG, one) == [SPACE]
        assert await people.workspaces_of(tx, OTHER, one) == []


async def test_members_are_those_that_are_here_now(open_database: Callable[[], Any]) -> None:
    async with open_database() as database, database.write() as tx:
        stays, leaves, erased = await fill(tx, 3)
        left = tables.membership.update().where(tables.membership.c.person_id == leaves)
        await tx.execute(left.values(left_at=NOW))
        await tx.execute(tables.person.update().where(tables.person.c.id == erased).values(erased_at=NOW))
        assert [one.id for one in await people.members(tx, ORG, SPACE)] == [stays]
        assert await people.members(tx, OTHER, SPACE) == []


async def test_identities_of_many_leave_out_strangers(open_database: Callable[[], Any]) -> None:
    async with open_database() as database, database.write() as tx:
        first, second, third = await fill(tx, 3)
        await account(tx, first, "u1")
        await account(tx, first, "u2")
        await account(tx, second, "u3", OTHER)
        await account(tx, None, "u4")
        found = await people.identities(tx, ORG, [first, second, third])
        assert {key: [one.actor.user for one in them] for key, them in found.items()} == {first: ["u1", "u2"]}
        assert found[first][0].actor == Actor(platform="teams", realm="t", user="u1")


async def test_wishes_are_read_for_many(open_database: Callable[[], Any]) -> None:
    async with open_database() as database, database.write() as tx:
        first, second = await fill(tx, 2)
        rows = [{"organization_id": ORG, "person_id": first, "practice": key, "at": NOW} for key in ("*", "café")]
        await tx.execute(tables.opt_out.insert(), rows)
        assert await people.opt_outs(tx, ORG, [first, second]) == {first: frozenset({"*", "café"})}


async def test_merges_are_followed_both_ways(open_database: Callable[[], Any]) -> None:
    async with open_database() as database, database.write() as tx:
        first, second, third = await fill(tx, 3)
        for gone, kept in ((first, second), (second, third)):
            await tx.execute(tables.person.update().where(tables.person.c.id == gone).values(merged_into=kept))
        assert await people.current(tx, ORG, first) == third
        assert await people.selves(tx, ORG, third) == [third, second, first]
        found = await people.person_by_email(tx, ORG, f" {first}@EXAMPLE.org")
        assert found is not None
        assert found.id == third


async def test_ten_thousand_members_take_few_queries(open_database: Callable[[], Any]) -> None:
    async with open_database() as database, database.write() as tx:
        ids = await fill(tx, 10_000)
        statements: list[str] = []
        connection: Any = tx.sync_connection
        sa.event.listen(connection, "before_cursor_execute", lambda *event: statements.append(event[2]))
        begin = real_time.perf_counter()
        assert len(await people.members(tx, ORG, SPACE)) == 10_000
        assert await people.identities(tx, ORG, ids) == {}
        assert await people.opt_outs(tx, ORG, ids) == {}
        assert len(statements) == 1 + 2 * 20
        assert real_time.perf_counter() - begin < 20
