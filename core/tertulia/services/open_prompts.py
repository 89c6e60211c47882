"""Show one person the questions that are open for them, on a page that a platform frames or draws."""

from __future__ import annotations

import sqlalchemy as sa

from tertulia.domain.identifiers import Id
from tertulia.domain.people import Actor
from tertulia.domain.prompts import Given, Prompt
from tertulia.errors import Refused
from tertulia.runtime import Runtime
from tertulia.services import prompts, rounds, shares
from tertulia.services.rounds import RoundRow
from tertulia.storage import people
from tertulia.storage.database import Tx
from tertulia.storage.tables import delivery, response, round_table

INVITED = ("sending", "sent", "ambiguous", "failed")
"""States of an invitation to somebody who was to be asked by now; who opted out, or is asked later, is not."""
MOST = 20


async def of(runtime: Runtime, tx: Tx, organization: Id, actor: Actor) -> tuple[Prompt, ...]:
    """Return what the actor's person was invited to and may still answer, what closes first at the beginning.

    A named answer that was given before is filled in, a ballot is shown to nobody. Raises `Refused` for an actor whom
    nobody knows, or whose account was never verified.
    """
    identity = await people.identity_of(tx, organization, actor)
    person = await people.person(tx, organization, identity.person) if identity and identity.person else None
    if identity is None or not identity.verified or person is None or person.erased:
        raise Refused("nobody knows this account")
    invited = sa.select(delivery.c.round_id).where(
        delivery.c.organization_id == organization,
        delivery.c.recipient.in_(await people.selves(tx, organization, person.id)),
        delivery.c.purpose == "invite",
        delivery.c.state.in_(INVITED),
    )
    query = (
        sa.select(round_table)
        .where(
            round_table.c.organization_id == organization,
            round_table.c.state == "open",
            round_table.c.id.in_(invited),
        )
        .order_by(round_table.c.closes_at, round_table.c.id)
        .limit(MOST)
    )
    language = person.languages[0] if person.languages else "en"
    found = [rounds.row_of(record) for record in await tx.execute(query)]
    return tuple([await _prompt(runtime, tx, row, person.id, language) for row in found])


async def _prompt(runtime: Runtime, tx: Tx, row: RoundRow, person: Id, language: str) -> Prompt:
    kind = runtime.plugins.ritual(row.kind)
    return prompts.compose(
        runtime,
        row,
        await rounds.practice_of(tx, row),
        person=person,
        language=language,
        given=None if row.confidential else await _given(tx, row, person),
        share=await shares.share_of(runtime, tx, row, kind, person),
    )


async def _given(tx: Tx, row: RoundRow, person: Id) -> Given | None:
    query = sa.select(response.c["values"], response.c.passed).filter_by(
        organization_id=row.organization, round_id=row.id, person_id=person
    )
    found = (await tx.execute(query)).one_or_none()
    return None if found is None or found.passed else Given(values=found[0])
