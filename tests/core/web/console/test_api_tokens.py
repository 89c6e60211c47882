"""The page of tokens: made, shown once, revoked."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from html import unescape
from typing import Any

from tertulia.delivery import outbox
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


async def test_whoever_signed_in_a_while_ago_signs_in_again_to_make_one(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        owner, path = await site.member(acme, "owner"), f"/workspaces/{acme.workspace}/tokens"
        form = {"do": "make", "name": "Night job", "days": "30", "scope": "read:rounds"}
        assert 'value="make"' in await (await owner.get(path)).text()
        site.wall.advance(timedelta(minutes=10))
        page = await (await owner.get(path)).text()
        assert 'value="make"' not in page
        answer = await owner.post(path, form)
        page = await answer.text()
        assert (answer.status, "Sign in again" in page, "tertulia_" in page) == (422, True, False)
        async with site.runtime.database.read() as tx:
            assert await tokens.listed(tx, acme.organization, acme.workspace) == []
        (again,) = re.findall(r'href="(/sign-in[^"]*)"', page.split("<h2>")[-1])
        await owner.get(again)
        asked = {"email": "owner@acme.example", "to": owner.field("to")}
        await owner.post("/sign-in", asked)
        await outbox.Sender(site.runtime).drain()
        (*_, mail) = site.mailbox.messages_for(asked["email"])
        (code,) = re.findall(r"\b(\d{4} \d{4})\b", mail.text)
        answer = await owner.post("/sign-in/code", {"code": code, "token": owner.field("token")})
        assert (answer.status, answer.headers["Location"]) == (303, path)
        await owner.get(path)
        assert "tertulia_" in await (await owner.post(path, form)).text()
        # no other page is led to
        for other in ("tokens-", f"tokens-{acme.workspace}x", f"tokens-../{acme.workspace}", "//example.org"):
            assert 'name="to"' not in await (await owner.get(f"/sign-in?to={other}")).text()


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
