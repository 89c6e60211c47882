"""Candles under kill -9: none that was acknowledged is lost, and alerts double at most the calls in flight."""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
import sqlalchemy as sa

from tertulia.delivery.outbox import RESERVE
from tertulia.services.links import digest
from tertulia.storage import keys
from tertulia.storage.tables import candle, identity, role, web_session
from tertulia.storage.vault import Vault
from tertulia.surveys.candle import life

NOON = datetime.fromisoformat("2026-11-23T12:00:00+00:00")
MEMBERS, RESPONDERS = 12, ("u0", "u1")
PROGRAM = """
[[practice]]
key = "later"
kind = "check-in"
title = "Later"
cadence = { rule = "FREQ=YEARLY", start = "2026-12-23T09:30", time = "common", zone = "UTC" }
"""


async def furnish(town: Any) -> dict[str, tuple[str, str, str]]:
    """Make two responders with keys, and sign the others in; return person, cookie and form token by account."""
    signed: dict[str, tuple[str, str, str]] = {}
    async with town.database() as database, database.write() as tx:
        vault = await keys.rooted(tx, Vault(keys.load(town.folder / "keys")))
        runtime: Any = SimpleNamespace(
            vault=vault, entropy=secrets.token_bytes, clock=SimpleNamespace(now=lambda: NOON)
        )
        accounts = {row.user: row.person_id for row in await tx.execute(sa.select(identity))}
        for user, person in accounts.items():
            mine = {"organization_id": town.organization, "person_id": person}
            if user in RESPONDERS:
                held = {**mine, "workspace_id": town.workspace, "role": "responder", "granted_at": NOON}
                await tx.execute(role.insert().values(held))
                await life.renew_key(runtime, tx, town.organization, person)
            secret = secrets.token_hex(32)
            soon = datetime.now(UTC) + timedelta(minutes=30)
            session = {**mine, "digest": digest(secret), "fresh_until": soon, "expires_at": soon}
            await tx.execute(web_session.insert().values(session))
            signed[user] = (person, secret, vault.keyed_hash(digest(secret), "csrf"))
    return signed


@pytest.mark.parametrize("kills", [3, pytest.param(60, marks=pytest.mark.campaign)])
async def test_what_was_acknowledged_is_kept_and_alerted(fleet: Callable[..., Any], kills: int) -> None:
    async with fleet(PROGRAM, MEMBERS, delay=0.1) as town, aiohttp.ClientSession() as client:
        town.set_clock(NOON)
        signed = await furnish(town)
        responder = signed["u0"][0]

        async def light(user: str) -> None:
            """Send the second step again and again, as a person would, until it is acknowledged."""
            _, secret, token = signed[user]
            headers = {"Sec-Fetch-Site": "same-origin", "X-CSRF-Token": token, "Cookie": f"tertulia={secret}"}
            form = {"workspace": town.workspace, "responder": responder, "pass_on": "yes", "key": f"one of {user}"}
            await asyncio.sleep(town.chance.uniform(0, 2.0))
            while True:
                where = f"http://127.0.0.1:{town.chance.choice(town.processes).port}/my/candle/light"
                try:
                    async with client.post(where, data=form, headers=headers, allow_redirects=False) as answer:
                        if answer.status == 303:
                            assert answer.headers["Location"] == "/my/candle"
                            return
                        assert answer.status == 503, await answer.text()
                except aiohttp.ClientError:
                    await asyncio.sleep(0.05)

        members = [user for user in signed if user not in RESPONDERS]
        lighting = [asyncio.create_task(light(user)) for user in members]
        for _ in range(kills):
            await asyncio.sleep(town.chance.uniform(0, 1.0))
            await town.kill(town.chance.choice(town.processes))
        await asyncio.gather(*lighting)

        rows = await town.rows(sa.select(candle))
        assert len(rows) == len(members)
        assert {row.state for row in rows} == {"waiting"}

        def alerted() -> Counter[str]:
            """Count how often each alert arrived; every attempt at one has the same key."""
            return Counter(one.key for one in town.asked())

        await town.until(lambda: asyncio.sleep(0, len(alerted()) == len(members)), 180)
        await asyncio.sleep(0.5)
        assert len(alerted()) == len(members)
        assert alerted().total() <= len(members) + kills * RESERVE
        assert {one.to for one in town.asked()} == {"u0"}
