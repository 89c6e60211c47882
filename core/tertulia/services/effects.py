"""What an answer does besides being kept: places in a line, something sealed apart, a standing sign-up, thanks."""

from __future__ import annotations

import sqlalchemy as sa

from tertulia.domain.identifiers import Id, Json
from tertulia.domain.prompts import Given
from tertulia.errors import Mistake
from tertulia.runtime import Runtime
from tertulia.services import gallery, kudos, rounds, sign_ups
from tertulia.services.rounds import RoundRow
from tertulia.storage import people, rituals, tables
from tertulia.storage.database import Tx, upsert

PRIVATE = tables.private_answer


def sealed_place(organization: Id, root: Id, person: Id) -> tuple[str, str, str, str]:
    """Return the associated data of what *person* gave privately to the round *root*."""
    return PRIVATE.name, organization, root, person


async def carry_out(
    runtime: Runtime, tx: Tx, round_: RoundRow, root: Id, person: Id, given: Given, platform: str
) -> None:
    """Carry out what *given* asks for, in the transaction that keeps it."""
    if given.reserves is not None:
        await rituals.reserve(tx, round_.organization, root, person, given.reserves, runtime.clock.now())
    if given.private is not None:
        await _seal(runtime, tx, round_, root, person, given)
    if given.thanks is not None:
        giver = kudos.Giver(
            organization=round_.organization,
            workspace=round_.workspace,
            practice=await rounds.practice_of(tx, round_),
            person=person,
            platform=platform,
        )
        await kudos.give_named(runtime, tx, giver, given.thanks)
    if given.passed and gallery.exhibited(runtime, round_) is not None:
        await gallery.take_down(tx, round_.organization, person, tables.gallery_item.c.round_id == round_.id)
    if given.standing == "join":
        await sign_ups.sign_up(runtime, tx, round_.organization, round_.workspace, round_.practice, person)
    elif given.standing == "leave":
        await sign_ups.withdraw(runtime, tx, round_.organization, round_.workspace, round_.practice, [person])


async def _seal(runtime: Runtime, tx: Tx, round_: RoundRow, root: Id, person: Id, given: Given) -> None:
    mine = (PRIVATE.c.organization_id == round_.organization, PRIVATE.c.round_id == root)
    if not given.private:
        selves = await people.selves(tx, round_.organization, person)
        await tx.execute(PRIVATE.delete().where(*mine, PRIVATE.c.person_id.in_(selves)))
        return
    if given.private_until is None:
        raise Mistake("What is private needs an end; the kind must say until when it is kept.")
    row = {
        "organization_id": round_.organization,
        "round_id": root,
        "person_id": person,
        "sealed": runtime.vault.seal_json(dict(given.private), *sealed_place(round_.organization, root, person)),
        "expires_at": given.private_until,
    }
    await upsert(tx, PRIVATE, [row], keys=("round_id", "person_id"), update=("sealed", "expires_at"))


async def private_answers(runtime: Runtime, tx: Tx, organization: Id, root: Id) -> dict[Id, Json]:
    """Return what is sealed for a round and not past its end, of a merged person by the one that remains."""
    query = sa.select(PRIVATE.c.person_id, PRIVATE.c.sealed).where(
        PRIVATE.c.organization_id == organization,
        PRIVATE.c.round_id == root,
        PRIVATE.c.expires_at > runtime.clock.now(),
    )
    now, found = await people.survivors(tx, organization), dict[Id, Json]()
    for row in await tx.execute(query):
        person = now.get(row.person_id, row.person_id)
        # where both have given something, what the remaining one gave counts, and once
        if person == row.person_id or person not in found:
            sealed = row.sealed, *sealed_place(organization, root, row.person_id)
            found[person] = runtime.vault.open_json(*sealed)
    return found
