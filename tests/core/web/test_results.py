"""What came of surveys on pages: the same published cells everywhere, for whoever may see them, and nobody else's."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import timedelta
from html import unescape
from typing import Any

from tertulia.domain.programs import Audience
from tertulia.extension import RoundRequest
from tertulia.services import people, returning, rounds
from tertulia.storage import cells, programs
from tertulia.storage.cells import StoredCell
from tertulia.storage.programs import StoredProgram
from tertulia.storage.tables import round_table
from tertulia.surveys.pulse import Pulse
from tertulia.surveys.pulse_options import Options
from tertulia.web.results import GROUPS

OpenSite = Callable[..., AbstractAsyncContextManager[Any]]
SCORES = {"promoter": 30, "passive": 10, "detractor": 5}
STEPS = {"favourable": 35, "neutral": 5, "unfavourable": 5}
TEAM = '[["team","Ops"]]'


def cell(item: str, group: str, family: str, figures: dict[str, int]) -> StoredCell:
    levels = [
        {"name": name, "points": [name], "value": value, "low": max(0, value - 2), "high": value + 2}
        for name, value in figures.items()
    ]
    return StoredCell(
        item=item,
        group_key=group,
        family=family,
        outcome="published" if figures else "refused",
        answered=45 if figures else 0,
        base=5,
        figures=levels,
        points=list(figures) or ["a"],
        blocks=["0"],
    )


async def released(
    site: Any,
    tenant: Any,
    options: Options | None = None,
    *,
    shown: Callable[[str], list[StoredCell]] | None = None,
    days: int = 9,
    left_out: int = 0,
) -> str:
    """Put a released pulse into a tenant's workspace; with *options*, of everybody and with every point.

    *shown* makes other cells of the first item.
    """
    chosen = options or Options()
    request = RoundRequest(practice="poll", options=chosen, occurrence="then", group_size=60, seed=1)
    content = Pulse().prepare(request).content
    round_id: str = site.runtime.new_id()
    opened = site.clock.now() - timedelta(days=days)
    row = {"organization_id": tenant.organization, "id": round_id, "workspace_id": tenant.workspace}
    what = {
        "practice": "poll",
        "kind": "pulse",
        "program_version": 1,
        "confidential": True,
        "occurrence": f"then-{days}",
    }
    ended = {"state": "released", "opens_at": opened, "closes_at": opened + timedelta(days=2), "content": content}
    first, second, third, *_ = content["blocks"][0]
    related = {"of": first, "answered": 45, "explained": 40, "shares": [[second, 30], [third, 70]], "clear": True}
    figures = {"invited": 60, "answered": 45, "gate": "all", "fewest": 5, "left_out": left_out, "drivers": [related]}
    kept = {"figures": figures, "shown": True}
    asked = [
        cell(first, "[]", "company", SCORES),
        cell(second, "[]", "company", STEPS),
        cell("pass.reason", "[]", "company", {"time": 5, "often": 10}),
        cell(first, TEAM, "team", SCORES),
        cell(second, TEAM, "team", {}),
        cell(first, '[["team","Sales"]]', "team", {"promoter": 10, "passive": 5, "detractor": 30}),
        cell(first, '[["location","Rome"],["worker_type","employee"]]', "cross", {"promoter": 20}),
    ]
    if options is not None:
        points = {"1": 0, "2": 0, "3": 5, "4": 20, "5": 20}
        asked = [cell(key, "[]", "company", points) for key in content["blocks"][0]]
    if shown is not None:
        asked = shown(first)
    async with site.runtime.database.write() as tx:
        await tx.execute(round_table.insert().values(**row, **what, **ended, summary=kept))
        await cells.add(tx, tenant.organization, round_id, asked)
        await people.change_person(
            site.runtime, tx, tenant.organization, tenant.persons["member"], {"team": "Ops"}, actor="test"
        )
        found = await rounds.find(tx, round_id)
        await returning.say(site.runtime, tx, found, "We try <fewer> meetings.", actor="test")
    return round_id


async def text(answer: Any) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", await answer.text())).split())


async def test_a_member_sees_everybody_and_their_own_groups(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        round_id = await released(site, acme)
        member = await site.member(acme, "member")
        listed = await member.get("/my/results")
        assert f'/my/results/{round_id}"' in await listed.text()
        page = await member.get(f"/my/results/{round_id}")
        assert page.status == 200
        shown = await text(page)
        assert "At least 45 of the 60 people who were asked answered." in shown
        # Wilson's interval: its low end for 45 of 60, its high end for the 49 whom rounding may have made 45
        assert "That is 75 % (between 63 and 89 %)." in shown
        assert "We try <fewer> meetings." in shown
        assert re.search(r"\+56 \+\d\d to \+\d\d, at least 45 answers", shown)
        assert "Ops too few people" in shown
        assert "Sales" not in shown
        assert "Rome" not in shown
        assert page.headers["Cache-Control"] == "no-store"


async def test_a_team_that_hardly_changed_sees_its_department_and_when_it_returns(open_site: OpenSite) -> None:
    def teams(figures: dict[str, int]) -> Callable[[str], list[StoredCell]]:
        groups = (("[]", "company"), ('[["department","Sales"]]', "department"))
        south = '[["team","Sales / South"]]'
        return lambda item: [
            *(cell(item, group, family, SCORES) for group, family in groups),
            cell(item, '[["team","Sales / North"]]', "team", figures),
            cell(item, south, "team", {}),
            cell(item, TEAM, "team", figures),
        ]

    async with open_site() as site:
        acme = site.tenants["Acme"]
        before = await released(site, acme, shown=teams(SCORES), days=100)
        now = await released(site, acme, shown=teams({}), left_out=2)
        member, admin = await site.member(acme, "member"), await site.member(acme, "admin")
        for team, instead in (("Sales / North", "Sales"), ("Ops", "Everybody")):
            async with site.runtime.database.write() as tx:
                whose = (acme.organization, acme.persons["member"], {"team": team})
                await people.change_person(site.runtime, tx, *whose, actor="test")
            shown = await text(await member.get(f"/my/results/{now}"))
            assert f"{team} {instead}: +56 (between " in shown
            assert "Your team returns when at least 5 answers differ." in shown
            assert "drawn by lot and at most one in ten" in shown
            assert "returns when" not in await text(await member.get(f"/my/results/{before}"))
        above = f"/workspaces/{acme.workspace}/surveys"
        table = await text(await admin.get(f"{above}/{now}"))
        assert "Sales / North Sales: +56 (between " in table
        assert table.count("This team returns when at least 5 answers differ.") == 2
        assert "Sales / South too few people" in table  # it was never shown: nothing is said of a return
        assert "by lot" not in await text(await admin.get(f"{above}/{before}"))
        cells_ = json.loads(await (await admin.get(f"{above}/{now}/cells.json")).text())["cells"]
        assert [one["published"] for one in cells_] == [True, True, False, False, False]


async def test_who_runs_the_program_sees_every_published_cell_alike_everywhere(
    open_site: OpenSite, program: Callable[..., Awaitable[Any]]
) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        round_id = await released(site, acme)
        admin = await site.member(acme, "admin")
        above = f"/workspaces/{acme.workspace}/surveys"
        assert f'href="{above}"' in await (await admin.get(f"/workspaces/{acme.workspace}/rounds")).text()
        host = await site.member(acme, "host")
        assert above not in await (await host.get(f"/workspaces/{acme.workspace}/rounds")).text()
        assert round_id in await (await admin.get(above)).text()
        page = await admin.get(f"{above}/{round_id}")
        shown = await text(page)
        assert "40 % of the differences in" in shown
        # 35 of 45 agree, 45 of 60 answered: 35 of 60 if all others disagree, 50 of 60 if all agree
        assert shown.count("58 to 83 %") == 1
        assert shown.index(": 70 %") < shown.index(": 30 %")
        document = json.loads(await (await admin.get(f"{above}/{round_id}/cells.json")).text())
        assert [share for _, share in document["related"][0]["shares"]] == [70, 30]
        call = await program(site, acme, "admin")
        told = (await call("GET", f"surveys/{round_id}")).document
        assert without_times(told) == without_times(document)
        (listed,) = (await call("GET", "surveys")).document["items"]
        assert (listed["round"], listed["title"]) == (round_id, document["title"])
        file = await admin.get(f"{above}/{round_id}/cells.csv")
        assert file.headers["Content-Disposition"].startswith('attachment; filename="poll-')
        rows = list(csv.DictReader(io.StringIO(await file.text())))
        assert len(document["cells"]) == 7
        for one in document["cells"]:
            same = [row for row in rows if (row["item"], row["group"]) == (one["item"], one["group"])]
            assert one["group"] in shown
            if not one["published"]:
                assert [(row["published"], row["level"], row["about"]) for row in same] == [("False", "", "")]
                continue
            levels = [(level["level"], str(level["about"])) for level in one["levels"]]
            assert [(row["level"], row["about"]) for row in same] == levels
            if one["value"] is not None:
                assert f"{one['value']:+.0f}" in shown or f"{one['value']:.0f} %" in shown
        assert "no time now: about 5" in shown
        assert shown.count("too few people") == 1 + 1  # the cell, and the sentence that explains it
        assert "not asked" in shown


async def test_how_many_a_group_s_survey_asked_is_told_nowhere(
    open_site: OpenSite, program: Callable[..., Awaitable[Any]]
) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        round_id = await released(site, acme)
        async with site.runtime.database.write() as tx:
            stored = await programs.current(tx, acme.organization, acme.workspace)
            poll = replace(stored.practice("poll"), audience=Audience(groups=("Circle",)))
            grouped = replace(stored, version=stored.version + 1, practices=(poll,))
            kept = StoredProgram(program=grouped, document="", applied_by="test", applied_at=site.clock.now())
            await programs.add(tx, acme.organization, acme.workspace, kept)
            mine = round_table.update().filter_by(id=round_id)
            await tx.execute(mine.values(program_version=grouped.version))
        admin = await site.member(acme, "admin")
        above = f"/workspaces/{acme.workspace}/surveys/{round_id}"
        document = json.loads(await (await admin.get(f"{above}/cells.json")).text())
        told = (await (await program(site, acme, "admin"))("GET", f"surveys/{round_id}")).document
        for one in (document, told):
            assert (one["asked"], one["response_rate"], one["answered_at_least"]) == (None, None, 45)
        shown = await text(await admin.get(above))
        assert "At least 45 people answered." in shown
        assert "60" not in shown.replace(round_id, "")


async def test_hundreds_of_teams_come_in_portions(open_site: OpenSite) -> None:
    def teams(item: str) -> list[StoredCell]:
        return [cell(item, f'[["team","Team {number:03}"]]', "team", SCORES) for number in range(GROUPS + 5)]

    async with open_site() as site:
        acme = site.tenants["Acme"]
        admin = await site.member(acme, "admin")
        page = f"/workspaces/{acme.workspace}/surveys/{await released(site, acme, shown=teams)}"
        first, second = await text(await admin.get(page)), await text(await admin.get(f"{page}?team={GROUPS}"))
        assert f"1 to {GROUPS} of {GROUPS + 5}" in first
        assert f"{GROUPS + 1} to {GROUPS + 5} of {GROUPS + 5}" in second
        shown = re.findall(r"Team \d+", first + second)
        assert sorted(shown) == [f"Team {number:03}" for number in range(GROUPS + 5)], "each once"
        for nowhere in ("x", "-1", "99999", "²"):
            assert await text(await admin.get(f"{page}?team={nowhere}")) == first


async def test_an_index_stands_beside_its_published_series(open_site: OpenSite) -> None:
    key = "civil_service_engagement"
    async with open_site() as site:
        acme = site.tenants["Acme"]
        options = Options(instruments=(key,), anchor=f"{key}.proud", questions=5)
        first = await released(site, acme, options, days=190)
        await released(site, acme, days=100)  # it asks other questions, and neither counts nor ends the row
        round_id = await released(site, acme, options)
        for who, path in (("member", "/my/results"), ("analyst", f"/workspaces/{acme.workspace}/surveys")):
            visitor = await site.member(acme, who)
            shown = await text(await visitor.get(f"{path}/{round_id}"))
            # 83 of 100, by hand: (50*5 + 75*20 + 100*20) / 45
            found = re.search(r"engagement index 83 of 100, between (\d+) and (\d+); at least 45 answers", shown)
            assert found, shown
            assert 64 < int(found[1]) < 83 < int(found[2]) <= 100
            assert "UK Civil Service published 64 for 2024." in shown
            assert "above it with certainty" in shown
            assert "in the last 2 surveys in a row, and with certainty in the last 2." in shown
            assert "Source: Civil Service People Survey" in shown
            assert "in a row" not in await text(await visitor.get(f"{path}/{first}"))


async def test_nobody_else_sees_any_of_it(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme, zenith = site.tenants["Acme"], site.tenants["Zenith"]
        round_id = await released(site, acme)
        above = f"/workspaces/{acme.workspace}/surveys/{round_id}"
        stranger, host = await site.member(zenith, "owner"), await site.member(acme, "host")
        for visitor, path in (
            (stranger, f"/my/results/{round_id}"),
            (stranger, above),
            (stranger, f"/workspaces/{zenith.workspace}/surveys/{round_id}"),
            (stranger, f"/workspaces/{zenith.workspace}/surveys/{round_id}/cells.csv"),
            (host, above),
            (host, f"{above}/cells.json"),
        ):
            assert (await visitor.get(path)).status == 404
        assert round_id not in await (await stranger.get("/my/results")).text()
        assert (await site.visitor().get(f"/my/results/{round_id}")).status == 303


def without_times(document: dict[str, Any]) -> dict[str, Any]:
    """Leave out what the API writes in another way."""
    return {name: value for name, value in document.items() if name not in ("opened", "closed")}


async def test_an_open_survey_and_a_ritual_have_no_results_page(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        admin = await site.member(acme, "admin")
        for practice in ("ask", "poll"):
            path = f"/workspaces/{acme.workspace}/surveys/{acme.rounds[practice]}"
            answer = await admin.get(path)
            assert (answer.status, "it has not closed yet" in await text(answer)) == (422, True)
        assert "No survey has closed yet" in await text(await admin.get("/my/results"))
