"""Deal each person a share as a round opens: who is asked is decided first, groups are formed of them alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa

from tertulia.domain.identifiers import Id
from tertulia.domain.planning import Appointment
from tertulia.errors import Mistake
from tertulia.extension import RitualKind
from tertulia.kinds import Dealing, Dealt, Grouped, Share
from tertulia.kinds import Occasion as Celebrated
from tertulia.runtime import Runtime
from tertulia.services import invitations, matching, past_results, rounds, seating
from tertulia.services.matching import Occasion
from tertulia.services.rounds import RoundRow
from tertulia.services.seating import Formed
from tertulia.storage import programs, rituals, tables
from tertulia.storage.database import Tx
from tertulia.storage.rituals import Kept

NOT_DEALT = "nothing to ask in this round"
FEWEST_SHOWN = 5
"""People below whom a dry run shows nothing."""


@dataclass(frozen=True, kw_only=True)
class _Read:
    """Hold what the groups of a round that opens are formed from."""

    occasion: Occasion
    gathered: seating.Gathered
    kind: Grouped
    options: object
    closes: datetime


async def prepare(runtime: Runtime, round_id: Id, step: int) -> Formed | None:
    """Form the groups of a round that is about to open, outside any transaction; `None` where it forms none."""
    async with runtime.database.read() as tx:
        round_ = await rounds.find(tx, round_id)
        due = round_ is not None and round_.step == step and (round_.next_action, round_.state) == ("open", "planned")
        read = await _read(runtime, tx, round_) if round_ is not None and due else None
    if round_ is None or read is None:
        return None
    enabled = {live.plugin for live in runtime.installations.of(round_.workspace)}
    return await seating.form(
        runtime,
        read.occasion,
        read.gathered,
        read.kind.grouping(read.options),
        enabled=enabled,
        after=read.closes + seating.LEAD,
    )


async def _read(runtime: Runtime, tx: Tx, round_: RoundRow) -> _Read | None:
    kind = runtime.plugins.rituals().get(round_.kind)
    if not isinstance(kind, Grouped) or await rituals.stage_of(tx, round_.id) is not None:
        return None
    program = await programs.at_version(tx, round_.organization, round_.workspace, round_.program_version)
    practice = program.practice(round_.practice) if program else None
    if program is None or practice is None:
        return None
    plan = await invitations.plan(runtime, tx, round_, practice, program.message_budget)
    takers = plan.takers()
    occasion = occasion_of(round_, plan.closes)
    options = kind.options.model_validate(dict(practice.options))
    gathered = await seating.read(runtime, tx, occasion, takers, kind.grouping(options))
    return _Read(occasion=occasion, gathered=gathered, kind=kind, options=options, closes=plan.closes)


def occasion_of(round_: RoundRow, closes: datetime) -> Occasion:
    """Name the round for the matcher, in the week its groups meet in."""
    return Occasion(
        organization=round_.organization,
        workspace=round_.workspace,
        practice=round_.practice,
        kind=round_.kind,
        round=round_.id,
        week=seating.meeting_week(closes),
    )


async def deal(
    runtime: Runtime,
    tx: Tx,
    round_: RoundRow,
    kind: RitualKind,
    appointments: Sequence[Appointment],
    formed: Formed | None,
    occasions: Sequence[Celebrated] = (),
) -> list[Appointment]:
    """Keep everybody's share of a round that opens; who gets none is not asked."""
    if not isinstance(kind, Dealt):
        return list(appointments)
    takers = tuple(sorted(one.person.id for one in appointments if one.reason is None))
    dealing = Dealing(
        people=takers,
        parties=formed.parties if formed else (),
        alone=formed.alone if formed else {},
        seed=int(round_.id, 16),
        opens_at=round_.opens_at,
        closes_at=round_.closes_at or round_.opens_at,
        scores=await past_results.scores(tx, round_, takers, runtime.clock.now()),
        occasions=tuple(occasions),
    )
    shares = {one: share for one, share in kind.deal(round_.content, dealing).items() if one in takers}
    await keep(tx, round_, shares)
    if formed is not None:
        await matching.keep(runtime, tx, occasion_of(round_, dealing.closes_at), formed.seating)
    left_out = set(takers) - shares.keys()
    return [
        replace(one, reason=NOT_DEALT, channel=None) if one.person.id in left_out else one for one in appointments
    ]


async def keep(tx: Tx, round_: RoundRow, shares: Mapping[Id, Share]) -> None:
    """Keep what is dealt in a round."""
    kept = {one: Kept(share=share.share, group=share.group) for one, share in shares.items()}
    await rituals.keep_shares(tx, round_.organization, round_.id, kept)


async def dry_run(runtime: Runtime, organization: Id, workspace: Id, practice: str) -> Formed:
    """Form the groups of the practice's next round as they would be now; nothing is written and nobody is told.

    Raises `Mistake` where there is no such round, or too few take part for figures that tell of no single person.
    """
    async with runtime.database.read() as tx:
        table = tables.round_table
        query = sa.select(table).where(
            table.c.organization_id == organization,
            table.c.workspace_id == workspace,
            table.c.practice == practice,
            table.c.state == "planned",
            table.c.occurrence.not_like(f"{rounds.STAGE}%"),
        )
        record = (await tx.execute(query.order_by(table.c.opens_at).limit(1))).one_or_none()
        round_ = rounds.row_of(record) if record else None
        read = await _read(runtime, tx, round_) if round_ is not None else None
    if round_ is None or read is None:
        raise Mistake(f"Practice {practice!r} has no coming round that forms groups; see `tertulia rounds list`.")
    if len(read.gathered.people) < FEWEST_SHOWN:
        raise Mistake(
            f"Fewer than {FEWEST_SHOWN} people take part in {practice!r}; figures would tell of single people, so "
            "try again when more have joined."
        )
    enabled = {live.plugin for live in runtime.installations.of(workspace)}
    grouping = read.kind.grouping(read.options)
    after = read.closes + seating.LEAD
    return await seating.form(runtime, read.occasion, read.gathered, grouping, enabled=enabled, after=after)
