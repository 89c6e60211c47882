"""Links that a platform asks for: they sign in once, the person whose account asked, and nobody by following only."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tertulia.domain.people import Actor
from tertulia.errors import Refused
from tertulia.services import identities, my_data, page_links
from tertulia.storage.tables import code

OpenSite = Callable[..., AbstractAsyncContextManager[Any]]


def actor(user: str) -> Actor:
    return Actor(platform="toy", realm="realm", user=user)


async def _link(site: Any, who: str, *, now: datetime | None = None) -> str:
    """Verify an account of a member of Acme, and let it ask for a link."""
    acme, runtime = site.tenants["Acme"], site.runtime
    async with runtime.database.write() as tx:
        whose = (runtime, tx, acme.organization)
        account = await identities.resolve(*whose, actor(who))
        await identities.link(*whose, account.id, acme.persons[who], "directory", actor="test")
        url: str = await page_links.issue(*whose, actor(who), now=now or site.wall.now())
    return url.removeprefix(runtime.config.public_url)


async def test_a_link_signs_in_once(open_site: OpenSite) -> None:
    async with open_site() as site:
        path = await _link(site, "member")
        visitor = site.visitor()
        for _ in range(2):
            seen = await visitor.get(path)
            assert (seen.status, visitor.cookies) == (200, {})
        answer = await visitor.post(path)
        assert (answer.status, answer.headers["Location"]) == (303, "/my")
        await visitor.get("/my")
        assert "CanaryAcme member" in visitor.page
        second = site.visitor()
        assert (await second.post(path)).status == 422
        assert second.cookies == {}


async def test_a_link_ends_after_five_minutes_and_with_the_next_one(open_site: OpenSite) -> None:
    async with open_site() as site:
        first, second = await _link(site, "member"), await _link(site, "member")
        assert (await site.visitor().post(first)).status == 422
        site.wall.advance(timedelta(minutes=5))
        assert (await site.visitor().post(second)).status == 422


async def test_a_link_is_not_taken_from_another_site(open_site: OpenSite) -> None:
    async with open_site() as site:
        path = await _link(site, "member")
        assert (await site.visitor().post(path, **{"Sec-Fetch-Site": "cross-site"})).status == 403
        assert (await site.visitor().post(path)).status == 303


async def test_links_do_not_count_as_codes_sent(open_site: OpenSite) -> None:
    async with open_site() as site:
        for _ in range(7):
            path = await _link(site, "member")
        visitor = site.visitor()
        await visitor.post(path)
        await visitor.get("/my")
        assert "link " in await (await visitor.post("/my/link")).text()


async def test_only_a_verified_account_of_a_present_person_gets_a_link(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme, runtime = site.tenants["Acme"], site.runtime
        async with runtime.database.write() as tx:
            whose = (runtime, tx, acme.organization)
            for who in ("stranger", "unverified"):
                await identities.resolve(*whose, actor(who))
                with pytest.raises(Refused):
                    await page_links.issue(*whose, actor(who))
            with pytest.raises(Refused):
                await page_links.issue(runtime, tx, site.tenants["Zenith"].organization, actor("member"))


async def test_an_erased_person_does_not_come_back_by_a_link(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme, runtime = site.tenants["Acme"], site.runtime
        path = await _link(site, "member", now=datetime.now(UTC))
        async with runtime.database.write() as tx:
            await my_data.erase(runtime, tx, acme.organization, acme.persons["member"], actor="test")
        assert (await site.visitor().post(path)).status == 422
        async with runtime.database.read() as tx:
            assert not (await tx.execute(code.select())).all()
