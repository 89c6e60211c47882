"""Plugins in the console: enabled, configured, tried and disabled by those who run a workspace."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from html import unescape
from typing import Any

import sqlalchemy as sa

from tertulia.services import installations
from tertulia.storage import tables

OpenSite = Callable[..., AbstractAsyncContextManager[Any]]


async def found(site: Any, tenant: Any, plugin: str) -> Any:
    async with site.runtime.database.read() as tx:
        where = {"organization": tenant.organization, "workspace": tenant.workspace}
        known = await installations.shown(site.runtime, tx, **where)
    return next((one for one in known if one.plugin == plugin), None)


async def verbs(site: Any) -> list[tuple[str, str]]:
    async with site.runtime.database.read() as tx:
        rows = await tx.execute(
            sa.select(tables.audit.c.verb, tables.audit.c.actor).order_by(tables.audit.c.sequence)
        )
        return [(row.verb, row.actor) for row in rows]


async def test_settings_are_changed_with_the_form_and_secrets_stay_hidden(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        admin = await site.member(acme, "admin")
        path = f"/workspaces/{acme.workspace}/plugins"
        listed = await (await admin.get(path)).text()
        assert "at work" in listed
        assert f"{path}/web" in listed
        assert f"{path}/kinds" not in listed, "it brings kinds, and nothing that a workspace could enable"
        before = await found(site, acme, "web")
        page = await (await admin.get(f"{path}/web")).text()
        assert "smtp" not in unescape(page).replace("smtp_url", "").replace("Smtp Url", "").lower().split("<form")[1]
        form = {"smtp_url": "", "sender": "team@acme.example", "reply_to": "", "per_minute": "7"}
        answer = await admin.post(f"{path}/web", form)
        assert (answer.status, answer.headers["Location"]) == (303, f"{path}/web")
        after = await found(site, acme, "web")
        assert (after.settings["sender"], after.settings["per_minute"]) == ("team@acme.example", 7)
        assert before.settings["smtp_url"] is not None
        assert after.settings["smtp_url"] == before.settings["smtp_url"]
        assert after.version > before.version
        live = next(one for one in site.runtime.installations.of(acme.workspace) if one.plugin == "web")
        assert live.context.settings.per_minute == 7
        assert ("installation.configured", acme.persons["admin"]) in await verbs(site)


async def test_what_a_plugin_refuses_is_told_beside_what_was_typed(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        admin = await site.member(acme, "admin")
        path = f"/workspaces/{acme.workspace}/plugins/web"
        before = await found(site, acme, "web")
        for form, word in (
            ({"sender": "no address", "per_minute": "7"}, "sender"),
            ({"sender": "a@b.example", "per_minute": "-3"}, "per_minute"),
            ({"sender": "a@b.example", "per_minute": "many"}, "must be a number"),
        ):
            answer = await admin.post(path, form)
            text = unescape(await answer.text())
            assert answer.status == 422
            assert word in text.split('role="alert"')[1].split("</p>")[0]
            assert f'value="{form["sender"]}"' in text
        assert await found(site, acme, "web") == before


async def test_a_plugin_is_disabled_once_that_is_confirmed_and_comes_back_with_its_settings(
    open_site: OpenSite,
) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        admin = await site.member(acme, "admin")
        path = f"/workspaces/{acme.workspace}/plugins/web"
        before = await found(site, acme, "web")
        asked = await admin.post(f"{path}/disable")
        assert "Yes, disable it" in await asked.text()
        assert (await found(site, acme, "web")).enabled
        assert (await admin.post(f"{path}/disable", {"sure": "yes"})).status == 303
        assert not (await found(site, acme, "web")).enabled
        assert not [one for one in site.runtime.installations.of(acme.workspace) if one.plugin == "web"]
        assert "enable it first" in await (await admin.post(f"{path}/try")).text()
        await admin.post(path, {"sender": before.settings["sender"], "per_minute": "100000"})
        after = await found(site, acme, "web")
        assert after.enabled
        assert after.settings == before.settings


async def test_a_plugin_is_enabled_for_the_first_time_and_tried(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme, zenith = site.tenants["Acme"], site.tenants["Zenith"]
        async with site.runtime.database.write() as tx:
            await tx.execute(tables.installation.delete().where(tables.installation.c.id == acme.panel))
        await site.runtime.installations.refresh()
        admin = await site.member(acme, "admin")
        path = f"/workspaces/{acme.workspace}/plugins/panel"
        assert "not enabled in this workspace" in await (await admin.get(path)).text()
        await admin.post(path, {})
        assert (await found(site, acme, "panel")).enabled
        page = await (await admin.get(path)).text()
        assert "The platform tells it what happens: bell" in unescape(page)
        assert "nothing to try" in unescape(await (await admin.post(f"{path}/try")).text())
        assert (await found(site, zenith, "panel")).id == zenith.panel


async def test_an_unknown_plugin_is_nothing_to_see(open_site: OpenSite) -> None:
    async with open_site() as site:
        admin = await site.member(site.tenants["Acme"], "admin")
        path = f"/workspaces/{site.tenants['Acme'].workspace}/plugins/nothing"
        assert (await admin.get(path)).status == 404
        assert (await admin.post(path, {})).status in (404, 422)
