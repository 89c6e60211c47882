"""Who may call the API: whoever shows a living token, within its workspace, its scopes and its maker's roles."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from aiohttp.test_utils import TestServer

from tertulia.services import erasing, people, tokens
from tertulia.storage.tables import api_token
from tertulia.web import app
from tertulia.web.buckets import Buckets

OpenSite = Callable[..., AbstractAsyncContextManager[Any]]
Connect = Callable[..., Awaitable[Any]]
MakeToken = Callable[..., Awaitable[str]]


async def test_without_a_token_nobody_gets_in(open_site: OpenSite, program: Connect) -> None:
    async with open_site() as site:
        call = await program(site, site.tenants["Acme"])
        real = call.token
        for text in ("", "x", "ä", real[:-1], real + "a", real.upper(), real.replace("tertulia_", ""), f"{real} x"):
            call.token = text
            answer = await call("GET", "program")
            assert answer.status == 401, text
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")
            assert answer.document["code"] == ("token_needed" if not text else "token_unknown")
        for scheme in ("Basic", "Token", ""):
            answer = await call("GET", "program", Authorization=f"{scheme} {real}")
            assert (answer.status, answer.document["code"]) == (401, "token_needed")
        assert (await call("GET", "program", Authorization=f"bearer {real}")).status == 200


async def test_a_session_opens_no_operation_and_a_token_no_page(open_site: OpenSite, make_token: MakeToken) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        owner, text = await site.member(acme, "owner"), await make_token(site, acme)
        answer = await owner.get(f"/api/v1/workspaces/{acme.workspace}/program")
        assert answer.status == 401
        assert "Set-Cookie" not in answer.headers
        for path in ("/my", f"/workspaces/{acme.workspace}", f"/workspaces/{acme.workspace}/audit"):
            page = await site.visitor().get(path, Authorization=f"Bearer {text}")
            assert (page.status, page.headers["Location"]) == (303, "/sign-in")


async def test_an_expired_or_revoked_token_opens_nothing(open_site: OpenSite, program: Connect) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        call, kept = await program(site, acme), await program(site, acme)
        one = (await call("GET", "/api/v1/token")).document
        assert (one["name"], one["workspace"]) == ("of owner", acme.workspace)
        where = {"organization": acme.organization, "workspace": acme.workspace}
        async with site.runtime.database.write() as tx:
            await tokens.revoke(site.runtime, tx, **where, token=one["id"], now=site.wall.now(), actor="test")
        assert (await call("GET", "program")).document["code"] == "token_unknown"
        assert (await kept("GET", "program")).status == 200
        site.wall.set(site.wall.now() + timedelta(days=30))
        assert (await kept("GET", "program")).document["code"] == "token_unknown"


async def test_a_token_can_do_no_more_than_its_maker_can_now(open_site: OpenSite, program: Connect) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        call, whose = await program(site, acme), (acme.organization, acme.workspace, acme.persons["owner"])
        assert (await call("GET", "audit")).status == 200
        async with site.runtime.database.write() as tx:
            for role in ("analyst", "admin"):
                await people.grant(site.runtime, tx, *whose, role, actor="test")
            await people.grant(site.runtime, tx, *whose[:2], acme.persons["admin"], "owner", actor="test")
            await people.revoke(site.runtime, tx, *whose, "owner", actor="test")
        assert (await call("GET", "people")).status == 200
        answer = await call("GET", "audit")
        assert (answer.status, answer.document["code"]) == (403, "role_missing")
        async with site.runtime.database.write() as tx:
            await people.revoke(site.runtime, tx, *whose, "admin", actor="test")
        assert (await call("GET", "rounds")).document["code"] == "token_unknown"
        async with site.runtime.database.write() as tx:
            # one that is left is bounded by the roles that are
            await tx.execute(api_token.update().values(revoked_at=None))
        assert (await call("GET", "rounds")).status == 200
        for path in ("audit", "program", "people"):
            answer = await call("GET", path)
            assert (answer.status, answer.document["code"]) == (403, "role_missing")
        async with site.runtime.database.write() as tx:
            await erasing.erase(site.runtime, tx, acme.organization, acme.persons["owner"], actor="test")
            assert not (await tx.execute(sa.select(api_token))).all()
        assert (await call("GET", "rounds")).status == 401


async def test_a_token_of_one_scope_opens_nothing_else(open_site: OpenSite, program: Connect) -> None:
    async with open_site() as site:
        call = await program(site, site.tenants["Acme"], scopes=["read:rounds"])
        assert (await call("GET", "rounds")).status == 200
        for path, scope in (("people", "read:people"), ("program", "read:program"), ("audit", "read:audit")):
            answer = await call("GET", path)
            assert (answer.status, answer.document["code"]) == (403, "scope_missing")
            assert f'scope="{scope}"' in answer.headers["WWW-Authenticate"]
            assert scope in answer.document["detail"]
        # and another workspace answers like one that is not there
        other, bodies = site.tenants["Zenith"], set()
        for key in (other.workspace, "0" * 32, "x"):
            answer = await call("GET", f"/api/v1/workspaces/{key}/rounds")
            assert answer.status == 404
            bodies.add(str(answer.document))
        assert len(bodies) == 1
        foreign = await call("GET", f"rounds/{other.rounds['ask']}")
        assert (foreign.status, str(foreign.document)) == (404, next(iter(bodies)))


async def test_a_token_that_calls_too_often_is_told_when_to_come_back(open_site: OpenSite, program: Connect) -> None:
    async with open_site() as site:
        acme, seconds = site.tenants["Acme"], [0.0]
        hasty, calm = await program(site, acme), await program(site, acme)
        made = app.build(site.runtime, wall=site.wall, calls=Buckets(3, 60.0, now=lambda: seconds[0]))
        async with TestServer(made) as server:
            for call in (hasty, calm):
                call.base = str(server.make_url("")).rstrip("/")
            assert [(await hasty("GET", "/api/v1/token")).status for _ in range(4)] == [200, 200, 200, 429]
            answer = await hasty("GET", "program")
            assert (answer.document["code"], answer.headers["Retry-After"]) == ("too_many", "20")
            assert (await calm("GET", "/api/v1/token")).status == 200
            seconds[0] += 20
            assert [(await hasty("GET", "/api/v1/token")).status for _ in range(2)] == [200, 429]


async def test_the_day_of_the_last_use_is_kept_and_of_the_token_a_hash_alone(
    open_site: OpenSite, program: Connect
) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        call = await program(site, acme)

        async def day() -> Any:
            async with site.runtime.database.read() as tx:
                (one,) = await tokens.listed(tx, acme.organization, acme.workspace)
            return one.used_on

        assert await day() is None
        for _ in range(2):
            await call("GET", "/api/v1/token")
            assert await day() == "2026-03-02"
        site.wall.set(site.wall.now() + timedelta(days=1))
        await call("GET", "/api/v1/token")
        assert await day() == "2026-03-03"
        async with site.runtime.database.read() as tx:
            for table in api_token.metadata.sorted_tables:
                for row in await tx.execute(sa.select(table)):
                    assert call.token.removeprefix("tertulia_") not in str(tuple(row))


async def test_what_is_not_there_is_told_as_a_problem(open_site: OpenSite) -> None:
    async with open_site() as site:
        for path in ("/api/v1/nothing", "/api/", "/api/v1/workspaces"):
            async with site.client.post(site.base + path, data="x") as answer:
                assert answer.status in (404, 405)
                assert answer.content_type == "application/problem+json"
                assert (await answer.json(content_type=None))["code"] in ("not_found", "method_not_allowed")
                assert ("Allow" in answer.headers) == (answer.status == 405)
