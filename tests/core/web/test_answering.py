"""Answer behind a personal link: the exchange, the form, what is kept, and what is shown after the close."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tertulia.domain.prompts import Field
from tertulia.services import closing, links
from tertulia.storage.tables import ballot, link, metadata, opt_out, person, response, web_session
from tertulia.web.answering import read_values

OpenSite = Callable[..., AbstractAsyncContextManager[Any]]
GIVEN = {
    "verb": "answer",
    "field.one": "b",
    "field.scale": "4",
    "field.short": "fine",
    "field.long": "All <b>well</b>",
}


async def _rows(site: Any, table: sa.Table) -> list[Any]:
    async with site.runtime.database.read() as tx:
        return list((await tx.execute(sa.select(table))).all())


async def test_a_link_is_exchanged_for_a_cookie_and_leaves_the_address_bar(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        path, visitor = await site.link(acme, "member"), site.visitor()
        answer = await visitor.get(path)
        assert answer.status == 303
        assert answer.headers["Location"] == f"/answer/{acme.rounds['ask']}"
        cookie = answer.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie
        assert "Secure" not in cookie
        kept = await _rows(site, link)
        secret = path.removeprefix("/a/")
        assert secret not in str(kept)
        assert links.digest(secret) in {row.digest for row in kept}
        assert visitor.cookies["tertulia"] not in str(await _rows(site, web_session))


async def test_over_https_the_cookie_is_bound_to_the_host(open_site: OpenSite) -> None:
    async with open_site(public_url="https://tertulia.example", mode="production") as site:
        answer = await site.visitor().get(await site.link(site.tenants["Acme"], "member"))
        cookie = answer.headers["Set-Cookie"]
        assert cookie.startswith("__Host-tertulia=")
        assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))
        assert "Domain" not in cookie


async def test_following_a_link_changes_nothing_but_the_session(open_site: OpenSite) -> None:
    async with open_site() as site:
        path = await site.link(site.tenants["Acme"], "member")
        before = {table.name: await _rows(site, table) for table in metadata.sorted_tables}
        visitor = site.visitor()
        answer = await visitor.get(path)
        await visitor.get(answer.headers["Location"])
        changed = [table.name for table in metadata.sorted_tables if before[table.name] != await _rows(site, table)]
        assert changed == ["web_session"]


async def test_unknown_expired_and_erased_links_answer_alike(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        gone = await site.link(acme, "host")
        async with site.runtime.database.write() as tx:
            mine = person.c.id == acme.persons["host"]
            await tx.execute(person.update().where(mine).values(erased_at=site.clock.now()))
        expired = await site.link(acme, "member")
        site.clock.advance(timedelta(days=10))
        seen = set()
        for path in (gone, expired, "/a/" + "A" * 22):
            answer = await site.visitor().get(path)
            seen.add((answer.status, await answer.text()))
        assert len(seen) == 1
        assert next(iter(seen))[0] == 404


async def test_guesses_are_limited_to_sixty_a_minute(open_site: OpenSite) -> None:
    async with open_site() as site:
        statuses = [(await site.visitor().get(f"/a/guess{number}")).status for number in range(80)]
        assert statuses.count(404) <= 61
        assert statuses[-1] == 429


async def test_every_kind_of_field_is_asked_and_kept(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        visitor = await site.follow(acme, "member")
        for text in ("Choose one", "In a word", "One word is enough.", "not at all", "Kept with your name.", "Pass"):
            assert text in visitor.page
        action = f"/answer/{acme.rounds['ask']}"
        answer = await visitor.post(action, {**GIVEN, "field.tick": "yes", "key": visitor.field("key")})
        assert answer.status == 200
        assert "Thank you" in await answer.text()
        (kept,) = await _rows(site, response)
        assert kept._mapping["values"] == {
            "one": "b",
            "many": [],
            "scale": "4",
            "short": "fine",
            "long": "All <b>well</b>",
            "tick": True,
        }
        await visitor.get(action)
        assert "All &lt;b&gt;well&lt;/b&gt;" in visitor.page
        assert "<b>well" not in visitor.page
        changed = await visitor.post(action, {**GIVEN, "field.long": "Better"})
        assert changed.status == 200
        (kept,) = await _rows(site, response)
        assert kept._mapping["values"]["long"] == "Better"


async def test_the_same_page_sent_twice_is_one_answer(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        visitor = await site.follow(acme, "member")
        form = {**GIVEN, "key": visitor.field("key")}
        for _ in range(2):
            assert (await visitor.post(f"/answer/{acme.rounds['ask']}", form)).status == 200
        (kept,) = await _rows(site, response)
        assert kept.version == 1


async def test_wrong_input_is_told_and_nothing_typed_is_lost(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        visitor = await site.follow(acme, "member")
        answer = await visitor.post(f"/answer/{acme.rounds['ask']}", {**GIVEN, "field.long": " "})
        assert answer.status == 422
        assert "Tell more: the long text is empty." in visitor.page
        assert 'value="fine"' in visitor.page
        assert not await _rows(site, response)


async def test_a_survey_keeps_a_ballot_and_never_shows_it_again(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        visitor = await site.follow(acme, "member", "poll")
        assert "replaces the earlier one" in visitor.page
        answer = await visitor.post(f"/answer/{acme.rounds['poll']}", {**GIVEN, "field.long": "SECRETWORD"})
        assert answer.status == 200
        assert not await _rows(site, response)
        assert len(await _rows(site, ballot)) == 1
        assert "SECRETWORD" not in await answer.text()
        await visitor.get(f"/answer/{acme.rounds['poll']}")
        assert "SECRETWORD" not in visitor.page


@pytest.mark.parametrize("verb", ["pass", "snooze", "stop"])
async def test_there_is_always_a_way_not_to_answer(open_site: OpenSite, verb: str) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        visitor = await site.follow(acme, "member")
        answer = await visitor.post(f"/answer/{acme.rounds['ask']}", {"verb": verb, "days": "7"})
        assert answer.status == 200
        if verb == "pass":
            (kept,) = await _rows(site, response)
            assert kept.passed
        if verb == "snooze":
            (row,) = [row for row in await _rows(site, person) if row.id == acme.persons["member"]]
            assert row.snoozed_until == site.clock.now() + timedelta(days=7)
        if verb == "stop":
            assert [row.practice for row in await _rows(site, opt_out)] == ["ask"]


async def test_an_unknown_button_is_refused(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        visitor = await site.follow(acme, "member")
        assert (await visitor.post(f"/answer/{acme.rounds['ask']}", {"verb": "erase"})).status == 400


async def test_a_link_opens_its_own_round_only(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        visitor = await site.follow(acme, "member", "ask")
        assert (await visitor.get(f"/answer/{acme.rounds['poll']}")).status == 404
        assert (await visitor.get("/my")).headers["Location"] == "/sign-in"


async def test_after_the_close_the_summary_is_shown_and_nothing_is_taken(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        visitor = await site.follow(acme, "member")
        path = f"/answer/{acme.rounds['ask']}"
        await visitor.post(path, GIVEN)
        row = await site.round(acme, "ask")
        site.clock.set(row.closes_at)
        async with site.runtime.database.write() as tx:
            await closing.start_close(site.runtime, tx, row)
        async with site.runtime.database.write() as tx:
            await closing.finish_close(site.runtime, tx, await site.round(acme, "ask"))
        answer = await visitor.get(path)
        text = await answer.text()
        assert answer.status == 200
        assert "This round is closed" in text
        assert "CanaryAcme member: All &lt;b&gt;well&lt;/b&gt;" in text
        late = await visitor.post(path, {**GIVEN, "field.long": "too late"})
        assert "This round is closed" in await late.text()
        (kept,) = await _rows(site, response)
        assert kept._mapping["values"]["long"] == "All <b>well</b>"


def test_values_that_were_left_empty_are_left_out() -> None:
    fields = (Field(key="a", kind="short", label="A"), Field(key="b", kind="long", label="B"))
    assert read_values({"field.a": "  ", "field.b": "x\r\ny"}, "answer", fields) == {"b": "x\ny"}
    assert read_values({"days": "9999"}, "snooze", fields) == {"days": 1}
