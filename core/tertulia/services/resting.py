"""Tell what rests in hard weeks: the rounds of playful kinds, in the workspace or for members of a team."""

from __future__ import annotations

from collections.abc import Sequence

from tertulia.domain.identifiers import Id
from tertulia.domain.people import Person
from tertulia.domain.programs import Practice
from tertulia.errors import Mistake
from tertulia.runtime import Runtime
from tertulia.services.rounds import RoundRow
from tertulia.storage import hard_weeks
from tertulia.storage.database import Tx
from tertulia.traits import Traits

RESTS = "rests: hard weeks"
"""Why a round of a playful kind was cancelled, or somebody was not asked in one."""


async def rests(runtime: Runtime, tx: Tx, round_: RoundRow) -> bool:
    """Tell whether the round rests as a whole."""
    if not Traits.of(runtime.plugins.ritual(round_.kind)).playful:
        return False
    found = await hard_weeks.current(tx, round_.organization, round_.workspace, runtime.clock.now())
    return any(one.team is None for one in found)


async def awake(runtime: Runtime, tx: Tx, round_: RoundRow, persons: Sequence[Person]) -> list[Person]:
    """Return those of *persons* who are asked in the round: not who is in a team that has hard weeks."""
    if not Traits.of(runtime.plugins.ritual(round_.kind)).playful:
        return list(persons)
    found = await hard_weeks.current(tx, round_.organization, round_.workspace, runtime.clock.now())
    resting = {one.team for one in found}
    return [one for one in persons if one.team is None or one.team not in resting]


async def refuse(runtime: Runtime, tx: Tx, organization: Id, workspace: Id, practice: Practice) -> None:
    """Raise `Mistake` where a host wants to open a playful round while the workspace has hard weeks."""
    found = await hard_weeks.current(tx, organization, workspace, runtime.clock.now())
    until = max((one.resumes for one in found if one.team is None), default=None)
    if until is not None and Traits.of(runtime.plugins.ritual(practice.kind)).playful:
        raise Mistake(
            f"“{practice.title}” rests until {until:%d %B %Y}: these are hard weeks; an admin can end them."
        )
