"""A café on a card: the group shares it, and who ticks that they met has answered whether they met."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from tertulia.domain.people import Place
from tertulia.sandbox.drive import drive
from tertulia.services import people, sign_ups
from tertulia.storage import tables
from tertulia.storage.ties import end

PROGRAM = """
[[practice]]
key = "coffee"
kind = "cafe"
title = "Coffee"
join = "opt-in"
cadence = {{ rule = "FREQ=WEEKLY;INTERVAL=4;BYDAY=TU", start = "2026-01-06T10:00", time = "local" }}
open_for = "24h"
options = {{ size = 4 }}
"""


async def rows(place: Any, table: Any) -> list[Any]:
    async with place.core.runtime.database.read() as tx:
        return list(await tx.execute(sa.select(table)))


async def live(place: Any, until: datetime) -> None:
    async for _ in drive(place.core.runtime, place.core.clock, until):
        pass


async def test_who_ticks_that_a_group_met_has_said_so(open_village: Any, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'tertulia.db'}"
    async with open_village(url, tmp_path, listed=True, program=PROGRAM, grouped=True) as place:
        core, home, town = place.core, place.home, place.town

        async def known() -> bool:
            return bool(await core.reachable(home, "trello") == len(place.people))

        await core.until(known)
        async with core.runtime.database.write() as tx:
            here = Place(platform="trello", ref=place.board, kind="board")
            await people.declare_place(core.runtime, tx, home.organization, home.workspace, here)
            for person in place.people.values():
                await sign_ups.sign_up(core.runtime, tx, home.organization, home.workspace, "coffee", person)
        (planned,) = await core.rounds(home)
        await live(place, planned.opens_at + timedelta(hours=9))
        (card,) = [one for one in town.cards.values() if one["name"].startswith("Coffee")]
        assert sorted(card["idMembers"]) == sorted(place.accounts.values())
        (met,) = town.items.values()
        # the day on which everybody is asked whether they met
        await live(place, planned.opens_at + timedelta(days=4))

        async def asked() -> bool:
            found = await rows(place, tables.round_table)
            return any(row.state == "open" and row.occurrence.startswith("stage:") for row in found)

        await core.until(asked)
        town.tick(place.accounts["Ana"], met["id"])

        async def said() -> bool:
            given = {row.person_id: row._mapping["values"] for row in await rows(place, tables.response)}
            return given == {place.people["Ana"]: {"met": "yes"}}

        await core.until(said)
        await live(place, planned.opens_at + timedelta(days=12))
        ties = [row for row in await rows(place, tables.interaction) if row.kind == "co-attendance"]
        ends = {name: end(core.runtime.vault, place.home.organization, one) for name, one in place.people.items()}
        ana = ends.pop("Ana")
        assert {row.target_id for row in ties if row.source_id == ana} == set(ends.values())
