"""Form the groups of a round: a plugin's where one gives any that keep the rules, the core's otherwise.

Reading, forming and keeping are three steps, because forming takes seconds of a processor for thousands of people:
no transaction is open then, and the event loop goes on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial

from tertulia.domain.identifiers import Id
from tertulia.domain.people import Person
from tertulia.errors import Mistake
from tertulia.matching import Guest, Past, Policy, Seating, keeps_lists_and_languages, seat, seat_as
from tertulia.measures.ties.bridges import circles
from tertulia.measures.ties.edges import LEFT_OUT
from tertulia.runtime import Runtime
from tertulia.storage import matching, people, tables
from tertulia.storage.database import Tx, upsert

TIES = timedelta(weeks=13)
log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Occasion:
    """Name the round that groups are formed for, and the week it takes place in."""

    organization: Id
    workspace: Id
    practice: str
    kind: str
    round: Id
    week: date

    @property
    def seed(self) -> int:
        """Return the seed of the round: the same however often it is formed."""
        return int(self.round, 16)


@dataclass(frozen=True)
class Company:
    """Hold the guests of a round and what they have had to do with each other."""

    guests: tuple[Guest, ...]
    past: Past


async def read(
    runtime: Runtime,
    tx: Tx,
    occasion: Occasion,
    invited: Collection[Id],
    policy: Policy,
    *,
    asynchronous: Collection[Id] = (),
) -> Company:
    """Read what matters of the *invited* who are members; *asynchronous* of them are willing to exchange notes."""
    organization, workspace = occasion.organization, occasion.workspace
    before = await matching.history(tx, organization, workspace, occasion.practice, max(1, policy.rounds))
    avoided = await matching.avoided(tx, organization)
    joined = await matching.joined(tx, organization, workspace)
    members = await people.members(tx, organization, workspace)
    wanted, willing = frozenset(invited), frozenset(asynchronous)
    guests = tuple(
        _guest(
            person,
            joined.get(person.id),
            asynchronous=person.id in willing,
            avoid=avoided.get(person.id, frozenset()),
            served=before.served.get(person.id),
        )
        for person in members
        if person.id in wanted
    )
    year, week, _ = (occasion.week - TIES).isocalendar()
    since, everybody = f"{year}-W{week:02d}", [person.id for person in members]
    ties = await matching.ties(tx, runtime.vault, organization, workspace, since, everybody, LEFT_OUT)
    return Company(guests, Past(met=before.met, ties=ties))


def _guest(
    person: Person, joined: date | None, *, asynchronous: bool, avoid: frozenset[Id], served: float | None
) -> Guest:
    return Guest(
        id=person.id,
        team=person.team,
        city=person.location,
        worker=person.worker_type,
        zone=person.zone,
        start=person.work_start,
        end=person.work_end,
        languages=person.languages,
        joined=joined,
        asynchronous=asynchronous,
        avoid=avoid,
        served=served,
    )


async def form(
    runtime: Runtime, occasion: Occasion, company: Company, policy: Policy, *, enabled: Collection[str]
) -> Seating:
    """Form the groups; *enabled* plugins are asked first. Nothing is written: a dry run stops here."""
    ids = sorted(guest.id for guest in company.guests)
    groups = runtime.plugins.groups(occasion.kind, ids, company.past.met, enabled)
    if groups is not None and not keeps_lists_and_languages(company.guests, groups):
        log.error("the groups that a plugin formed for round %s break a rule that never yields", occasion.round)
        groups = None
    former = seat if groups is None else partial(seat_as, groups)

    def formed() -> Seating:
        past = replace(company.past, circles=circles(company.past.ties))
        return former(company.guests, policy, past, week=occasion.week, seed=occasion.seed)

    return await asyncio.to_thread(formed)


async def keep(runtime: Runtime, tx: Tx, occasion: Occasion, seating: Seating) -> None:
    """Keep who sits with whom, for the next rounds; keeping a round again replaces it."""
    group = {person: number for number, table in enumerate(seating.tables) for person in table.people}
    await matching.keep(
        tx,
        organization=occasion.organization,
        workspace=occasion.workspace,
        practice=occasion.practice,
        round_id=occasion.round,
        at=runtime.clock.now(),
        seats=[
            matching.Seat(person=person, group=group.get(person), served=served)
            for person, served in sorted(seating.served.items())
        ],
    )


async def avoid(runtime: Runtime, tx: Tx, organization: Id, person: Id, other: Id) -> None:
    """Put *other* on the person's private list: they are never introduced to each other, and nobody is told."""
    known = await people.persons(tx, organization, [person, other])
    if person == other or len(known) < 2:
        raise Mistake("There is no such colleague; choose somebody else of this organization.")
    row = {"organization_id": organization, "person_id": person, "avoided_id": other, "at": runtime.clock.now()}
    await upsert(tx, tables.avoidance, [row], keys=["person_id", "avoided_id"])


async def stop_avoiding(tx: Tx, organization: Id, person: Id, other: Id) -> None:
    """Take *other* off the person's private list; one who is not on it is no error."""
    table = tables.avoidance
    mine = (table.c.organization_id == organization, table.c.person_id == person, table.c.avoided_id == other)
    await tx.execute(table.delete().where(*mine))
