"""Record what platforms report: who took part, and who had to do with whom.

Both are recognised by what they state, not by the message that brought them: a fact that comes again under another
event id, or that reconciliation reads after the webhook, changes nothing, and the order does not matter.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from tertulia.domain.identifiers import Id
from tertulia.domain.participation import Interaction, Participation
from tertulia.domain.people import Actor, Place
from tertulia.errors import Refused
from tertulia.runtime import Runtime
from tertulia.services import identities, rounds
from tertulia.storage import people, tables, ties
from tertulia.storage.database import Tx
from tertulia.storage.ties import Tie

ACTORS = 200
"""Accounts that one query looks up."""
HAPPENED = ("open", "closing", "closed", "released", "withheld")


@dataclass(frozen=True, kw_only=True)
class Scope:
    """Say for whom an installation speaks."""

    organization: Id
    workspace: Id
    installation: Id


async def record_participations(runtime: Runtime, tx: Tx, scope: Scope, facts: Sequence[Participation]) -> None:
    """Keep who took part at the workspace's registered places; facts of other places are dropped.

    An end that becomes known later is added, the latest one holds.
    """
    places = {place: key for key, place in (await people.places(tx, scope.organization, scope.workspace)).items()}
    kept = [fact for fact in facts if _at(places, fact.place) is not None and fact.started.tzinfo is not None]
    if not kept:
        return
    known = await resolve(runtime, tx, scope.organization, [fact.actor for fact in kept])
    carried = await _rounds(tx, scope, kept)
    rows: dict[Id, dict[str, Any]] = {}
    for fact in (fact for fact in kept if fact.actor in known):
        place_id = _at(places, fact.place)
        row = {
            "organization_id": scope.organization,
            "id": _participation_id(runtime, scope, fact),
            "workspace_id": scope.workspace,
            "round_id": carried.round_of(fact, place_id),
            "place_id": place_id,
            "person_id": known[fact.actor].person,
            "identity_id": known[fact.actor].id,
            "kind": fact.kind,
            "platform": fact.actor.platform,
            "started_at": fact.started,
            "ended_at": fact.ended,
        }
        same = rows.setdefault(str(row["id"]), row)
        same["ended_at"] = max(filter(None, (same["ended_at"], fact.ended)), default=None)
    if rows:
        await _merge_participations(tx, [rows[key] for key in sorted(rows)])


async def record_interactions(runtime: Runtime, tx: Tx, scope: Scope, calls: Sequence[Sequence[Interaction]]) -> None:
    """Add ties between known persons to their week; ties of unknown people, with oneself or elsewhere are dropped.

    *calls* are the facts as they came together: two equal ones in one call are two, in two calls a repetition.
    """
    places = {place: key for key, place in (await people.places(tx, scope.organization, scope.workspace)).items()}
    kept = [[fact for fact in call if _countable(places, fact)] for call in calls]
    actors = {actor for call in kept for fact in call for actor in (fact.source, fact.target)}
    known = await resolve(runtime, tx, scope.organization, actors)
    stated: dict[str, tuple[Tie, float]] = {}
    for fact, repeat in itertools.chain.from_iterable(map(_numbered, kept)):
        source, target = (known[actor].person if actor in known else None for actor in (fact.source, fact.target))
        if source is not None and target is not None and source != target:
            tie = Tie(week_of(fact.at), fact.kind, source, target, fact.source.platform)
            stated[_statement(fact, repeat)] = (tie, fact.weight)
    weights: dict[Tie, float] = {}
    for new in await unseen_of(runtime, tx, scope, "interacted", stated):
        tie, weight = stated[new]
        weights[tie] = weights.get(tie, 0.0) + weight
    await ties.add(tx, runtime.vault, scope.organization, scope.workspace, weights)


def _countable(places: Mapping[Place, Id], fact: Interaction) -> bool:
    return (
        (fact.place is None or _at(places, fact.place) is not None)
        and math.isfinite(fact.weight)
        and fact.weight > 0
        and fact.at.tzinfo is not None
    )


async def resolve(
    runtime: Runtime, tx: Tx, organization: Id, actors: Iterable[Actor]
) -> Mapping[Actor, people.Identity]:
    """Return the identity of each actor; unknown ones are registered as unresolved, impossible ones are left out."""
    # in a fixed order, so that two workers that register the same accounts do not wait for each other
    wanted = sorted(set(actors), key=lambda actor: (actor.platform, actor.realm, actor.user))
    found: dict[Actor, people.Identity] = {}
    table = tables.identity
    for some in people.chunks(wanted, ACTORS):
        names = [(actor.platform, actor.realm, actor.user) for actor in some]
        account = sa.tuple_(table.c.platform, table.c.realm, table.c.user)
        query = sa.select(table).where(table.c.organization_id == organization, account.in_(names))
        known = [people.as_identity(row) for row in await tx.execute(query)]
        found.update({identity.actor: identity for identity in known})
    for actor in wanted:
        if actor not in found:
            try:
                found[actor] = await identities.resolve(runtime, tx, organization, actor)
            except Refused:
                continue
    return found


async def unseen(runtime: Runtime, tx: Tx, scope: Scope, verb: str, key: str) -> bool:
    """Note that *key* was seen and tell whether it is the first time."""
    return bool(await unseen_of(runtime, tx, scope, verb, [key]))


async def unseen_of(runtime: Runtime, tx: Tx, scope: Scope, verb: str, keys: Iterable[str]) -> list[str]:
    """Note that *keys* were seen and return those that are new."""
    hashes = {runtime.vault.keyed_hash(f"{scope.installation}:{verb}:{key}", "seen"): key for key in keys}
    if not hashes:
        return []
    whose = {"organization_id": scope.organization, "installation_id": scope.installation}
    insert = postgresql.insert if tx.dialect.name == "postgresql" else sqlite.insert
    statement: Any = insert(tables.seen).on_conflict_do_nothing(index_elements=["installation_id", "event"])
    rows = [{**whose, "event": event} for event in sorted(hashes)]
    new = await tx.execute(statement.returning(tables.seen.c.event), rows)
    return [hashes[event] for event in new.scalars()]


def week_of(at: datetime) -> str:
    """Return the ISO week of an instant, in UTC: all of its time that is kept."""
    year, week, _ = at.astimezone(UTC).isocalendar()
    return f"{year}-W{week:02}"


def _at(places: Mapping[Place, Id], place: Place) -> Id | None:
    """Find a place by platform and name; what kind of place a platform calls it may vary."""
    wanted = (place.platform, place.ref)
    return next((key for known, key in places.items() if (known.platform, known.ref) == wanted), None)


def _participation_id(runtime: Runtime, scope: Scope, fact: Participation) -> Id:
    actor, place = fact.actor, fact.place
    parts = (
        scope.installation,
        actor.platform,
        actor.realm,
        actor.user,
        place.platform,
        place.ref,
        fact.kind,
        fact.started.astimezone(UTC).isoformat(),
    )
    return runtime.vault.keyed_hash("\x1f".join(parts), "participation")[:32]


def _statement(fact: Interaction, repeat: int) -> str:
    at = fact.at.astimezone(UTC).isoformat()
    return repr((fact.source, fact.target, fact.kind, at, float(fact.weight), fact.place, repeat))


def _numbered(facts: Iterable[Interaction]) -> Iterable[tuple[Interaction, int]]:
    """Number equal facts of one call: two equal mentions in one comment are two."""
    counts: Counter[Interaction] = Counter()
    for fact in facts:
        yield fact, counts[fact]
        counts[fact] += 1


@dataclass(frozen=True, kw_only=True)
class _Carried:
    """Hold which rounds the places carried, and when."""

    organization: Id
    rounds: tuple[tuple[rounds.RoundRow, frozenset[tuple[str, str]]], ...]
    sessions: frozenset[tuple[Id, Id]]

    def round_of(self, fact: Participation, place_id: Id | None) -> Id | None:
        """Return the round that the fact belongs to: the one it names, else the latest that its place carried."""
        if fact.round is not None:
            return next((row.id for row, _ in self.rounds if row.id == fact.round), None)
        return next(
            (
                row.id
                for row, places in self.rounds
                if _overlaps(row, fact)
                and ((fact.place.platform, fact.place.ref) in places or (row.id, place_id) in self.sessions)
            ),
            None,
        )


def _overlaps(row: rounds.RoundRow, fact: Participation) -> bool:
    ended = fact.ended or fact.started
    return row.opens_at <= ended and (row.closes_at is None or fact.started <= row.closes_at)


async def _rounds(tx: Tx, scope: Scope, facts: Collection[Participation]) -> _Carried:
    table = tables.round_table
    earliest = min(fact.started for fact in facts)
    latest = max(fact.ended or fact.started for fact in facts)
    named = [fact.round for fact in facts if fact.round is not None]
    meanwhile = sa.and_(
        table.c.opens_at <= latest, sa.or_(table.c.closes_at.is_(None), table.c.closes_at >= earliest)
    )
    query = (
        sa.select(table)
        .where(
            table.c.organization_id == scope.organization,
            table.c.workspace_id == scope.workspace,
            table.c.state.in_(HAPPENED),
            sa.or_(meanwhile, table.c.id.in_(named)) if named else meanwhile,
        )
        .order_by(table.c.opens_at.desc(), table.c.id)
    )
    found = [rounds.row_of(record) for record in await tx.execute(query)]
    carried = [(row, await _places_of(tx, row)) for row in found]
    live = sa.select(tables.session.c.round_id, tables.session.c.place_id).where(
        tables.session.c.organization_id == scope.organization,
        tables.session.c.round_id.in_([row.id for row in found]),
    )
    sessions = frozenset((row.round_id, row.place_id) for row in await tx.execute(live)) if found else frozenset()
    return _Carried(organization=scope.organization, rounds=tuple(carried), sessions=sessions)


async def _places_of(tx: Tx, row: rounds.RoundRow) -> frozenset[tuple[str, str]]:
    practice = await rounds.practice_of(tx, row)
    return frozenset((place.platform, place.ref) for place in practice.places)


async def _merge_participations(tx: Tx, rows: Sequence[Mapping[str, Any]]) -> None:
    insert = postgresql.insert if tx.dialect.name == "postgresql" else sqlite.insert
    statement: Any = insert(tables.participation)
    kept, new = tables.participation.c.ended_at, statement.excluded.ended_at
    later = sa.case((kept.is_(None), new), (new.is_(None), kept), (new > kept, new), else_=kept)
    named = sa.func.coalesce(tables.participation.c.round_id, statement.excluded.round_id)
    await tx.execute(
        statement.on_conflict_do_update(index_elements=["id"], set_={"ended_at": later, "round_id": named}),
        [dict(row) for row in rows],
    )
