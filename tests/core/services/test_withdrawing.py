"""What is left after a platform's owner took the plugin's rights away: the people, their answers, and the proof."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from tertulia.domain.identifiers import new_id
from tertulia.services.registry import sealed_at
from tertulia.services.withdrawing import VERB
from tertulia.storage import audit, tables

NOW = datetime.fromisoformat("2026-11-04T12:00:00+00:00")
CAME = {"type": "participation", "who": "ana", "place": "carried", "kind": "attended", "at": NOW.isoformat()}
TIE = {"type": "interaction", "who": "ana", "target": "ben", "kind": "mention", "at": NOW.isoformat(), "weight": 1.0}
KEPT = {"type": "keep", "who": "ana", "key": "event:1", "value": {"what": "joined"}}
WITHDRAWN = {"type": "withdrawn", "who": "ana", "platform": "toy"}
EMPTY = (
    *(tables.participation, tables.interaction, tables.identity, tables.store),
    *(tables.outbox, tables.cursor, tables.subscription),
)


async def test_what_an_event_says_is_kept_for_a_later_reading(open_station: Callable[[], Any]) -> None:
    async with open_station() as station:
        await station.send("e1", KEPT)
        await station.process()
        store = station.live.context.store
        assert [pair async for pair in store.scan("event:")] == [("event:1", {"what": "joined"})]
        (row,) = await station.rows(tables.store)
        assert b"joined" not in row["sealed"]


async def test_everything_the_platform_told_goes_and_the_log_proves_it(open_station: Callable[[], Any]) -> None:
    async with open_station() as station:
        await station.place("carried")
        for name in ("ana", "ben"):
            await station.person(name)
        await station.send("e1", CAME, TIE, KEPT, {**CAME, "who": "stranger"})
        await station.process()
        await station.send("e2", WITHDRAWN)
        await station.send("e3", CAME)  # came in the same moment, and waits
        await station.process()
        for table in EMPTY:
            assert await station.rows(table) == [], table.name
        people = {row["name"] for row in await station.rows(tables.person)}
        assert {"ana", "ben"} <= people
        (installation,) = await station.rows(tables.installation)
        assert not installation["enabled"]
        place = sealed_at(station.organization, installation["id"])
        assert station.runtime.vault.open_json(installation["settings"], *place) == {}
        assert station.runtime.installations.get(station.live.id) is None
        async with station.database.read() as tx:
            proofs = (await tx.execute(sa.select(tables.audit).where(tables.audit.c.verb == VERB))).all()
            assert await audit.verify(tx, station.runtime.vault) == []
        (proof,) = proofs
        assert (proof.actor, proof.subject) == ("toy", station.live.id)
        assert proof.detail["due"] == "2026-11-14T12:00:00+00:00"
        deleted = proof.detail["deleted"]
        assert (deleted["participation"], deleted["interaction"], deleted["identity"]) == (2, 1, 3)
        assert "ana" not in str(proof.detail)
        for row in await station.rows(tables.inbox):
            assert row["sealed"] is None


async def test_other_platforms_and_other_organizations_keep_theirs(open_station: Callable[[], Any]) -> None:
    async with open_station() as station:
        await station.place("carried")
        ana = await station.person("ana")
        await station.send("e1", CAME)
        await station.process()
        async with station.database.write() as tx:
            here = {"organization_id": station.organization, "workspace_id": station.workspace}
            seen = {"kind": "attended", "platform": "another", "started_at": NOW, "person_id": ana}
            await tx.execute(tables.participation.insert().values(**here, **seen, id=new_id()))
            account = {"platform": "another", "realm": "realm", "user": "ana", "reachable": False, "seen_at": NOW}
            row = {"organization_id": station.organization, "id": new_id(), "person_id": ana}
            await tx.execute(tables.identity.insert().values(**row, **account))
            await tx.execute(
                tables.identity.insert().values(
                    **{**row, **account, "id": new_id(), "platform": "toy", "realm": "else"}
                )
            )
        await station.send("e2", WITHDRAWN)
        await station.process()
        assert {row["platform"] for row in await station.rows(tables.participation)} == {"another"}
        assert {(row["platform"], row["realm"]) for row in await station.rows(tables.identity)} == {
            ("another", "realm"),
            ("toy", "else"),
        }


async def test_a_plugin_withdraws_its_own_platforms_only(open_station: Callable[[], Any]) -> None:
    async with open_station() as station:
        await station.place("carried")
        await station.person("ana")
        await station.send("e1", CAME)
        await station.send("e2", {**WITHDRAWN, "platform": "another"})
        for _ in range(4):
            await station.due(tables.inbox)
            await station.process()
        assert len(await station.rows(tables.participation)) == 1
        assert station.runtime.installations.get(station.live.id) is not None
        assert {row["state"] for row in await station.rows(tables.inbox)} == {"done", "failed"}
