"""A member sees and ends their own sessions; nobody sees another's."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tertulia.services import devices, my_data, tokens
from tertulia.storage.tables import session_origin, web_session

OpenSite = Callable[..., AbstractAsyncContextManager[Any]]
PAGE = "/my/sessions"


async def _ids(visitor: Any) -> list[str]:
    text = await (await visitor.get(PAGE)).text()
    return [found for found in re.findall(r'name="end" value="(\w+)"', text) if len(found) == 32]


async def test_one_s_own_are_listed_and_ended(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        first = await site.member(acme, "member")
        site.wall.advance(timedelta(minutes=3))
        second, other = await site.member(acme, "member"), await site.member(acme, "owner")
        (foreign,) = await _ids(other)
        mine = await _ids(second)
        assert len(mine) == 2
        assert foreign not in mine
        text = await (await second.get(PAGE)).text()
        assert text.count("this browser") == 1
        assert "with a code" in text
        # somebody else's is left alone, whatever is sent
        for sent in (foreign, "nothing", "", "x" * 500, "a\udcff"):
            await second.post(PAGE, {"end": sent.encode(errors="replace").decode()})
        assert len(await _ids(other)) == 1
        answer = await second.post(PAGE, {"end": mine[1]})
        assert (answer.status, answer.headers["Location"]) == (303, PAGE)
        assert (await first.get("/my")).headers["Location"] == "/sign-in"
        assert await _ids(second) == [mine[0]]
        # one's own present one
        answer = await second.post(PAGE, {"end": mine[0]})
        assert answer.headers["Location"] == "/"
        assert second.cookies == {}
        async with site.runtime.database.read() as tx:
            for table in (web_session, session_origin):
                assert len((await tx.execute(sa.select(table))).all()) == 1


async def test_all_others_or_all_are_ended_those_of_links_too(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        linked = await site.follow(acme, "member")
        answering = f"/answer/{acme.rounds['ask']}"
        assert (await linked.get(answering)).status == 200
        first, second = await site.member(acme, "member"), await site.member(acme, "member")
        other = await site.member(acme, "owner")
        assert "1 browser has a page of a round open" in await (await second.get(PAGE)).text()
        answer = await second.post(PAGE, {"end": "others"})
        assert answer.headers["Location"] == PAGE
        assert (await linked.get(answering)).status == 404
        assert (await first.get("/my")).headers["Location"] == "/sign-in"
        assert len(await _ids(second)) == 1
        assert (await second.post(PAGE, {"end": "all"})).headers["Location"] == "/"
        assert (await second.get("/my")).headers["Location"] == "/sign-in"
        assert (await other.get("/my")).status == 200


async def test_one_s_own_api_tokens_are_listed_and_end_with_all_sessions(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]

        async def make(who: str, name: str) -> str:
            async with site.runtime.database.write() as tx:
                of = {"organization": acme.organization, "workspace": acme.workspace, "person": acme.persons[who]}
                how = {"name": name, "scopes": ["read:rounds"], "days": 7, "now": site.wall.now(), "actor": "test"}
                return (await tokens.create(site.runtime, tx, **of, **how))[1]

        async def opens(text: str) -> bool:
            answer = await site.visitor().get("/api/v1/token", Authorization=f"Bearer {text}")
            return bool(answer.status == 200)

        made = [await make("owner", name) for name in ("Night <b>job</b>", "Second", "Third")]
        foreign = await make("admin", "Of the admin")
        owner, member = await site.member(acme, "owner"), await site.member(acme, "member")
        assert "API token" not in await (await member.get(PAGE)).text()
        assert await opens(made[0])
        page = await (await owner.get(PAGE)).text()
        assert "Night &lt;b&gt;job" in page
        assert "Of the admin" not in page
        for said in ("made on 2026-03-02", "last used on 2026-03-02", "never used", "until 2026-03-09"):
            assert said in page
        ids = re.findall(r'name="revoke" value="(\w{32})"', page)
        assert len(ids) == 3
        (theirs,) = re.findall(r'name="revoke" value="(\w{32})"', await (await _open(site, acme, "admin")).text())
        for sent in (theirs, "nothing", "x" * 500):
            assert (await owner.post(PAGE, {"revoke": sent})).headers["Location"] == PAGE
        assert [await opens(text) for text in (*made, foreign)] == [True] * 4
        await owner.post(PAGE, {"revoke": ids[0]})
        assert sorted([await opens(text) for text in made]) == [False, True, True]
        assert (await owner.post(PAGE, {"end": "others"})).headers["Location"] == PAGE
        assert sorted([await opens(text) for text in made]) == [False, True, True]
        await owner.post(PAGE, {"end": "all"})
        assert [await opens(text) for text in (*made, foreign)] == [False, False, False, True]


async def _open(site: Any, tenant: Any, who: str) -> Any:
    return await (await site.member(tenant, who)).get(PAGE)


async def test_of_the_last_use_the_hour_is_kept(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        visitor = await site.member(acme, "owner")
        began = site.wall.now()
        home = f"/workspaces/{acme.workspace}"
        for minutes in (29, 2, 47, 1):
            site.wall.advance(timedelta(minutes=minutes))
            assert (await visitor.get(home)).status == 200
        async with site.runtime.database.read() as tx:
            row = (await tx.execute(sa.select(session_origin))).one()
            held = await my_data.collect(site.runtime, tx, acme.organization, acme.persons["owner"])
        assert (row.began_at, row.used_hour) == (began, began + timedelta(hours=1))
        assert row.ends_at == began + timedelta(days=7)
        (told,) = held["signed_in"]
        assert set(told) == {"began_at", "used_hour", "ends_at", "device", "way"}
        # a week ends it, however much it is used
        for _ in range(14):
            site.wall.advance(timedelta(hours=11, minutes=50))
            assert (await visitor.get(home)).status == 200
        site.wall.advance(timedelta(hours=2))
        assert (await visitor.get(home)).headers["Location"] == "/sign-in"


@pytest.mark.parametrize(
    ("said", "named"),
    [
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36",
            "Chrome, Windows",
        ),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/140.0 Safari/537.36 Edg/140.0", "Edge, Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1", "Safari, iPhone"),
        ("Mozilla/5.0 (Linux; Android 15) Chrome/140.0 Mobile Safari/537.36", "Chrome, Android"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 15.0; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox, Mac"),
        ("curl/8.0", ""),
        ("", ""),
        ("<script>alert(1)</script> Linux" + "x" * 5000, "Linux"),
    ],
)
def test_a_device_is_named_in_words_of_ours(said: str, named: str) -> None:
    assert devices.named(said) == named
