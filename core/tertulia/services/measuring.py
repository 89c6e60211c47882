"""Publish measures: each family of each workspace once a period, by the rounds' clock.

What a period is made of is read first; the computation takes from seconds to minutes, on a thread, while nothing is
locked; what came of it is kept in one short transaction. A period that is kept is never computed again, and one that
a crash interrupted is computed anew, from the same facts.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, TypeAlias

import sqlalchemy as sa

from tertulia.delivery.holding import alone
from tertulia.domain.identifiers import Id
from tertulia.measures.figures import ZONE, Family, Figure, Period
from tertulia.measures.populations import Gathered, Population
from tertulia.measures.publication import Published, publish
from tertulia.runtime import Runtime
from tertulia.services import releasing
from tertulia.storage import measures, people
from tertulia.storage.database import Tx
from tertulia.storage.measures import StoredRelease
from tertulia.storage.people import Workspace
from tertulia.surveys.confidentiality import candidates
from tertulia.surveys.confidentiality.candidates import Atom, group_of
from tertulia.surveys.confidentiality.release import Cell, Past
from tertulia.surveys.confidentiality.release import Figure as Counted

log = logging.getLogger(__name__)
LOOK_BACK = timedelta(days=365)
VERSIONS = 6
"""That many of the newest releases that counted different people are audited together with a new one."""
ELSEWHERE = 12
"""That many, too, of other workspaces that counted some of the same people."""
_LookBack: TypeAlias = tuple[Sequence[StoredRelease], Sequence[Past]]
_Done: TypeAlias = tuple[Published, str]
"""What came of a population, and the digest of its people before any were left out."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """Describe a family: which *period* ended last at an instant, and how to *gather* what it asks for.

    `gather` reads the facts of the people in the month's roster, by what each is counted by, and of nobody else.
    """

    family: Family
    period: Callable[[datetime], Period]
    gather: Callable[[Runtime, Tx, Workspace, Period, Mapping[Id, Atom]], Awaitable[Gathered]]


async def publish_due(runtime: Runtime, kinds: Sequence[Kind]) -> int:
    """Publish the last period that ended of each family and workspace where that was not done; count failures."""
    failed = 0
    for kind in kinds:
        period = kind.period(runtime.clock.now())
        async with runtime.database.read() as tx:
            waiting = await measures.waiting(tx, kind.family, period.key, period.end)
        for organization, home in waiting:
            try:
                await publish_period(runtime, organization, home, kind, period)
            except Exception:
                failed += 1
                log.exception("measures failed", extra={"ids": {"workspace": home, "family": kind.family}})
    return failed


async def publish_period(runtime: Runtime, organization: Id, home_id: Id, kind: Kind, period: Period) -> bool:
    """Publish one period of one family; tell whether that was not done before.

    One worker of all computes; where it dies, another begins anew once its lease has ended.
    """
    async with alone(runtime, f"measures:{kind.family}:{home_id}") as mine:
        return mine and await _publish(runtime, organization, home_id, kind, period)


async def _publish(runtime: Runtime, organization: Id, home_id: Id, kind: Kind, period: Period) -> bool:
    async with runtime.database.read() as tx:
        home = await people.workspace(tx, organization, home_id)
        if home is None or await measures.is_published(tx, organization, home_id, kind.family, period.key):
            return False
        roster = await roster_of(runtime, tx, home, period)
        gathered = await kind.gather(runtime, tx, home, period, roster)
        pasts = {one.series: await _past(runtime, tx, home, kind.family, one) for one in gathered.populations}

    done, figures = await releasing.apart(lambda: _computed(gathered, pasts))
    now = runtime.clock.now()
    row = {"organization_id": organization, "workspace_id": home_id, "family": kind.family, "period": period.key}
    ends = {"ended_at": period.end, "published_at": now}
    releases = [_release_row(home, kind.family, place, one, asked, now) for place, (one, asked) in enumerate(done)]
    async with runtime.database.write() as tx:
        rows = [_figure_row(place, one) for place, one in enumerate(figures)]
        if not await measures.add(tx, {**row, **ends}, releases, rows):
            return False
        await measures.keep_roster(tx, organization, _roster_id(home, period), roster, now)
        for one, _ in done:
            await measures.keep_roster(tx, organization, _counted_id(home, kind.family, one), one.counted, now)
    log.info("measures were published", extra={"ids": {"workspace": home_id, "family": kind.family}})
    return True


def _computed(gathered: Gathered, pasts: Mapping[str, _LookBack]) -> tuple[list[_Done], list[Figure]]:
    """Decide what may be published, population by population; one is in the look-back of the next of its series."""
    done: list[_Done] = []
    for population in gathered.populations:
        stored, past = pasts[population.series]
        asked = measures.digest(population.atoms)
        same = next((kept.atoms for one, kept in zip(stored, past, strict=True) if one.asked == asked), None)
        if same is not None:
            # the same people as before: whoever was left out then is left out again
            again = {one: atom for one, atom in population.atoms.items() if one in same}
            population = replace(population, atoms=again)
        here = [
            Past(atoms=one.counted, cells=one.cells, k=one.k)
            for one, _ in done
            if one.population.series == population.series
        ]
        beside = [*past, *here][-max(VERSIONS, len(past)) :]
        done.append((publish(gathered, population, beside), asked))
    figures = [*gathered.plain, *(figure for one, _ in done for figure in one.figures)]
    return done, [*figures, *gathered.derive(figures)]


async def roster_of(runtime: Runtime, tx: Tx, home: Workspace, period: Period) -> Mapping[Id, Atom]:
    """Return who is counted in the month of *period* and by what; who joins, moves or leaves changes the next one.

    So figures of one month are about the same people, and nobody stands out by having come or gone between them.
    """
    kept = (await measures.rosters(tx, home.organization, [_roster_id(home, period)]))[_roster_id(home, period)]
    if kept:
        return kept
    return {
        one.id: {**releasing.atom_of(one, None), ZONE: one.zone}
        for one in await people.members(tx, home.organization, home.id)
    }


def _roster_id(home: Workspace, period: Period) -> Id:
    return hashlib.sha256(f"roster:{home.id}:{period.month}".encode()).hexdigest()[:32]


def _counted_id(home: Workspace, family: Family, one: Published) -> Id:
    text = f"{home.id}:{family}:{one.population.series}:{measures.digest(one.counted)}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]


async def _past(runtime: Runtime, tx: Tx, home: Workspace, family: Family, population: Population) -> _LookBack:
    """Return what the series published before of the workspace itself, and elsewhere of some of the same people."""
    since = runtime.clock.now() - LOOK_BACK
    stored = await measures.look_back(tx, home.organization, family, population.series, since=since, most=VERSIONS)
    rosters = await measures.rosters(tx, home.organization, [one.roster for one in stored])
    shared = [
        one.roster
        for one in stored
        if one.workspace != home.id and not population.atoms.keys().isdisjoint(rosters[one.roster])
    ]
    kept = [one for one in stored if one.workspace == home.id or one.roster in shared[-ELSEWHERE:]]
    return kept, [Past(atoms=rosters[one.roster], cells=[_cell(cell) for cell in one.cells], k=one.k) for one in kept]


def _cell(kept: Mapping[str, Any]) -> Cell:
    return Cell(
        item=kept["item"],
        group=group_of(kept["family"], kept["group"]),
        outcome="published",
        points=tuple(kept["points"]),
        figures=tuple(Counted(**{**one, "points": tuple(one["points"])}) for one in kept["figures"]),
    )


def _release_row(
    home: Workspace, family: Family, place: int, one: Published, asked: str, now: datetime
) -> dict[str, Any]:
    return {
        "population": one.population.key,
        "series": one.population.series,
        "asked": asked,
        "roster_id": _counted_id(home, family, one),
        "position": place,
        "k": one.k,
        "gate": one.gate,
        "cells": [
            {
                "item": cell.item,
                "family": cell.group.family,
                "group": cell.group.key,
                "points": list(cell.points),
                "figures": [{**asdict(figure), "points": list(figure.points)} for figure in cell.figures],
            }
            for cell in one.cells
            if cell.outcome == "published"
        ],
        "published_at": now,
    }


def _figure_row(place: int, figure: Figure) -> dict[str, Any]:
    row = {name: value for name, value in asdict(figure).items() if name not in ("family", "period", "group")}
    return {**row, "group_key": figure.group.key, "group_family": figure.group.family, "position": place}


async def published(
    tx: Tx,
    organization: Id,
    workspace: Id,
    *,
    families: Sequence[Family] = ("participation", "ties", "turnover"),
    key: str = "",
    last: int = 1,
    whole: str | None = None,
) -> list[Figure]:
    """Return the figures of the *last* periods of each family, the oldest first: all that may be known of them.

    *whole* leaves out all groups but everybody, and all figures that are about anything else.
    """
    found: list[Figure] = []
    for family in families:
        periods = await measures.periods(tx, organization, workspace, family, last)
        if periods:
            rows = await measures.figures(
                tx, organization, workspace, families=[family], periods=periods, key=key, whole=whole
            )
            found += [_figure(row) for row in rows]
    return found


def _figure(row: sa.Row[Any]) -> Figure:
    fields = dict(row._mapping)
    kind: candidates.Family = fields.pop("group_family")
    group = group_of(kind, fields.pop("group_key"))
    for name in ("organization_id", "workspace_id", "position"):
        del fields[name]
    return Figure(group=group, **fields)
