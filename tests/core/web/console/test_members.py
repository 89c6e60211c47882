"""The people of a workspace in the console: found, imported, and nothing of what they do."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from html import unescape
from typing import Any

import aiohttp

from tertulia.services import preferences
from tertulia.storage import people

OpenSite = Callable[..., AbstractAsyncContextManager[Any]]
FILE = b"name,email,team\nLou,lou@acme.example,Ops\nNobody,,Ops\nCanaryAcme member,member@acme.example,Ops\n"


async def names(site: Any, tenant: Any) -> set[str]:
    async with site.runtime.database.read() as tx:
        return {one.name for one in await people.members(tx, tenant.organization, tenant.workspace)}


async def send(visitor: Any, path: str, file: bytes, **texts: str) -> tuple[int, str]:
    """Send a form with a file, as a browser does."""
    form = aiohttp.FormData()
    for name, value in {"csrf": visitor.field("csrf"), **texts}.items():
        form.add_field(name, value)
    form.add_field("file", file, filename="people.csv", content_type="text/csv")
    cookies = "; ".join(f"{name}={value}" for name, value in visitor.cookies.items())
    headers = {"Cookie": cookies, "Sec-Fetch-Site": "same-origin"}
    async with visitor.client.post(visitor.base + path, data=form, headers=headers, allow_redirects=False) as answer:
        visitor.page = await answer.text()
        return answer.status, unescape(visitor.page)


async def test_people_are_found_by_what_is_known_of_them(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        admin = await site.member(acme, "admin")
        path = f"/workspaces/{acme.workspace}/people"
        everybody = await (await admin.get(path)).text()
        assert "6 people" in everybody
        assert "CanaryZenith" not in everybody
        one = (await (await admin.get(f"{path}?q=HOST%40acme")).text()).split("<tbody>")[1]
        assert "CanaryAcme host" in one
        assert "CanaryAcme admin" not in one
        assert "Nobody here is called that" in await (await admin.get(f"{path}?q=xyz&from=0")).text()
        for odd in ("?from=99999999999", "?from=-1", "?q=%00", "?q=%F0%28"):
            assert (await admin.get(path + odd)).status in (200, 400)


async def test_a_file_is_looked_at_before_it_is_imported(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        admin = await site.member(acme, "admin")
        path = f"/workspaces/{acme.workspace}/people"
        before = await names(site, acme)
        status, page = await send(admin, path, FILE, do="look")
        assert status == 200
        assert "1 added, 1 changed, 0 unchanged, 1 rejected" in page
        assert "Line 3:" in page
        assert await names(site, acme) == before
        _, page = await send(admin, path, FILE + b"Max,max@acme.example,\n", do="import", seen=admin.field("seen"))
        assert "not the file that you looked at" in page
        assert await names(site, acme) == before
        await send(admin, path, FILE, do="look")
        _, page = await send(admin, path, FILE, do="import", seen=admin.field("seen"))
        assert "Imported" in page
        assert await names(site, acme) == before | {"Lou"}


async def test_what_is_no_list_of_people_is_told(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        admin = await site.member(acme, "admin")
        path = f"/workspaces/{acme.workspace}/people"
        before = await names(site, acme)
        for file in (b"", b"\x00\xff\xfe", b"a,b\n1,2\n", b"%PDF-1.7"):
            status, page = await send(admin, path, file, do="look")
            assert status == 422
            assert 'role="alert"' in page
        assert await names(site, acme) == before


async def test_nobody_s_wishes_are_shown(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        admin = await site.member(acme, "admin")
        path = f"/workspaces/{acme.workspace}/people"
        before = (await (await admin.get(path)).text()).split("<tbody>")[1]
        async with site.runtime.database.write() as tx:
            await preferences.opt_out(site.runtime, tx, acme.organization, acme.persons["member"], "*")
        assert (await (await admin.get(path)).text()).split("<tbody>")[1] == before
