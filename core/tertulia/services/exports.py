"""What can be exported from a workspace: exactly the cells that its pages show, and for two people what names people.

No export rounds, counts or leaves out anything by itself: each reads what the page reads.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from tertulia.domain.people import Role
from tertulia.errors import Mistake
from tertulia.measures import history
from tertulia.runtime import Runtime
from tertulia.services import exporting, figures, measure_tables, measuring, overview, recommending
from tertulia.services.tabular import Column, Kind, Row, Table
from tertulia.storage import audit, people
from tertulia.storage.database import Tx
from tertulia.storage.people import Workspace

Rows: TypeAlias = Callable[[Runtime, Tx, Workspace], AsyncIterator[Row]]
SEEING: frozenset[Role] = frozenset({"owner", "admin", "analyst"})
EVER = 100_000
PAGE = 1000


@dataclass(frozen=True, kw_only=True)
class Export:
    """Hold one export; *named* is whether it names people, for which a second person has to agree."""

    key: str
    title: str
    about: str
    columns: tuple[Column, ...]
    rows: Rows
    named: bool = False


async def _surveys(runtime: Runtime, tx: Tx, home: Workspace) -> AsyncIterator[Row]:
    for round_ in await figures.ended(tx, home.organization, [home.id], most=EVER):
        found = await figures.results(runtime, tx, round_)
        if found is None:
            continue
        about = {"round": round_.id, "practice": found.practice.key, "title": found.practice.title}
        when = {"opened": round_.opens_at, "closed": round_.closes_at}
        for row in figures.rows(found):
            yield {**about, **when, **row}


async def _measures(runtime: Runtime, tx: Tx, home: Workspace) -> AsyncIterator[Row]:
    for row in measure_tables.as_json(await measuring.published(tx, home.organization, home.id, last=EVER)):
        yield row


async def _overview(runtime: Runtime, tx: Tx, home: Workspace) -> AsyncIterator[Row]:
    shown: Mapping[str, Any] = overview.as_json(await overview.build(runtime, tx, home))
    for one in shown["components"]:
        mark: Mapping[str, Any] = one["benchmark"] or {}
        yield {
            **{column.name: one.get(column.name) for column in OVERVIEW},
            "baseline": one["baseline"]["value"],
            "benchmark": mark.get("value"),
            "benchmark_name": mark.get("name"),
            "benchmark_ended": mark.get("ended"),
        }


async def _recommendations(runtime: Runtime, tx: Tx, home: Workspace) -> AsyncIterator[Row]:
    for one in await recommending.listed(tx, home):
        yield {
            "made_at": one.made_at,
            "rule": one.rule.key,
            "attempt": one.rule.attempt,
            "evidence": one.rule.evidence,
            "state": one.state,
            "decision": recommending.decision(one),
            "decided_at": one.decided_at,
            "program_version": one.program_version,
            "before": history.figure(one.seen),
            "after": history.followed(one.seen, one.outcome, one.judge_at),
        }


async def _rounds(runtime: Runtime, tx: Tx, home: Workspace) -> AsyncIterator[Row]:
    async for one in exporting.stood(tx, home.organization, home.id):
        counts = exporting.counts(one)
        opened, closed = one.round.opens_at, one.round.closes_at
        yield {"round": one.round.id, **counts, "opens_at": opened, "closes_at": closed}


async def _deliveries(runtime: Runtime, tx: Tx, home: Workspace) -> AsyncIterator[Row]:
    async for one in exporting.stood(tx, home.organization, home.id):
        about = {"round": one.round.id, "practice": one.round.practice, "opens_at": one.round.opens_at}
        for purpose, states in sorted(one.deliveries.items()):
            for state, count in sorted(states.items()):
                yield {**about, "purpose": purpose, "state": state, "count": count}


async def _people(runtime: Runtime, tx: Tx, home: Workspace) -> AsyncIterator[Row]:
    members = await people.members(tx, home.organization, home.id)
    held = await people.role_holders(tx, home.organization, home.id)
    for some in people.chunks(sorted(members, key=lambda one: (one.name.casefold(), one.id))):
        accounts = await people.identities(tx, home.organization, [one.id for one in some])
        for one in some:
            yield {
                "name": one.name,
                "email": one.email,
                "worker_type": one.worker_type,
                "team": one.team,
                "location": one.location,
                "zone": one.zone,
                "languages": ", ".join(one.languages),
                "roles": ", ".join(sorted(held.get(one.id, ()))),
                "accounts": ", ".join(sorted({each.actor.platform for each in accounts.get(one.id, ())})),
            }


async def _audit(runtime: Runtime, tx: Tx, home: Workspace) -> AsyncIterator[Row]:
    before: int | None = None
    while found := await audit.entries(tx, home.organization, home.id, areas=audit.AREAS, before=before, most=PAGE):
        known = await people.persons(tx, home.organization, {one.actor for one in found})
        for one in found:
            name = known[one.actor].name if one.actor in known else one.actor
            detail = json.dumps(dict(one.detail), ensure_ascii=False, sort_keys=True)
            yield {"number": one.sequence, "at": one.at, "who": name, "what": one.verb, "details": detail}
        before = found[-1].sequence


def _columns(*rows: tuple[str, Kind, str]) -> tuple[Column, ...]:
    return tuple(Column(name=name, kind=kind, about=about) for name, kind, about in rows)


CELL = _columns(
    ("round", "text", "the round's id"),
    ("practice", "text", "the practice's key in the program"),
    ("title", "text", "the practice's title"),
    ("opened", "instant", "when the round opened"),
    ("closed", "instant", "when the round closed"),
    ("item", "text", "the question's key"),
    ("text", "text", "the question"),
    ("family", "text", "what kind of group it is: company, department, team, attribute or cross"),
    ("group", "text", "the group"),
    ("published", "flag", "false: too few people"),
    ("answered_at_least", "whole", "how many answered, rounded down"),
    ("unit", "text", "percent, or score from -100 to 100"),
    ("value", "number", "the figure"),
    ("low", "number", "the lower end of its interval"),
    ("high", "number", "the upper end of its interval"),
    ("level", "text", "one of the answers' levels"),
    ("about", "whole", "how many chose the level, rounded"),
    ("at_least", "whole", "how many did at least"),
    ("at_most", "whole", "how many did at most"),
)
MEASURE = _columns(
    ("family", "text", "participation, ties or turnover"),
    ("key", "text", "the figure"),
    ("about", "text", "what it is narrowed down to; empty: nothing"),
    ("period", "text", "the ISO week or the quarter"),
    ("kind", "text", "what kind of group it is"),
    ("group", "text", "the group"),
    ("unit", "text", "the unit"),
    ("value", "number", "the figure"),
    ("low", "number", "the lower end of its interval"),
    ("high", "number", "the upper end of its interval"),
    ("n", "whole", "how many people it is about at least"),
    ("numerator", "whole", "rounded"),
    ("denominator", "whole", "rounded"),
    ("at_least", "whole", "how many are in the numerator at least"),
    ("at_most", "whole", "how many are at most"),
    ("withheld", "text", "why nothing is shown"),
    ("formula", "text", "where the formula is explained"),
    ("source", "text", "where the facts came from"),
)
OVERVIEW = _columns(
    ("key", "text", "the part's key"),
    ("title", "text", "the part"),
    ("unit", "text", "the unit"),
    ("better", "text", "which way is better"),
    ("quarter", "text", "the quarter of the figure"),
    ("value", "number", "the figure"),
    ("low", "number", "the lower end of its interval"),
    ("high", "number", "the upper end of its interval"),
    ("n_at_least", "whole", "how many people stand behind it at least"),
    ("withheld", "text", "why nothing is shown"),
    ("status", "text", "what changed"),
    ("words", "text", "the same in words"),
    ("baseline", "number", "its own figure before"),
    ("benchmark", "number", "what others published"),
    ("benchmark_name", "text", "who published it"),
    ("benchmark_ended", "text", "the last day of the benchmark's period"),
)
RECOMMENDATION = _columns(
    ("made_at", "instant", "when it was made"),
    ("rule", "text", "the rule that it follows from"),
    ("attempt", "text", "what to try"),
    ("evidence", "text", "how good the evidence is"),
    ("state", "text", "open, later, accepted, declined, expired or judged"),
    ("decision", "text", "what was decided"),
    ("decided_at", "instant", "when"),
    ("program_version", "whole", "what came into force because of it"),
    ("before", "text", "the published figure before"),
    ("after", "text", "and after"),
)
ROUND = _columns(
    ("round", "text", "the round's id"),
    ("practice", "text", "the practice's key in the program"),
    ("kind", "text", "the kind of ritual or survey"),
    ("occurrence", "text", "which of the practice's moments"),
    ("state", "text", "planned, open, closing, closed, released, withheld or cancelled"),
    ("opens_at", "instant", "when it opens"),
    ("closes_at", "instant", "when it closes"),
    ("program_version", "whole", "the program's version it was opened with"),
    ("confidential", "flag", "true: a survey"),
    ("invited", "whole", "how many were reached; rounded down wherever a page does"),
    ("not_reached", "whole", "how many were not; rounded down wherever a page does"),
    ("answered", "whole", "how many answered; rounded down wherever a page does; nothing where few were asked"),
    ("passed", "whole", "how many passed; nothing of surveys, nor where few were asked"),
)
DELIVERY = _columns(
    ("round", "text", "the round's id"),
    ("practice", "text", "the practice's key in the program"),
    ("opens_at", "instant", "when the round opens"),
    ("purpose", "text", "what was to be sent"),
    ("state", "text", "what became of it"),
    ("count", "whole", "how many; rounded down wherever a page does"),
)
PERSON = _columns(
    ("name", "text", "the name"),
    ("email", "text", "the e-mail address"),
    ("worker_type", "text", "employee, freelancer or contractor"),
    ("team", "text", "the team"),
    ("location", "text", "the location"),
    ("zone", "text", "the time zone"),
    ("languages", "text", "the languages, best first"),
    ("roles", "text", "the roles in this workspace"),
    ("accounts", "text", "the platforms on which the person has an account"),
)
ENTRY = _columns(
    ("number", "whole", "the entry's number"),
    ("at", "instant", "when"),
    ("who", "text", "who did it"),
    ("what", "text", "what was done"),
    ("details", "text", "with what, as JSON"),
)
EXPORTS: Mapping[str, Export] = {
    one.key: one
    for one in (
        Export(key="surveys", title="Surveys", about="all published cells", columns=CELL, rows=_surveys),
        Export(
            key="measures",
            title="Participation, ties and turnover",
            about="all published figures, and why others are withheld",
            columns=MEASURE,
            rows=_measures,
        ),
        Export(key="overview", title="Overview", about="how each part stands now", columns=OVERVIEW, rows=_overview),
        Export(
            key="recommendations",
            title="Recommendations",
            about="what was suggested, decided, and what followed",
            columns=RECOMMENDATION,
            rows=_recommendations,
        ),
        Export(key="rounds", title="Rounds", about="how each round stands, in counts", columns=ROUND, rows=_rounds),
        Export(
            key="deliveries",
            title="Deliveries",
            about="how many messages of each round are in which state",
            columns=DELIVERY,
            rows=_deliveries,
        ),
        Export(
            key="people",
            title="People",
            about="who is here, as the page People shows; nothing of what they do",
            columns=PERSON,
            rows=_people,
            named=True,
        ),
        Export(
            key="audit",
            title="Log",
            about="who changed and read what, as the page Log shows",
            columns=ENTRY,
            rows=_audit,
            named=True,
        ),
    )
}


def find(key: str) -> Export:
    """Return an export; raises `Mistake` where there is none."""
    if key not in EXPORTS:
        raise Mistake(f"There is no export {key[:20]!r}; choose one of {', '.join(EXPORTS)}.")
    return EXPORTS[key]


def table(runtime: Runtime, tx: Tx, home: Workspace, one: Export) -> Table:
    """Return an export of a workspace as a table, to be written while *tx* is open."""
    return Table(
        name=one.key, title=f"{one.title}, {home.name}", columns=one.columns, rows=one.rows(runtime, tx, home)
    )


def file_name(one: Export, form: str, now: datetime) -> str:
    """Name the file of an export."""
    return f"tertulia-{one.key}-{now:%Y-%m-%d}.{form}"
