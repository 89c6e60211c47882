"""Sign in with a code, see what is held, change what is wished, and erase."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from tertulia.delivery import outbox
from tertulia.storage.tables import identity, opt_out, person, tombstone, web_session

OpenSite = Callable[..., AbstractAsyncContextManager[Any]]
ADDRESS = "member@acme.example"


async def _code(site: Any, address: str = ADDRESS) -> str:
    await outbox.Sender(site.runtime).drain()
    (*_, mail) = site.mailbox.messages_for(address)
    found = re.search(r"\b(\d{4}) (\d{4})\b", mail.text)
    assert found is not None
    return found.group(1) + found.group(2)


async def _ask(site: Any, visitor: Any, address: str = ADDRESS) -> dict[str, str]:
    answer = await visitor.post("/sign-in", {"email": address})
    assert answer.status == 200
    token = re.search(r'name="token" value="([^"]+)"', await answer.text())
    assert token is not None
    return {"token": token.group(1)}


async def _signed_in(site: Any, address: str = ADDRESS) -> Any:
    visitor = site.visitor()
    form = await _ask(site, visitor, address)
    answer = await visitor.post("/sign-in/code", {**form, "code": await _code(site, address)})
    assert (answer.status, answer.headers["Location"]) == (303, "/my")
    await visitor.get("/my")
    return visitor


async def test_a_code_by_mail_opens_a_session_that_is_fresh_for_ten_minutes(open_site: OpenSite) -> None:
    async with open_site() as site:
        visitor = await _signed_in(site)
        assert "CanaryAcme member" in visitor.page
        site.wall.advance(timedelta(minutes=9))
        assert (await visitor.get("/my")).status == 200
        site.wall.advance(timedelta(minutes=1))
        assert (await visitor.get("/my")).headers["Location"] == "/sign-in"


async def test_a_session_ends_twelve_idle_hours_later_and_driving_the_rounds_does_not_end_it(
    open_site: OpenSite,
) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        visitor, path = await site.member(acme, "host"), f"/workspaces/{acme.workspace}/rounds"
        site.clock.advance(timedelta(days=30))
        for _ in range(3):
            site.wall.advance(timedelta(hours=11))
            assert (await visitor.get(path)).status == 200
        site.wall.advance(timedelta(hours=12, minutes=1))
        assert (await visitor.get(path)).headers["Location"] == "/sign-in"


async def test_nobody_learns_whether_an_address_is_known(open_site: OpenSite) -> None:
    async with open_site() as site:
        bodies = set()
        for address in (ADDRESS, "nobody@acme.example", "", "no address", "x" * 500):
            answer = await site.visitor().post("/sign-in", {"email": address})
            text = re.sub(r'name="token" value="[^"]+"', "", await answer.text())
            bodies.add((answer.status, text))
        assert len(bodies) == 1
        wrong = set()
        for address in (ADDRESS, "nobody@acme.example"):
            visitor = site.visitor()
            form = await _ask(site, visitor, address)
            answer = await visitor.post("/sign-in/code", {**form, "code": "00000000"})
            wrong.add((answer.status, re.sub(r'name="token" value="[^"]+"', "", await answer.text())))
        assert len(wrong) == 1


async def test_a_code_works_once_and_five_wrong_ones_end_it(open_site: OpenSite) -> None:
    async with open_site() as site:
        visitor = site.visitor()
        form = await _ask(site, visitor)
        code = await _code(site)
        for _ in range(5):
            assert (await visitor.post("/sign-in/code", {**form, "code": "00000000"})).status == 422
        assert (await visitor.post("/sign-in/code", {**form, "code": code})).status == 422
        form = await _ask(site, visitor)
        code = await _code(site)
        assert (await visitor.post("/sign-in/code", {**form, "code": code})).status == 303
        assert (await site.visitor().post("/sign-in/code", {**form, "code": code})).status == 422


async def test_the_sixth_code_of_an_hour_is_not_sent_and_not_told(open_site: OpenSite) -> None:
    async with open_site() as site:
        for _ in range(7):
            assert (await site.visitor().post("/sign-in", {"email": ADDRESS})).status == 200
        await outbox.Sender(site.runtime).drain()
        assert len(site.mailbox.messages_for(ADDRESS)) == 5


async def test_signing_out_ends_the_session_on_both_sides(open_site: OpenSite) -> None:
    async with open_site() as site:
        visitor = await _signed_in(site)
        kept = dict(visitor.cookies)
        assert (await visitor.post("/sign-out")).status == 303
        assert not visitor.cookies
        visitor.cookies = kept
        assert (await visitor.get("/my")).headers["Location"] == "/sign-in"
        async with site.runtime.database.read() as tx:
            assert not (await tx.execute(sa.select(web_session))).all()


async def test_everything_held_can_be_downloaded(open_site: OpenSite) -> None:
    async with open_site() as site:
        visitor = await _signed_in(site)
        answer = await visitor.get("/my/data.json")
        assert "attachment" in answer.headers["Content-Disposition"]
        held = json.loads(await answer.text())
        assert held["person"]
        assert "CanaryAcme host" not in await answer.text()


async def test_wishes_are_kept(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        visitor = await _signed_in(site)
        for form in ({"snooze": "7"}, {"channel": "web", "budget": "3"}):
            assert (await visitor.post("/my/preferences", form)).status == 303
        assert (await visitor.post("/my/opt-out", {"practice": "ask"})).status == 303
        async with site.runtime.database.read() as tx:
            mine = sa.select(person).where(person.c.id == acme.persons["member"])
            row = (await tx.execute(mine)).one()
            assert row.snoozed_until == site.clock.now() + timedelta(days=7)
            assert (row.preferred_channel, row.message_budget) == ("web", 3)
            assert [stopped.practice for stopped in await tx.execute(sa.select(opt_out))] == ["ask"]
        await visitor.get("/my")
        assert "opted out" in visitor.page
        await visitor.post("/my/opt-in", {"practice": "ask"})
        await visitor.post("/my/preferences", {"snooze": "0"})
        wrong = await visitor.post("/my/preferences", {"budget": "many"})
        assert wrong.status == 422
        assert "budget is not a whole number" in await wrong.text()
        async with site.runtime.database.read() as tx:
            assert (await tx.execute(mine)).one().snoozed_until is None
            assert not (await tx.execute(sa.select(opt_out))).all()


async def test_a_code_links_another_account(open_site: OpenSite) -> None:
    async with open_site() as site:
        visitor = await _signed_in(site)
        answer = await visitor.post("/my/link")
        assert re.search(r"link [0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}", await answer.text())


async def test_erasing_asks_for_the_word_and_a_fresh_code(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        visitor = await _signed_in(site)
        assert "The code we sent you" in await (await visitor.post("/my/erase/code")).text()
        code = await _code(site)
        for form in ({"code": code, "confirm": "yes"}, {"code": "00000000", "confirm": "ERASE"}):
            answer = await visitor.post("/my/erase", form)
            assert answer.status == 422
            assert "nothing was erased" in await answer.text()
        answer = await visitor.post("/my/erase", {"code": code, "confirm": "erase"})
        assert answer.status == 200
        assert not visitor.cookies
        async with site.runtime.database.read() as tx:
            stones = [row.person_id for row in await tx.execute(sa.select(tombstone))]
            assert stones == [acme.persons["member"]]
            left = sa.select(identity).where(identity.c.person_id == acme.persons["member"])
            assert not (await tx.execute(left)).all()
        await visitor.get("/my")
        assert (await site.visitor().post("/sign-in", {"email": ADDRESS})).status == 200
        before = len(site.mailbox.messages_for(ADDRESS))
        await outbox.Sender(site.runtime).drain()
        assert len(site.mailbox.messages_for(ADDRESS)) == before
