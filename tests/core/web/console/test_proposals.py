"""Proposals, roles and settings in the console: what one person asks for, and another decides."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from html import unescape
from typing import Any

import sqlalchemy as sa

from tertulia.services import people, proposals
from tertulia.storage import people as stored
from tertulia.storage import tables

OpenSite = Callable[..., AbstractAsyncContextManager[Any]]


async def text(answer: Any) -> str:
    return " ".join(unescape(await answer.text()).split())


async def roles(site: Any, tenant: Any, who: str) -> frozenset[str]:
    async with site.runtime.database.read() as tx:
        held = await stored.roles_of(tx, tenant.organization, tenant.persons[who])
        return held.get(tenant.workspace, frozenset())


async def waiting(site: Any, tenant: Any) -> list[Any]:
    async with site.runtime.database.read() as tx:
        return await proposals.waiting(tx, tenant.organization, tenant.workspace, site.clock.now())


async def give(site: Any, tenant: Any, who: str, role: str) -> None:
    async with site.runtime.database.write() as tx:
        whose = (tenant.organization, tenant.workspace, tenant.persons[who])
        await people.grant(site.runtime, tx, *whose, role, actor="cli:root")


async def test_a_role_is_given_by_two_and_the_page_says_who_proposed_it(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme, zenith = site.tenants["Acme"], site.tenants["Zenith"]
        owner, admin = await site.member(acme, "owner"), await site.member(acme, "admin")
        above = f"/workspaces/{acme.workspace}"
        assert "Nothing waits" in await text(await owner.get(f"{above}/proposals"))
        form = {"do": "grant", "email": "member@acme.example", "role": "responder"}
        assert (await admin.post(f"{above}/roles", form)).headers["Location"] == f"{above}/proposals"
        assert "One proposal waits" in await text(await owner.get(above))
        mine = await text(await admin.get(f"{above}/proposals"))
        assert "Proposed by you" in mine
        assert "Take it back" in mine
        assert 'value="approve"' not in mine
        (found,) = await waiting(site, acme)
        answer = await admin.post(f"{above}/proposals", {"do": "approve", "id": found.id})
        assert (answer.status, "You proposed this yourself" in await text(answer)) == (422, True)
        theirs = await text(await owner.get(f"{above}/proposals"))
        assert "Give CanaryAcme member the role responder." in theirs
        assert "Proposed by CanaryAcme admin" in theirs
        stranger = await site.member(zenith, "owner")
        elsewhere = f"/workspaces/{zenith.workspace}/proposals"
        assert (await stranger.post(elsewhere, {"do": "approve", "id": found.id})).status == 422
        assert await roles(site, acme, "member") == frozenset()
        assert (await owner.post(f"{above}/proposals", {"do": "approve", "id": found.id})).status == 303
        assert await roles(site, acme, "member") == {"responder"}
        await give(site, acme, "member", "analyst")
        told = await text(await admin.get(f"{above}/proposals"))
        assert "approved by CanaryAcme owner" in told
        assert "CanaryAcme member got the role analyst." in told, "what the operator does alone is told"
        assert "got the role" not in await text(await stranger.get(elsewhere))


async def test_a_host_is_made_at_once_and_the_last_owner_stays(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        admin, path = await site.member(acme, "admin"), f"/workspaces/{acme.workspace}/roles"
        await admin.post(path, {"do": "grant", "email": "member@acme.example", "role": "host"})
        assert await roles(site, acme, "member") == {"host"}
        await admin.post(path, {"do": "revoke", "person": acme.persons["member"], "role": "host"})
        assert await roles(site, acme, "member") == frozenset()
        page = await text(await admin.get(path))
        assert "the last owner stays" in page
        form = {"do": "revoke", "person": acme.persons["owner"], "role": "owner"}
        for sent, why in (
            (form, "last owner"),
            ({"do": "grant", "email": "member@zenith.example", "role": "host"}, "no member of this workspace"),
            ({"do": "grant", "email": "member@acme.example", "role": "king"}, "is unknown"),
            ({"do": "grant", "email": "member@acme.example"}, "is unknown"),
            ({}, "Nothing was chosen"),
        ):
            answer = await admin.post(path, sent)
            assert answer.status == 422
            assert why in (await text(answer)).split('role="alert"')[1].split("</p>")[0]
        assert await waiting(site, acme) == []


async def test_the_one_owner_is_told_how_to_name_a_second(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        owner, admin = await site.member(acme, "owner"), await site.member(acme, "admin")
        path = f"/workspaces/{acme.workspace}/roles"
        form = {"do": "grant", "email": "member@acme.example", "role": "admin"}
        assert "name a second owner first" in await text(await owner.post(path, form))
        for page in (path, f"/workspaces/{acme.workspace}"):
            assert "There is one owner only" in await text(await admin.get(page))
        second = {"do": "second", "email": "member@acme.example"}
        assert "Only the one owner" in await text(await admin.post(path, second))
        assert (await owner.post(path, second)).status == 303
        assert await roles(site, acme, "member") == {"owner"}
        assert "There is one owner only" not in await text(await owner.get(path))
        assert "Make CanaryAcme member the second owner" in await text(
            await owner.get(f"/workspaces/{acme.workspace}/proposals")
        )


async def test_settings_are_changed_and_a_fault_stands_at_its_field(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        admin, path = await site.member(acme, "admin"), f"/workspaces/{acme.workspace}/settings"
        wrong = {"do": "workspace", "name": "New name", "zone": "Europe/Madrit", "language": "!"}
        answer = await admin.post(path, wrong)
        page = await answer.text()
        assert answer.status == 422
        for field, why in (("zone", "did you mean Europe/Madrid?"), ("language", "is not a language tag")):
            assert why in unescape(page.split(f'id="{field}-fault">')[1].split("</p>")[0])
        assert 'value="New name"' in page
        assert 'value="Europe/Madrit"' in page
        right = {**wrong, "zone": "Europe/Madrid", "language": "pt-br"}
        assert (await admin.post(path, right)).status == 303
        await admin.post(path, {"do": "readers", "readers": "hosts"})
        assert (await admin.post(path, {"do": "readers", "readers": "everybody"})).status == 422
        async with site.runtime.database.read() as tx:
            home = await stored.workspace(tx, acme.organization, acme.workspace)
            changes = sa.select(tables.audit.c.detail).where(tables.audit.c.verb == "workspace.change")
            (detail,) = (await tx.execute(changes)).scalars()
        assert (home.name, home.zone, home.language) == ("New name", "Europe/Madrid", "pt-BR")
        assert detail == {"name": "New name", "zone": "Europe/Madrid", "language": "pt-BR"}
        assert '<option value="hosts" selected>' in await (await admin.get(path)).text()


PULSE = """\
[[practice]]
key = "pulse"
kind = "pulse"
title = "Pulse <b>of</b> us"
cadence = { rule = "FREQ=MONTHLY", start = "2027-03-02T09:00" }
"""


async def test_thresholds_and_domains_take_two(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        owner, admin = await site.member(acme, "owner"), await site.member(acme, "admin")
        above = f"/workspaces/{acme.workspace}"
        await admin.get(f"{above}/program")
        applied = {"do": "apply", "document": PULSE, "version": admin.field("version")}
        assert (await admin.post(f"{above}/program", applied)).status == 303
        await admin.get(f"{above}/program")
        raised = {**applied, "document": PULSE + "options = { fewest = 9 }\n", "version": admin.field("version")}
        refused = await admin.post(f"{above}/program", raised)
        assert "a second person has to agree" in await text(refused)
        page = await (await admin.get(f"{above}/settings")).text()
        assert "Pulse &lt;b&gt;of" in page
        for wrong in ("4", "5", "many", "99"):
            asked = {"do": "threshold", "practice": "pulse", "fewest": wrong}
            assert (await admin.post(f"{above}/settings", asked)).status == 422
        await admin.post(f"{above}/settings", {"do": "threshold", "practice": "pulse", "fewest": "9"})
        (found,) = await waiting(site, acme)
        await owner.post(f"{above}/proposals", {"do": "approve", "id": found.id})
        assert (
            'name="fewest" min="5" max="50" required value="9"' in await (await admin.get(f"{above}/settings")).text()
        )

        domains = {"do": "domains", "domains": "acme.example\nacme.example.net"}
        assert "Only an owner can propose" in await text(await admin.post(f"{above}/settings", domains))
        assert "name a second owner first" in await text(await owner.post(f"{above}/settings", domains))
        await give(site, acme, "admin", "owner")
        assert (await owner.post(f"{above}/settings", domains)).status == 303
        (found,) = await waiting(site, acme)
        await admin.post(f"{above}/proposals", {"do": "approve", "id": found.id})
        async with site.runtime.database.read() as tx:
            known = await stored.organization(tx, acme.organization)
        assert known.domains == {"acme.example", "acme.example.net"}
