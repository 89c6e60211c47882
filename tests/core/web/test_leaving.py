"""Who left a workspace answers the survey that asks why, behind the link, and opens nothing else there."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from tertulia.services import advance, links, people, programs, rounds
from tertulia.storage.tables import ballot, delivery, round_table

OpenSite = Callable[..., AbstractAsyncContextManager[Any]]
PROGRAM = """
[[practice]]
key = "leaving"
kind = "pulse"
title = "Before you go"
open_for = "13w"
cadence = { start = "2026-03-03T09:00", rule = "FREQ=MONTHLY;INTERVAL=3", time = "common", zone = "UTC" }
options = { instruments = ["exit"], anchor = "exit.come_back", questions = 3 }
moment = { event = "left", after = "1d" }

[[practice]]
key = "ask"
kind = "question"
title = "Question"
cadence = { start = "2026-03-02T09:00", rule = "FREQ=WEEKLY;BYDAY=MO", time = "common", zone = "UTC" }
"""


async def steps(site: Any, round_id: str, days: int) -> Any:
    """Let *days* pass, and take the round's steps of each."""
    for _ in range(days):
        site.clock.advance(timedelta(days=1))
        for _ in range(3):
            async with site.runtime.database.read() as tx:
                found = await rounds.find(tx, round_id)
            if found.next_at is None or found.next_at > site.clock.now():
                break
            await advance.advance(site.runtime, round_id, found.step)
    return found


async def test_who_left_answers_behind_the_link(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme, runtime = site.tenants["Acme"], site.runtime
        place = {"organization": acme.organization, "workspace": acme.workspace, "actor": "test"}
        async with runtime.database.write() as tx:
            await programs.apply(runtime, tx, text=PROGRAM, **place)
            planned = sa.select(round_table.c.id).filter_by(organization_id=acme.organization, practice="leaving")
            round_id = (await tx.execute(planned)).scalar_one()
        assert (await steps(site, round_id, 2)).state == "open"
        gone = acme.persons["member"]
        async with runtime.database.write() as tx:
            await people.leave(runtime, tx, acme.organization, acme.workspace, gone, actor="test")
        await steps(site, round_id, 3)
        async with runtime.database.write() as tx:
            query = sa.select(delivery.c.recipient, delivery.c.platform).filter_by(round_id=round_id)
            assert [tuple(row) for row in await tx.execute(query)] == [(gone, "web")]
            expires = site.clock.now() + timedelta(days=9)
            whose = (acme.organization, gone)
            link = await links.make(runtime, tx, *whose, round_id, expires)
            other = await links.make(runtime, tx, *whose, acme.rounds["ask"], expires)
        visitor = site.visitor()
        followed = await visitor.get(link.removeprefix(runtime.config.public_url))
        page = await visitor.get(followed.headers["Location"])
        assert page.status == 200
        assert "I would come back." in await page.text()
        found = await rounds_of(site, round_id)
        values = {
            f"field.{kept['key']}": "pay" if kept["scale"] == "choice" else "4" for kept in found.content["items"]
        }
        key = visitor.field("key")
        answered = await visitor.post(f"/answer/{round_id}", {"verb": "answer", "key": key, **values})
        assert "sealed without your name" in await answered.text()
        async with runtime.database.read() as tx:
            assert len((await tx.execute(sa.select(ballot))).all()) == 1
        stranger = site.visitor()
        followed = await stranger.get(other.removeprefix(runtime.config.public_url))
        assert (await stranger.get(followed.headers["Location"])).status == 404
        for path in ("/my/results", f"/workspaces/{acme.workspace}/surveys", f"/answer/{acme.rounds['poll']}"):
            assert (await visitor.get(path)).status in (303, 404)


async def rounds_of(site: Any, round_id: str) -> Any:
    async with site.runtime.database.read() as tx:
        return await rounds.find(tx, round_id)
