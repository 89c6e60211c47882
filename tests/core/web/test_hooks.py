"""Webhooks and the routes of plugins: found while they are enabled, under their own access."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import sqlalchemy as sa

from tertulia.services import installations
from tertulia.storage.tables import inbox

OpenSite = Callable[..., AbstractAsyncContextManager[Any]]


async def test_a_route_serves_while_its_plugin_is_enabled(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        path = f"/plugins/panel/{acme.panel}/public"
        assert await (await site.visitor().get(path)).text() == f"panel of {acme.workspace} for None"
        place = {"organization": acme.organization, "workspace": acme.workspace, "plugin": "panel", "actor": "test"}
        async with site.runtime.database.write() as tx:
            await installations.disable(site.runtime, tx, **place)
        await site.runtime.installations.refresh()
        assert (await site.visitor().get(path)).status == 404
        async with site.runtime.database.write() as tx:
            await installations.enable(site.runtime, tx, settings={}, **place)
        await site.runtime.installations.refresh()
        assert (await site.visitor().get(path)).status == 200


async def test_a_route_has_its_own_parameters_and_frames(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        answer = await site.visitor().get(f"/plugins/panel/{acme.panel}/items/blue")
        assert await answer.text() == "blue"
        assert "frame-ancestors teams.example" in answer.headers["Content-Security-Policy"]
        assert "X-Frame-Options" not in answer.headers


async def test_a_route_names_whose_scripts_its_page_loads(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        for path, scripts in (("scripted", "script-src 'self' https://res.vendor.example"), ("items", "")):
            answer = await site.visitor().get(f"/plugins/panel/{acme.panel}/{path}/blue")
            policy = answer.headers["Content-Security-Policy"]
            assert next((part.strip() for part in policy.split(";") if "script-src" in part), "") == scripts


async def test_a_route_learns_who_is_there(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        visitor = await site.member(acme, "member")
        answer = await visitor.get(f"/plugins/panel/{acme.panel}/member")
        assert acme.persons["member"] in await answer.text()


async def test_a_webhook_is_answered_and_kept(open_site: OpenSite) -> None:
    async with open_site() as site:
        live = site.runtime.installations.get(site.tenants["Acme"].panel)
        subscription = await live.context.subscribe("bell", ["secret"])
        path = subscription.url.removeprefix(site.runtime.config.public_url)
        greeting = await site.visitor()._send("HEAD", path, None, {})
        assert (greeting.status, greeting.headers["X-Bell"]) == (200, "yes")
        for secret, status in (("secret", 200), ("secret", 200), ("wrong", 401)):
            url, headers = site.base + path + "?a=%41", {"X-Secret": secret}
            async with site.client.post(url, data=b"event 1", headers=headers) as answer:
                assert answer.status == status
        async with site.runtime.database.read() as tx:
            assert len((await tx.execute(sa.select(inbox))).all()) == 1
        await live.context.unsubscribe("bell")
        assert (await site.visitor()._send("HEAD", path, None, {})).status == 404


async def test_unknown_places_answer_404(open_site: OpenSite) -> None:
    async with open_site() as site:
        panel = site.tenants["Acme"].panel
        for path in (f"/plugins/web/{panel}/public", f"/plugins/panel/{panel}/nothing", "/plugins/panel/0/public"):
            assert (await site.visitor().get(path)).status == 404
        for method in ("GET", "HEAD", "POST"):
            answer = await site.visitor()._send(method, "/hooks/panel/0", None, {})
            assert answer.status == 404


async def test_a_wrong_method_answers_405(open_site: OpenSite) -> None:
    async with open_site() as site:
        path = f"/plugins/panel/{site.tenants['Acme'].panel}/role"
        answer = await site.visitor()._send("DELETE", path, None, {"Sec-Fetch-Site": "same-origin"})
        assert answer.status == 405
