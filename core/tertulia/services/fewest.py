"""How many people stand behind every figure: that may be raised, and never lowered for what was collected."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from tertulia.domain.identifiers import Id
from tertulia.domain.programs import Practice, Program
from tertulia.domain.surveys import FEWEST_ANSWERS
from tertulia.errors import Mistake
from tertulia.runtime import Runtime
from tertulia.storage.database import Tx
from tertulia.storage.tables import round_table

LOOK_BACK = timedelta(days=365)
UNASKED = ("planned", "cancelled")


async def refuse_lowering(runtime: Runtime, tx: Tx, organization: Id, workspace: Id, program: Program) -> None:
    """Raise `Mistake` where a practice of *program* asks for fewer people than its rounds of the last year did."""
    for practice in program.practices:
        wanted = _fewest(runtime, practice)
        if wanted is None:
            continue
        promised = await _promised(runtime, tx, organization, workspace, practice.key)
        if wanted < promised:
            raise Mistake(
                f'Practice "{practice.key}": fewest is {wanted}, but people answered rounds of it that promised '
                f"{promised} behind every figure; set fewest to {promised} or more."
            )


def _fewest(runtime: Runtime, practice: Practice) -> int | None:
    kind = runtime.plugins.ritual(practice.kind)
    if kind.privacy != "confidential" or "fewest" not in kind.options.model_fields:
        return None
    return int(kind.options.model_validate(practice.options).model_dump()["fewest"])


async def _promised(runtime: Runtime, tx: Tx, organization: Id, workspace: Id, practice: str) -> int:
    rounds = round_table.c
    query = sa.select(rounds.content).where(
        rounds.organization_id == organization,
        rounds.workspace_id == workspace,
        rounds.practice == practice,
        rounds.confidential.is_(True),
        rounds.state.not_in(UNASKED),
        rounds.opens_at >= runtime.clock.now() - LOOK_BACK,
    )
    contents = (await tx.execute(query)).scalars().all()
    return max((int((content or {}).get("fewest", FEWEST_ANSWERS)) for content in contents), default=FEWEST_ANSWERS)
