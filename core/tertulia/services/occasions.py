"""What people want to be celebrated for: chosen by each alone, sealed, and read only when a round looks ahead.

A yearly day is kept as month and day; there is no place for a year of birth. Nobody can list what others chose.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import islice
from typing import Any, Literal

import sqlalchemy as sa

from tertulia.domain.identifiers import Id, Json
from tertulia.domain.people import Person
from tertulia.domain.programs import Practice
from tertulia.domain.walltime import instant
from tertulia.errors import Mistake
from tertulia.extension import RitualKind
from tertulia.kinds import Celebrating, Occasion
from tertulia.runtime import Runtime
from tertulia.services import sign_ups
from tertulia.services.cadence import occurrences
from tertulia.services.rounds import RoundRow
from tertulia.storage import people, tables
from tertulia.storage.database import Tx, upsert

TABLE = tables.celebration
Circle = Literal["team", "all", "nobody"]
MORNING = time(9)
"""When wishes are handed over, where the person lives."""
SMALL = 40
"""In a workspace of so many who take part everybody can be asked; in a larger one it is the team."""
KEPT_FOR = timedelta(days=31)
"""After a day that does not come again."""
LEAP = 2000
"""A year that has every day of a year."""
A_WEEK = timedelta(days=7)


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """Hold what a person chose for one occasion; *year* is `None` where the day comes again every year."""

    month: int
    day: int
    year: int | None = None
    circle: Circle = "team"
    places: tuple[str, ...] = ()

    def on(self, year: int) -> date | None:
        """Return the day in *year*; who was born on a 29th of February is celebrated on the 28th in other years."""
        if self.year is not None:
            return date(self.year, self.month, self.day) if self.year == year else None
        try:
            return date(year, self.month, self.day)
        except ValueError:
            return date(year, self.month, self.day - 1)


def sealed_place(
    organization: Id, workspace: Id, practice: str, person: Id, occasion: str
) -> tuple[str, str, str, str, str, str]:
    """Return the associated data of what *person* chose."""
    return TABLE.name, organization, workspace, practice, person, occasion


async def choose(
    runtime: Runtime,
    tx: Tx,
    organization: Id,
    workspace: Id,
    practice: str,
    person: Id,
    occasion: str,
    chosen: Chosen,
) -> None:
    """Keep what the person chose for one occasion, instead of what was there; raises `Mistake` for no such day."""
    _check(chosen)
    where = (organization, workspace, practice, person, occasion)
    until = None
    if chosen.year is not None:
        ends = datetime.combine(date(chosen.year, chosen.month, chosen.day) + KEPT_FOR, time())
        until = instant(ends, "UTC")
    held = {
        "month": chosen.month,
        "day": chosen.day,
        "year": chosen.year,
        "circle": chosen.circle,
        "places": list(chosen.places),
    }
    row = {
        "organization_id": organization,
        "workspace_id": workspace,
        "practice": practice,
        "person_id": person,
        "occasion": occasion,
        "sealed": runtime.vault.seal_json(held, *sealed_place(*where)),
        "chosen_at": runtime.clock.now(),
        "expires_at": until,
    }
    keys = ("workspace_id", "practice", "person_id", "occasion")
    await upsert(tx, TABLE, [row], keys=keys, update=("sealed", "chosen_at", "expires_at"))


def _check(chosen: Chosen) -> None:
    try:
        date(chosen.year or LEAP, chosen.month, chosen.day) + KEPT_FOR
    except (ValueError, OverflowError):
        raise Mistake("There is no such day; choose a day and a month that go together.") from None


async def mine(runtime: Runtime, tx: Tx, organization: Id, person: Id) -> dict[tuple[Id, str, str], Chosen]:
    """Return what a person chose, by workspace, practice and occasion."""
    selves = await people.selves(tx, organization, person)
    query = sa.select(TABLE).where(TABLE.c.organization_id == organization, TABLE.c.person_id.in_(selves))
    # where two were merged, what the remaining one chose counts
    rows = sorted((await tx.execute(query)).all(), key=lambda row: row.person_id == person)
    return {(row.workspace_id, row.practice, row.occasion): _opened(runtime, row) for row in rows}


async def told(runtime: Runtime, tx: Tx, organization: Id, person: Id) -> list[dict[str, str]]:
    """Return what a person chose in words, for the person alone."""
    return [
        {
            "practice": practice,
            "occasion": occasion,
            "day": f"{chosen.month:02}-{chosen.day:02}" if chosen.year is None else f"{chosen.on(chosen.year)}",
            "asked": chosen.circle,
            "places": ", ".join(chosen.places),
        }
        for (_, practice, occasion), chosen in (await mine(runtime, tx, organization, person)).items()
    ]


def _opened(runtime: Runtime, row: sa.Row[Any]) -> Chosen:
    where = (row.organization_id, row.workspace_id, row.practice, row.person_id, row.occasion)
    held: Json = runtime.vault.open_json(row.sealed, *sealed_place(*where))
    return Chosen(
        month=held["month"],
        day=held["day"],
        year=held["year"],
        circle=held["circle"],
        places=tuple(held["places"]),
    )


async def due(
    runtime: Runtime, tx: Tx, round_: RoundRow, practice: Practice, kind: RitualKind, takers: Sequence[Person]
) -> tuple[Occasion, ...]:
    """Return whose day lies between the close of the round and the close of the next one.

    Who opted out, left the practice or the workspace is not among them; *takers* can be asked for wishes.
    """
    if not isinstance(kind, Celebrating) or round_.closes_at is None:
        return ()
    wall = datetime.fromisoformat(round_.occurrence)
    following = next(islice(occurrences(practice.cadence, wall), 1), wall + A_WEEK)
    begins, ends = round_.closes_at, round_.closes_at + (following - wall)
    found: list[Occasion] = []
    shown = await showable(tx, round_)
    for (person, name), chosen in (await _chosen(runtime, tx, round_)).items():
        who = shown.get(person)
        on = _in_window(chosen, who, begins, ends) if who is not None and name in kind.occasions else None
        if who is not None and on is not None:
            found.append(
                Occasion(
                    person=person,
                    name=name,
                    day=on,
                    at=_morning(on, who),
                    circle=_circle(chosen.circle, who, takers),
                    places=chosen.places,
                )
            )
    return tuple(sorted(found, key=lambda one: (one.at, one.person, one.name)))


async def showable(tx: Tx, round_: RoundRow) -> Mapping[Id, Person]:
    """Return the members of the round's workspace who did not opt out of its practice, nor left it."""
    members = {one.id: one for one in await people.members(tx, round_.organization, round_.workspace)}
    refused = await people.opt_outs(tx, round_.organization, list(members))
    gone = await sign_ups.gone(tx, round_.organization, round_.workspace, round_.practice)
    out = gone | {one for one, wishes in refused.items() if wishes & {"*", round_.practice}}
    return {one: who for one, who in members.items() if one not in out and not who.erased}


async def _chosen(runtime: Runtime, tx: Tx, round_: RoundRow) -> dict[tuple[Id, str], Chosen]:
    query = sa.select(TABLE).where(
        TABLE.c.organization_id == round_.organization,
        TABLE.c.workspace_id == round_.workspace,
        TABLE.c.practice == round_.practice,
    )
    now, found = await people.survivors(tx, round_.organization), dict[tuple[Id, str], Chosen]()
    for row in (await tx.execute(query)).all():
        person = now.get(row.person_id, row.person_id)
        if person == row.person_id or (person, row.occasion) not in found:
            found[person, row.occasion] = _opened(runtime, row)
    return found


def _in_window(chosen: Chosen, who: Person, begins: datetime, ends: datetime) -> date | None:
    for year in range(begins.year - 1, ends.year + 2):
        on = chosen.on(year)
        if on is not None and begins <= _morning(on, who) < ends:
            return on
    return None


def _morning(on: date, who: Person) -> datetime:
    return instant(datetime.combine(on, MORNING), who.zone)


def _circle(circle: Circle, who: Person, takers: Iterable[Person]) -> frozenset[Id]:
    others = [one for one in takers if one.id != who.id]
    if circle == "nobody":
        return frozenset()
    if circle == "all" and len(others) < SMALL:
        return frozenset(one.id for one in others)
    return frozenset(one.id for one in others if who.team is not None and one.team == who.team)
