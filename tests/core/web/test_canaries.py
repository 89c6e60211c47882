"""No page tells those who run a workspace what a member wrote for nobody else, or what that member did."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any

from tertulia.services import measured, measuring, tokens
from tertulia.web import access

OpenSite = Callable[..., AbstractAsyncContextManager[Any]]
SECRETS = ("canary-answer", "canary-comment", "canary-title")


async def test_no_page_of_any_role_holds_what_a_member_wrote_for_nobody_else(
    open_site: OpenSite,
) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        site.clock.set(site.clock.now() + timedelta(hours=3))
        member = await site.follow(acme, "member")
        sent = {"verb": "answer", "field.long": SECRETS[0], "field.short": SECRETS[1], "key": "once"}
        answered = await member.post(f"/answer/{acme.rounds['ask']}", sent)
        assert answered.status in (200, 303)
        own = await (await member.get(f"/answer/{acme.rounds['ask']}")).text()
        assert SECRETS[0] in own, "the member sees the own answer"
        asked = await site.follow(acme, "member", "poll")
        ballot = {"verb": "answer", "field.long": SECRETS[2], "key": "twice"}
        assert (await asked.post(f"/answer/{acme.rounds['poll']}", ballot)).status in (200, 303)
        site.clock.set(site.clock.now() + timedelta(weeks=2))
        assert await measuring.publish_due(site.runtime, measured.KINDS) == 0

        token = await token_of_the_owner(site, acme)
        seen, looked = [], 0
        for role in ("owner", "admin", "host", "analyst", "responder"):
            visitor = await site.member(acme, role)
            for method, path, rule in access.matrix(site.app):
                if method != "GET" or rule.kind == "sandbox":
                    continue
                where = path.replace("{workspace}", acme.workspace).replace("{round}", acme.rounds["ask"])
                where = (
                    where.replace("{component}", "reach")
                    .replace("{plugin}", "web")
                    .replace("{version}", "1")
                    .replace("{export}", "rounds")
                )
                if "{" in where:
                    continue
                looked += 1
                shown = {"Authorization": f"Bearer {token}"} if rule.kind == "token" else {}
                answer = await visitor.get(where, **shown)
                assert rule.kind != "token" or answer.status in (200, 422), path
                text = await answer.text()
                seen += [(role, path, secret) for secret in SECRETS if secret in text]
        assert not seen
        assert looked > 200


async def token_of_the_owner(site: Any, tenant: Any) -> str:
    whose = {"organization": tenant.organization, "workspace": tenant.workspace, "person": tenant.persons["owner"]}
    how = {"name": "all", "scopes": list(tokens.SCOPES), "days": 60, "now": site.wall.now(), "actor": "test"}
    async with site.runtime.database.write() as tx:
        _, text = await tokens.create(site.runtime, tx, **whose, **how)
    return text
