"""Surveys in the console: published cells over time, counts of a day, and plain words for what is not told."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from html import unescape
from typing import Any

import sqlalchemy as sa

from tertulia.extension import RoundRequest
from tertulia.storage import cells
from tertulia.storage.cells import StoredCell
from tertulia.storage.tables import round_table
from tertulia.surveys.pulse import Pulse
from tertulia.surveys.pulse_options import Options

OpenSite = Callable[..., AbstractAsyncContextManager[Any]]
HIGH = {"promoter": 30, "passive": 10, "detractor": 5}
LOW = {"promoter": 15, "passive": 10, "detractor": 20}
CANARY = 40


def stored(item: str, outcome: str, counts: Mapping[str, int], answered: int = 45) -> StoredCell:
    """Make a cell of everybody; one that was refused keeps figures here only to show that nobody reads them."""
    levels = [
        {"name": name, "points": [name], "value": value, "low": max(0, value - 2), "high": value + 2}
        for name, value in counts.items()
    ]
    return StoredCell(
        item=item,
        group_key="[]",
        family="company",
        outcome=outcome,
        answered=answered,
        base=5,
        figures=levels,
        points=list(counts),
        blocks=["0"],
    )


def questions() -> Sequence[str]:
    request = RoundRequest(practice="poll", options=Options(), occurrence="then", group_size=60, seed=1)
    found: Sequence[str] = Pulse().prepare(request).content["blocks"][0]
    return found


async def ended(site: Any, tenant: Any, days: int, *made: StoredCell, **changed: Any) -> str:
    """Put a pulse that ended so many days ago into the workspace."""
    request = RoundRequest(practice="poll", options=Options(), occurrence="then", group_size=60, seed=1)
    closed = site.clock.now() - timedelta(days=days)
    figures = {"invited": 60, "answered": 45, "gate": "all", "fewest": 5, **changed}
    row = {
        "organization_id": tenant.organization,
        "id": site.runtime.new_id(),
        "workspace_id": tenant.workspace,
        "practice": "poll",
        "kind": "pulse",
        "program_version": 1,
        "confidential": True,
        "occurrence": f"then-{days}",
        "state": "released" if made else "withheld",
        "opens_at": closed - timedelta(days=2),
        "closes_at": closed,
        "content": Pulse().prepare(request).content,
        "summary": {"figures": figures, "shown": True},
    }
    async with site.runtime.database.write() as tx:
        await tx.execute(round_table.insert().values(**row))
        await cells.add(tx, tenant.organization, row["id"], made)
    return str(row["id"])


def words(text: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", text)).split())


async def test_rounds_stand_side_by_side_with_a_chart_and_what_is_not_told(open_site: OpenSite) -> None:
    first, second, *_ = questions()
    async with open_site() as site:
        acme = site.tenants["Acme"]
        await ended(site, acme, 200, stored(first, "published", LOW))
        await ended(site, acme, 100, stored(first, "refused", {"promoter": CANARY}, answered=0), gate="base_10")
        last = await ended(
            site, acme, 9, stored(first, "published", HIGH), stored(second, "published", {"favourable": 5}, 10)
        )
        await ended(site, acme, 5, answered=0, invited=12)
        await ended(site, acme, 4, gate="withheld")
        analyst = await site.member(acme, "analyst")
        path = f"/workspaces/{acme.workspace}/surveys"
        text = await (await analyst.get(path)).text()
        shown = words(text)
        assert f'href="{path}/{last}"' in text
        # three numbers of one question, two of which were published: a line of two points
        chart = re.search(r'<polyline class="line" points="([^"]*)"', text)
        assert chart is not None
        (_, early), (_, late) = (point.split(",") for point in chart[1].split())
        assert float(late) < float(early)
        assert text.count('role="img"') == 1
        # the last two rounds asked it, too, and nothing was published of them
        told = r"-11 -\d+ to \+\d+ too few people \+56 \+\d+ to \+\d+ too few people too few people"
        assert re.search(told, shown)
        assert "75 % (between 63 and 89 %)" in shown
        assert "in wider bands than usual" in shown
        assert "Fewer than 5 people answered, so nothing is told." in shown
        assert "Even in wide bands" in shown
        # of so few who were asked no rate is told, nor how many they were
        assert re.search(r"– – not told Fewer than 5", shown)
        assert str(CANARY) not in shown
        host = await site.member(acme, "host")
        assert (await host.get(path)).status == 404


async def test_what_runs_is_counted_once_a_day_in_fives(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        admin = await site.member(acme, "admin")
        path = f"/workspaces/{acme.workspace}/surveys"
        empty = words(await (await admin.get(path)).text())
        assert "Fewer than 5 have been counted so far. It closes on 2026-03-04 09:00 (UTC)." in empty
        assert "No survey has closed yet" in empty
        async with site.runtime.database.write() as tx:
            mine = round_table.update().filter_by(id=acme.rounds["poll"])
            await tx.execute(mine.values(counted=25, counted_day="2026-03-02"))
        assert "At least 25 had answered on 2026-03-02." in words(await (await admin.get(path)).text())
        async with site.runtime.database.write() as tx:
            await tx.execute(mine.values(state="closing"))
        assert "It has closed; its figures are being computed." in words(await (await admin.get(path)).text())


async def test_no_ballot_and_nobody_s_name_is_read_for_it(open_site: OpenSite) -> None:
    first, *_ = questions()
    async with open_site() as site:
        acme = site.tenants["Acme"]
        round_id = await ended(site, acme, 9, stored(first, "published", HIGH))
        admin = await site.member(acme, "admin")
        asked: list[str] = []

        def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            asked.append(statement)

        sa.event.listen(sa.Engine, "before_cursor_execute", note)
        try:
            for below in ("", f"/{round_id}"):
                answer = await admin.get(f"/workspaces/{acme.workspace}/surveys{below}")
                assert answer.status == 200
        finally:
            sa.event.remove(sa.Engine, "before_cursor_execute", note)
        told = "\n".join(asked)
        assert re.search(r"\bcell\b", told)
        assert not re.search(r"\b(FROM|JOIN) (ballot|respondent|response|delivery|participation)\b", told)
