"""A live quiz on the web: a host holds it, members play it, and nobody else sees it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from tertulia.services import programs
from tertulia.storage import tables

OpenSite = Callable[..., AbstractAsyncContextManager[Any]]
QUIZ = """

[[practice]]
key = "quiz"
kind = "quiz"
title = "Quiz <live>"
cadence = { rule = "FREQ=YEARLY", start = "2027-03-09T09:30" }
options = { questions = 3 }
"""


async def begun(site: Any) -> tuple[Any, Any, str]:
    """Let a host open a quiz, and return their browser and where it is played."""
    tenant = site.tenants["Acme"]
    async with site.runtime.database.write() as tx:
        where = {"organization": tenant.organization, "workspace": tenant.workspace}
        await programs.apply(site.runtime, tx, **where, text=QUIZ, actor="test")
    host = await site.member(tenant, "host")
    await host.get("/my/live")
    assert "Quiz &lt;live&gt;" in host.page
    answer = await host.post("/my/live", {"practice": f"{tenant.workspace}:quiz"})
    assert answer.status == 303
    return tenant, host, answer.headers["Location"]


async def state(visitor: Any, path: str) -> Any:
    answer = await visitor.get(f"{path}/state.json")
    assert answer.status == 200
    return await answer.json()


async def test_a_quiz_is_played_on_the_web(open_site: OpenSite) -> None:
    async with open_site() as site:
        tenant, host, path = await begun(site)
        player = await site.member(tenant, "member")
        await player.get("/my/live")
        assert path in player.page
        assert "Hold one" not in player.page
        await player.get(path)
        assert "about to begin" in player.page
        await host.get(path)
        assert (await host.post(f"{path}/host", {"act": "asking"})).status == 303

        # a code is fresh for ten minutes, a quiz lasts longer
        site.wall.advance(timedelta(minutes=40))
        await player.get(path)
        assert "Question 1 of 3" in player.page
        assert 'name="act"' not in player.page
        form = {"verb": "answer", "key": player.field("key"), "field.q1": "2", "field.shown": "yes"}
        assert (await player.post(path, form)).status == 303
        assert (await player.post(path, form)).status == 303, "the same page twice changes nothing"
        await player.get(path)
        assert "Your answer is in." in player.page
        async with site.runtime.database.read() as tx:
            (kept,) = (await tx.execute(sa.select(tables.response))).all()
        assert (kept.version, kept.platform) == (1, "web")

        await host.get(path)
        await host.post(f"{path}/host", {"act": "close", "number": "1"})
        await player.get(path)
        assert "How it stands" in player.page
        assert re.search(r"<strong>1\. [^<]+:</strong> [01]", player.page)
        await host.post(f"{path}/host", {"act": "show", "number": "2"})
        await host.post(f"{path}/host", {"act": "show", "number": "2"})
        late = await player.post(path, {**form, "key": "other"})
        assert late.status == 422
        await player.get(path)
        assert 'name="field.shown" value="yes" checked' in player.page
        assert (await player.post(path, {"verb": "pass", "key": "k"})).status == 303
        await host.post(f"{path}/host", {"act": "ended"})
        await player.get(path)
        assert "How it went" in player.page
        assert "1 person played." in player.page
        assert (await player.post(path, form)).status == 200


async def test_a_page_is_told_what_is_new_and_never_who(open_site: OpenSite) -> None:
    async with open_site() as site:
        tenant, host, path = await begun(site)
        assert await state(host, path) == {"key": "lobby", "answered": 0, "passed": 0}
        await host.get(path)
        await host.post(f"{path}/host", {"act": "asking"})
        player = await site.member(tenant, "member")
        told: Any = {}
        async with asyncio.timeout(60):
            while told.get("key", "lobby") == "lobby":
                told = await state(player, path)
        assert told == {"key": "asking:1:False", "answered": 0, "passed": 0}


async def test_only_hosts_conduct_and_only_members_play(open_site: OpenSite) -> None:
    async with open_site() as site:
        tenant, _, path = await begun(site)
        player = await site.member(tenant, "member")
        await player.get(path)
        assert (await player.post(f"{path}/host", {"act": "asking"})).status == 403
        for practice in (f"{tenant.workspace}:quiz", "nonsense"):
            assert (await player.post("/my/live", {"practice": practice})).status == 422
            assert "Only hosts" in player.page
        linked = await site.follow(tenant, "member")
        for other in (await site.member(site.tenants["Zenith"], "member"), site.visitor(), linked):
            answer = await other.get(path)
            assert answer.status == 404
            assert "Quiz" not in other.page
        host = await site.member(tenant, "host")
        await host.get(path)
        for form in ({"act": "show", "number": "two"}, {"act": "nonsense"}):
            assert (await host.post(f"{path}/host", form)).status == 400
        await host.post(f"{path}/host", {"act": "asking"})
        await host.get("/my/live")
        wrong = await host.post("/my/live", {"practice": f"{tenant.workspace}:nothing"})
        assert wrong.status == 422
