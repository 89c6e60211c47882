"""After a board's history was read, nothing but ties is anywhere: no words, no titles, nobody's activity."""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tertulia.services import exporting, my_data
from tertulia.storage import tables
from tertulia.storage.ties import end
from tertulia.testing.context import EPOCH

HISTORY = 120


def live_a_month(place: Any) -> int:
    """Let the board live with canaries in everything that people write; return the number of comments."""
    town, (ana, ben) = place.town, (place.accounts["Ana"], place.accounts["Ben"])
    town.boards[place.board]["name"] = "CANARY-BOARD"
    cards = [
        town.card(ana, town.add_list(place.board, f"CANARY-LIST{n}"), f"CANARY-TITLE{n}", "CANARY-TEXT")
        for n in (1, 2)
    ]
    heard, town.heard = town.heard, None
    for number in range(HISTORY):
        who, whom = (ana, ben) if number % 2 else (ben, ana)
        at = EPOCH - timedelta(days=40) + timedelta(hours=7 * number)
        card = cards[number % 3 == 0]
        match number % 4:
            case 0:
                town.join(who, card, whom, at=at)
            case 1:
                town.attach(who, card, "CANARY-FILE", at=at)
            case _:
                town.comment(who, card, f"CANARY-WORDS @{town.members[whom]['username']}", at=at)
    town.heard = heard
    return HISTORY


async def dump(core: Any) -> dict[str, list[dict[str, Any]]]:
    async with core.runtime.database.read() as tx:
        return {
            table.name: [dict(row._mapping) for row in await tx.execute(sa.select(table))]
            for table in tables.metadata.sorted_tables
        }


async def test_an_import_leaves_ties_and_nothing_else(
    open_village: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for ours in ("tertulia", "tertulia_trello"):
        caplog.set_level(logging.DEBUG, ours)
    url = f"sqlite:///{tmp_path / 'tertulia.db'}"
    async with open_village(url, tmp_path, listed=True) as place:
        core = place.core
        live_a_month(place)

        async def known() -> bool:
            return await core.reachable(place.home, "trello") == len(place.people)

        await core.until(known)
        core.clock.advance(timedelta(hours=1, seconds=1))
        card = await place.card()
        place.town.comment(place.accounts["Ana"], card, "@carla CANARY-ANSWER")

        async def imported() -> bool:
            return len((await dump(core))["interaction"]) > 8

        async def answered() -> bool:
            return bool((await dump(core))["response"])

        await core.until(imported)
        await core.until(answered)
        await place.server.quiet()
        assert place.server.violations == 0
        found = await dump(core)

        ties = found["interaction"]
        assert set(ties[0]) == {
            *("organization_id", "workspace_id", "week", "kind", "source_id", "target_id", "platform", "weight")
        }
        of = (core.runtime.vault, place.home.organization)
        people = {end(*of, place.people[name]) for name in ("Ana", "Ben", "Carla")}
        assert {tie["source_id"] for tie in ties} | {tie["target_id"] for tie in ties} <= people
        assert len({tie["week"] for tie in ties}) > 3

        # of the month nothing is known but its ties; of the ritual, that one person answered it
        # (what she answered to the ritual is hers, kept under her name as the card says)
        by_table = {name: json.dumps(rows, default=repr) for name, rows in found.items()}
        assert not [name for name, text in by_table.items() if "CANARY" in text.replace("CANARY-ANSWER", "")]
        assert [name for name, text in by_table.items() if "CANARY-ANSWER" in text] == ["response"]
        assert {row["person_id"] for row in found["participation"]} == {place.people["Ana"]}
        assert all(row["started_at"] >= core.clock.now() for row in found["participation"])
        assert {row["sealed"] for row in found["inbox"]} == {None}
        (cursor,) = [row["value"] for row in found["cursor"] if row["port"] == "participation"]
        assert set(json.loads(cursor)) == {place.board}
        accounts = set(place.accounts.values())
        holding = {name for name, text in by_table.items() if any(account in text for account in accounts)}
        assert holding == {"identity"}

        # the sealed store, opened: only what the open card needs
        kept = {key: value async for key, value in place.live.context.store.scan("")}
        assert "CANARY" not in json.dumps(kept)
        assert not [key for key, value in kept.items() if not key.startswith("card:") and accounts & set(str(value))]

        async with core.runtime.database.write() as tx:
            home = place.home
            exported = await exporting.export(core.runtime, tx, home.organization, home.workspace)
        async with core.runtime.database.read() as tx:
            about = await my_data.collect(core.runtime, tx, home.organization, place.people["Carla"])
        assert "CANARY" not in json.dumps([exported, about], default=repr)
        assert not any(person in json.dumps(exported, default=repr) for person in place.people.values())

        # the only routes link one's own account; webhooks are written to and show nothing
        assert [(route.path, route.access.kind) for route in place.live.routes] == [
            ("/link", "member"),
            ("/link/back", "member"),
        ]

    assert "CANARY" not in caplog.text
    assert not any(account in caplog.text for account in accounts)
    assert place.server.token not in caplog.text
    for file in tmp_path.rglob("*"):
        if file.is_file():
            content = file.read_bytes().replace(b"CANARY-ANSWER", b"")
            assert b"CANARY" not in content, file


async def test_the_plain_names_of_secrets_are_nowhere(open_village: Any, tmp_path: Path) -> None:
    async with open_village(f"sqlite:///{tmp_path / 'tertulia.db'}", tmp_path) as place:
        await place.core.until(lambda: place.town.webhooks)
        secrets = (place.server.key, place.server.token, place.server.secret)
        text = json.dumps(await dump(place.core), default=repr)
        assert not any(secret in text for secret in secrets)
        assert not any(secret in str(one.query) for one in place.server.journal for secret in secrets)
