"""The overview and recommendations on pages: published figures and nothing else, for whoever may read them."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
import sqlalchemy as sa

from tertulia.measures import card
from tertulia.measures.components import COMPONENTS
from tertulia.services import my_data, overview, people, programs, recommending
from tertulia.services.overview_sources import ended
from tertulia.storage import cells, measures
from tertulia.storage import people as stored_people
from tertulia.storage.cells import StoredCell
from tertulia.storage.tables import cell, interaction, measure_figure, participation, recommendation, response
from tertulia.storage.tables import round_table as round_
from tertulia.storage.tables.columns import Instant
from tertulia.web import formulas

OpenSite = Callable[..., AbstractAsyncContextManager[Any]]
NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
EVERYBODY, OPS = "[]", '[["team","Ops"]]'
QUESTIONS = ("belonging.part_of", "belonging.know_me", "belonging.missed")
BEFORE, AFTER = 20, 70
"""Of a hundred, how many agreed a year long, and how many do now."""


def survey_cell(item: str, group: str, counts: Mapping[str, int], outcome: str = "published") -> StoredCell:
    levels = [
        {"name": name, "points": [name], "value": value, "low": max(0, value - 2), "high": value + 2}
        for name, value in counts.items()
    ]
    return StoredCell(
        item=item,
        group_key=group,
        family="company" if group == EVERYBODY else "team",
        outcome=outcome,
        answered=sum(counts.values()),
        base=5,
        figures=levels,
        points=list(counts) or ["a"],
        blocks=["0"],
    )


def steps(favourable: int, n: int = 100) -> dict[str, int]:
    return {"favourable": favourable, "neutral": 10, "unfavourable": n - favourable - 10}


async def survey(
    site: Any, tenant: Any, closed: datetime, found: list[StoredCell], *, state: str = "released"
) -> str:
    """Put a survey round that ended, with what came of it, into a tenant's workspace."""
    identifier: str = site.runtime.new_id()
    row = {
        "organization_id": tenant.organization,
        "id": identifier,
        "workspace_id": tenant.workspace,
        "practice": "poll",
        "kind": "pulse",
        "program_version": 1,
        "occurrence": f"{closed.isoformat()}-{identifier[:4]}",
        "state": state,
        "opens_at": closed - timedelta(days=3),
        "closes_at": closed,
        "confidential": True,
        "content": {},
        "summary": {"figures": {"invited": 140, "answered": 100, "gate": "all", "fewest": 5}},
    }
    async with site.runtime.database.write() as tx:
        await tx.execute(round_.insert().values(**row))
        await cells.add(tx, tenant.organization, identifier, found)
    return identifier


async def measured(site: Any, tenant: Any, family: str, period: str, figures: list[dict[str, Any]]) -> None:
    """Put a published period of a family of measures into a tenant's workspace."""
    whose = {"organization_id": tenant.organization, "workspace_id": tenant.workspace}
    at = ended(period)
    nothing = dict.fromkeys(("value", "low", "high", "numerator", "denominator", "least", "most", "withheld"))
    rows = [
        {
            **nothing,
            "about": "",
            "group_key": EVERYBODY,
            "group_family": "company",
            "n": 100,
            "formula": "reach",
            "source": "participation",
            "position": place,
            "unit": "percent",
            **one,
        }
        for place, one in enumerate(figures)
    ]
    async with site.runtime.database.write() as tx:
        kept = {**whose, "family": family, "period": period, "ended_at": at, "published_at": at}
        assert await measures.add(tx, kept, [], rows)


def exact(key: str, value: float, reach: float = 0.03, **more: Any) -> dict[str, Any]:
    return {"key": key, "value": value, "low": value - reach, "high": value + reach, **more}


async def lived(site: Any, tenant: Any) -> str:
    """Live a year: belonging rises, ties across teams fall, one team is too small to be told of; return a round."""
    site.clock.set(NOW)
    newest = ""
    for quarter in range(5, -1, -1):
        share = AFTER if quarter == 0 else BEFORE
        found = [
            *(survey_cell(item, EVERYBODY, steps(share)) for item in QUESTIONS),
            survey_cell("belonging.outside", EVERYBODY, {}, "refused"),
            survey_cell("recommendation.recommend", EVERYBODY, {"promoter": 40, "passive": 30, "detractor": 30}),
            survey_cell("belonging.part_of", OPS, {}, "refused"),
        ]
        newest = await survey(site, tenant, NOW - timedelta(days=20 + 91 * quarter), found)
    for place, period in enumerate(("2025-W40", "2026-W05", "2026-W18", "2026-W30", "2026-W46")):
        fallen = 0.1 if place < 4 else -0.2
        ties = [exact("ei_team", fallen, unit="index", formula="ties-ei")]
        hidden = {"key": "ei_team", "group_key": OPS, "group_family": "team", "withheld": "too few people", "n": 0}
        await measured(site, tenant, "ties", period, [*ties, hidden])
        await measured(site, tenant, "participation", period, [exact("reach", 70 + place, 4)])
    return newest


async def text(answer: Any) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", await answer.text())).split())


def path(tenant: Any, what: str = "overview") -> str:
    return f"/workspaces/{tenant.workspace}/{what}"


async def test_the_page_tells_what_changed_and_leads_to_cells_and_formulas(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        round_id = await lived(site, acme)
        admin = await site.member(acme, "admin")
        answer = await admin.get(path(acme))
        page, shown = await answer.text(), await text(answer)
        assert answer.status == 200
        assert "1 improved, 1 worsened," in shown
        assert re.search(r"Belonging ▲ improved 70 % \d\d % to \d\d %", shown)
        assert "Change: +50 points, between +" in shown
        assert "Own baseline: 20 % in 2025-Q4 to 2026-Q3" in shown
        assert re.search(r"Ties across teams ▼ worsened -0\.20 -0\.23 to -0\.17", shown)
        assert "Speaking up not known not measured yet" in shown
        assert "Participation reach ▬ no clear change 74 % 70 % to 78 %" in shown
        assert "Answers to surveys" in shown
        assert "Engagement" not in shown  # it was never asked, and is no part that everybody should have
        assert f'href="{path(acme, "surveys")}/{round_id}"' in page
        for anchor in re.findall(r'href="/measures#([^"]+)"', page):
            assert f'id="{anchor}"' in formulas.rendered(), anchor
        assert "<script" not in page
        assert not re.search(r'style="', page)
        more = await text(await admin.get(f"{path(acme)}/belonging"))
        assert "By quarter" in more
        assert "2026-Q4 70 %" in more
        ties = await text(await admin.get(f"{path(acme)}/cross_team"))
        assert "Groups, 2026-W46" in ties
        assert "Ops too few people" in ties
        assert (await admin.get(f"{path(acme)}/nothing")).status == 404


async def test_every_component_leads_to_a_heading_of_the_page_of_formulas(open_site: OpenSite) -> None:
    async with open_site() as site:
        answer = await site.visitor().get("/measures")
        page = await answer.text()
        assert answer.status == 200
        missing = [one.key for one in COMPONENTS if f'id="{one.formula}"' not in page]
        assert missing == []
        assert "<h1" in page


async def test_json_and_card_say_what_the_page_says(
    open_site: OpenSite, program: Callable[..., Awaitable[Any]]
) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        await lived(site, acme)
        admin = await site.member(acme, "admin")
        answer = await admin.get(f"{path(acme)}.json")
        document = json.loads(await answer.text())
        told = (await (await program(site, acme, "admin"))("GET", "overview")).document
        assert told["components"] == document["components"]
        shown = await text(await admin.get(path(acme)))
        assert document["score"] is None
        by_key = {one["key"]: one for one in document["components"]}
        assert by_key["belonging"]["status"] == "improved"
        assert by_key["belonging"]["value"] == 70
        assert by_key["belonging"]["n_at_least"] == 100
        assert by_key["belonging"]["low"] < 70 < by_key["belonging"]["high"]
        assert by_key["cross_team"]["change"]["high"] < 0
        assert by_key["speaking_up"]["withheld"] == "not measured yet"
        for one in by_key.values():
            assert one["words"].removeprefix(f"{one['status']}: ") in shown
        async with site.runtime.database.read() as tx:
            said = card.draft(await overview.told(site.runtime, tx, acme.organization, acme.workspace)).body.plain()
        assert "Belonging: 70 %" in said
        assert "Ties across teams: -0.20" in said
        assert "No clear change: " in said
        assert "Not told: Speaking up" in said
        assert len(said) < 1200


async def test_what_is_not_published_changes_nothing_and_is_nowhere(
    open_site: OpenSite, caplog: pytest.LogCaptureFixture
) -> None:
    """Two sites that publish the same are alike to the letter, whatever people did, gave or were refused."""
    caplog.set_level(logging.INFO)
    async with open_site() as site:
        acme = site.tenants["Acme"]
        await lived(site, acme)
        before = await everything(site, acme)
        await _live_on_unseen(site, acme)
        assert await everything(site, acme) == before
        for said in (*before, caplog.text):
            assert "CANARY" not in said
            assert "CanaryAcme member" not in said
            assert "7373" not in said


async def everything(site: Any, tenant: Any) -> list[str]:
    """Return all that is said: pages, JSON, the card and the CLI's words, without the session's own token."""
    admin = await site.member(tenant, "admin")
    here = path(tenant)
    pages = [here, f"{here}.json", *(f"{here}/{one.key}" for one in COMPONENTS), path(tenant, "recommendations")]
    said = [re.sub(r'value="[0-9a-f]{64}"', "", await (await admin.get(one)).text()) for one in pages]
    async with site.runtime.database.read() as tx:
        told = card.draft(await overview.told(site.runtime, tx, tenant.organization, tenant.workspace))
    # a token and the address of a picture are sealed, so each is another one every time
    sealed = r'name="csrf" value="[^"]*"|/charts/[^\'"]+'
    return [re.sub(sealed, "", one) for one in [*said, repr(told)]]


def filled(table: sa.Table, row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row of *table* with something in every column that must have it."""
    found = {column.name: row[column.name] for column in table.columns if column.name in row}
    for column in table.columns:
        if column.name not in found and not column.nullable:
            found[column.name] = NOW if isinstance(column.type, Instant) else "1"
            if isinstance(column.type, sa.Integer | sa.Float | sa.Boolean):
                found[column.name] = 1
    return found


async def _live_on_unseen(site: Any, tenant: Any) -> None:
    member, admin = tenant.persons["member"], tenant.persons["admin"]
    secret = {"favourable": 7373, "neutral": 0, "unfavourable": 0}
    for state in ("open", "closing"):
        await survey(
            site, tenant, NOW - timedelta(days=1), [survey_cell(QUESTIONS[0], EVERYBODY, secret)], state=state
        )
    whose = {"organization_id": tenant.organization, "workspace_id": tenant.workspace}
    async with site.runtime.database.write() as tx:
        refused = [{"name": "favourable", "points": ["4"], "value": 7373, "low": 7373, "high": 7373}]
        hidden = cell.update().where(cell.c.outcome == "refused")
        await tx.execute(hidden.values(figures=refused, answered=7373))
        of = {"organization_id": tenant.organization, "person_id": member, "version": 1, "given_at": NOW}
        given = {"values": {"long": "CANARY said"}, "passed": False, "visibility": "workspace", "platform": "web"}
        await tx.execute(response.insert().values(round_id=tenant.rounds["ask"], **of, **given))
        took_part = {**whose, "id": "p1", "round_id": tenant.rounds["ask"], "person_id": member, "started_at": NOW}
        await tx.execute(participation.insert().values(filled(participation, took_part)))
        tie = {**whose, "week": "2026-W46", "source_id": member, "target_id": admin, "kind": "kudos"}
        await tx.execute(interaction.insert().values(filled(interaction, tie)))
        await people.change_person(
            site.runtime, tx, tenant.organization, member, {"team": "CANARY team"}, actor="test"
        )


async def test_who_may_read_it_is_the_workspace_s_to_say(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        await lived(site, acme)
        member, admin, host = [await site.member(acme, who) for who in ("member", "admin", "host")]
        here = f"/my/overview/{acme.workspace}"
        assert (await admin.get("/overview")).headers["Location"] == path(acme)
        assert "None of your workspaces" in await text(await member.get("/overview"))
        assert (await member.get(path(acme))).status == 404
        assert "those who run the program" in await text(await member.get(here))

        async def allow(who: str) -> None:
            async with site.runtime.database.write() as tx:
                home = await stored_people.workspace(tx, acme.organization, acme.workspace)
                await overview.allow(site.runtime, tx, home, who, actor="test")

        await allow("hosts")
        assert (await host.get("/overview")).headers["Location"] == here
        assert "Belonging" in await text(await host.get(here))
        assert "Belonging" not in await text(await member.get(here))
        await allow("members")
        page = await (await member.get(here)).text()
        assert "Belonging" in page
        assert path(acme) not in page  # cells and decisions stay with those who run the program
        await allow("admins")
        assert "Belonging" not in await text(await member.get(here))
        assert (await (await site.member(site.tenants["Zenith"], "admin")).get(here)).status == 404


async def looked_over(site: Any, tenant: Any) -> list[Any]:
    await recommending.look_over(site.runtime, {})
    async with site.runtime.database.read() as tx:
        home = await stored_people.workspace(tx, tenant.organization, tenant.workspace)
        return await recommending.listed(tx, home)


async def test_a_recommendation_is_shown_with_its_evidence_and_draft_and_accepted(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        await lived(site, acme)
        made = await looked_over(site, acme)
        assert [one.rule.key for one in made] == ["cross-team-coffee", "offsite"]
        assert [one.rule.key for one in await looked_over(site, acme)] == ["cross-team-coffee", "offsite"]
        admin, analyst = await site.member(acme, "admin"), await site.member(acme, "analyst")
        assert "2 things to try" in await text(await admin.get(path(acme)))
        here = path(acme, "recommendations")
        shown = await text(await admin.get(here))
        assert "mixed: trials disagree" in shown
        assert "That virtual water-coolers mend it is not" in shown
        assert '+ practice "cross-team-coffee" is added: cafe, FREQ=WEEKLY;INTERVAL=2;BYDAY=MO' in shown
        assert "Ties across teams -0.20 (-0.23 to -0.17, 2026-Q4)" in shown
        assert "Try it" not in await text(await analyst.get(here))
        assert (await analyst.post(here, {"id": made[0].id, "do": "accept"})).status == 404
        form = {"id": made[0].id, "do": "accept", "owner": acme.persons["host"], "apply": "yes"}
        assert (await admin.post(here, form)).status == 303
        async with site.runtime.database.read() as tx:
            program = (await programs.show(tx, acme.organization, acme.workspace)).program
        assert program.version == 2
        practice = program.practice("cross-team-coffee")
        assert practice is not None
        assert practice.options["wishes"]["team"] == 0.4
        again = await admin.post(here, form)
        assert "is accepted already" in await text(again)
        past = await text(await admin.get(here))
        assert "tried, 2026-11-20, program version 2; CanaryAcme host sees to it" in past
        assert "to be judged on 2027-02-19" in past
        assert "cannot separate what was tried from season" in past


async def test_what_was_tried_is_judged_by_the_same_figure(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        await lived(site, acme)
        first = (await looked_over(site, acme))[0]
        admin = await site.member(acme, "admin")
        here = path(acme, "recommendations")
        await admin.post(here, {"id": first.id, "do": "accept"})
        await measured(site, acme, "ties", "2027-W05", [exact("ei_team", 0.15, unit="index")])
        site.clock.set(NOW + timedelta(weeks=12))
        assert (await looked_over(site, acme))[0].outcome is None
        site.clock.set(NOW + timedelta(weeks=14))
        judged = next(one for one in await looked_over(site, acme) if one.id == first.id)
        assert judged.state == "judged"
        assert judged.outcome["now"]["value"] == pytest.approx(0.15)
        shown = await text(await admin.get(here))
        assert "Ties across teams +0.15 (+0.12 to +0.18, 2027-Q1): better, +0.35, between +0.31 and +0.39" in shown


async def test_declining_needs_a_reason_and_later_comes_back(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme, zenith = site.tenants["Acme"], site.tenants["Zenith"]
        await lived(site, acme)
        coffee, offsite = await looked_over(site, acme)
        admin = await site.member(acme, "admin")
        here = path(acme, "recommendations")
        assert "The reason has 0 letters" in await text(await admin.post(here, {"id": coffee.id, "do": "decline"}))
        assert "press one of the buttons" in await text(await admin.post(here, {"id": coffee.id}))
        stranger = await site.member(zenith, "admin")
        refused = await stranger.post(path(zenith, "recommendations"), {"id": coffee.id, "do": "decline"})
        assert "is no recommendation here" in await text(refused)
        await admin.post(here, {"id": coffee.id, "do": "decline", "reason": "No budget <this> year."})
        assert "declined, 2026-11-20: No budget <this> year." in await text(await admin.get(here))
        assert "are not offered" in await text(
            await admin.post(here, {"id": offsite.id, "do": "remind", "weeks": "3"})
        )
        await admin.post(here, {"id": offsite.id, "do": "remind", "weeks": "2"})
        assert "put off until 2026-12-04" in await text(await admin.get(here))
        assert "thing to try" not in await text(await admin.get(path(acme)))
        site.clock.set(NOW + timedelta(weeks=2))
        states = {one.rule.key: one.state for one in await looked_over(site, acme)}
        assert states == {"cross-team-coffee": "declined", "offsite": "open"}
        site.clock.set(NOW + timedelta(weeks=9))
        assert {one.rule.key: one.state for one in await looked_over(site, acme)}["offsite"] == "expired"


async def test_an_erased_owner_leaves_no_trace_in_recommendations(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        await lived(site, acme)
        first = (await looked_over(site, acme))[0]
        admin, who = await site.member(acme, "admin"), acme.persons["admin"]
        await admin.post(path(acme, "recommendations"), {"id": first.id, "do": "accept", "owner": who})
        async with site.runtime.database.write() as tx:
            held = await my_data.collect(site.runtime, tx, acme.organization, who)
            assert [one["rule"] for one in held["recommendations"]] == ["cross-team-coffee"]
            await my_data.erase(site.runtime, tx, acme.organization, who, "test")
            row = (await tx.execute(sa.select(recommendation).filter_by(id=first.id))).one()
        assert row.owner_id is not None
        assert who not in (row.owner_id, row.decided_by)


async def test_figures_of_another_workspace_are_not_read(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme, zenith = site.tenants["Acme"], site.tenants["Zenith"]
        await lived(site, acme)
        shown = await text(await (await site.member(zenith, "admin")).get(path(zenith)))
        assert "not measured yet" in shown
        assert "improved" not in shown.split("Intervals hold")[0]
        async with site.runtime.database.read() as tx:
            count = await tx.scalar(sa.select(sa.func.count()).select_from(measure_figure))
        assert count
