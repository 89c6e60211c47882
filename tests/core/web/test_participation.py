"""How often one took part is a page of one's own: exact for oneself, and about nobody else."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any

from tertulia.services import programs
from tertulia.storage import tables

OpenSite = Callable[..., AbstractAsyncContextManager[Any]]
DAILY = """

[[practice]]
key = "daily"
kind = "check-in"
title = "Daily <hello>"
cadence = { rule = "FREQ=DAILY", start = "2026-03-09T09:30", time = "local" }
"""


async def lived(site: Any, tenant: Any, answered: dict[str, list[bool]]) -> None:
    """Let five rounds have happened, in which people answered or not."""
    of = {"organization_id": tenant.organization}
    now = site.runtime.clock.now()
    async with site.runtime.database.write() as tx:
        where = {"organization": tenant.organization, "workspace": tenant.workspace}
        await programs.apply(site.runtime, tx, **where, text=DAILY, actor="test")
        version = (
            (await tx.execute(tables.program.select().order_by(tables.program.c.version.desc()))).first().version
        )
        for day in range(5):
            round_id, at = f"{day:032x}", now - timedelta(days=6 - day)
            row = {"id": round_id, "workspace_id": tenant.workspace, "practice": "daily", "kind": "check-in"}
            more = {"program_version": version, "occurrence": f"d{day}", "state": "closed", "confidential": False}
            await tx.execute(tables.round_table.insert().values(**of, **row, **more, opens_at=at, closes_at=at))
            shard = {"id": round_id, "round_id": round_id, "purpose": "invite", "origin": at, "due": at, "size": 2}
            await tx.execute(tables.shard.insert().values(**of, **shard, state="done", epoch=0, lease_until=0.0))
            for seq, (person, days) in enumerate(sorted(answered.items())):
                sent = {"shard_id": round_id, "seq": seq, "round_id": round_id, "purpose": "invite"}
                who = {"recipient": person, "target": "person", "state": "sent", "attempts": 1, "next_at": 0.0}
                await tx.execute(tables.delivery.insert().values(**of, **sent, **who))
                if days[day]:
                    given = {"values": {}, "passed": False, "visibility": "me", "platform": "web", "version": 1}
                    await tx.execute(
                        tables.response.insert().values(
                            **of, round_id=round_id, person_id=person, **given, given_at=at
                        )
                    )


async def test_a_member_sees_the_own_streak_and_no_other(open_site: OpenSite) -> None:
    async with open_site() as site:
        tenant = site.tenants["Acme"]
        visitor = await site.member(tenant, "member")
        assert (await visitor.get("/my/participation")).status == 200
        assert "You were not asked to take part" in visitor.page
        own, others = tenant.persons["member"], tenant.persons["host"]
        await lived(site, tenant, {own: [True, False, True, True, False], others: [True] * 5})
        await visitor.get("/my/participation")
        assert "Daily &lt;hello&gt;" in visitor.page
        assert "3 of 5 times" in visitor.page
        assert "0 now, 2 at most" in visitor.page
        assert "5 of 5" not in visitor.page
        host = await site.member(tenant, "host")
        await host.get("/my/participation")
        assert "5 now, 5 at most" in host.page
