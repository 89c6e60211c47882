"""Take the answers of participants whom nobody knows: shown in the meeting without a name, gone at the close."""

from __future__ import annotations

import sqlalchemy as sa

from tertulia.domain.identifiers import Json
from tertulia.domain.prompts import Given
from tertulia.errors import Mistake, Refused
from tertulia.live import Attendee
from tertulia.runtime import Runtime
from tertulia.services import answers, live_seats
from tertulia.services.live_sessions import Session
from tertulia.services.prompts import PASS
from tertulia.services.rounds import RoundRow
from tertulia.storage.database import Tx
from tertulia.storage.tables import seat

RECORDED = (
    "You take part as a guest: your answer is shown to this meeting without your name and is deleted when the round "
    "closes. Passes are counted, never named."
)
TAKEN = "Thank you. That is kept without your name until the round closes."


async def take(
    runtime: Runtime, tx: Tx, session: Session, round_: RoundRow, who: Attendee, verb: str, values: Json
) -> bool:
    """Keep what a guest gave; return whether it replaces something. Raises `Mistake` with a sentence for them."""
    now = runtime.clock.now()
    if round_.state != "open" or (round_.closes_at is not None and now >= round_.closes_at):
        raise Mistake(answers.CLOSED)
    if session.state in ("lobby", "ended"):
        raise Mistake("Nothing is asked here now, so nothing was kept.")
    known = await live_seats.one(tx, session, who.ref)
    if known is None or known.holder != who.holder:
        raise Refused("somebody else sits there", 409)
    given = _checked(runtime, round_, verb, values)
    return await live_seats.take(tx, session, who.ref, given)


def _checked(runtime: Runtime, round_: RoundRow, verb: str, values: Json) -> Given:
    kind = runtime.plugins.ritual(round_.kind)
    if verb == PASS.verb:
        return Given(passed=True)
    if verb not in {action.verb for action in kind.prompt(round_.content, "en").actions}:
        raise Mistake(answers.UNKNOWN)
    given = kind.accept(round_.content, verb, values)
    if given.thanks is not None:
        raise Mistake("Thanks come from somebody: link your account first, or say them aloud.")
    answers.check_storable(given.values)
    return given


async def answered(tx: Tx, session: Session, who: Attendee) -> bool | None:
    """Tell a guest whether they answered (`True`), passed (`False`) or did neither (`None`), and nobody else."""
    query = sa.select(seat.c.passed).where(
        seat.c.organization_id == session.organization,
        seat.c.session_id == session.id,
        seat.c.ref == who.ref,
        seat.c.holder.is_not_distinct_from(who.holder),
    )
    passed = (await tx.execute(query)).scalar_one_or_none()
    return None if passed is None else not passed
