"""Turnover as it is published: by person-days, of groups that are large enough, and with no reason of anybody's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tertulia.domain.identifiers import Id
from tertulia.measures import employment, survival
from tertulia.measures.employment import Spell
from tertulia.measures.figures import COMPANY, Figure
from tertulia.services import measuring, profiles, turnover_measures
from tertulia.storage import tables
from tertulia.surveys.confidentiality.candidates import Group

OpenStage = Callable[[], Any]
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""Where the database does not matter."""
MONTH = timedelta(days=30)


async def staff(stage: Any, teams: int, size: int) -> list[Id]:
    """Make members at once: every second one is a freelancer."""
    of, now = {"organization_id": stage.organization}, stage.clock.now()
    people: list[dict[str, Any]] = [
        {
            **profiles.EMPTY,
            **of,
            "id": stage.runtime.new_id(),
            "name": f"P{number}",
            "email": f"p{number}@example.org",
            "zone": "UTC",
            "languages": ["en"],
            "team": f"T{number % teams}",
            "worker_type": "freelancer" if number % 2 else "employee",
            "created_at": now,
        }
        for number in range(teams * size)
    ]
    joined = [{**of, "workspace_id": stage.workspace, "person_id": one["id"], "joined_at": now} for one in people]
    async with stage.database.write() as tx:
        await tx.execute(tables.person.insert(), people)
        await tx.execute(tables.membership.insert(), joined)
    return [one["id"] for one in people]


async def employ(stage: Any, rows: Sequence[tuple[Id, date, date | None, str | None]]) -> None:
    async with stage.database.write() as tx:
        spells: list[dict[str, Any]] = []
        numbers = {row.id: int(row.name[1:]) for row in await tx.execute(sa.select(tables.person))}
        for person, start, end, reason in rows:
            of = {"organization_id": stage.organization, "id": stage.runtime.new_id(), "person_id": person}
            dates = {"start_date": start.isoformat(), "end_date": end.isoformat() if end else None}
            kind = "freelancer" if numbers[person] % 2 else "employee"
            row = {**of, **dates, "end_reason": reason, "worker_type": kind, "fte": 1.0, "origin": "import"}
            spells.append(row)
        await tx.execute(tables.employment.insert(), spells)


async def figures(stage: Any) -> list[Figure]:
    assert await measuring.publish_due(stage.runtime, [turnover_measures.KIND]) == 0
    async with stage.database.read() as tx:
        found: list[Figure] = await measuring.published(
            tx, stage.organization, stage.workspace, families=["turnover"]
        )
        return found


def one(some: Sequence[Figure], key: str, about: str, group: Group = COMPANY) -> Figure:
    (found,) = [figure for figure in some if (figure.key, figure.about, figure.group) == (key, about, group)]
    return found


async def test_a_year_of_turnover(open_stage: OpenStage) -> None:
    """Sixty people, twelve of whom left in the middle of the year, eight of their own will."""
    async with open_stage() as stage:
        people = await staff(stage, 2, 30)
        leave = date(2025, 10, 1)
        rows = [(one, date(2022, 1, 1) + number * MONTH, None, None) for number, one in enumerate(people[12:])]
        gone = [(one, date(2025, 4, 1), leave, "voluntary") for one in people[:8]]
        gone += [(one, date(2020, 1, 1), leave, "contract_end") for one in people[8:12]]
        await employ(stage, [*rows, *gone])
        stage.clock.advance(timedelta(weeks=5))
        some = await figures(stage)
        assert {figure.period for figure in some} == {"2026-Q1"}
        spells = [Spell(person=one, start=start, end=end) for one, start, end, _ in [*rows, *gone]]
        average = sum(employment.exposure(spells, date(2025, 4, 1), date(2026, 4, 1)).values())
        whole = one(some, "turnover", "year")
        assert (whole.least, whole.numerator, whole.most, whole.denominator) == (8, 10, 12, average // 5 * 5)
        assert whole.value == pytest.approx(100 * 10 / (5 * round(average / 5)))
        assert whole.low is not None
        assert whole.high is not None
        assert whole.low < 100 * 12 / average < whole.high
        assert one(some, "turnover/voluntary", "year").numerator == 10
        assert one(some, "turnover/involuntary", "year").numerator == 0
        assert one(some, "headcount", "year").value == 5 * round(average / 5)
        assert one(some, "turnover/quarter", "quarter").least == 0
        hires = one(some, "new_hires_left", "90 days")
        assert (hires.least, hires.n) == (0, 15)
        stay = one(some, "stay/12", "12 months")
        assert stay.value is not None
        lives = employment.lifetimes(spells, date(2023, 4, 2), date(2026, 4, 1)).values()
        exact = survival.staying([life for some_ in lives for life in some_], 365.25)
        assert exact is not None
        assert 40 < exact.value < 90
        assert abs(stay.value - exact.value) <= 2.5
        assert one(some, "score_and_turnover", "").withheld is not None


@ON_SQLITE
async def test_a_small_unit_and_a_small_difference_are_not_shown(open_stage: OpenStage) -> None:
    async with open_stage() as stage:
        people = await staff(stage, 3, 12)
        async with stage.database.write() as tx:
            table = tables.person
            await tx.execute(table.update().where(table.c.id.in_(people[:4])).values(team="Tiny"))
        await employ(stage, [(one, date(2022, 1, 1), None, None) for one in people])
        stage.clock.advance(timedelta(weeks=5))
        some = await figures(stage)
        teams = {
            figure.group.terms[0][1]: figure.withheld
            for figure in some
            if figure.key == "turnover" and figure.group.family == "team"
        }
        assert teams["Tiny"] == "too few people"
        assert sum(reason is None for reason in teams.values()) < 3  # else Tiny would be what is left
        assert not [id_ for id_ in people if id_ in repr(some)]


@ON_SQLITE
async def test_scores_are_set_beside_turnover_of_published_teams_only(open_stage: OpenStage) -> None:
    async with open_stage() as stage:
        people = await staff(stage, 21, 14)
        leaves = date(2025, 12, 1)
        rows: list[tuple[Id, date, date | None, str | None]] = []
        for number, person in enumerate(people):
            team, place = number % 21, number // 21
            gone = place < (4 if team >= 11 else 0)
            rows.append((person, date(2023, 1, 1), leaves if gone else None, "voluntary" if gone else None))
        await employ(stage, rows)
        await surveyed(stage)
        stage.clock.advance(timedelta(weeks=5))
        some = await figures(stage)
        rho, p = one(some, "score_and_turnover", ""), one(some, "score_and_turnover_p", "")
        assert rho.withheld is None, [f.withheld for f in some if f.key == "turnover/later"][:3]
        assert rho.n >= 20
        assert rho.value is not None
        assert rho.value < -0.7
        assert p.value is not None
        assert p.value <= 0.001


async def surveyed(stage: Any) -> None:
    """Keep a released survey whose teams score the lower the more of them leave later."""
    round_id, closed = "5" * 32, stage.clock.now() - timedelta(days=250)
    of = {"organization_id": stage.organization}
    row = {**of, "id": round_id, "workspace_id": stage.workspace, "practice": "s", "kind": "k", "program_version": 1}
    async with stage.database.write() as tx:
        await tx.execute(
            tables.round_table.insert().values(
                **row, state="released", occurrence="o", opens_at=closed, closes_at=closed, confidential=True
            )
        )
        for team in range(21):
            counts = {"promoter": 25 - team, "passive": 5, "detractor": team}
            bands = [
                {"name": name, "points": [name], "value": count, "low": count, "high": count}
                for name, count in counts.items()
            ]
            group = Group(family="team", terms=(("team", f"T{team}"),))
            cell = {"round_id": round_id, "item": "enps", "group_key": group.key, "family": "team", "position": team}
            more = {"outcome": "published", "answered": 30, "base": 5, "figures": bands, "points": list(counts)}
            await tx.execute(tables.cell.insert().values(**of, **cell, **more))
