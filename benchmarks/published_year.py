"""A year of published cells and figures, as the core would have kept them, for an organization of any size."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from benchmarks.setting import Town
from tertulia.domain.identifiers import new_id
from tertulia.measures.figures import week
from tertulia.runtime import Runtime
from tertulia.storage import cells, measures
from tertulia.storage.cells import StoredCell
from tertulia.storage.tables import round_table
from tertulia.surveys.confidentiality.candidates import Family, Group
from tertulia.surveys.instruments import instruments

ASKED = ("belonging", "speaking_up", "recommendation")
TEAM_SIZE = 40
RESPONSE = 0.6


@dataclass(frozen=True, kw_only=True)
class Year:
    """Say what happens in it: the *share* of an instrument, and a measure's *level*, both at a part of the year."""

    share: Callable[[str, float], float]
    level: Callable[[str, float], float]
    weeks: int = 66


def groups(members: int) -> list[tuple[Group, int]]:
    """Return everybody, departments, attributes and teams of an organization, with how many people each has."""
    teams = max(2, members // TEAM_SIZE)
    departments = max(2, teams // 12)
    found = [(Group(family="company"), members)]
    named: list[tuple[Family, str, Sequence[str]]] = [
        ("department", "department", [f"D{n}" for n in range(departments)]),
        ("attribute", "worker_type", ["employee", "freelancer", "contractor"]),
        ("attribute", "location", ["Lisbon", "Madrid", "Rome", "remote"]),
        ("team", "team", [f"D{n % departments} / T{n}" for n in range(teams)]),
    ]
    for family, name, values in named:
        for value in values:
            found.append((Group(family=family, terms=((name, value),)), members // len(values)))
    return found


async def publish(runtime: Runtime, town: Town, members: int, year: Year, *, seed: int = 7) -> int:
    """Keep *year* as published by the runtime's clock; return how many cells and figures that are."""
    drawn, now, kept = random.Random(seed), runtime.clock.now(), 0
    for back in range(year.weeks, 0, -1):
        at, part = now - timedelta(weeks=back), 1 - back / year.weeks
        kept += await _survey(runtime, town, members, at, part, year, drawn)
        kept += await _figures(runtime, town, members, at, part, year, drawn)
    return kept


async def _survey(
    runtime: Runtime, town: Town, members: int, at: datetime, part: float, year: Year, drawn: random.Random
) -> int:
    made, identifier = [], new_id()
    for name in ASKED:
        for item in instruments()[name].items():
            for group, size in groups(members):
                made.append(_cell(item.key, group, int(size * RESPONSE), year.share(name, part), drawn))
    row = {"organization_id": town.organization, "id": identifier, "workspace_id": town.workspace}
    what = {"practice": "pulse", "kind": "pulse", "program_version": 1, "occurrence": at.isoformat()}
    answered = int(members * RESPONSE) // 5 * 5
    ends = {"state": "released", "opens_at": at - timedelta(days=3), "closes_at": at, "confidential": True}
    summary = {"figures": {"invited": members, "answered": answered, "gate": "all", "fewest": 5}}
    async with runtime.database.write() as tx:
        await tx.execute(round_table.insert().values(**row, **what, **ends, content={}, summary=summary))
        await cells.add(tx, town.organization, identifier, made)
    return len(made)


def _cell(item: str, group: Group, answered: int, share: float, drawn: random.Random) -> StoredCell:
    best, rest = ("promoter", "detractor") if item.startswith("recommendation") else ("favourable", "unfavourable")
    middle = "passive" if best == "promoter" else "neutral"
    told = answered >= 10
    spread = math.sqrt(share * (1 - share) / max(1, answered))
    favourable = round(answered * min(1.0, max(0.0, drawn.gauss(share, spread))) / 5) * 5
    favourable = min(favourable, answered // 5 * 5)
    counts = {best: favourable, middle: (answered - favourable) // 10 * 5}
    counts[rest] = max(0, answered // 5 * 5 - sum(counts.values()))
    figures = [
        {"name": name, "points": [name], "value": count, "low": max(0, count - 2), "high": count + 2}
        for name, count in counts.items()
    ]
    return StoredCell(
        item=item,
        group_key=group.key,
        family=group.family,
        outcome="published" if told else "refused",
        answered=answered // 5 * 5 if told else 0,
        base=5,
        figures=figures if told else [],
        points=list(counts),
        blocks=None,
    )


MEASURES: Sequence[tuple[str, str, str, float, bool]] = (
    ("participation", "reach", "percent", 0.8, True),
    ("participation", "repeat", "percent", 0.8, True),
    ("participation", "reach_difference", "percent", 2.0, False),
    ("participation", "burden_spread", "percent", 0.0, False),
    ("ties", "ei_team", "index", 0.02, True),
    ("ties", "ei_worker_type", "index", 0.02, True),
    ("ties", "isolated", "percent", 1.0, True),
    ("ties", "at_risk", "percent", 1.0, True),
    ("ties", "partners", "ties", 0.2, True),
    ("turnover", "turnover/quarter", "per_year", 1.0, False),
)
"""Family, key, unit, half the interval of everybody's figure, and whether there is one of every group."""


async def _figures(
    runtime: Runtime, town: Town, members: int, at: datetime, part: float, year: Year, drawn: random.Random
) -> int:
    period, kept = week(at), 0
    for family in ("participation", "ties", "turnover"):
        rows = []
        for place, (_, key, unit, reach, everywhere) in enumerate(one for one in MEASURES if one[0] == family):
            for group, size in groups(members)[: None if everywhere else 1]:
                wide = reach * math.sqrt(members / max(1, size))
                value = round(year.level(key, part) + drawn.gauss(0, wide / 4), 3)
                rows.append(_row(key, group, size, unit, value, wide, place))
        ends = {"ended_at": period.end, "published_at": period.end}
        whose = {"organization_id": town.organization, "workspace_id": town.workspace}
        async with runtime.database.write() as tx:
            await measures.add(tx, {**whose, "family": family, "period": period.key, **ends}, [], rows)
        kept += len(rows)
    return kept


def _row(key: str, group: Group, size: int, unit: str, value: float, wide: float, place: int) -> dict[str, Any]:
    told = size >= 10
    nothing = dict.fromkeys(("numerator", "denominator", "least", "most"))
    return {
        **nothing,
        "key": key,
        "about": "quarter" if key.startswith("turnover") else "",
        "group_key": group.key,
        "group_family": group.family,
        "position": place,
        "unit": unit,
        "value": value if told else None,
        "low": value - wide if told else None,
        "high": value + wide if told else None,
        "n": size // 5 * 5 if told else 0,
        "withheld": None if told else "too few people",
        "formula": "reach",
        "source": "benchmark",
    }
