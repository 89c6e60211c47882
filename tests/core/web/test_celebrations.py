"""The page of one's own days: nothing by default, one occasion at a time, and shown to nobody else."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import sqlalchemy as sa

from tertulia.services import occasions, programs
from tertulia.services.occasions import Chosen
from tertulia.storage import tables

OpenSite = Callable[..., AbstractAsyncContextManager[Any]]
PROGRAM = """

[[practice]]
key = "days"
kind = "celebration"
title = "Days <to> celebrate"
places = ["web:hall", { platform = "web", ref = "garden", kind = "chat" }]
cadence = { rule = "FREQ=WEEKLY;BYDAY=MO", start = "2026-03-09T09:30", time = "local" }
open_for = "3d"
options = { occasions = ["birthday", "welcome"] }
"""


async def applied(site: Any) -> Any:
    tenant = site.tenants["Acme"]
    async with site.runtime.database.write() as tx:
        place = {"organization": tenant.organization, "workspace": tenant.workspace, "actor": "test"}
        await programs.apply(site.runtime, tx, text=PROGRAM, **place)
    return tenant


async def chosen(site: Any, tenant: Any) -> dict[str, Chosen]:
    async with site.runtime.database.read() as tx:
        found = await occasions.mine(site.runtime, tx, tenant.organization, tenant.persons["member"])
    return {occasion: one for (_, _, occasion), one in found.items()}


async def test_a_day_is_chosen_changed_and_taken_back(open_site: OpenSite) -> None:
    async with open_site() as site:
        tenant = await applied(site)
        visitor = await site.member(tenant, "member")
        page = await (await visitor.get("/my/celebrations")).text()
        assert page.count('name="circle" value="team"') == 2
        assert "checked" not in page
        assert "farewell" not in page
        assert "A year is neither asked nor kept" in page
        offer = f"{tenant.workspace}:days:birthday"
        birthday = {"offer": offer, "day": "29", "month": "2", "circle": "team", "place": "web:hall"}
        assert (await visitor.post("/my/celebrations", birthday)).status == 303
        assert await chosen(site, tenant) == {
            "birthday": Chosen(month=2, day=29, circle="team", places=("web:hall",))
        }
        welcome = {"offer": f"{tenant.workspace}:days:welcome", "date": "2026-04-01", "circle": "nobody"}
        assert (await visitor.post("/my/celebrations", welcome)).status == 303
        changed = {"offer": offer, "day": "1", "month": "3", "circle": "all"}
        assert (await visitor.post("/my/celebrations", changed)).status == 303
        assert await chosen(site, tenant) == {
            "birthday": Chosen(month=3, day=1, circle="all"),
            "welcome": Chosen(month=4, day=1, year=2026, circle="nobody"),
        }
        page = await (await visitor.get("/my/celebrations")).text()
        assert 'value="2026-04-01"' in page
        assert "03-01" in await (await visitor.get("/my/data.json")).text()
        for _ in range(2):
            assert (await visitor.post("/my/celebrations/take-back", {"offer": offer})).status == 303
        assert list(await chosen(site, tenant)) == ["welcome"]


WRONG = (
    ({"day": "30", "month": "2", "circle": "team"}, "no such day"),
    ({"day": "", "month": "2", "circle": "team"}, "The day is missing"),
    ({"day": "²", "month": "2", "circle": "team"}, "The day is missing"),
    ({"day": "99999999999", "month": "2", "circle": "team"}, "The day is missing"),
    ({"day": "3", "month": "2"}, "who may know"),
    ({"day": "3", "month": "2", "circle": "team", "place": "web:cellar"}, "no such place"),
    ({"offer": "x:y:z", "day": "3", "month": "2", "circle": "team"}, "no such occasion"),
    ({"offer": "{}:days:welcome", "date": "soon", "circle": "team"}, "The date is missing"),
    ({"offer": "{}:days:welcome", "date": "9999-12-31", "circle": "team"}, "no such day"),
    ({"offer": "{}:days:farewell", "date": "2026-05-01", "circle": "team"}, "no such occasion"),
    ({"day": "3", "month": "2", "circle": "team", "offer": "\x00"}, "no such occasion"),
)


async def test_whatever_is_wrong_is_a_sentence(open_site: OpenSite) -> None:
    async with open_site() as site:
        tenant = await applied(site)
        visitor = await site.member(tenant, "member")
        await visitor.get("/my/celebrations")
        for form, sentence in WRONG:
            given: dict[str, str] = {"offer": "{}:days:birthday", **form}
            given["offer"] = given["offer"].replace("{}", tenant.workspace)
            answer = await visitor.post("/my/celebrations", given)
            assert answer.status == 422, form
            assert sentence in visitor.page, form
        assert await chosen(site, tenant) == {}


async def test_nobody_else_sees_or_changes_it(open_site: OpenSite) -> None:
    async with open_site() as site:
        tenant = await applied(site)
        visitor = await site.member(tenant, "member")
        offer = f"{tenant.workspace}:days:birthday"
        form = {"offer": offer, "day": "29", "month": "2", "circle": "team"}
        assert (await visitor.post("/my/celebrations", form)).status == 303
        for who in ("owner", "admin", "host"):
            other = await site.member(tenant, who)
            for path in ("/my/celebrations", "/my", "/my/data.json", f"/workspaces/{tenant.workspace}/rounds"):
                text = await (await other.get(path)).text()
                assert "chosen</span>" not in text
                assert "02-29" not in text
            assert (await other.post("/my/celebrations/take-back", {"offer": offer})).status == 303
        stranger = await site.member(site.tenants["Zenith"], "member")
        assert (await stranger.post("/my/celebrations", form)).status == 422
        assert list(await chosen(site, tenant)) == ["birthday"]
        async with site.runtime.database.read() as tx:
            assert await tx.scalar(sa.select(sa.func.count()).select_from(tables.celebration)) == 1
