"""Read and write what rituals keep beside rounds: shares, the stages of a round, reservations, private answers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from tertulia.domain.identifiers import Id, Json
from tertulia.storage import people
from tertulia.storage.database import Tx, upsert
from tertulia.storage.tables import (
    gallery_item,
    membership,
    opt_out,
    person,
    reservation,
    response,
    round_follow_up,
    round_share,
    round_table,
    sign_up,
)

ROWS = 500


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Hold what makes a round a further stage of another."""

    parent: Id
    root: Id
    stage: str
    ask: str
    reminders: tuple[timedelta, ...]


@dataclass(frozen=True, kw_only=True)
class Kept:
    """Hold a share as it was dealt."""

    share: Json
    group: Id | None


async def stage_of(tx: Tx, round_id: Id) -> Stage | None:
    """Return what the round follows, `None` where it is the practice's own."""
    row = (await tx.execute(sa.select(round_follow_up).where(round_follow_up.c.round_id == round_id))).one_or_none()
    if row is None:
        return None
    pauses = tuple(timedelta(seconds=seconds) for seconds in row.reminders)
    return Stage(parent=row.parent_id, root=row.root_id, stage=row.stage, ask=row.ask, reminders=pauses)


async def stages(tx: Tx, root: Id) -> dict[Id, str]:
    """Return the rounds that began with *root* and their stages, the root's own is empty."""
    query = sa.select(round_follow_up.c.round_id, round_follow_up.c.stage).where(round_follow_up.c.root_id == root)
    return {root: ""} | {row.round_id: row.stage for row in await tx.execute(query)}


async def keep_shares(tx: Tx, organization: Id, round_id: Id, shares: Mapping[Id, Kept]) -> None:
    """Keep what each person is dealt in a round."""
    rows = [
        {
            "organization_id": organization,
            "round_id": round_id,
            "person_id": one,
            "group_id": kept.group,
            "share": dict(kept.share),
        }
        for one, kept in sorted(shares.items())
    ]
    for start in range(0, len(rows), ROWS):
        await tx.execute(round_share.insert(), rows[start : start + ROWS])


async def shares_of(tx: Tx, organization: Id, round_id: Id) -> dict[Id, Kept]:
    """Return everybody's share of a round."""
    mine = (round_share.c.organization_id == organization, round_share.c.round_id == round_id)
    rows = await tx.execute(sa.select(round_share).where(*mine))
    return {row.person_id: Kept(share=row.share, group=row.group_id) for row in rows}


async def group_of(tx: Tx, organization: Id, round_id: Id, group: Id) -> list[Id]:
    """Return who was brought together, in a stable order."""
    query = sa.select(round_share.c.person_id).where(
        round_share.c.organization_id == organization,
        round_share.c.round_id == round_id,
        round_share.c.group_id == group,
    )
    return list((await tx.execute(query.order_by(round_share.c.person_id))).scalars())


async def seen_by(tx: Tx, organization: Id, round_id: Id, persons: Collection[Id]) -> dict[Id, Json]:
    """Return the shares of *persons* as their kind is shown them: with names, and with what the group may see."""
    kept: dict[Id, Kept] = {}
    for some in people.chunks(set(persons)):
        mine = (round_share.c.organization_id == organization, round_share.c.round_id == round_id)
        rows = await tx.execute(sa.select(round_share).where(*mine, round_share.c.person_id.in_(some)))
        kept.update({row.person_id: Kept(share=row.share, group=row.group_id) for row in rows})
    if not kept:
        return {}
    named = {one for own in kept.values() for one in own.share.get("people", ())}
    found = await stage_of(tx, round_id)
    root = found.root if found else round_id
    lines = await reserved(tx, organization, root)
    standing = {one for line in lines.values() for one in line}
    known = await _known(tx, organization, round_id, named | set(kept) | standing)
    given = await _given(tx, organization, await stages(tx, root), [row.id for row in known.values()])
    # whoever is not there any more keeps nobody waiting
    lines = {item: tuple(one for one in line if known[one].shown) for item, line in lines.items()}
    return {one: _seen(one, own, known, given, lines) for one, own in kept.items()}


async def pictured(tx: Tx, organization: Id, round_id: Id, now: datetime) -> dict[Id, Id]:
    """Return the picture of each person in the round's first stage that is not past its day."""
    found = await stage_of(tx, round_id)
    query = sa.select(gallery_item.c.person_id, gallery_item.c.id).where(
        gallery_item.c.organization_id == organization,
        gallery_item.c.round_id == (found.root if found else round_id),
        gallery_item.c.expires_at > now,
    )
    newest = query.order_by(gallery_item.c.agreed_at, gallery_item.c.id)
    return {row.person_id: row.id for row in await tx.execute(newest)}


async def seen_together(tx: Tx, organization: Id, round_id: Id, group: Id) -> Json:
    """Return what a whole group is shown in one place: everybody of it, and nobody's own view (`me` is `None`)."""
    ids = await group_of(tx, organization, round_id, group)
    views = await seen_by(tx, organization, round_id, ids)
    shown = {mate["id"]: mate for view in views.values() for mate in view["people"]}
    first = next(iter(views.values()), {})
    return {**first, "people": [shown[one] for one in sorted(shown)], "me": None}


def _seen(
    one: Id,
    own: Kept,
    known: Mapping[Id, Any],
    given: Mapping[Id, Mapping[str, Mapping[str, Any]]],
    lines: Mapping[str, Sequence[Id]],
) -> Json:
    # who was merged meanwhile comes under the new id; what a kind keeps by the old one is found by *dealt*
    mates = [(other, known[other]) for other in own.share.get("people", ()) if other in known and known[other].shown]
    mine = known.get(one)
    me = {
        "id": one,
        "name": mine.name if mine else "",
        "zone": mine.zone if mine else "UTC",
        "given": {stage: said["values"] for stage, said in given.get(one, {}).items()},
        "reserved": {item: line.index(one) + 1 for item, line in lines.items() if one in line},
    }
    people_ = [
        {
            "id": mate.id,
            "dealt": dealt,
            "name": mate.name,
            "team": mate.team,
            "location": mate.location,
            "zone": mate.zone,
            "given": {
                stage: said["values"]
                for stage, said in given.get(mate.id, {}).items()
                if said["for"] in ("group", "workspace") or (said["for"] == "team" and _one_team(mine, mate))
            },
        }
        for dealt, mate in mates
        if mate.id != one
    ]
    return {**own.share, "group": own.group, "people": people_, "me": me}


def _one_team(one: Any, other: Any) -> bool:
    return one is not None and one.team is not None and one.team == other.team


async def _known(tx: Tx, organization: Id, round_id: Id, ids: Collection[Id]) -> dict[Id, Any]:
    """Return the persons behind *ids*, merged ones by whom they turned out to be, with whether they may be shown."""
    query = sa.select(round_table.c.workspace_id, round_table.c.practice).where(round_table.c.id == round_id)
    round_ = (await tx.execute(query)).one()
    present = sa.exists().where(
        membership.c.workspace_id == round_.workspace_id,
        membership.c.person_id == person.c.id,
        membership.c.left_at.is_(None),
    )
    refused = sa.exists().where(opt_out.c.person_id == person.c.id, opt_out.c.practice.in_(("*", round_.practice)))
    left = sa.exists().where(
        sign_up.c.workspace_id == round_.workspace_id,
        sign_up.c.practice == round_.practice,
        sign_up.c.person_id == person.c.id,
        sign_up.c.left_because == "wish",
        sign_up.c.left_at.is_not(None),
    )
    shown = sa.and_(present, ~refused, ~left, person.c.erased_at.is_(None)).label("shown")
    columns = [person.c[name] for name in ("id", "merged_into", "name", "team", "location", "zone")]
    found: dict[Id, Any] = {}
    wanted = set(ids)
    while wanted:
        merged: dict[Id, Id] = {}
        for some in people.chunks(wanted):
            rows = await tx.execute(
                sa.select(*columns, shown).where(person.c.organization_id == organization, person.c.id.in_(some))
            )
            for row in rows:
                found[row.id] = row
                if row.merged_into:
                    merged[row.id] = row.merged_into
        wanted = {into for into in merged.values() if into not in found}
    return {one: _behind(found, row) for one, row in found.items()}


def _behind(found: Mapping[Id, Any], row: Any) -> Any:
    while row.merged_into and row.merged_into in found:
        row = found[row.merged_into]
    return row


async def _given(
    tx: Tx, organization: Id, rounds: Mapping[Id, str], persons: Iterable[Id]
) -> dict[Id, dict[str, dict[str, Any]]]:
    said: dict[Id, dict[str, dict[str, Any]]] = defaultdict(dict)
    for some in people.chunks(set(persons)):
        query = sa.select(response).where(
            response.c.organization_id == organization,
            response.c.round_id.in_(list(rounds)),
            response.c.person_id.in_(some),
            response.c.passed.is_(False),
        )
        for row in await tx.execute(query):
            said[row.person_id][rounds[row.round_id]] = {"values": row._mapping["values"], "for": row.visibility}
    return said


async def standing(tx: Tx, organization: Id, root: Id) -> dict[str, tuple[Id, ...]]:
    """Return the line of each item as `seen_by` counts it: whoever is not there any more keeps nobody waiting."""
    lines = await reserved(tx, organization, root)
    known = await _known(tx, organization, root, {one for line in lines.values() for one in line})
    return {item: tuple(one for one in line if known[one].shown) for item, line in lines.items()}


async def reserve(tx: Tx, organization: Id, root: Id, one: Id, items: Collection[str], at: datetime) -> None:
    """Let the person stand in line for *items* and nothing else; who stood there already keeps the place."""
    table = reservation
    mine = (table.c.organization_id == organization, table.c.round_id == root, table.c.person_id == one)
    await tx.execute(table.delete().where(*mine, table.c.item.not_in(list(items))))
    rows = [
        {"organization_id": organization, "round_id": root, "item": item, "person_id": one, "at": at}
        for item in sorted(items)
    ]
    await upsert(tx, table, rows, keys=("round_id", "item", "person_id"))


async def reserved(tx: Tx, organization: Id, root: Id) -> dict[str, tuple[Id, ...]]:
    """Return the line of each item, first come first."""
    table = reservation
    query = sa.select(table.c.item, table.c.person_id).where(
        table.c.organization_id == organization, table.c.round_id == root
    )
    lines: dict[str, list[Id]] = defaultdict(list)
    for row in await tx.execute(query.order_by(table.c.at, table.c.person_id)):
        lines[row.item].append(row.person_id)
    return {item: tuple(line) for item, line in sorted(lines.items())}
