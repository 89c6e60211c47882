"""A candle on the web: two steps for the member, one page for the responder, and nothing for anybody else."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from tertulia.delivery import outbox
from tertulia.services import people
from tertulia.services.links import digest
from tertulia.storage import tables
from tertulia.storage.tables import candle, web_session
from tertulia.surveys.candle import alerts

OpenSite = Callable[..., AbstractAsyncContextManager[Any]]


async def rows(site: Any, table: sa.Table) -> list[Any]:
    async with site.runtime.database.read() as tx:
        return list((await tx.execute(sa.select(table))).all())


async def key_of(site: Any, who: str = "responder") -> str:
    """Make a responder's key on the page, and return the phrase."""
    acme = site.tenants["Acme"]
    visitor = await site.member(acme, who)
    page = await visitor.get(f"/workspaces/{acme.workspace}/care")
    assert "Make my key" in await page.text()
    made = await (await visitor.post(f"/workspaces/{acme.workspace}/care/key")).text()
    found = re.search(r"(?:[2-9A-HJ-NP-Z]{4}-){6}[2-9A-HJ-NP-Z]{4}", made)
    assert found is not None
    return found.group(0)


async def deputy(site: Any) -> None:
    acme = site.tenants["Acme"]
    async with site.runtime.database.write() as tx:
        whose = (acme.organization, acme.workspace, acme.persons["analyst"], "responder")
        await people.grant(site.runtime, tx, *whose, actor="test")


async def light(site: Any, visitor: Any, **chosen: str) -> Any:
    acme = site.tenants["Acme"]
    await visitor.get("/my/candle")
    first = {"workspace": acme.workspace, "responder": acme.persons["responder"], "way": "mail", "hours": "any"}
    second = await visitor.post("/my/candle/choose", {**first, "pass_on": "yes", **chosen})
    page = await second.text()
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page))
    return page, await visitor.post("/my/candle/light", hidden), hidden


async def test_a_member_lights_one_in_two_steps_and_only_its_responder_reads_it(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        phrase = await key_of(site)
        await deputy(site)
        await key_of(site, "analyst")
        visitor = await site.member(acme, "member")
        page, lit, hidden = await light(site, visitor, number="+34 600", discreet="yes")
        assert "<strong>your name</strong> to CanaryAcme responder" in page
        assert "CanaryAcme analyst gets it too" in page
        assert (lit.status, lit.headers["Location"]) == (303, "/my/candle")
        await visitor.post("/my/candle/light", hidden)  # the browser sends the page again
        (row,) = await rows(site, candle)
        assert row.reference in await (await visitor.get("/my/candle")).text()

        reader = await site.member(acme, "responder")
        where = f"/workspaces/{acme.workspace}/care"
        shut = await (await reader.get(where)).text()
        assert row.reference in shut
        assert "CanaryAcme member" not in shut
        wrong = await reader.post(where, {"phrase": phrase[:-4] + "2222"})
        assert (wrong.status, "CanaryAcme member" in await wrong.text()) == (422, False)
        opened = await (await reader.post(where, {"phrase": phrase})).text()
        assert "CanaryAcme member" in opened
        assert "+34 600" in opened
        assert "no calls" in opened
        await reader.post(f"{where}/step", {"candle": row.id, "to": "acknowledged"})
        mine = await (await visitor.get("/my/candle")).text()
        assert "Somebody is looking after this now." in mine
        assert "opened and read (CanaryAcme responder)" in mine


async def test_taking_back_and_the_second_thought(open_site: OpenSite) -> None:
    async with open_site() as site:
        await key_of(site)
        visitor = await site.member(site.tenants["Acme"], "member")
        await visitor.get("/my/candle")
        assert await rows(site, candle) == []
        await light(site, visitor)
        (row,) = await rows(site, candle)
        assert (await visitor.post("/my/candle/withdraw", {"candle": row.id})).status == 303
        assert "You took it back" in await (await visitor.get("/my/candle")).text()
        assert (await visitor.post("/my/candle/withdraw", {"candle": "0" * 32})).status == 422


async def test_nobody_else_learns_that_there_is_one(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        await key_of(site)
        visitor = await site.member(acme, "member")
        await light(site, visitor)
        (row,) = await rows(site, candle)
        for who in ("owner", "admin", "host", "analyst", "responder"):
            other = await site.member(acme, who)
            for path in ("/my", "/my/candle", f"/workspaces/{acme.workspace}/rounds", "/my/data.json"):
                page = await (await other.get(path)).text()
                assert row.reference not in page, (who, path)
                assert row.id not in page, (who, path)
            answer = await other.get(f"/workspaces/{acme.workspace}/care")
            assert answer.status == (200 if who == "responder" else 404)
            for step in ("withdraw", "reseal"):
                assert (await other.post(f"/my/candle/{step}", {"candle": row.id})).status == 422
        (after,) = await rows(site, candle)
        assert after == row


async def test_the_responder_s_page_asks_for_a_fresh_code(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        visitor = await site.member(acme, "responder")
        mine = digest(next(iter(visitor.cookies.values())))
        async with site.runtime.database.write() as tx:
            stale = web_session.update().where(web_session.c.digest == mine)
            await tx.execute(stale.values(fresh_until=site.wall.now()))
        where = f"/workspaces/{acme.workspace}/care"
        for answer in (
            await visitor.get(where),
            await visitor.post(where, {"phrase": "x"}),
            await visitor.post(f"{where}/key"),
            await visitor.post(f"{where}/step", {"candle": "x"}),
        ):
            assert (answer.status, answer.headers["Location"]) == (303, "/sign-in")
        assert await rows(site, tables.candle_key) == []


async def test_a_lost_key_is_replaced_only_on_purpose_and_the_member_sends_it_again(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        await key_of(site)
        visitor = await site.member(acme, "member")
        await light(site, visitor)
        reader, where = await site.member(acme, "responder"), f"/workspaces/{acme.workspace}/care/key"
        assert (await reader.post(where)).status == 422
        assert (await reader.post(where, {"sure": "yes"})).status == 200
        assert "needs to be sent again" in await (await visitor.get("/my")).text()
        (row,) = await rows(site, candle)
        assert (await visitor.post("/my/candle/reseal", {"candle": row.id, "way": "chat"})).status == 303
        assert "needs to be sent again" not in await (await visitor.get("/my")).text()
        (again,) = await rows(site, candle)
        assert again.reference == row.reference
        assert again.responder_box != row.responder_box


async def test_every_survey_ends_with_the_offer_and_signing_in_leads_to_it(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        visitor = await site.follow(acme, "member", "poll")
        form = {"verb": "answer", "field.long": "much", "key": "k"}
        thanks = await (await visitor.post(f"/answer/{acme.rounds['poll']}", form)).text()
        assert "Light a candle" in thanks
        assert '"/sign-in?to=care"' in thanks
        stranger = site.visitor()
        page = await (await stranger.get("/sign-in?to=care")).text()
        assert 'name="to" value="care"' in page
        sent = await stranger.post("/sign-in", {"email": "member@acme.example", "to": "care"})
        token = re.search(r'name="token" value="([^"]+)"', await sent.text())
        await outbox.Sender(site.runtime).drain()
        (mail,) = site.mailbox.messages_for("member@acme.example")
        code = re.search(r"\b(\d{4}) (\d{4})\b", mail.text)
        assert token is not None
        assert code is not None
        form = {"token": token.group(1), "code": code.group(1) + code.group(2)}
        answer = await stranger.post("/sign-in/code", form)
        assert (answer.status, answer.headers["Location"]) == (303, "/my/candle")
        elsewhere = await site.visitor().get("/sign-in?to=https://evil.example")
        assert "evil" not in await elsewhere.text()


async def test_what_is_made_up_is_told_and_nothing_is_kept(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme, zenith = site.tenants["Acme"], site.tenants["Zenith"]
        await key_of(site)
        visitor = await site.member(acme, "member")
        good = {"workspace": acme.workspace, "responder": acme.persons["responder"], "key": "k"}
        for wrong in (
            {"responder": zenith.persons["responder"]},
            {"responder": acme.persons["owner"]},
            {"workspace": zenith.workspace},
            {"way": "pigeon"},
            {"number": "1" * 41},
        ):
            for step in ("choose", "light"):
                assert (await visitor.post(f"/my/candle/{step}", {**good, **wrong})).status == 422
        assert await rows(site, candle) == []


async def test_driving_the_clock_reaches_the_deputy_by_mail(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        await key_of(site)
        await deputy(site)
        await key_of(site, "analyst")
        site.clock.advance(timedelta(hours=3))  # ten in the morning: nobody's quiet hours
        await light(site, await site.member(acme, "member"))
        await outbox.Sender(site.runtime, alerts=True).drain()
        (first,) = site.mailbox.messages_for("responder@acme.example")
        (row,) = await rows(site, candle)
        assert row.reference in first.text
        assert "CanaryAcme member" not in first.text
        assert site.mailbox.messages_for("analyst@acme.example") == ()
        site.clock.advance(timedelta(days=1, hours=8))
        await alerts.advance_due(site.runtime)
        await outbox.Sender(site.runtime, alerts=True).drain()
        (second,) = site.mailbox.messages_for("analyst@acme.example")
        assert row.reference in second.text
