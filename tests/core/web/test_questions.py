"""Questions on the web: a pass from one's own page, pages that know nobody, and the page of the named moderators."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from tertulia.services import advance, programs, rounds
from tertulia.storage import tables

OpenSite = Callable[..., AbstractAsyncContextManager[Any]]
PROGRAM = """
[[practice]]
key = "ask"
kind = "discussion"
title = "Ask us"
open_for = "2d"
cadence = { rule = "FREQ=WEEKLY;BYDAY=TU", start = "2026-03-03T09:00", time = "common" }
options = { form = "leadership", moderators = ["admin@acme.example"], votes = 2 }
"""


async def started(site: Any) -> Any:
    acme = site.tenants["Acme"]
    async with site.runtime.database.write() as tx:
        where = {"organization": acme.organization, "workspace": acme.workspace}
        await programs.apply(site.runtime, tx, **where, text=PROGRAM, actor="test")
    await live(site, days=1, hours=3)
    return acme


async def live(site: Any, *, days: int = 0, hours: int = 0) -> None:
    """Let time go by, and take every step of discussions that is due."""
    until = site.clock.now() + timedelta(days=days, hours=hours)
    table = tables.round_table
    query = sa.select(table.c.id, table.c.next_at, table.c.step).where(
        table.c.kind == "discussion", table.c.next_at.is_not(None)
    )
    while True:
        async with site.runtime.database.read() as tx:
            due = (await tx.execute(query.where(table.c.next_at <= until).order_by(table.c.next_at))).first()
        if due is None:
            break
        site.clock.set(max(site.clock.now(), due.next_at))
        await advance.advance(site.runtime, due.id, due.step)
    site.clock.set(until)


async def opened(site: Any, who: str, use: str) -> str:
    visitor = await site.member(site.tenants["Acme"], who)
    page = await (await visitor.get("/my/questions")).text()
    found = re.search(r'name="round" value="(\w+)"', page)
    assert found is not None, page
    answer = await visitor.post("/my/questions", {"round": found.group(1), "use": use})
    assert answer.status == 303, await answer.text()
    return str(answer.headers["Location"])


async def test_a_question_goes_from_a_page_that_knows_nobody_to_an_answer_for_everybody(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = await started(site)
        for who, text in (("member", "Why <b>so</b> many calls?"), ("owner", "When is it spring?")):
            where = await opened(site, who, "ask")
            visitor = site.visitor()
            seen = await (await visitor.post(where, {"text": f"{text} CanaryAcme host knows."})).text()
            assert "[name] [name] knows." in seen
            assert (
                "kept without your name" in await (await visitor.post(where, {"text": text, "step": "send"})).text()
            )
            assert "was sent from this page already" in await (await visitor.get(where)).text()
            # what is not kept is not said to be
            again = await (await visitor.post(where, {"text": f"{text} And more?", "step": "send"})).text()
            assert "was sent from this page already" in again
            assert "kept without your name" not in again
        member, admin = await site.member(acme, "member"), await site.member(acme, "admin")
        assert "so many calls" not in await (await member.get("/my/questions")).text()
        assert "so many calls" not in await (await member.get("/my/questions/moderate")).text()
        page = await (await admin.get("/my/questions/moderate")).text()
        assert "Why &lt;b&gt;so" in page
        forms = re.findall(r'name="round" value="(\w+)"><input type="hidden" name="question" value="(\w+)"', page)
        (root,) = {root for root, _ in forms}
        ids = sorted({one for _, one in forms})
        assert len(ids) == 2
        for one in ids:
            form = {"round": root, "question": one}
            # only who is named moderates, and declining needs a reason
            assert (await member.post("/my/questions/moderate", {**form, "step": "publish"})).status == 422
            assert (await admin.post("/my/questions/moderate", {**form, "step": "decline"})).status == 422
            assert (await admin.post("/my/questions/moderate", {**form, "step": "publish"})).status == 303
        assert (await admin.post("/my/questions/moderate", {"step": "dance"})).status == 400
        await live(site, days=5)
        where, visitor = await opened(site, "member", "vote"), site.visitor()
        page = await (await visitor.get(where)).text()
        assert sorted(re.findall(r'name="question" value="(\w+)"', page)) == ids
        assert (await visitor.post(where, {})).status == 422
        assert "counted" in await (await visitor.post(where, {"question": ids[1]})).text()
        assert "Votes were sent" in await (await visitor.get(where)).text()
        again = await (await visitor.post(where, {"question": ids[0]})).text()
        assert "Votes were sent" in again
        assert "nothing says that they are yours" not in again
        await live(site, days=2)
        form = {"round": root, "question": ids[0], "step": "answer"}
        assert (await admin.post("/my/questions/moderate", {**form, "text": "Soon."})).status == 303
        assert (await admin.post("/my/questions/moderate", {**form, "step": "decline", "text": "No."})).status == 422
        assert "Soon." in await (await member.get("/my/questions")).text()
        # a page of a stage that is over, of the other use, and of no pass at all are the same
        assert (await visitor.get(where)).status == 404
        assert (await visitor.get(where.replace("/vote/", "/ask/"))).status == 404
        assert (await visitor.get("/questions/ask/nothing")).status == 404
        async with site.runtime.database.read() as tx:
            (row,) = [row for row in await tx.execute(sa.select(tables.question)) if row.id == ids[1]]
            assert row.votes == 1
            assert (await rounds.find(tx, root)) is not None


async def test_another_tenant_neither_sees_nor_moderates(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = await started(site)
        where = await opened(site, "member", "ask")
        await site.visitor().post(where, {"text": "Why?", "step": "send"})
        async with site.runtime.database.read() as tx:
            (row,) = await tx.execute(sa.select(tables.question))
        stranger = await site.member(site.tenants["Zenith"], "admin")
        for path in ("/my/questions", "/my/questions/moderate"):
            assert "Ask us" not in await (await stranger.get(path)).text()
        form = {"round": row.round_id, "question": row.id, "step": "publish"}
        assert (await stranger.post("/my/questions/moderate", form)).status == 422
        assert (await stranger.post("/my/questions", {"round": row.round_id, "use": "ask"})).status == 422
        # a vote is not to be had while people ask
        member = await site.member(acme, "member")
        assert (await member.post("/my/questions", {"round": row.round_id, "use": "vote"})).status == 422


async def test_the_guides_are_shown_to_members(open_site: OpenSite) -> None:
    async with open_site() as site:
        member = await site.member(site.tenants["Acme"], "member")
        page = await (await member.get("/my/guides")).text()
        names = re.findall(r'href="/my/guides/([\w-]+)"', page)
        assert len(names) >= 6
        assert "Opening words" in await (await member.get(f"/my/guides/{names[0]}")).text()
        assert (await member.get("/my/guides/none")).status == 404
        assert (await site.visitor().get("/my/guides")).status == 303
