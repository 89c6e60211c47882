"""How rounds stand, for those who run them: counts only, and of surveys rounded down."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any

from tertulia.services import rounds
from tertulia.storage.tables import delivery, round_table
from tertulia.web.progress import Figures, shown

OpenSite = Callable[..., AbstractAsyncContextManager[Any]]


async def test_hosts_see_counts_and_no_names(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        linked = await site.follow(acme, "member")
        await linked.post(f"/answer/{acme.rounds['ask']}", {"verb": "answer", "field.long": "x"})
        host = await site.member(acme, "host")
        page = await (await host.get(f"/workspaces/{acme.workspace}/rounds")).text()
        assert "CanaryAcme member" not in page
        answer = await host.get(f"/workspaces/{acme.workspace}/rounds.json")
        rounds = {row["practice"]: row for row in json.loads(await answer.text())["rounds"] if row["state"] == "open"}
        assert rounds["ask"]["figures"]["answered"] == 1
        assert sum(rounds["ask"]["figures"][state] for state in ("planned", "skipped")) == 6
        assert rounds["poll"]["figures"]["answered"] == 0


async def test_every_count_of_a_survey_is_rounded_down(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        async with site.runtime.database.write() as tx:
            await tx.execute(delivery.update().filter_by(round_id=acme.rounds["poll"]).values(state="sent"))
            await tx.execute(round_table.update().filter_by(id=acme.rounds["poll"]).values(counted=5))
            standing = await rounds.progress(tx, acme.organization, acme.rounds["poll"])
        assert standing is not None
        found = shown(standing)
        assert found["rounded"]
        assert (found["figures"]["sent"], found["figures"]["failed"], found["figures"]["answered"]) == (5, 0, 5)


async def test_figures_of_a_round_that_ended_are_remembered_for_a_while(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme, now = site.tenants["Acme"], site.wall.now()
        known = Figures()

        async def sent(at: Any) -> list[int]:
            async with site.runtime.database.read() as tx:
                found = await rounds.recent(tx, acme.organization, acme.workspace)
                shown_ = await known.of(tx, found, at)
            assert [one["id"] for one in shown_] == [row.id for row in found]
            figures = {one["practice"]: one["figures"]["sent"] for one in shown_ if one["state"] != "planned"}
            return [figures["ask"], figures["poll"]]

        async def change(state: str, closes: str) -> None:
            async with site.runtime.database.write() as tx:
                await tx.execute(delivery.update().where(delivery.c.purpose == "invite").values(state=state))
                await tx.execute(round_table.update().filter_by(id=acme.rounds["ask"]).values(state=closes))

        await change("sent", "closed")
        assert await sent(now) == [6, 5]
        await change("failed", "closed")
        # what is open is counted each time
        assert await sent(now + timedelta(seconds=59)) == [6, 0]
        assert await sent(now + timedelta(seconds=60)) == [0, 0]
