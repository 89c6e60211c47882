"""The page of tokens: made, shown once, revoked."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from html import unescape
from typing import Any

from tertulia.services import tokens

OpenSite = Callable[..., AbstractAsyncContextManager[Any]]


async def test_a_token_is_shown_once_and_revoked(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        owner, path = await site.member(acme, "owner"), f"/workspaces/{acme.workspace}/tokens"
        form = {"do": "make", "name": "Night <b>job</b>", "days": "30", "scope": "read:rounds"}
        page = await (await owner.post(path, form)).text()
        (text,) = re.findall(r'value="(tertulia_[a-z2-7]{58})"', page)
        assert "<b>job</b>" not in page
        assert text not in await (await owner.get(path)).text()
        bearer = {"Authorization": f"Bearer {text}"}
        assert (await site.visitor().get(f"/api/v1/workspaces/{acme.workspace}/rounds", **bearer)).status == 200
        page = await (await owner.get(path)).text()
        assert "2026-03-02" in page, "the day of its last use"
        log = unescape(await (await owner.get(f"/workspaces/{acme.workspace}/audit")).text())
        assert "token.create" in log
        (token,) = re.findall(r'name="token" value="(\w+)"', page)
        assert (await owner.post(path, {"do": "revoke", "token": token})).status == 303
        assert (await site.visitor().get("/api/v1/token", **bearer)).status == 401
        assert "revoked" in await (await owner.get(path)).text()


async def test_nonsense_makes_no_token(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme, zenith = site.tenants["Acme"], site.tenants["Zenith"]
        admin, path = await site.member(acme, "admin"), f"/workspaces/{acme.workspace}/tokens"
        good = {"do": "make", "name": "a", "days": "30", "scope": "read:rounds"}
        for bad in (
            {"name": ""},
            {"name": "x" * 101},
            {"days": "9999"},
            {"days": "²"},
            {"scope": "read:audit"},
            {"do": ""},
        ):
            assert (await admin.post(path, {**good, **bad})).status == 422, bad
        assert "read:audit" not in await (await admin.get(path)).text()
        async with site.runtime.database.write() as tx:
            of = {
                "organization": zenith.organization,
                "workspace": zenith.workspace,
                "person": zenith.persons["owner"],
            }
            how = {"name": "theirs", "scopes": ["read:rounds"], "days": 1, "now": site.wall.now(), "actor": "test"}
            foreign, _ = await tokens.create(site.runtime, tx, **of, **how)
        assert (await admin.post(path, {"do": "revoke", "token": foreign.id})).status == 422
        async with site.runtime.database.read() as tx:
            assert await tokens.listed(tx, acme.organization, acme.workspace) == []
            (kept,) = await tokens.listed(tx, zenith.organization, zenith.workspace)
            assert kept.revoked_at is None
