"""Open the round of a session: choose what it asks, and note where it is held."""

from __future__ import annotations

import sqlalchemy as sa
from pydantic import ValidationError

from tertulia.domain.identifiers import Id, Json
from tertulia.domain.people import Place
from tertulia.domain.programs import Practice, Program
from tertulia.errors import Mistake
from tertulia.extension import RitualKind, RoundRequest
from tertulia.runtime import Runtime
from tertulia.services import opening, resting
from tertulia.services.live_absent import OPEN_FOR
from tertulia.storage.database import Tx, upsert
from tertulia.storage.tables import place as place_table
from tertulia.storage.tables import round_table


def practice_of(program: Program | None, key: str) -> Practice:
    """Return the practice that a host named, by its key or by its kind where one practice has it."""
    chosen = program.practice(key) if program else None
    if program and chosen is None:
        same = [practice for practice in program.practices if practice.kind == key]
        chosen = same[0] if len(same) == 1 else None
    if chosen is None:
        known = ", ".join(practice.key for practice in program.practices) if program else ""
        raise Mistake(f"The program has no practice {key[:100]!r}; it has: {known or 'none'}.")
    if chosen.audience.groups:
        raise Mistake(f"Practice {key[:100]!r} is for a group, which no meeting tells of; choose another.")
    return chosen


async def place_id(runtime: Runtime, tx: Tx, organization: Id, workspace: Id, place: Place) -> Id:
    """Return the id of the place, registered on first use: from then on it yields facts."""
    mine = {"organization_id": organization, "workspace_id": workspace}
    named = mine | {"platform": place.platform, "ref": place.ref}
    row = named | {"id": runtime.new_id(), "kind": place.kind, "origin": "host"}
    await upsert(tx, place_table, [row], keys=("organization_id", "workspace_id", "platform", "ref"))
    return str((await tx.execute(sa.select(place_table.c.id).filter_by(**named))).scalar_one())


async def prepare(
    runtime: Runtime,
    tx: Tx,
    kind: RitualKind,
    practice: Practice,
    options: Json,
    *,
    whose: tuple[Id, Id],
    session: Id,
    size: int,
) -> Json:
    """Choose what is asked: nothing that these people were asked on any platform, as long as there is more."""
    await resting.refuse(runtime, tx, *whose, practice)
    group = opening.group_key(practice)
    memory = (*whose, practice.kind, group)
    try:
        chosen = kind.options.model_validate({**practice.options, **options})
    except ValidationError as error:
        fault = error.errors()[0]
        key = ".".join(str(part) for part in fault["loc"]) or "options"
        raise Mistake(f"{key} does not fit practice {practice.key!r}: {fault['msg']}.") from None
    prepared = kind.prepare(
        RoundRequest(
            practice=practice.key,
            options=chosen,
            occurrence=f"host:{session}",
            group_size=size,
            seed=int(session[:16], 16),
            used=await opening.items_used(tx, *memory),
            page=f"{runtime.config.public_url}/my",
        )
    )
    await opening.remember(runtime, tx, *memory, prepared.uses)
    return prepared.content


async def open_round(
    runtime: Runtime,
    tx: Tx,
    practice: Practice,
    *,
    whose: tuple[Id, Id],
    version: int,
    session: Id,
    content: Json,
) -> Id:
    """Write the round, which closes by itself even if nobody ends the session."""
    now, round_id = runtime.clock.now(), runtime.new_id()
    await tx.execute(
        round_table.insert().values(
            organization_id=whose[0],
            id=round_id,
            workspace_id=whose[1],
            practice=practice.key,
            kind=practice.kind,
            program_version=version,
            occurrence=f"host:{session}",
            state="open",
            next_action="close",
            next_at=now + OPEN_FOR,
            opens_at=now,
            closes_at=now + OPEN_FOR,
            confidential=False,
            content=dict(content),
        )
    )
    return round_id
