"""The gallery: what people share for a while, shown to whom they were told, and gone as soon as they take it down.

Words are the answers of rounds whose kind is `Exhibited`; pictures hang beside them. Nothing is shown of somebody who
left, opted out or passed, and nothing after its day. What hangs in an affinity group's round is the group's to see.
Pictures never leave the service: platforms get words only, and are told again when somebody takes something back.
"""

from __future__ import annotations

import base64
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from tertulia.domain.identifiers import Id, Json
from tertulia.domain.programs import Practice
from tertulia.errors import Mistake
from tertulia.kinds import Exhibit, Exhibited, Exhibition
from tertulia.runtime import Runtime
from tertulia.services import audiences, rounds, shares, sign_ups
from tertulia.services.pictures import Rendition, Size
from tertulia.services.rounds import RoundRow
from tertulia.storage import people, rituals, tables
from tertulia.storage.database import Tx
from tertulia.traits import Pictured

SHOWN_ROUNDS = 60
PER_PERSON = 60
STATES = ("open", "closing", "closed")


@dataclass(frozen=True, kw_only=True)
class Picture:
    """Hold a picture without its pixels; *width* and *height* are those of the small one."""

    id: Id
    alt: str
    width: int
    height: int


@dataclass(frozen=True, kw_only=True)
class Piece:
    """Hold what one person shares in one round."""

    person: Id
    name: str
    exhibit: Exhibit
    pictures: tuple[Picture, ...]


@dataclass(frozen=True, kw_only=True)
class Wall:
    """Hold what hangs together; *mine* is the looking person's own, whoever else may see it."""

    round: RoundRow
    practice: str
    exhibition: Exhibition
    pieces: tuple[Piece, ...] = ()
    mine: Piece | None = None
    grouped: bool = False


@dataclass
class _Hung:
    """Hold what was given to a round, by person."""

    words: dict[Id, Any]
    pictures: dict[Id, list[Picture]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class _Teams:
    """Hold members of a workspace with their teams, and who of them may be shown."""

    of: Mapping[Id, str | None]
    shown: frozenset[Id]


def exhibited(runtime: Runtime, round_: RoundRow) -> Exhibited | None:
    """Return the round's kind where its answers hang in the gallery."""
    kind = runtime.plugins.rituals().get(round_.kind)
    return kind if isinstance(kind, Exhibited) else None


async def walls(runtime: Runtime, tx: Tx, organization: Id, viewer: Id) -> list[Wall]:
    """Return what *viewer* may see and what is the viewer's own, newest rounds first."""
    found: list[Wall] = []
    spaces = await people.workspaces_of(tx, organization, viewer)
    for round_ in await _rounds(runtime, tx, organization, spaces):
        wall = await _wall(runtime, tx, round_, viewer)
        if wall is not None:
            found.append(wall)
    return found


async def wall(runtime: Runtime, tx: Tx, organization: Id, viewer: Id, round_id: Id) -> Wall | None:
    """Return what hangs of one round, `None` where *viewer* is not of its workspace or nothing does any more."""
    round_ = await rounds.find(tx, round_id, organization)
    if round_ is None or round_.workspace not in await people.workspaces_of(tx, organization, viewer):
        return None
    return await _wall(runtime, tx, round_, viewer)


async def _rounds(runtime: Runtime, tx: Tx, organization: Id, spaces: Sequence[Id]) -> list[RoundRow]:
    kinds = [name for name, kind in runtime.plugins.rituals().items() if isinstance(kind, Exhibited)]
    table = tables.round_table
    query = (
        sa.select(table)
        .where(
            table.c.organization_id == organization,
            table.c.workspace_id.in_(spaces),
            table.c.kind.in_(kinds),
            table.c.state.in_(STATES),
        )
        .order_by(table.c.opens_at.desc(), table.c.id)
        .limit(SHOWN_ROUNDS)
    )
    return [rounds.row_of(record) for record in await tx.execute(query)]


async def _wall(runtime: Runtime, tx: Tx, round_: RoundRow, viewer: Id) -> Wall | None:
    kind = exhibited(runtime, round_)
    if kind is None or round_.state not in STATES or "keep_until" not in round_.content:
        return None
    exhibition = kind.exhibition(round_.content)
    if exhibition.until <= runtime.clock.now():
        return None
    practice = await rounds.known_practice_of(runtime.database, tx, round_)
    outside = practice.audience.groups and not await _addresses(tx, round_, practice, viewer)
    hung = await _hung(runtime, tx, round_)
    teams = await _visible(tx, round_, {viewer, *hung.words})
    selves = await people.selves(tx, round_.organization, viewer)
    pieces: list[Piece] = []
    mine: Piece | None = None
    for person, row in hung.words.items():
        own = person in selves
        if not own and (outside or not _told(row.visibility, person, viewer, teams)):
            continue
        piece = Piece(
            person=person,
            name=row.name,
            exhibit=kind.exhibit(round_.content, row._mapping["values"]),
            pictures=tuple(hung.pictures.get(person, ())),
        )
        if own:
            mine = piece
        if person in teams.shown and exhibition.visibility != "group":
            pieces.append(piece)
    return Wall(
        round=round_,
        practice=practice.title,
        exhibition=exhibition,
        pieces=tuple(pieces),
        mine=mine,
        grouped=bool(practice.audience.groups),
    )


async def _addresses(tx: Tx, round_: RoundRow, practice: Practice, viewer: Id) -> bool:
    """Tell whether *viewer* is among those whom the practice is for."""
    who = await people.person(tx, round_.organization, viewer)
    whose = (tx, round_.organization, round_.workspace, practice)
    return who is not None and await audiences.includes(*whose, who)


async def _hung(runtime: Runtime, tx: Tx, round_: RoundRow) -> _Hung:
    said, who = tables.response, tables.person
    query = (
        sa.select(said.c.person_id, said.c["values"], said.c.visibility, who.c.name)
        .join(who, who.c.id == said.c.person_id)
        .where(
            said.c.organization_id == round_.organization,
            said.c.round_id == round_.id,
            said.c.passed.is_(False),
            who.c.erased_at.is_(None),
        )
        .order_by(who.c.name, who.c.id)
    )
    hung = _Hung(words={row.person_id: row for row in await tx.execute(query)})
    item, picture = tables.gallery_item, tables.gallery_picture
    hanging = (
        sa.select(item.c.id, item.c.person_id, item.c.alt, picture.c.width, picture.c.height)
        .join(picture, sa.and_(picture.c.item_id == item.c.id, picture.c.size == "small"))
        .where(
            item.c.organization_id == round_.organization,
            item.c.round_id == round_.id,
            item.c.expires_at > runtime.clock.now(),
        )
        .order_by(item.c.agreed_at, item.c.id)
    )
    for row in await tx.execute(hanging):
        one = Picture(id=row.id, alt=row.alt, width=row.width, height=row.height)
        hung.pictures.setdefault(row.person_id, []).append(one)
    return hung


async def _visible(tx: Tx, round_: RoundRow, persons: Collection[Id]) -> _Teams:
    """Return the teams of *persons* in the round's workspace, and who may be shown: who opted out or left may not."""
    who, of = tables.person, tables.membership
    members: dict[Id, str | None] = {}
    for some in people.chunks(set(persons)):
        query = (
            sa.select(who.c.id, who.c.team)
            .join(of, of.c.person_id == who.c.id)
            .where(
                who.c.organization_id == round_.organization,
                of.c.workspace_id == round_.workspace,
                of.c.left_at.is_(None),
                who.c.erased_at.is_(None),
                who.c.id.in_(some),
            )
        )
        members.update({row.id: row.team for row in await tx.execute(query)})
    refused = await people.opt_outs(tx, round_.organization, list(members))
    out = {one for one, wishes in refused.items() if wishes & {"*", round_.practice}}
    left = await sign_ups.gone(tx, round_.organization, round_.workspace, round_.practice)
    return _Teams(of=members, shown=frozenset(members.keys() - out - left))


def _told(visibility: str, person: Id, viewer: Id, teams: _Teams) -> bool:
    if person not in teams.shown or visibility not in ("workspace", "team"):
        return False
    team = teams.of[person]
    return visibility == "workspace" or (team is not None and teams.of.get(viewer) == team)


async def check_room(tx: Tx, organization: Id, person: Id, round_id: Id, room: int) -> None:
    """Raise `Mistake` where the person has shared as many pictures as there is *room* for."""
    item = tables.gallery_item
    mine = (item.c.organization_id == organization, item.c.person_id == person)
    here = await tx.scalar(sa.select(sa.func.count()).where(*mine, item.c.round_id == round_id)) or 0
    if here >= room:
        shared = "a picture here; take it back" if room == 1 else f"{room} pictures here; take one back"
        raise Mistake(f"You have shared {shared} before you add another.")
    if (await tx.scalar(sa.select(sa.func.count()).where(*mine)) or 0) >= PER_PERSON:
        raise Mistake(f"You share {PER_PERSON} pictures already; take some back before you add another.")


async def keep(
    runtime: Runtime, tx: Tx, round_: RoundRow, person: Id, renditions: Sequence[Rendition], alt: str, key: str
) -> Id:
    """Keep a picture that its giver agreed to show to the round's audience, sealed, until the round's day.

    What is sent again with the same *key* is kept once.
    """
    kind = exhibited(runtime, round_)
    if kind is None or not kind.exhibition(round_.content).pictures:
        raise Mistake("No pictures are shared here.")
    if not await _still_shares(tx, round_, person):
        # taken back, or erased, while the picture was on its way
        raise Mistake("This was taken back meanwhile; no picture was kept.")
    exhibition = kind.exhibition(round_.content)
    identifier = runtime.vault.keyed_hash(f"{round_.id}:{person}:{key}", "picture")[:32] if key else runtime.new_id()
    if await tx.scalar(sa.select(tables.gallery_item.c.id).where(tables.gallery_item.c.id == identifier)):
        return identifier
    await check_room(tx, round_.organization, person, round_.id, exhibition.room)
    await tx.execute(
        tables.gallery_item.insert().values(
            organization_id=round_.organization,
            id=identifier,
            round_id=round_.id,
            person_id=person,
            alt=alt,
            audience=exhibition.visibility,
            agreed_at=runtime.clock.now(),
            expires_at=exhibition.until,
        )
    )
    rows = [
        {
            "organization_id": round_.organization,
            "item_id": identifier,
            "size": one.size,
            "width": one.width,
            "height": one.height,
            "sealed": runtime.vault.seal(one.body, *sealed_place(round_.organization, identifier, one.size)),
        }
        for one in renditions
    ]
    await tx.execute(tables.gallery_picture.insert(), rows)
    return identifier


async def _still_shares(tx: Tx, round_: RoundRow, person: Id) -> bool:
    """Tell whether the person is there and what was said with the picture stands; both wait for it to be kept."""
    who, said = tables.person, tables.response
    query = (
        sa.select(who.c.id)
        .join(said, sa.and_(said.c.organization_id == who.c.organization_id, said.c.person_id == who.c.id))
        .where(
            who.c.organization_id == round_.organization,
            who.c.id == person,
            who.c.erased_at.is_(None),
            said.c.round_id == round_.id,
            said.c.passed.is_(False),
        )
        .with_for_update(read=True)
    )
    return (await tx.execute(query)).first() is not None


def sealed_place(organization: Id, item: Id, size: str) -> tuple[str, str, str, str]:
    """Return the associated data of a picture."""
    return tables.gallery_picture.name, organization, item, size


async def picture(runtime: Runtime, tx: Tx, organization: Id, viewer: Id, item: Id, size: Size) -> bytes | None:
    """Return a JPEG that *viewer* may see now, `None` for everything else."""
    table = tables.gallery_item
    query = sa.select(table.c.round_id).where(table.c.organization_id == organization, table.c.id == item)
    round_id = (await tx.execute(query)).scalar_one_or_none()
    found = await wall(runtime, tx, organization, viewer, round_id) if round_id else None
    hanging = [*found.pieces, *([found.mine] if found.mine else [])] if found else []
    if not any(one.id == item for piece in hanging for one in piece.pictures):
        return None
    return await _open(runtime, tx, organization, item, size)


async def _open(runtime: Runtime, tx: Tx, organization: Id, item: Id, size: Size) -> bytes | None:
    sealed = tables.gallery_picture
    query = sa.select(sealed.c.sealed).where(
        sealed.c.organization_id == organization, sealed.c.item_id == item, sealed.c.size == size
    )
    body = (await tx.execute(query)).scalar_one_or_none()
    return None if body is None else runtime.vault.open(body, *sealed_place(organization, item, size))


async def unnamed(runtime: Runtime, tx: Tx, round_: RoundRow, viewer: Id) -> dict[str, Picture]:
    """Return the pictures that *viewer* is shown without names in a round that is open now, by what they answer."""
    kind = runtime.plugins.rituals().get(round_.kind)
    if not isinstance(kind, Pictured) or round_.state != "open":
        return {}
    practice = await rounds.known_practice_of(runtime.database, tx, round_)
    if round_.workspace not in await people.workspaces_of(tx, round_.organization, viewer):
        return {}
    if practice.audience.groups and not await _addresses(tx, round_, practice, viewer):
        return {}
    share = await shares.share_of(runtime, tx, round_, kind, viewer)
    owners = {} if share is None else kind.pictured(round_.content, share)
    hung = await rituals.pictured(tx, round_.organization, round_.id, runtime.clock.now())
    items = {key: hung[owner] for key, owner in owners.items() if owner in hung}
    known = await _pictures(tx, round_.organization, list(items.values()))
    return {key: known[item] for key, item in items.items() if item in known}


async def _pictures(tx: Tx, organization: Id, items: Sequence[Id]) -> dict[Id, Picture]:
    item, small = tables.gallery_item.c, tables.gallery_picture.c
    query = (
        sa.select(item.id, item.alt, small.width, small.height)
        .join(tables.gallery_picture, small.item_id == item.id)
        .where(item.organization_id == organization, item.id.in_(items), small.size == "small")
    )
    rows = await tx.execute(query)
    return {row.id: Picture(id=row.id, alt=row.alt, width=row.width, height=row.height) for row in rows}


async def unnamed_picture(
    runtime: Runtime, tx: Tx, round_: RoundRow, viewer: Id, key: str, size: Size
) -> bytes | None:
    """Return the JPEG beside the question *key*, `None` where *viewer* is not shown one."""
    found = (await unnamed(runtime, tx, round_, viewer)).get(key)
    return None if found is None else await _open(runtime, tx, round_.organization, found.id, size)


async def take_down(tx: Tx, organization: Id, person: Id, which: sa.ColumnElement[bool]) -> None:
    """Delete those pictures of *person* that *which* chooses; repeating it is harmless."""
    if tx.dialect.name == "sqlite":
        # what is deleted is overwritten with zeros in the file
        await tx.exec_driver_sql("PRAGMA secure_delete=ON")
    item, picture_ = tables.gallery_item, tables.gallery_picture
    selves = await people.selves(tx, organization, person)
    mine = (item.c.organization_id == organization, item.c.person_id.in_(selves), which)
    await tx.execute(picture_.delete().where(picture_.c.item_id.in_(sa.select(item.c.id).where(*mine))))
    await tx.execute(item.delete().where(*mine))


async def own(runtime: Runtime, tx: Tx, organization: Id, person: Id) -> list[Json]:
    """Return all pictures of a person with what is kept beside them, pixels included, as a data URL."""
    item = tables.gallery_item
    selves = await people.selves(tx, organization, person)
    mine = (item.c.organization_id == organization, item.c.person_id.in_(selves))
    rows = (await tx.execute(sa.select(item.c.id).where(*mine).order_by(item.c.agreed_at, item.c.id))).scalars()
    found: list[Json] = []
    for one in rows.all():
        body = await _open(runtime, tx, organization, one, "full")
        written = base64.b64encode(body or b"").decode()
        found.append({"id": one, "picture": f"data:image/jpeg;base64,{written}"})
    return found
