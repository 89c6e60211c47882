"""Rounds in the console: listed, looked at, sent again, closed early, left out and taken back."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from html import unescape
from typing import Any

import sqlalchemy as sa

from tertulia.services import rounds, steering
from tertulia.storage.tables import audit, delivery, round_table
from tertulia.storage.tables import person as people

OpenSite = Callable[..., AbstractAsyncContextManager[Any]]


async def states(site: Any, round_id: str) -> list[str]:
    async with site.runtime.database.read() as tx:
        return list((await tx.execute(sa.select(delivery.c.state).filter_by(round_id=round_id))).scalars())


async def test_rounds_are_listed_in_the_readers_zone_narrowed_and_paged(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        host = await site.member(acme, "host")
        path = f"/workspaces/{acme.workspace}/rounds"
        async with site.runtime.database.write() as tx:
            mine = people.c.id == acme.persons["host"]
            await tx.execute(people.update().where(mine).values(zone="Asia/Tokyo"))
        page = unescape(await (await host.get(path)).text())
        assert "Times are those of Asia/Tokyo" in page
        assert "2026-03-02 18:00" in page
        assert page.count("<tr data-round") == 4
        assert "Question of CanaryAcme" in page
        assert "CanaryAcme member" not in page
        narrowed = unescape(await (await host.get(f"{path}?practice=poll&standing=running")).text())
        assert narrowed.count("<tr data-round") == 1
        assert ".json?page=1&practice=poll&standing=running" in narrowed
        answer = await host.get(f"{path}.json?practice=poll&standing=running")
        assert [one["word"] for one in json.loads(await answer.text())["rounds"]] == ["open"]
        nothing = await (await host.get(f"{path}?standing=cancelled")).text()
        assert "There is no such round" in nothing
        assert await (await host.get(f"{path}?practice=%27x&standing=y&page=z")).text()
        row = await site.round(acme, "ask")
        async with site.runtime.database.write() as tx:
            stored = (await tx.execute(sa.select(round_table).filter_by(id=row.id))).one()._mapping
            more = [{**stored, "id": f"{number:032d}", "occurrence": f"{number}"} for number in range(18)]
            await tx.execute(round_table.insert(), more)
        first = await (await host.get(path)).text()
        assert first.count("<tr data-round") == 20
        assert 'rel="next"' in first
        second = await (await host.get(f"{path}?page=2")).text()
        assert second.count("<tr data-round") == 2
        assert 'rel="prev"' in second


async def test_what_failed_is_told_with_its_cure_and_sent_again(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        admin, host = await site.member(acme, "admin"), await site.member(acme, "host")
        ask = acme.rounds["ask"]
        path = f"/workspaces/{acme.workspace}/rounds/{ask}"
        assert "Send again what failed" not in await (await admin.get(path)).text()
        async with site.runtime.database.write() as tx:
            failed = {"state": "failed", "reason": "the plugin was disabled"}
            await tx.execute(delivery.update().filter_by(round_id=ask).values(**failed))
        page = unescape(await (await admin.get(path)).text())
        assert "was disabled, or could not start" in page
        assert "Enable it on the page Plugins" in page
        assert "Send again what failed" in page
        assert "Send again what failed" not in await (await host.get(path)).text()
        assert (await host.post(path, {"do": "retry"})).status == 404
        assert set(await states(site, ask)) == {"failed"}
        site.clock.set(site.clock.now().replace(hour=12))
        for done in ("retried", "nothing"):
            answer = await admin.post(path, {"do": "retry"})
            assert answer.headers["Location"] == f"{path}?done={done}"
            assert await states(site, ask) == ["planned"] * 6
        said = unescape(await (await admin.get(answer.headers["Location"])).text())
        assert "There was nothing to send again" in said
        async with site.runtime.database.read() as tx:
            actors = (await tx.execute(sa.select(audit.c.actor).filter_by(verb="round.retry"))).scalars().all()
        assert actors == [acme.persons["admin"]]


async def test_of_a_few_people_a_retry_says_the_same_whatever_it_found(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        admin, ask = await site.member(acme, "admin"), acme.rounds["ask"]
        async with site.runtime.database.write() as tx:
            mine = delivery.c.recipient.in_([acme.persons["host"], acme.persons["admin"]])
            await tx.execute(delivery.delete().where(delivery.c.round_id == ask, ~mine))
            failed = {"state": "failed", "reason": "the plugin was disabled"}
            await tx.execute(delivery.update().filter_by(round_id=ask).values(**failed))
        path = f"/workspaces/{acme.workspace}/rounds/{ask}"
        page = unescape(await (await admin.get(path)).text())
        assert "fewer than five show as 0" in page
        assert "was disabled" not in page
        site.clock.set(site.clock.now().replace(hour=12))
        for _ in range(2):
            answer = await admin.post(path, {"do": "retry"})
            assert answer.headers["Location"] == f"{path}?done=asked"
            assert await states(site, ask) == ["planned"] * 2
        assert "if anything" in await (await admin.get(answer.headers["Location"])).text()


async def test_of_a_survey_there_are_counts_only(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        poll = acme.rounds["poll"]
        async with site.runtime.database.write() as tx:
            mine = delivery.update().filter_by(round_id=poll)
            await tx.execute(mine.values(state="skipped", reason="opted out"))
            await tx.execute(mine.filter_by(recipient=acme.persons["host"]).values(state="sent", reason=None))
        admin = await site.member(acme, "admin")
        path = f"/workspaces/{acme.workspace}/rounds/{poll}"
        page = unescape(await (await admin.get(path)).text())
        assert "fewer than 5" in page
        assert "at least 5" in page
        assert "opted out" not in page
        assert '<th scope="row">web</th>' not in page
        figures = json.loads(await (await admin.get(f"{path}/progress.json")).text())["rounds"][0]["figures"]
        assert (figures["sent"], figures["skipped"], figures["answered"]) == (0, 5, 0)


async def test_closing_early_is_asked_back_once(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        admin = await site.member(acme, "admin")
        path = f"/workspaces/{acme.workspace}/rounds/{acme.rounds['ask']}"
        site.clock.set(site.clock.now().replace(hour=12))
        asked = await admin.post(path, {"do": "close"})
        assert "Yes, close it now" in await asked.text()
        assert (await site.round(acme, "ask")).next_action != "close"
        answer = await admin.post(path, {"do": "close", "sure": "yes"})
        assert answer.headers["Location"] == f"{path}?done=closing"
        row = await site.round(acme, "ask")
        assert (row.next_action, row.next_at, row.closes_at) == ("close", site.clock.now(), site.clock.now())
        again = await admin.post(path, {"do": "close", "sure": "yes"})
        assert again.status == 422
        assert "cannot be closed by hand" in await again.text()


async def test_a_round_to_come_is_left_out_and_taken_back(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        admin = await site.member(acme, "admin")
        above = f"/workspaces/{acme.workspace}/rounds"

        async def planned() -> list[Any]:
            async with site.runtime.database.read() as tx:
                found = await rounds.recent(tx, acme.organization, acme.workspace)
            return [one for one in found if one.practice == "ask" and one.state in ("planned", "cancelled")]

        (first,) = await planned()
        path = f"{above}/{first.id}"
        assert "Leave this round out" in await (await admin.get(path)).text()
        for _ in range(2):
            assert (await admin.post(path, {"do": "leave-out"})).status == 303
        later, left_out = await planned()
        assert (left_out.id, left_out.state, left_out.reason) == (first.id, "cancelled", steering.LEFT_OUT)
        assert later.opens_at > first.opens_at
        assert "Plan it again" in await (await admin.get(path)).text()
        answer = await admin.post(path, {"do": "take-back"})
        assert answer.headers["Location"] == f"{above}?done=taken-back"
        (back,) = await planned()
        assert (back.state, back.opens_at) == ("planned", first.opens_at)
        assert (await admin.post(path, {"do": "take-back"})).status == 404


async def test_a_foreign_round_is_no_round_of_this_workspace(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme, zenith = site.tenants["Acme"], site.tenants["Zenith"]
        admin = await site.member(acme, "admin")
        path = f"/workspaces/{acme.workspace}/rounds/{zenith.rounds['ask']}"
        for answer in (
            await admin.get(path),
            await admin.get(f"{path}/progress.json"),
            await admin.post(path, {"do": "close", "sure": "yes"}),
        ):
            assert answer.status == 404
        assert (await site.round(zenith, "ask")).state == "open"
        assert (await admin.post(f"/workspaces/{acme.workspace}/rounds/{acme.rounds['ask']}", {})).status == 422
