"""The overview of a workspace: how every part of the profile stands, as a value, as JSON and as what a card says."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any, Literal, TypeAlias, get_args

import sqlalchemy as sa

from tertulia.domain.identifiers import Id, Json
from tertulia.domain.people import Role
from tertulia.errors import Mistake
from tertulia.measures import card, wording
from tertulia.measures.components import COMPONENTS, Component
from tertulia.measures.overview import Standing, profile
from tertulia.runtime import Runtime
from tertulia.services import card_pictures, overview_sources
from tertulia.storage import audit, people
from tertulia.storage.database import Tx, upsert
from tertulia.storage.people import Workspace
from tertulia.storage.tables import benchmark, overview_setting

Readers: TypeAlias = Literal["admins", "hosts", "members"]
READERS: Mapping[Readers, str] = {
    "admins": "owners, admins and analysts",
    "hosts": "these and hosts",
    "members": "every member",
}
"""Who may read the overview of a workspace; the first is so unless it was changed."""
RUNNING: frozenset[Role] = frozenset({"owner", "admin", "analyst"})
COLUMNS = ("component", "name", "value", "n", "ended", "source", "license")
"""What a file of benchmarks has in its first line."""


@dataclass(frozen=True, kw_only=True)
class Overview:
    """Hold how every component of a workspace stands at an instant."""

    workspace: Workspace
    made_at: datetime
    standings: tuple[Standing, ...]

    @property
    def shown(self) -> tuple[Standing, ...]:
        """The components that are shown: an optional one only where there is something to tell."""
        return tuple(one for one in self.standings if not one.component.optional or one.now or one.series)

    def of(self, key: str) -> Standing | None:
        """Return how one component stands."""
        return next((one for one in self.standings if one.component.key == key), None)


async def build(runtime: Runtime, tx: Tx, home: Workspace) -> Overview:
    """Read what is published of a workspace and tell how every component stands now."""
    now, whose = runtime.clock.now(), (home.organization, home.id)
    seen = {**await overview_sources.surveys(tx, *whose, now), **await overview_sources.measures(tx, *whose)}
    marks = await overview_sources.benchmarks(tx, *whose, now)
    return Overview(workspace=home, made_at=now, standings=profile(COMPONENTS, seen, marks, now))


def as_json(overview: Overview) -> Json:
    """Return the overview as a document; every figure in it is a published one."""
    today = overview.made_at.date()
    return {
        "workspace": overview.workspace.name,
        "made_at": overview.made_at.isoformat(),
        "score": None,
        "why_no_score": "One number would hide what is traded for what, and its weights would be nobody's.",
        "components": [_component(one, today) for one in overview.shown],
    }


def _component(one: Standing, today: date) -> dict[str, Any]:
    mark, now, before = one.benchmark, one.now, one.baseline
    return {
        "key": one.component.key,
        "title": one.component.title,
        "about": one.component.about,
        "unit": one.component.shown,
        "better": one.component.better,
        "quarter": one.quarter or None,
        "value": _rounded(now.value if now else None),
        "low": _rounded(now.low if now else None),
        "high": _rounded(now.high if now else None),
        "n_at_least": now.n if now else None,
        "withheld": one.withheld or None,
        "status": one.status,
        "words": wording.change(one) or wording.now(one),
        "baseline": {
            "value": _rounded(before.value if before else None),
            "quarters": list(one.quarters),
            "questions": one.compared,
        },
        "change": None if one.change is None else {name: _rounded(x) for name, x in asdict(one.change).items()},
        "benchmark": mark and {**asdict(mark), "ended": mark.ended.isoformat(), "age_in_months": mark.age(today)},
        "series": [{"quarter": quarter, "value": _rounded(each.value)} for quarter, each in one.series],
        "chart": wording.chart(one) or None,
        "formula": f"/measures#{one.component.formula}",
        "cells": [link for link, _ in one.links],
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


async def told(runtime: Runtime, tx: Tx, organization: Id, workspace: Id) -> Json:
    """Return what a card in a channel says now."""
    home = await people.workspace(tx, organization, workspace)
    shown = (await build(runtime, tx, home)).shown if home else ()
    said = card.content(shown, runtime.clock.now().date(), f"{runtime.config.public_url}/overview")
    if not said["charts"]:
        return said
    return {**said, "picture": card_pictures.address(runtime, organization, workspace, said["charts"])}


async def readers(tx: Tx, organization: Id, workspace: Id) -> Readers:
    """Return who may read the overview of a workspace."""
    query = sa.select(overview_setting.c.readers).filter_by(organization_id=organization, workspace_id=workspace)
    kept = (await tx.execute(query)).scalar_one_or_none()
    return next((one for one in get_args(Readers) if one == kept), "admins")


def may_read(allowed: Readers, roles: frozenset[str]) -> bool:
    """Tell whether a member with *roles* may read the overview."""
    return allowed == "members" or bool(roles & RUNNING) or (allowed == "hosts" and "host" in roles)


async def allow(runtime: Runtime, tx: Tx, home: Workspace, allowed: str, *, actor: str) -> None:
    """Let others read the overview of a workspace, too, or no longer."""
    if allowed not in READERS:
        raise Mistake(f"{allowed!r} cannot be let read the overview; choose among {', '.join(READERS)}.")
    row = {"organization_id": home.organization, "workspace_id": home.id, "readers": allowed}
    await upsert(tx, overview_setting, [row], keys=("workspace_id",), update=("readers",))
    await _note(runtime, tx, home, "overview.allow", actor, {"readers": allowed})


async def import_benchmarks(runtime: Runtime, tx: Tx, home: Workspace, text: str, *, actor: str) -> int:
    """Keep the benchmarks of a CSV file, each instead of the one that its component had; all of them, or none."""
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    if tuple(reader.fieldnames or ()) != COLUMNS:
        raise Mistake(f"The first line must be {','.join(COLUMNS)}; write it like that.")
    known = {one.key: one for one in COMPONENTS}
    rows = [_benchmark(known, place, row) for place, row in enumerate(reader, start=2)]
    whose = {"organization_id": home.organization, "workspace_id": home.id}
    if rows:
        kept = [{**whose, **row} for row in {row["component"]: row for row in rows}.values()]
        await upsert(tx, benchmark, kept, keys=("workspace_id", "component"), update=COLUMNS[1:])
    await _note(runtime, tx, home, "overview.benchmarks", actor, {"benchmarks": rows})
    return len(rows)


def _benchmark(known: Mapping[str, Component], line: int, row: Mapping[str, str | None]) -> dict[str, Any]:
    given = {name: (row.get(name) or "").replace("\x00", "").strip() for name in COLUMNS}
    if given["component"] not in known:
        raise Mistake(f"Line {line}: {given['component']!r} is no component; choose among {', '.join(known)}.")
    for name in ("name", "source", "license"):
        if not 0 < len(given[name]) <= 200:
            raise Mistake(f"Line {line}: {name} has {len(given[name])} letters; write 1 to 200, nobody guesses it.")
    try:
        ended, value, n = date.fromisoformat(given["ended"]), float(given["value"]), int(given["n"] or 0)
    except ValueError:
        raise Mistake(f"Line {line}: write value as a number, n as a whole one, ended like 2026-09-30.") from None
    if not -100 <= value <= 100 or not 0 <= n < 10**9 or ended > date(9000, 1, 1):
        raise Mistake(f"Line {line}: the value goes from -100 to 100, n from 0 on; correct them.")
    return {**given, "value": value, "n": n, "ended": ended.isoformat()}


async def _note(runtime: Runtime, tx: Tx, home: Workspace, verb: str, actor: str, detail: Json) -> None:
    await audit.record(
        tx,
        runtime.vault,
        organization=home.organization,
        at=runtime.clock.now(),
        actor=actor,
        verb=verb,
        subject=home.id,
        detail=detail,
    )
