"""The authorization matrix, generated from the router and judged by what each route's `Access` says."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from tertulia.entra_settings import EntraSettings
from tertulia.errors import Mistake
from tertulia.extension import Access
from tertulia.services import people, tokens
from tertulia.services.links import digest
from tertulia.storage.tables import role as role_table
from tertulia.storage.tables import web_session
from tertulia.web import access

OpenSite = Callable[..., AbstractAsyncContextManager[Any]]
ACTORS = ("nobody", "link", "stale", "member", "owner", "admin", "host", "analyst", "responder", "foreign owner")
ROLES = ("owner", "admin", "host", "analyst", "responder")
ABSENT = "0" * 32


def test_a_route_without_an_access_is_refused() -> None:
    app = web.Application()

    async def handler(request: web.Request) -> web.Response:
        return web.Response()

    access.register(app, "GET", "/listed", handler, Access(kind="public", why="test"))
    access.check(app)
    app.router.add_get("/unlisted", handler)
    with pytest.raises(Mistake, match="/unlisted has no Access"):
        access.check(app)


def test_a_role_route_needs_roles_and_a_workspace() -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response()

    with pytest.raises(Mistake, match="needs roles"):
        access.register(web.Application(), "GET", "/rounds", handler, Access(kind="role", why="test"))
    with pytest.raises(Mistake, match="needs the roles"):
        access.register(web.Application(), "GET", "/rounds", handler, Access(kind="token", why="test"))


async def test_every_route_answers_each_actor_as_its_access_says(open_site: OpenSite, tmp_path: Path) -> None:
    async with open_site(entra=_entra(tmp_path)) as site:
        own, other = site.tenants["Acme"], site.tenants["Zenith"]
        # signing out comes last: it ends the session that the others need
        rows = sorted(access.matrix(site.app), key=lambda row: row[1] == "/sign-out")
        assert {"/answer/{round}", "/my", "/metrics", "/my/entra"} <= {path for _, path, _ in rows}
        deviations = []
        for actor in ACTORS:
            visitor = await _visitor(site, actor)
            cookies, token = dict(visitor.cookies), visitor.page
            home = other if actor == "foreign owner" else own
            for method, path, rule in rows:
                for target in (own, other, None) if "{" in path else (None,):
                    where = _fill(path, target)
                    answer = await _knock(site, method, where, cookies, token)
                    about = _about(path, own, other, target)
                    expected = _expected(rule, actor, home, about)
                    if not _agrees(expected, answer):
                        deviations.append((actor, method, path, target and target.name, expected, answer.status))
                    stranger = own if home is other else other
                    assert f"Canary{stranger.name}" not in await answer.text(), (actor, method, where)
        assert not deviations, "\n".join(map(str, deviations))


async def test_every_operation_answers_each_token_as_its_access_says(open_site: OpenSite) -> None:
    async with open_site() as site:
        own, other = site.tenants["Acme"], site.tenants["Zenith"]
        rows = [row for row in access.matrix(site.app) if row[2].kind == "token"]
        assert len(rows) > 25
        deviations = []
        for role, scoped in (*((role, True) for role in ("nobody", *ROLES)), ("owner", False)):
            text = await _token(site, own, role, scoped=scoped)
            for method, path, rule in rows:
                for target in (own, other, None) if "{" in path else (None,):
                    answer = await _call(site, method, _fill(path, target), text)
                    mine = target is own or "{workspace}" not in path
                    if not _agrees(_expected_of_token(rule, role, scoped, mine), answer):
                        deviations.append((role, scoped, method, path, target and target.name, answer.status))
                    assert "CanaryZenith" not in await answer.text(), (role, method, path)
        assert not deviations, "\n".join(map(str, deviations))


async def test_to_a_page_whoever_shows_a_token_is_nobody(open_site: OpenSite) -> None:
    async with open_site() as site:
        own = site.tenants["Acme"]
        text = await _token(site, own, "owner", scoped=True)
        for method, path, rule in access.matrix(site.app):
            if rule.kind in ("link", "member", "role"):
                answer = await _call(site, method, _fill(path, own), text)
                assert _agrees("404" if rule.kind == "link" else "sign in", answer), (method, path)


async def _token(site: Any, tenant: Any, role: str, *, scoped: bool) -> str:
    """Make a token as an admin whose roles are then set to *role* alone: what it opens follows its maker."""
    whose = (tenant.organization, tenant.workspace)
    async with site.runtime.database.write() as tx:
        maker = await people.add_person(
            site.runtime, tx, tenant.organization, {"name": f"Maker {role}"}, workspace=tenant.workspace, actor="test"
        )
        await people.grant(site.runtime, tx, *whose, maker, "owner", actor="test")
        _, text = await tokens.create(
            site.runtime,
            tx,
            organization=tenant.organization,
            workspace=tenant.workspace,
            person=maker,
            name="test",
            scopes=list(tokens.SCOPES) if scoped else ["read:export"],
            days=1,
            now=site.wall.now(),
            actor="test",
        )
        if role in ROLES:
            await people.grant(site.runtime, tx, *whose, maker, role, actor="test")
        if role != "owner":
            # by hand: taking the role in the product ends the token, and this is about what one that is left opens
            mine = (role_table.c.organization_id == tenant.organization, role_table.c.person_id == maker)
            await tx.execute(role_table.delete().where(*mine, role_table.c.role == "owner"))
    return text


def _expected_of_token(rule: Access, role: str, scoped: bool, mine: bool) -> str:
    if not mine:
        return "404"
    allowed = scoped or rule.scope in ("", "read:export")
    return "open" if allowed and role in rule.roles else "403"


async def _call(site: Any, method: str, path: str, text: str) -> aiohttp.ClientResponse:
    answer: aiohttp.ClientResponse = await site.visitor()._send(
        method, path, None, {"Authorization": f"Bearer {text}", "Sec-Fetch-Site": "same-origin"}
    )
    return answer


async def test_absent_and_foreign_answer_alike(open_site: OpenSite) -> None:
    async with open_site() as site:
        other = site.tenants["Zenith"]
        visitor = await site.member(site.tenants["Acme"], "owner")
        for path in ("/answer/{}", "/workspaces/{}/rounds", "/plugins/panel/{}/role"):
            bodies = set()
            for key in (ABSENT, other.rounds["ask"] if "answer" in path else other.workspace, other.panel):
                answer = await visitor.get(path.format(key))
                bodies.add((answer.status, await answer.text()))
            assert {status for status, _ in bodies} == {404}
            assert len(bodies) == 1


def _entra(folder: Path) -> EntraSettings:
    """Let people sign in with an Entra that never answers."""
    secret = folder / "entra-secret"
    secret.write_text("a-secret-of-the-application")
    secret.chmod(0o600)
    tenant, client = "11111111-2222-3333-4444-555555555555", "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
    return EntraSettings(client_id=client, secret_file=secret, tenants={tenant: ""}, authority="http://127.0.0.1:9")


async def _visitor(site: Any, actor: str) -> Any:
    own, other = site.tenants["Acme"], site.tenants["Zenith"]
    match actor:
        case "nobody":
            return site.visitor()
        case "link":
            return await site.follow(own, "member")
        case "foreign owner":
            return await site.member(other, "owner")
        case "stale":
            visitor = await site.member(own, "owner")
            mine = digest(next(iter(visitor.cookies.values())))
            async with site.runtime.database.write() as tx:
                await tx.execute(
                    web_session.update().where(web_session.c.digest == mine).values(fresh_until=site.wall.now())
                )
            return visitor
        case _:
            return await site.member(own, actor)


def _fill(path: str, target: Any) -> str:
    fields = {
        "round": target.rounds["ask"] if target else ABSENT,
        "workspace": target.workspace if target else ABSENT,
        "installation": target.panel if target else ABSENT,
        "plugin": "panel",
        "tail": "/nothing",
        "subscription": ABSENT,
        "secret": "nothing",
        "session": "nothing",
        "name": "style.css",
        "item": "nothing",
        "component": "belonging",
        "version": "1",
        "recommendation": "nothing",
        "export": "rounds",
    }
    for name, value in fields.items():
        path = path.replace("{" + name + "}", value)
    return path


def _about(path: str, own: Any, other: Any, target: Any) -> Any:
    """Return the tenant that a path is about: plugins' routes name their installation outright."""
    for tenant in (own, other):
        if tenant.panel in path:
            return tenant
    return target if "{round}" in path or "{workspace}" in path else "nobody's"


def _expected(rule: Access, actor: str, home: Any, about: Any) -> str:
    if rule.kind in ("public", "verified", "sandbox"):
        return "open"
    if rule.kind == "token":
        return "401"  # no cookie ever opens the API
    mine = about == "nobody's" or about is home
    if rule.kind == "link":
        return "open" if actor != "nobody" and mine else "404"
    if actor in ("nobody", "link") or (rule.kind == "member" and actor == "stale"):
        return "sign in"
    if not mine:
        return "404"
    role = {"foreign owner": "owner", "stale": "owner"}.get(actor, actor)
    return "open" if rule.kind == "member" or role in rule.roles else "404"


def _agrees(expected: str, answer: aiohttp.ClientResponse) -> bool:
    to_sign_in = answer.status == 303 and answer.headers["Location"] == "/sign-in"
    if expected == "sign in":
        return to_sign_in
    if expected.isdigit():
        return answer.status == int(expected)
    # an open route may still find nothing under a made-up key, but it never fails and never sends to sign in
    return not to_sign_in and answer.status not in (401, 403, 500) and (answer.status != 404 or _made_up(answer))


def _made_up(answer: aiohttp.ClientResponse) -> bool:
    path = answer.url.path
    return path.startswith("/hooks/") or path == "/my/guides/style.css" or "/nothing" in path or "{" in path


async def _knock(site: Any, method: str, path: str, cookies: dict[str, str], token: str) -> aiohttp.ClientResponse:
    visitor = site.visitor()
    visitor.cookies, visitor.page = dict(cookies), token
    headers = {"Sec-Fetch-Site": "same-origin", "Content-Type": "application/x-www-form-urlencoded"}
    answer: aiohttp.ClientResponse = await visitor._send(
        method, path, None, {**headers, "X-CSRF-Token": visitor.field("csrf")}
    )
    return answer


async def test_sandbox_routes_do_not_exist_in_production(open_site: OpenSite) -> None:
    path = "/plugins/panel/{}/sandbox"
    async with open_site() as site:
        assert (await site.visitor().get(path.format(site.tenants["Acme"].panel))).status == 200
    async with open_site(
        mode="production",
        public_url="https://tertulia.example",
        database_url=site.runtime.config.database_url + "2",
    ) as site:
        assert (await site.visitor().get(path.format(site.tenants["Acme"].panel))).status == 404
