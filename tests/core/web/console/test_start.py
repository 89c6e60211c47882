"""Where those who run a workspace begin, what each role is shown, and the log of what was changed."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from html import unescape
from typing import Any

from tertulia.services import people
from tertulia.storage import audit
from tertulia.web import pages

OpenSite = Callable[..., AbstractAsyncContextManager[Any]]


def sections(page: str) -> list[str]:
    """Return what the sections of a page lead to, below the workspace."""
    found = re.search(r'<nav class="sections".*?</nav>', page, re.S)
    return re.findall(r'href="/workspaces/[0-9a-f]+([^"]*)"', found.group()) if found else []


async def test_it_says_what_needs_attention_what_runs_and_what_comes_next(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        async with site.runtime.database.write() as tx:
            lost = {"name": "Out Of Reach"}
            await people.add_person(site.runtime, tx, acme.organization, lost, workspace=acme.workspace, actor="test")
        owner = await site.member(acme, "owner")
        answer = await owner.get("/workspaces")
        assert answer.headers["Location"] == f"/workspaces/{acme.workspace}"
        page = unescape(await (await owner.get(answer.headers["Location"])).text())
        assert "1 cannot be reached" in page
        assert "Out Of Reach" not in page
        assert "--names" not in page
        under_way = page.split("Under way")[1].split("<h2>")[0]
        assert "Question of CanaryAcme" in under_way
        assert "at least 0 answered" in under_way
        assert "from 2026-03-02 09:00 UTC" in page.split("<h2>Next</h2>")[1]


async def test_each_role_is_led_to_what_it_may_see(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        shown = {}
        for role in ("owner", "admin", "host", "analyst", "responder"):
            visitor = await site.member(acme, role)
            shown[role] = sections(await (await visitor.get(f"/workspaces/{acme.workspace}")).text())
            for below in shown[role]:
                assert (await visitor.get(f"/workspaces/{acme.workspace}{below}")).status == 200, (role, below)
        assert set(shown["owner"]) - set(shown["admin"]) == {"/audit"}
        assert {"", "/program", "/rounds", "/plugins", "/surveys"} <= set(shown["admin"])
        assert set(shown["host"]) == {"", "/host", "/rounds"}
        assert set(shown["responder"]) == {"", "/care"}
        assert {"/rounds", "/surveys", "/overview"} <= set(shown["analyst"])
        assert not {"/program", "/plugins", "/care"} & set(shown["analyst"])
        named = set(
            re.findall(r'\("([^"]*)", gettext', (pages.STATIC.parent / "templates/sections.html").read_text())
        )
        assert named == set(pages.SECTIONS)


async def test_whoever_runs_nothing_is_told(open_site: OpenSite) -> None:
    async with open_site() as site:
        member = await site.member(site.tenants["Acme"], "member")
        assert "You run no workspace" in await (await member.get("/workspaces")).text()


async def test_an_owner_reads_nothing_of_another_workspace_in_the_log(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme, runtime = site.tenants["Acme"], site.runtime
        async with runtime.database.write() as tx:
            kind = {"name": "Elsewhere", "zone": "UTC", "language": "en"}
            other = await people.create_workspace(runtime, tx, acme.organization, **kind, actor="elsewhere-make")
            for actor, subject, detail in (
                ("elsewhere-subject", other, {}),
                ("elsewhere-detail", "round", {"workspace": other}),
                ("here-subject", acme.workspace, {}),
                ("here-detail", "round", {"workspace": acme.workspace}),
                ("the-organization", acme.organization, {}),
            ):
                entry = {"organization": acme.organization, "at": site.clock.now(), "actor": actor}
                await audit.record(tx, runtime.vault, **entry, verb="program.apply", subject=subject, detail=detail)
        owner = await site.member(acme, "owner")
        page = await (await owner.get(f"/workspaces/{acme.workspace}/audit")).text()
        assert "elsewhere" not in page
        for actor in ("here-subject", "here-detail", "the-organization"):
            assert actor in page


async def test_an_owner_reads_the_log_and_reading_is_in_it(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme, zenith = site.tenants["Acme"], site.tenants["Zenith"]
        async with site.runtime.database.write() as tx:
            for number in range(120):
                await audit.record(
                    tx,
                    site.runtime.vault,
                    organization=acme.organization,
                    at=site.clock.now(),
                    actor=acme.persons["admin"],
                    verb="candle.open" if number % 2 else "place.declare",
                    subject=acme.workspace,
                    detail={"number": number, "text": "<b>bold</b>"},
                )
        owner = await site.member(acme, "owner")
        path = f"/workspaces/{acme.workspace}/audit"
        page = await (await owner.get(path)).text()
        assert "place.declare" in page
        assert "CanaryAcme admin" in page
        assert "candle" not in page.split("<tbody>")[1]
        assert "<b>bold" not in page
        assert zenith.workspace not in page
        again = await (await owner.get(path)).text()
        assert "audit.read" in again
        older = re.search(r"\?before=(\d+)", again)
        assert older is None or (await owner.get(path + older.group())).status == 200
        for wrong in ("x", "-1", "9" * 40):
            assert (await owner.get(f"{path}?before={wrong}")).status == 200
