"""How rounds stand, for those who run them: counts only, and of surveys rounded down."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any

from tertulia.services.rounds import Progress
from tertulia.web.progress import shown

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
        row = await site.round(site.tenants["Acme"], "poll")
        deliveries = {"invite": {"sent": 14, "failed": 4}, "remind:1": {"sent": 9, "skipped": 5}}
        progress = Progress(round=replace(row, counted=8), deliveries=deliveries, answered=8, passed=0)
        figures = shown(progress)["figures"]
        assert (figures["sent"], figures["failed"], figures["reminded"], figures["answered"]) == (10, 0, 5, 5)
