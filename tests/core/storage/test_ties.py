"""Ends of ties are names that only the keys lead back from."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from tertulia.domain.identifiers import new_id
from tertulia.storage import tables, ties
from tertulia.storage.ties import Tie
from tertulia.storage.vault import Vault

VAULT = Vault({b"k001": bytes(32)})
WEEK, KIND, PLATFORM = "2026-W47", "reply", "board"


async def rows(tx: Any) -> list[dict[str, Any]]:
    return [dict(row._mapping) for row in await tx.execute(sa.select(tables.interaction))]


async def test_the_table_tells_nobody_s_ties_without_the_keys(open_database: Callable[[], Any]) -> None:
    organization, home, ana, ben, cleo = (new_id() for _ in range(5))
    async with open_database() as database, database.write() as tx:
        tie = Tie(WEEK, KIND, ana, ben, PLATFORM)
        for _ in range(2):
            await ties.add(tx, VAULT, organization, home, {tie: 0.5, Tie(WEEK, KIND, ben, cleo, PLATFORM): 1.0})
        kept = await rows(tx)
        assert sorted(row["weight"] for row in kept) == [1.0, 2.0]
        assert not any(one in json.dumps(kept) for one in (ana, ben, cleo))
        behind = await ties.ends(tx, VAULT, organization, [ana, ben])
        assert {(behind.get(row["source_id"]), behind.get(row["target_id"])) for row in kept} == {
            (ana, ben),
            (ben, None),
        }
        elsewhere = await ties.ends(tx, VAULT, new_id(), [ana, ben, cleo])
        stranger = await ties.ends(tx, Vault({b"k002": bytes([1]) * 32}), organization, [ana, ben, cleo])
        assert not {row["source_id"] for row in kept} & (elsewhere.keys() | stranger.keys())
        await ties.take_back(tx, VAULT, organization, home, tie, 0.25)
        assert sorted(row["weight"] for row in await rows(tx)) == [0.75, 2.0]
        await ties.take_back(tx, VAULT, organization, home, tie, 0.75)
        assert [row["weight"] for row in await rows(tx)] == [2.0]
        await ties.forget(tx, VAULT, organization, [cleo])
        assert await rows(tx) == []


async def test_rows_from_before_ends_were_keyed_are_read_and_forgotten(open_database: Callable[[], Any]) -> None:
    organization, home, ana, ben = (new_id() for _ in range(4))
    async with open_database() as database, database.write() as tx:
        old = {"organization_id": organization, "workspace_id": home, "week": WEEK, "kind": KIND}
        ends = {"source_id": ana, "target_id": ben, "platform": PLATFORM, "weight": 1.0}
        await tx.execute(tables.interaction.insert().values(**old, **ends))
        await ties.add(tx, VAULT, organization, home, {Tie(WEEK, KIND, ana, ben, PLATFORM): 2.0})
        behind = await ties.ends(tx, VAULT, organization, [ana, ben])
        found = [(behind[row["source_id"]], behind[row["target_id"]]) for row in await rows(tx)]
        assert found == [(ana, ben)] * 2
        await ties.forget(tx, VAULT, organization, [ben])
        assert await rows(tx) == []
