"""What a member takes part in, whom they avoid, and their own weeks: their own pages, and nobody else's business."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import sqlalchemy as sa

from tertulia.services import preferences, programs, sign_ups
from tertulia.storage import tables

OpenSite = Callable[..., AbstractAsyncContextManager[Any]]
COFFEE = """

[[practice]]
key = "coffee"
kind = "cafe"
title = "Coffee <with> a colleague"
join = "opt-in"
cadence = { rule = "FREQ=WEEKLY;BYDAY=MO", start = "2026-03-09T09:30", time = "local" }
open_for = "24h"

[[practice]]
key = "daily"
kind = "check-in"
title = "Daily"
cadence = { rule = "FREQ=DAILY", start = "2026-03-09T09:30", time = "local" }
"""


async def applied(site: Any) -> Any:
    """Put a program with a café into force, and return its tenant."""
    tenant = site.tenants["Acme"]
    async with site.runtime.database.write() as tx:
        where = {"organization": tenant.organization, "workspace": tenant.workspace}
        await programs.apply(site.runtime, tx, **where, text=COFFEE, actor="test")
    return tenant


async def test_a_member_joins_and_leaves_with_plain_toggles(open_site: OpenSite) -> None:
    async with open_site() as site:
        tenant = await applied(site)
        visitor = await site.member(tenant, "member")
        answer = await visitor.get("/my/practices")
        assert answer.status == 200
        assert "Coffee &lt;with&gt; a colleague" in visitor.page
        assert 'aria-checked="false"' in visitor.page
        coffee = f"{tenant.workspace}:coffee"
        assert (await visitor.post("/my/practices", {"practice": coffee, "to": "on"})).status == 303
        assert await joined(site, tenant) == {tenant.persons["member"]}
        await visitor.get("/my/practices")
        assert "You take part in each round until you leave." in visitor.page
        assert (await visitor.post("/my/practices", {"practice": coffee, "to": "off"})).status == 303
        assert await joined(site, tenant) == set()


async def test_an_opt_out_goes_before_every_switch(open_site: OpenSite) -> None:
    async with open_site() as site:
        tenant = await applied(site)
        visitor = await site.member(tenant, "member")
        coffee = f"{tenant.workspace}:coffee"
        await visitor.post("/my/practices", {"practice": coffee, "to": "on"})
        async with site.runtime.database.write() as tx:
            await preferences.opt_out(site.runtime, tx, tenant.organization, tenant.persons["member"])
        assert await joined(site, tenant) == set()
        await visitor.get("/my/practices")
        assert "You asked not to be invited to anything." in visitor.page
        answer = await visitor.post("/my/practices", {"practice": coffee, "to": "on"})
        assert answer.status == 422
        daily = f"{tenant.workspace}:daily"
        async with site.runtime.database.write() as tx:
            await preferences.opt_in(site.runtime, tx, tenant.organization, tenant.persons["member"])
        await visitor.post("/my/practices", {"practice": daily, "to": "off"})
        async with site.runtime.database.read() as tx:
            wishes = (await tx.execute(sa.select(tables.opt_out.c.practice))).scalars().all()
        assert list(wishes) == ["daily"]


async def test_nobody_joins_another_tenant_s_practice(open_site: OpenSite) -> None:
    async with open_site() as site:
        tenant = await applied(site)
        visitor = await site.member(site.tenants["Zenith"], "member")
        answer = await visitor.post("/my/practices", {"practice": f"{tenant.workspace}:coffee", "to": "on"})
        assert answer.status == 422
        assert await joined(site, tenant) == set()


async def test_the_private_list_is_the_member_s_alone(open_site: OpenSite) -> None:
    async with open_site() as site:
        tenant = await applied(site)
        visitor, other = await site.member(tenant, "member"), await site.member(tenant, "host")
        assert (await visitor.post("/my/avoid", {"who": "host@acme.example"})).status == 303
        await visitor.get("/my/avoid")
        assert "CanaryAcme host" in visitor.page
        for path in ("/my/avoid", "/my", "/my/data.json"):
            answer = await other.get(path)
            assert answer.status == 200
            assert "CanaryAcme member" not in other.page
        assert (await visitor.post("/my/avoid", {"who": "host@zenith.example"})).status == 422
        assert (await visitor.post("/my/avoid", {"who": ""})).status == 422
        assert (await visitor.post("/my/avoid", {"remove": tenant.persons["host"]})).status == 303
        await visitor.get("/my/avoid")
        assert "The list is empty." in visitor.page


async def test_the_own_weeks_are_empty_at_first(open_site: OpenSite) -> None:
    async with open_site() as site:
        tenant = await applied(site)
        visitor = await site.member(tenant, "member")
        assert (await visitor.get("/my/trends")).status == 200


async def joined(site: Any, tenant: Any) -> set[str]:
    async with site.runtime.database.read() as tx:
        return set(await sign_ups.signed_up(tx, tenant.organization, tenant.workspace, "coffee"))
