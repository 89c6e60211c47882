"""The program in the console: looked at, tried, put into force, and taken back."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from html import unescape
from typing import Any

from tertulia.services import programs

OpenSite = Callable[..., AbstractAsyncContextManager[Any]]


async def newest(site: Any, tenant: Any) -> Any:
    async with site.runtime.database.read() as tx:
        return (await programs.history(tx, tenant.organization, tenant.workspace))[0].stored


async def test_a_change_is_looked_at_put_into_force_and_taken_back(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        admin = await site.member(acme, "admin")
        path = f"/workspaces/{acme.workspace}/program"
        first = await newest(site, acme)
        page = unescape(await (await admin.get(path)).text())
        assert first.document.strip() in page
        assert "Next rounds" in page
        changed = first.document.replace("Question of", "A question of")
        text = unescape(await (await admin.post(path, {"do": "plan", "document": changed})).text())
        assert "title" in text.split("What would change")[1].split("</section>")[0]
        assert (await newest(site, acme)).document == first.document
        sent = {"do": "apply", "document": changed.replace("\n", "\r\n"), "version": admin.field("version")}
        assert (await admin.post(path, sent)).status == 303
        second = await newest(site, acme)
        assert second.document == changed
        assert second.applied_by == acme.persons["admin"]
        assert (await admin.post(path, {"do": "return", "to": str(first.program.version)})).status == 303
        third = await newest(site, acme)
        assert (third.document, third.program.version) == (first.document, second.program.version + 1)


async def test_after_a_change_one_button_returns_to_the_former_version(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        admin = await site.member(acme, "admin")
        path = f"/workspaces/{acme.workspace}/program"
        first = await newest(site, acme)
        assert "is in force." not in await (await admin.get(path)).text()
        form = {"do": "apply", "document": first.document, "version": str(first.program.version)}
        same = await admin.post(path, form)
        assert same.headers["Location"] == f"{path}?done=same"
        assert "so it stays in force" in await (await admin.get(f"{path}?done=same")).text()
        changed = first.document.replace("Question of", "A question of")
        answer = await admin.post(path, {**form, "document": changed})
        page = unescape(await (await admin.get(answer.headers["Location"])).text())
        notice = page.split('role="status"')[1].split("</section>")[0]
        assert "Version 2 is in force. Rounds that are open go on as they were opened" in notice
        assert "takes back nothing that was sent" in notice
        assert 'name="to" value="1"' in notice
        opened = await site.round(acme, "ask")
        assert (await admin.post(path, {"do": "return", "to": "1"})).headers["Location"] == f"{path}?done=returned"
        assert (await newest(site, acme)).document == first.document
        assert await site.round(acme, "ask") == opened


async def test_a_change_is_shown_as_the_platforms_would_show_it(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        admin = await site.member(acme, "admin")
        path = f"/workspaces/{acme.workspace}/program"
        first = await newest(site, acme)
        assert "How it would look" not in await (await admin.get(path)).text()
        changed = first.document.replace("Question of", "<b>Question</b> of")
        text = await (await admin.post(path, {"do": "plan", "document": changed})).text()
        looks = text.split("How it would look")[1].split("Next rounds")[0]
        # what changes comes first, and open
        assert looks.index("<details open>") < looks.index("Question") < looks.index("Poll of")
        assert looks.count("<details open>") == 1
        assert "&lt;b&gt;Question&lt;/b&gt; of CanaryAcme" in looks
        assert "<b>" not in looks
        assert "Mail to one person" in looks
        assert "Page behind the personal link" in looks
        assert "&#34;Subject&#34;" in looks
        assert "CanaryAcme member" not in looks


async def test_a_fault_is_told_and_what_was_written_stays(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        admin = await site.member(acme, "admin")
        path = f"/workspaces/{acme.workspace}/program"
        first = await newest(site, acme)
        broken = first.document.replace('open_for = "2d"', 'open_for = "soon"', 1)
        await admin.get(path)
        for action in ("plan", "apply"):
            form = {"do": action, "document": broken, "version": str(first.program.version)}
            answer = await admin.post(path, form)
            text = unescape(await answer.text())
            assert answer.status == 422
            assert "open_for" in text.split('role="alert"')[1].split("</p>")[0]
            assert 'open_for = "soon"' in text
        assert (await newest(site, acme)) == first


async def test_nobody_undoes_a_colleague_s_change_unseen(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        admin, owner = await site.member(acme, "admin"), await site.member(acme, "owner")
        path = f"/workspaces/{acme.workspace}/program"
        first = await newest(site, acme)
        stale = str(first.program.version)
        theirs = first.document.replace("Poll of", "A poll of")
        await owner.post(path, {"do": "apply", "document": theirs, "version": stale})
        mine = first.document.replace("Question of", "A question of")
        answer = await admin.post(path, {"do": "apply", "document": mine, "version": stale})
        assert answer.status == 422
        assert "meanwhile" in await answer.text()
        assert (await newest(site, acme)).document == theirs


async def test_nonsense_is_told(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        admin = await site.member(acme, "admin")
        path = f"/workspaces/{acme.workspace}/program"
        for form in (
            {},
            {"do": "return", "to": "-1"},
            {"do": "return", "to": "999999"},
            {"do": "plan", "document": "["},
        ):
            assert (await admin.post(path, form)).status == 422
