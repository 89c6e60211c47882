"""Decide for a round that opens whom it asks, when, and who cannot be asked: read only, the same however often."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from tertulia.delivery import planning
from tertulia.domain.identifiers import Id
from tertulia.domain.people import Person
from tertulia.domain.planning import WEB, Appointment, appoint
from tertulia.domain.programs import Practice
from tertulia.domain.walltime import instant
from tertulia.runtime import Runtime
from tertulia.services import arrivals, audiences, resting, rounds, sign_ups
from tertulia.services.rounds import RoundRow
from tertulia.storage import people, rituals
from tertulia.storage.database import Tx


@dataclass(frozen=True, kw_only=True)
class Invitations:
    """Hold the members that a round addresses and one appointment for each; it closes at *closes*."""

    members: tuple[Person, ...]
    first: datetime
    closes: datetime
    appointments: tuple[Appointment, ...]

    def takers(self) -> list[Person]:
        """Return who can be asked."""
        return [one.person for one in self.appointments if one.reason is None]


async def plan(runtime: Runtime, tx: Tx, round_: RoundRow, practice: Practice, budget: int | None) -> Invitations:
    """Appoint everybody whom the round addresses; who used up the weekly *budget*, if one is given, is not asked."""
    stage = await rituals.stage_of(tx, round_.id)
    if practice.moment is not None:
        members: Sequence[Person] = await arrivals.due(runtime, tx, round_, practice, practice.moment)
        origins = {member.id: runtime.clock.now() for member in members}
        closes = arrivals.closes(round_, practice)
    elif stage is None and not round_.occurrence.startswith(rounds.APART):
        members = await _addressed(tx, round_, practice, staged=False)
        wall = datetime.fromisoformat(round_.occurrence)
        origins = {member.id: _origin(practice, wall, member) for member in members}
        closes = max(origins.values(), default=round_.opens_at) + practice.open_for
    else:
        members = await _addressed(tx, round_, practice, staged=stage is not None)
        origins = {member.id: round_.opens_at for member in members}
        closes = round_.closes_at or round_.opens_at
    members = await resting.awake(runtime, tx, round_, members)
    appointments = await _appointments(runtime, tx, round_, practice, members, origins, closes)
    if budget is not None:
        appointments = await planning.within_budgets(tx, round_.organization, appointments, budget)
    return Invitations(
        members=tuple(members),
        first=min(origins.values(), default=round_.opens_at),
        closes=closes,
        appointments=tuple(appointments),
    )


async def _addressed(tx: Tx, round_: RoundRow, practice: Practice, staged: bool) -> Sequence[Person]:
    members = await people.members(tx, round_.organization, round_.workspace)
    if staged:
        # who takes part was decided when the stage was planned; who left the practice since is not written to
        dealt = await rituals.shares_of(tx, round_.organization, round_.id)
        gone = await sign_ups.gone(tx, round_.organization, round_.workspace, practice.key)
        return [member for member in members if member.id in dealt and member.id not in gone]
    members = await audiences.addressed(tx, round_.organization, round_.workspace, practice, members)
    if practice.join == "opt-in":
        joined = await sign_ups.signed_up(tx, round_.organization, round_.workspace, practice.key)
        members = [member for member in members if member.id in joined]
    return members


def _origin(practice: Practice, wall: datetime, member: Person) -> datetime:
    zone = member.zone if practice.cadence.time == "local" else practice.cadence.zone
    return instant(wall, zone)


async def _appointments(
    runtime: Runtime,
    tx: Tx,
    round_: RoundRow,
    practice: Practice,
    members: Sequence[Person],
    origins: Mapping[Id, datetime],
    closes: datetime,
) -> list[Appointment]:
    now = runtime.clock.now()
    channels = await planning.channels_of(runtime, tx, round_, members)
    if practice.moment is not None and practice.moment.event == "left":
        # an account on a platform goes with the membership, a mailbox may stay
        channels = {one: [way for way in ways if way.platform == WEB] for one, ways in channels.items()}
    opt_outs = await people.opt_outs(tx, round_.organization, [member.id for member in members])
    appointments: list[Appointment] = []
    async for member in planning.in_turns(members):
        appointments.append(
            appoint(
                member,
                practice=practice.key,
                origin=origins[member.id],
                closes=closes,
                now=now,
                channels=channels[member.id],
                opt_outs=opt_outs.get(member.id, frozenset()),
            )
        )
    return appointments
