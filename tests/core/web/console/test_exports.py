"""Exports: the cells of the pages and nothing else, and what names people only by two, once."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import re
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from html import unescape
from typing import Any

import aiohttp
import pyarrow.parquet as parquet
import sqlalchemy as sa

from tertulia.extension import RoundRequest
from tertulia.services import exports, people, proposals, second_person
from tertulia.services.tabular import cell
from tertulia.storage import cells, tables
from tertulia.storage.cells import StoredCell
from tertulia.surveys.pulse import Pulse
from tertulia.surveys.pulse_options import Options
from tertulia.web.console.exports import TAKEN

OpenSite = Callable[..., AbstractAsyncContextManager[Any]]
EVIL = "=cmd|' /C calc'!A0"
SCORES = {"promoter": 30, "passive": 10, "detractor": 5}


def stored(item: str, group: str, family: str, counts: dict[str, int]) -> StoredCell:
    return StoredCell(
        item=item,
        group_key=group,
        family=family,
        outcome="published" if counts else "refused",
        answered=sum(counts.values()),
        base=5,
        figures=[
            {"name": name, "points": [name], "value": value, "low": max(0, value - 2), "high": value + 2}
            for name, value in counts.items()
        ],
        points=list(counts) or ["a"],
        blocks=["0"],
    )


async def released(site: Any, tenant: Any) -> str:
    """Put a released pulse with a team of an evil name into a tenant's workspace."""
    request = RoundRequest(practice="poll", options=Options(), occurrence="then", group_size=60, seed=1)
    content, identifier = Pulse().prepare(request).content, site.runtime.new_id()
    first, second = content["blocks"][0][:2]
    opened, figures = (
        site.clock.now() - timedelta(days=9),
        {"invited": 60, "answered": 45, "gate": "all", "fewest": 5},
    )
    row = {"organization_id": tenant.organization, "id": identifier, "workspace_id": tenant.workspace}
    what = {"practice": "poll", "kind": "pulse", "program_version": 1, "confidential": True, "occurrence": "then"}
    ended = {"state": "released", "opens_at": opened, "closes_at": opened + timedelta(days=2), "content": content}
    found = [
        stored(first, "[]", "company", SCORES),
        stored(first, json.dumps([["team", EVIL]]), "team", {"promoter": 10, "passive": 5, "detractor": 30}),
        stored(second, json.dumps([["team", EVIL]]), "team", {}),
    ]
    async with site.runtime.database.write() as tx:
        await tx.execute(tables.round_table.insert().values(**row, **what, **ended, summary={"figures": figures}))
        await cells.add(tx, tenant.organization, identifier, found)
    return str(identifier)


async def raw(
    visitor: Any, path: str, form: dict[str, str] | None = None
) -> tuple[int, aiohttp.ClientResponse, bytes]:
    """Ask as a browser does, for what is no text."""
    headers = {"Cookie": "; ".join(f"{key}={value}" for key, value in visitor.cookies.items())}
    method, data = "GET", None
    if form is not None:
        method, data = "POST", {"csrf": visitor.field("csrf"), **form}
        headers["Sec-Fetch-Site"] = "same-origin"
    async with visitor.client.request(
        method, visitor.base + path, data=data, headers=headers, allow_redirects=False
    ) as answer:
        return answer.status, answer, await answer.read()


async def both(visitor: Any, tenant: Any, of: str) -> tuple[list[dict[str, str]], list[dict[str, Any]]]:
    above = f"/workspaces/{tenant.workspace}/exports/file?of={of}&format="
    status, answer, text = await raw(visitor, above + "csv")
    assert status == 200, text
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    named = answer.headers["Content-Disposition"]
    assert re.fullmatch(rf'attachment; filename="tertulia-{of}-\d{{4}}-\d\d-\d\d.csv"', named)
    assert text.startswith(b"\xef\xbb\xbf")
    _, _, typed = await raw(visitor, above + "parquet")
    return list(csv.DictReader(io.StringIO(text.decode("utf-8-sig"), newline=""))), parquet.read_table(
        io.BytesIO(typed)
    ).to_pylist()


async def refused(site: Any, visitor: Any, tenant: Any, path: str) -> bool:
    """Tell whether one export too many waits: tried again where the clock let one through in between."""
    for _ in range(60):
        while site.app[TAKEN].take(tenant.persons["analyst"]):
            continue
        if (await visitor.get(path)).status == 429:
            return True
    return False


async def log(site: Any, verb: str) -> list[Any]:
    query = sa.select(tables.audit.c.actor, tables.audit.c.detail).where(tables.audit.c.verb == verb)
    async with site.runtime.database.read() as tx:
        return list((await tx.execute(query.order_by(tables.audit.c.sequence))).all())


async def test_the_files_hold_the_cells_of_the_page(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        round_id = await released(site, acme)
        analyst = await site.member(acme, "analyst")
        lines, typed = await both(analyst, acme, "surveys")
        above = f"/workspaces/{acme.workspace}/surveys/{round_id}"
        shown = json.loads(await (await analyst.get(f"{above}/cells.json")).text())["cells"]
        page = unescape(re.sub(r"<[^>]*>", " ", await (await analyst.get(above)).text()))
        expected = [
            {**one, **level}
            for one in shown
            for level in one["levels"] or [dict.fromkeys(("level", "about", "at_least", "at_most"))]
        ]
        names = ("item", "group", "published", "answered_at_least", "value", "low", "high", "level", "about")
        assert [[row[name] for name in names] for row in typed] == [[row[name] for name in names] for row in expected]
        kinds = {one.name: one.kind for one in exports.CELL}
        assert lines == [{name: cell(kinds[name], value) for name, value in row.items()} for row in typed]
        assert {row["group"] for row in lines} == {"Everybody", f"'{EVIL}"}
        assert EVIL in page
        assert {row["round"] for row in typed} == {round_id}
        for row in typed:
            assert row["value"] is None or f"{row['value']:+.0f}" in page
        assert (await analyst.get(f"{above}/cells.csv")).status == 200
        assert (await log(site, "export.read"))[-1].detail["round"] == round_id
        assert page.count("too few people") == 1 + 1  # the cell, and the sentence that explains it
        assert [row["published"] for row in typed].count(False) == 1


async def test_every_export_has_its_columns_is_in_the_log_and_can_be_too_many(
    open_site: OpenSite,
) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        analyst = await site.member(acme, "analyst")
        published = [one for one in exports.EXPORTS.values() if not one.named]
        for one in published:
            lines, typed = await both(analyst, acme, one.key)
            kinds = {column.name: column.kind for column in one.columns}
            assert lines == [{name: cell(kinds[name], value) for name, value in row.items()} for row in typed]
            assert "CanaryZenith" not in str(lines)
            if one.key == "rounds":
                assert {row["practice"] for row in typed} == {"ask", "poll"}
                assert {row["answered"] for row in typed} <= {0, None}
        entered = await log(site, "export.read")
        assert {row.actor for row in entered} == {acme.persons["analyst"]}
        assert [(row.detail["of"], row.detail["form"]) for row in entered] == [
            (one.key, form) for one in published for form in ("csv", "parquet")
        ]
        admin, above = await site.member(acme, "admin"), f"/workspaces/{acme.workspace}/exports"
        for query in ("", "?of=candles&format=csv", "?of=rounds&format=xlsx", "?of=%00&format=%00"):
            assert (await analyst.get(f"{above}/file{query}")).status == 422
        for form in ({}, {"of": "rounds", "format": "csv"}, {"of": "people", "format": "pdf"}):
            assert (await admin.post(above, form)).status == 422
        assert "What names people" not in await (await analyst.get(above)).text()
        assert await refused(site, analyst, acme, f"{above}/file?of=rounds&format=csv")


async def test_what_names_people_takes_two_and_is_handed_over_once(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        async with site.runtime.database.write() as tx:
            fields = {"name": "@SUM(1+9)", "team": "+Ops"}
            whose = (acme.organization, acme.persons["member"])
            await people.change_person(site.runtime, tx, *whose, fields, actor="test")
        owner, admin = await site.member(acme, "owner"), await site.member(acme, "admin")
        above = f"/workspaces/{acme.workspace}"
        status, _, body = await raw(admin, f"{above}/exports/file?of=people&format=csv")
        assert (status, b"second person" in body, b"acme.example" in body) == (422, True, False)
        await admin.post(f"{above}/exports", {"of": "people", "format": "csv"})
        async with site.runtime.database.read() as tx:
            (found,) = await proposals.waiting(tx, acme.organization, acme.workspace, site.clock.now())
        taken = f"{above}/exports/taken"
        assert (await admin.post(taken, {"id": found.id})).status == 422
        await owner.post(f"{above}/proposals", {"do": "approve", "id": found.id})
        assert (await owner.post(taken, {"id": found.id})).status == 422
        assert "Approved for you" in await (await admin.get(f"{above}/exports")).text()
        answers = await asyncio.gather(*(raw(admin, taken, {"id": found.id}) for _ in range(3)))
        assert sorted(status for status, _, _ in answers) == [200, 422, 422]
        (file,) = (body for status, _, body in answers if status == 200)
        rows = list(csv.DictReader(io.StringIO(file.decode("utf-8-sig"), newline="")))
        assert len(rows) == 6
        assert ("'@SUM(1+9)", "'+Ops", "member@acme.example") in [
            (row["name"], row["team"], row["email"]) for row in rows
        ]
        assert b"Zenith" not in file
        ((actor, detail),) = await log(site, "export.taken")
        assert (actor, detail["of"], detail["rows"]) == (acme.persons["admin"], "people", 6)
        assert "Approved for you" not in await (await admin.get(f"{above}/exports")).text()


async def test_nothing_pushes_away_what_waits_or_was_approved(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        owner, admin = await site.member(acme, "owner"), await site.member(acme, "admin")
        above, ids = f"/workspaces/{acme.workspace}", []
        for form in ("csv", "parquet"):
            await admin.post(f"{above}/exports", {"of": "people", "format": form})
        async with site.runtime.database.read() as tx:
            both_ = await proposals.waiting(tx, acme.organization, acme.workspace, site.clock.now())
        taken, waits = (one.id for one in both_)
        await owner.post(f"{above}/proposals", {"do": "approve", "id": taken})
        place = {"organization": acme.organization, "workspace": acme.workspace}
        detail, by = {"person": acme.persons["member"], "role": "analyst"}, acme.persons["owner"]
        async with site.runtime.database.write() as tx:
            for _ in range(50):
                site.clock.set(site.clock.now() + timedelta(seconds=1))
                asked = {**place, "what": "role.grant", "detail": detail, "by": by}
                ids.append(await second_person.propose(site.runtime, tx, **asked))
                ended = {"organization": acme.organization, "proposal": ids[-1], "by": by}
                await second_person.decide(site.runtime, tx, **ended, approve=False)
        page = await (await owner.get(f"{above}/proposals")).text()
        assert page.count("taken back") == 50
        assert f'id="p-{waits}"' in page
        assert (await owner.post(f"{above}/proposals", {"do": "approve", "id": waits})).status == 303
        page = await (await admin.get(f"{above}/exports")).text()
        for one in (taken, waits):
            assert one in page
        assert (await raw(admin, f"{above}/exports/taken", {"id": taken}))[0] == 200


async def test_the_log_is_read_and_exported_by_owners_and_an_approval_lasts_a_day(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        async with site.runtime.database.write() as tx:
            whose = (acme.organization, acme.workspace, acme.persons["member"], "owner")
            await people.grant(site.runtime, tx, *whose, actor="test")
        owner, admin = await site.member(acme, "owner"), await site.member(acme, "admin")
        second, above = await site.member(acme, "member"), f"/workspaces/{acme.workspace}"
        assert (await admin.post(f"{above}/exports", {"of": "audit", "format": "csv"})).status == 422
        for form in ("csv", "parquet"):
            await owner.post(f"{above}/exports", {"of": "audit", "format": form})
        async with site.runtime.database.read() as tx:
            both_ = await proposals.waiting(tx, acme.organization, acme.workspace, site.clock.now())
        first, other = sorted(both_, key=lambda one: str(one.detail["form"]))
        for one in (first, other):
            assert (await second.post(f"{above}/proposals", {"do": "approve", "id": one.id})).status == 303
        for page in ("people?q=canary", "audit"):
            assert (await owner.get(f"{above}/{page}")).status == 200
        assert [(row.actor, row.detail) for row in await log(site, "people.read")] == [
            (acme.persons["owner"], {"from": 0, "sought": True})
        ], "what was looked for is not kept"
        assert [row.actor for row in await log(site, "audit.read")] == [acme.persons["owner"]]
        status, _, body = await raw(owner, f"{above}/exports/taken", {"id": first.id})
        assert status == 200
        rows = list(csv.DictReader(io.StringIO(body.decode("utf-8-sig"), newline="")))
        said = ["audit.read", "people.read", "proposal.approve", "proposal.approve"]
        assert [row["what"] for row in rows[:4]] == said
        numbers = [int(row["number"]) for row in rows]
        assert numbers == sorted(numbers, reverse=True)
        assert not [row for row in rows if row["what"].startswith(("person.", "candle"))]
        site.clock.set(site.clock.now() + timedelta(days=1))
        answer = await owner.post(f"{above}/exports/taken", {"id": other.id})
        assert (answer.status, "its day is over" in await answer.text()) == (422, True)
