"""How many people stand behind every figure: that may be raised, and never lowered for what was collected."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from contextlib import suppress
from datetime import timedelta

import sqlalchemy as sa
import tomlkit

from tertulia.domain.identifiers import Id
from tertulia.domain.programs import Practice, Program
from tertulia.domain.surveys import FEWEST_ANSWERS
from tertulia.errors import Mistake
from tertulia.runtime import Runtime
from tertulia.storage import programs
from tertulia.storage.database import Tx
from tertulia.storage.tables import round_table

LOOK_BACK = timedelta(days=365)
UNASKED = ("planned", "cancelled")


def thresholds(runtime: Runtime, program: Program) -> dict[str, int]:
    """Return for each survey of a program how many people must stand behind a figure, by the practice's key."""
    found = {}
    for one in program.practices:
        # an older version may name a kind that is gone, or options that it does not take any more
        with suppress(Mistake, ValueError):
            found[one.key] = _fewest(runtime, one)
    return {key: fewest for key, fewest in found.items() if fewest is not None}


async def changed(
    runtime: Runtime, tx: Tx, organization: Id, workspace: Id, program: Program
) -> dict[str, tuple[int, int]]:
    """Return by practice what each survey asked for when it was last in the program, and what *program* asks for."""
    wanted, found = thresholds(runtime, program), {}
    for stored in reversed(await programs.history(tx, organization, workspace) if wanted else []):
        for key, before in thresholds(runtime, stored.program).items():
            now = wanted.pop(key, before)
            if now != before:
                found[key] = (before, now)
    return found


def refuse_alone(changes: Mapping[str, tuple[int, int]]) -> None:
    """Raise `Mistake` where thresholds would change."""
    for key, (before, now) in changes.items():
        raise Mistake(
            f'Practice "{key}": fewest would be {now} instead of {before}, to which a second person has to agree; '
            f"leave it at {before} here, and propose the change on the page Settings."
        )


def rewritten(document: str, practice: str, fewest: int) -> str:
    """Return a program's document in which a practice asks for *fewest* people; comments and order stay."""
    parsed = tomlkit.parse(document)
    for table in parsed.get("practice", ()):
        if isinstance(table, MutableMapping) and table.get("key") == practice:
            if "options" not in table:
                table["options"] = tomlkit.inline_table()
            table["options"]["fewest"] = fewest
    return tomlkit.dumps(parsed)


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
