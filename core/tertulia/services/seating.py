"""Form the groups that a kind asks for: read the company, form in a thread, and say when each group can meet."""

from __future__ import annotations

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import sqlalchemy as sa

from tertulia.domain.identifiers import Id
from tertulia.domain.people import Person
from tertulia.kinds import Grouping, Party
from tertulia.matching import Guest, Past, Policy, Seating, Table, Wishes, proposals, seat_as
from tertulia.matching.lottery import drawn
from tertulia.runtime import Runtime
from tertulia.services import matching
from tertulia.services.matching import Company, Occasion
from tertulia.storage.database import Tx
from tertulia.storage.tables import match_history

NOT_DRAWN = "You were not drawn this time. Whoever was drawn least often comes first in the next round."
NO_HOST = "The host does not take part this time, so nobody was drawn."
LEAD = timedelta(hours=12)
"""Between the end of the first stage and the first time that is proposed."""
LATEST_DAY = 2
"""A stage that ends after Wednesday leaves too little of its week, so the next week is proposed."""


@dataclass(frozen=True, kw_only=True)
class Formed:
    """Hold the groups of a round, and for whom none was found, with the reason."""

    people: frozenset[Id]
    parties: tuple[Party, ...]
    alone: Mapping[Id, str]
    seating: Seating


@dataclass(frozen=True, kw_only=True)
class Gathered:
    """Hold what groups are formed from."""

    company: Company
    people: tuple[Person, ...]
    drawn: Mapping[Id, int]


def policy_of(grouping: Grouping) -> Policy:
    """Return the matcher's policy for what a kind asks for."""
    return Policy(
        size=2 if grouping.form == "mentor" else grouping.size,
        rounds=grouping.rounds,
        minutes=grouping.minutes,
        veteran_days=grouping.veteran_days,
        wishes=Wishes(**grouping.wishes) if grouping.wishes else Wishes(),
    )


def meeting_week(closes: datetime) -> date:
    """Return a day of the week in which groups meet whose first stage ends at *closes*."""
    first = (closes + LEAD).date()
    return first if first.weekday() <= LATEST_DAY else first + timedelta(days=7 - first.weekday())


async def read(
    runtime: Runtime, tx: Tx, occasion: Occasion, persons: Sequence[Person], grouping: Grouping
) -> Gathered:
    """Read what matters of those who take part."""
    ids = [one.id for one in persons]
    willing = ids if grouping.notes else ()
    company = await matching.read(runtime, tx, occasion, ids, policy_of(grouping), asynchronous=willing)
    counts: dict[Id, int] = {}
    if grouping.form == "lottery":
        counts = await _drawn_before(tx, occasion)
    return Gathered(company=company, people=tuple(persons), drawn=counts)


async def _drawn_before(tx: Tx, occasion: Occasion) -> dict[Id, int]:
    table = match_history
    query = sa.select(table.c.person_id, sa.func.count()).where(
        table.c.organization_id == occasion.organization,
        table.c.workspace_id == occasion.workspace,
        table.c.practice == occasion.practice,
        table.c.group_number.is_not(None),
    )
    counted = await tx.execute(query.group_by(table.c.person_id))
    return {row[0]: int(row[1]) for row in counted}


async def form(
    runtime: Runtime,
    occasion: Occasion,
    gathered: Gathered,
    grouping: Grouping,
    *,
    enabled: Collection[str],
    after: datetime,
) -> Formed:
    """Form the groups and find their times, none before *after*; nothing is written."""
    policy, company = policy_of(grouping), gathered.company
    reasons: dict[Id, str] = {}
    if grouping.form == "lottery":
        seating, reasons = await asyncio.to_thread(_lottery, occasion, gathered, grouping, policy)
    elif grouping.form == "within":
        seating = await _within(runtime, occasion, gathered, grouping, policy, enabled)
    else:
        seen = _two_sided(company, occasion.week, policy) if grouping.form == "mentor" else company
        seating = await matching.form(runtime, occasion, seen, policy, enabled=enabled)
    parties = await asyncio.to_thread(_parties, occasion, company, seating, policy, after)
    told = {one: rule.reason for rule in seating.yielded if rule.rule == "alone" for one in rule.people}
    alone = {one: reasons.get(one) or told[one] for one in seating.alone}
    return Formed(
        people=frozenset(guest.id for guest in company.guests), parties=parties, alone=alone, seating=seating
    )


def _two_sided(company: Company, week: date, policy: Policy) -> Company:
    """Let those who are here for long be introduced only to those who are not."""

    def side(guest: Guest) -> str:
        here_for_long = guest.joined is not None and (week - guest.joined).days >= policy.veteran_days
        return "mentor" if here_for_long else "mentee"

    return Company(tuple(replace(guest, side=side(guest)) for guest in company.guests), company.past)


async def _within(
    runtime: Runtime,
    occasion: Occasion,
    gathered: Gathered,
    grouping: Grouping,
    policy: Policy,
    enabled: Collection[str],
) -> Seating:
    parts: dict[str, list[Guest]] = defaultdict(list)
    for guest in gathered.company.guests:
        parts[(guest.team if grouping.by == "team" else guest.city) or ""].append(guest)
    found = [
        await matching.form(runtime, occasion, Company(tuple(part), gathered.company.past), policy, enabled=enabled)
        for _, part in sorted(parts.items())
    ]
    return _together(found, gathered.company, policy, occasion)


def _together(found: Sequence[Seating], company: Company, policy: Policy, occasion: Occasion) -> Seating:
    if len(found) == 1:
        return found[0]
    groups = [table.people for seating in found for table in seating.tables]
    alone = [(one,) for seating in found for one in seating.alone]
    whole = seat_as([*groups, *alone], company.guests, policy, company.past, week=occasion.week, seed=occasion.seed)
    # the reasons of each part hold: over all of them, others would seem to be free
    yields = tuple(item for seating in found for item in seating.yielded)
    return replace(whole, yielded=yields)


def _lottery(
    occasion: Occasion, gathered: Gathered, grouping: Grouping, policy: Policy
) -> tuple[Seating, dict[Id, str]]:
    mail = {one.id: (one.email or "").casefold() for one in gathered.people}
    wanted = {host.casefold() for host in grouping.hosts}
    guests = {guest.id: guest for guest in gathered.company.guests}
    hosts = sorted(one for one in guests if mail.get(one) in wanted)
    others = [one for one in guests if one not in hosts]
    groups: list[tuple[Id, ...]] = []
    left = set(others)
    for host in hosts:
        able = [one for one in left if _may_meet(guests[host], guests[one], occasion, policy)]
        lucky = drawn(able, grouping.draw, gathered.drawn, occasion.seed ^ int(host, 16))
        kept = _talking(guests, host, lucky)
        if kept:
            groups.append((host, *kept))
            left -= set(kept)
    seated = {one for group in groups for one in group}
    singles = [(one,) for one in guests if one not in seated]
    seating = seat_as(
        [*groups, *singles], list(guests.values()), policy, gathered.company.past,
        week=occasion.week, seed=occasion.seed,
    )  # fmt: skip
    why = "You were drawn for this one." if hosts else ""
    drawn_tables = tuple(replace(table, why=why) for table in seating.tables)
    yields = tuple(item for item in seating.yielded if item.rule != "again")
    reason = NOT_DRAWN if hosts else NO_HOST
    return replace(seating, tables=drawn_tables, yielded=yields), dict.fromkeys(seating.alone, reason)


def _may_meet(host: Guest, guest: Guest, occasion: Occasion, policy: Policy) -> bool:
    pair = seat_as([(host.id, guest.id)], [host, guest], policy, Past(), week=occasion.week, seed=0)
    apart = guest.id in host.avoid or host.id in guest.avoid
    return not apart and not any(item.rule == "hours" for item in pair.yielded) and _share_language([host, guest])


def _share_language(guests: Sequence[Guest]) -> bool:
    spoken = [{tag.partition("-")[0].lower() for tag in guest.languages} for guest in guests]
    return bool(set.intersection(*spoken))


def _talking(guests: Mapping[Id, Guest], host: Id, lucky: Sequence[Id]) -> list[Id]:
    """Keep of those drawn who may sit at one table, the first drawn first."""
    kept: list[Id] = []
    for one in lucky:
        apart = any(one in guests[other].avoid or other in guests[one].avoid for other in kept)
        if not apart and _share_language([guests[host], *(guests[other] for other in kept), guests[one]]):
            kept.append(one)
    return kept


def _parties(
    occasion: Occasion, company: Company, seating: Seating, policy: Policy, after: datetime
) -> tuple[Party, ...]:
    guests = {guest.id: guest for guest in company.guests}
    told: dict[Id, list[tuple[frozenset[Id], str]]] = defaultdict(list)
    for item in seating.yielded:
        told[item.people[0]].append((frozenset(item.people), item.reason))

    def party(number: int, table: Table) -> Party:
        times: tuple[datetime, ...] = ()
        if table.by == "meeting":
            some = [guests[one] for one in table.people]
            times = proposals(some, occasion.week, policy.minutes, after=after)
            if len(times) < 3:
                later = occasion.week + timedelta(days=7)
                times += proposals(some, later, policy.minutes, after=after, count=3 - len(times))
        ours = frozenset(table.people)
        reasons = [reason for one in table.people for people, reason in told[one] if people <= ours]
        return Party(
            id=hashlib.sha256(f"{occasion.round}:{number}".encode()).hexdigest()[:32],
            people=table.people,
            by=table.by if times else "notes",
            why=table.why,
            yielded=tuple(dict.fromkeys(reasons)),
            times=times,
        )

    return tuple(party(number, table) for number, table in enumerate(seating.tables))
