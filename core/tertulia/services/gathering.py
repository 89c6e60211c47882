"""Bring a group together in one conversation, besides each member's own invitation, where all share a platform.

It is planned for the first moment at which every member has been told and none has quiet hours; where that lies too
near to the end of the round, the invitations have to do.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from tertulia.delivery import planning
from tertulia.domain.attention import after_quiet_hours, snoozed
from tertulia.domain.identifiers import Id, Json
from tertulia.domain.people import Person, Recipient
from tertulia.domain.planning import Appointment
from tertulia.kinds import Party
from tertulia.runtime import Runtime
from tertulia.services.rounds import RoundRow
from tertulia.storage import people, rituals
from tertulia.storage.database import Tx
from tertulia.storage.people import Identity

PURPOSE = "gather"
ATTEMPTS = 10
"""Quiet hours around the world leave a gap within so many steps, or none at all."""


async def plan(
    runtime: Runtime, tx: Tx, round_: RoundRow, parties: Sequence[Party], appointments: Sequence[Appointment]
) -> None:
    """Write one delivery for each group that shares a platform whose port may gather it."""
    told = {one.person.id: one for one in appointments if one.reason is None}
    accounts = await people.identities(tx, round_.organization, list(told))
    rows: dict[datetime, list[dict[str, Any]]] = {}
    for party in parties:
        if not all(one in told for one in party.people):
            continue
        due = _moment([told[one].person for one in party.people], max(told[one].due for one in party.people))
        carrier = _carrier(runtime, round_.workspace, [accounts.get(one, []) for one in party.people])
        if due is not None and carrier is not None and round_.closes_at is not None and due < round_.closes_at:
            rows.setdefault(due, []).append(_delivery(round_, party.id, *carrier))
    for due, some in sorted(rows.items()):
        await planning.write_shards(runtime, tx, round_, PURPOSE, origin=due, due=due, rows=some)


def _moment(members: Sequence[Person], at: datetime) -> datetime | None:
    for _ in range(ATTEMPTS):
        later = max(after_quiet_hours(member, at) for member in members)
        if later == at:
            return at
        at = later
    return None


def _carrier(runtime: Runtime, workspace: Id, accounts: Sequence[Sequence[Identity]]) -> tuple[str, Id] | None:
    """Return the platform on which all have a reachable account of one realm, and its installation."""
    reached = [
        {(one.actor.platform, one.actor.realm) for one in mine if one.reachable and one.address is not None}
        for mine in accounts
    ]
    for platform, _ in sorted(set.intersection(*reached) if reached else ()):
        found = runtime.installations.find(workspace, platform)
        if found is not None and found[1].ritual is not None:
            return platform, found[0].id
    return None


def _delivery(round_: RoundRow, group: Id, platform: str, installation: Id) -> dict[str, Any]:
    return {
        "organization_id": round_.organization,
        "round_id": round_.id,
        "purpose": PURPOSE,
        "recipient": group,
        "target": "group",
        "identity_id": None,
        "installation_id": installation,
        "platform": platform,
        "state": "planned",
        "attempts": 0,
        "next_at": 0.0,
        "reason": None,
    }


async def now(
    runtime: Runtime, tx: Tx, round_: RoundRow, group: Id, platform: str
) -> tuple[tuple[Recipient, ...], str | None]:
    """Return whom to bring together at this moment, or why nobody: one who may not be written to keeps all apart."""
    at, closes = runtime.clock.now(), round_.closes_at
    if round_.state != "open" or (closes is not None and at >= closes):
        return (), "the round closed first"
    ids = await rituals.group_of(tx, round_.organization, round_.id, group)
    shown = (await rituals.seen_by(tx, round_.organization, round_.id, ids)).values()
    persons = await people.persons(tx, round_.organization, ids)
    accounts = await people.identities(tx, round_.organization, ids)
    present = {mate["id"] for share in shown for mate in share["people"]}
    recipients = []
    for one in ids:
        person, address = persons.get(one), _address(accounts.get(one, []), platform)
        if person is None or person.erased or one not in present:
            return (), "somebody of the group left"
        if snoozed(person, at) or after_quiet_hours(person, at) != at or address is None:
            return (), "somebody of the group cannot be written to now"
        recipients.append(Recipient(ref=one, address=address, language=person.languages[0], zone=person.zone))
    return tuple(recipients), None


def _address(accounts: Sequence[Identity], platform: str) -> Json | None:
    for one in accounts:
        if one.actor.platform == platform and one.reachable and one.address is not None:
            return one.address
    return None
