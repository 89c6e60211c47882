"""The two-person rule: what could expose people is proposed by one person and approved by another.

It holds for who may do what, for how many people stand behind a figure, for the domains by which accounts link, and
for exports that name people. `CHANGES` says what each proposal needs and what it carries out.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa

from tertulia.domain.identifiers import Id, Json
from tertulia.errors import Mistake
from tertulia.runtime import Runtime
from tertulia.services import agreed, proposals
from tertulia.services import people as enrolled
from tertulia.services.proposals import LASTS, Change, Proposal
from tertulia.storage import audit, people
from tertulia.storage.database import Tx
from tertulia.storage.tables import proposal as table
from tertulia.storage.tables import workspace as workspace_table

CHANGES: Mapping[str, Change] = {
    "role.grant": agreed.GRANT,
    "role.revoke": agreed.REVOKE,
    "threshold": agreed.THRESHOLD,
    "domains": agreed.DOMAINS,
    "export": agreed.EXPORT,
}
SECOND = "owner.second"
"""Kept as a proposal, too, so that it happens once for a workspace."""
MOST = 50
"""Proposals that wait at once about one workspace."""


async def propose(
    runtime: Runtime, tx: Tx, *, organization: Id, workspace: Id | None, what: str, detail: Json, by: Id
) -> Id:
    """Ask for a change that another person has to approve within a week; raises `Mistake` where it makes no sense."""
    change = _change(what)
    by, now = await people.current(tx, organization, by), runtime.clock.now()
    if workspace is not None and await people.workspace(tx, organization, workspace) is None:
        raise Mistake("There is no such workspace in this organization; open the page again.")
    held = await proposals.roles(tx, organization, workspace, by)
    if not held & change.proposers(detail):
        raise Mistake(f"Only {_either(change.proposers(detail))} can propose this; ask one of them.")
    made = Proposal(
        id=runtime.new_id(),
        organization=organization,
        workspace=workspace,
        what=what,
        detail=detail,
        seen={},
        state="waiting",
        by=by,
        at=now,
        expires=now + LASTS,
        decided_by=None,
        decided_at=None,
        used_at=None,
    )
    seen = await change.look(runtime, tx, made)
    if not await others(tx, made):
        raise Mistake("Nobody else here could approve this; name a second owner first, on the page Roles.")
    await _refuse_another(tx, made, now)
    await _keep(tx, made, seen)
    await _note(runtime, tx, made, "make", by)
    return made.id


async def decide(runtime: Runtime, tx: Tx, *, organization: Id, proposal: Id, by: Id, approve: bool) -> None:
    """Approve a proposal, which carries it out here and now, or turn it down; the proposer only takes it back."""
    by, now = await people.current(tx, organization, by), runtime.clock.now()
    found = await proposals.find(tx, organization, proposal, lock=True)
    if found is None:
        raise Mistake("There is no such proposal here; load the page again.")
    _refuse_ended(found, now)
    change = _change(found.what)
    same = await people.current(tx, organization, found.by) == by
    if same and approve:
        raise Mistake("You proposed this yourself, so somebody else has to approve it.")
    held = await proposals.roles(tx, organization, found.workspace, by)
    if not same and not held & change.approvers(found.detail):
        raise Mistake(f"Only {_either(change.approvers(found.detail))} can decide on this; ask one of them.")
    if not same and by not in await others(tx, found):
        raise Mistake(
            "This changes the whole organization, so whoever decides has to own a workspace that whoever proposed it "
            "does not own; ask an owner of another workspace."
        )
    if approve:
        await _refuse_stale(runtime, tx, found, change)
    await _settle(tx, found, "approved" if approve else "withdrawn" if same else "refused", by, now)
    await _note(runtime, tx, found, "approve" if approve else "withdraw" if same else "refuse", by)
    if approve:
        await change.carry_out(runtime, tx, found, by)


async def out_of_date(runtime: Runtime, tx: Tx, found: Proposal) -> str | None:
    """Say why a waiting proposal could not be approved any more by anybody; `None` where it could."""
    try:
        await _refuse_stale(runtime, tx, found, _change(found.what))
    except Mistake as mistake:
        return str(mistake)
    return None


async def others(tx: Tx, found: Proposal) -> list[Id]:
    """Return who could approve a proposal: never the one who made it.

    What is the whole organization's takes somebody of a workspace where the proposer could not approve it, if there
    is such a workspace and somebody can: or two people who run one of many would decide for all.
    """
    wanted, mine = _change(found.what).approvers(found.detail), await people.current(tx, found.organization, found.by)
    homes = [found.workspace] if found.workspace else []
    homes = homes or [one.id for one in await people.workspaces(tx, found.organization)]
    able: list[set[Id]] = []
    for home in homes:
        holders = await people.role_holders(tx, found.organization, home)
        able.append({who for who, held in holders.items() if held & wanted})
    apart = [some for some in able if some and mine not in some]
    return sorted(set().union(*(apart or able)) - {mine})


async def name_second_owner(runtime: Runtime, tx: Tx, *, organization: Id, workspace: Id, person: Id, by: Id) -> None:
    """Make a member the second owner, by the word of the only one: once, because nobody else could approve it."""
    by, now = await people.current(tx, organization, by), runtime.clock.now()
    # two requests at once must not both be the first
    lock = sa.select(workspace_table.c.id).filter_by(organization_id=organization, id=workspace).with_for_update()
    await tx.execute(lock)
    if await owners(tx, organization, workspace) != [by]:
        raise Mistake("Only the one owner of a workspace names a second one; propose the role instead.")
    if await _named_before(tx, organization, workspace):
        raise Mistake(
            "A second owner was named here before, which is allowed once; ask your operator to grant the role with "
            "`tertulia people roles grant owner`."
        )
    await enrolled.grant(runtime, tx, organization, workspace, person, "owner", actor=by)
    made = Proposal(
        id=runtime.new_id(),
        organization=organization,
        workspace=workspace,
        what=SECOND,
        detail={"person": person, "role": "owner"},
        seen={},
        state="approved",
        by=by,
        at=now,
        expires=now,
        decided_by=by,
        decided_at=now,
        used_at=None,
    )
    await _keep(tx, made, {})
    await _note(runtime, tx, made, "second_owner", by)


async def owners(tx: Tx, organization: Id, workspace: Id) -> list[Id]:
    """Return who owns a workspace."""
    holders = await people.role_holders(tx, organization, workspace)
    return sorted(who for who, held in holders.items() if "owner" in held)


async def may_name_second_owner(tx: Tx, organization: Id, workspace: Id, by: Id) -> bool:
    """Tell whether *by* is the only owner and has not named a second one before."""
    sole = await owners(tx, organization, workspace) == [by]
    return sole and not await _named_before(tx, organization, workspace)


async def _named_before(tx: Tx, organization: Id, workspace: Id) -> bool:
    known = sa.select(table.c.id).filter_by(organization_id=organization, workspace_id=workspace, what=SECOND)
    return (await tx.execute(known.limit(1))).first() is not None


def words(found: Proposal, names: Mapping[Id, str]) -> str:
    """Say in one sentence what was proposed."""
    if found.what == SECOND:
        return f"Make {names.get(str(found.detail.get('person')), 'somebody')} the second owner."
    return _change(found.what).words({**found.seen, **found.detail}, names)


def _change(what: str) -> Change:
    if what not in CHANGES:
        raise Mistake(f"{what!r} cannot be proposed; choose among {', '.join(CHANGES)}.")
    return CHANGES[what]


def _either(roles: frozenset[str]) -> str:
    return " or ".join(f"an {one}" for one in sorted(roles, reverse=True))


async def _refuse_another(tx: Tx, made: Proposal, now: datetime) -> None:
    mine = (table.c.organization_id == made.organization, table.c.state == "waiting", table.c.expires_at > now)
    rows = (await tx.execute(sa.select(table.c.workspace_id, table.c.what, table.c.detail).where(*mine))).all()
    waiting = [row for row in rows if row.workspace_id == made.workspace]
    if any(row.what == made.what and dict(row.detail) == dict(made.detail) for row in waiting):
        raise Mistake("The same waits for approval already; look at the proposals.")
    if len(waiting) >= MOST:
        raise Mistake(f"{MOST} proposals wait already; decide on some of them first.")


def _refuse_ended(found: Proposal, now: datetime) -> None:
    if found.state != "waiting":
        raise Mistake(f"This was {found.state} already; load the page again.")
    if now >= found.expires:
        raise Mistake(f"This proposal ended on {found.expires:%Y-%m-%d}; propose it once more.")


async def _refuse_stale(runtime: Runtime, tx: Tx, found: Proposal, change: Change) -> None:
    proposer = await people.current(tx, found.organization, found.by)
    held = await proposals.roles(tx, found.organization, found.workspace, proposer)
    if not held & change.proposers(found.detail):
        raise Mistake("Whoever proposed this may not do so any more; propose it once more.")
    if dict(await change.look(runtime, tx, found)) != dict(found.seen):
        raise Mistake("What this is about has changed since it was proposed; propose it once more.")


async def _keep(tx: Tx, made: Proposal, seen: Json) -> None:
    await tx.execute(
        table.insert().values(
            organization_id=made.organization,
            id=made.id,
            workspace_id=made.workspace,
            what=made.what,
            detail=dict(made.detail),
            seen=dict(seen),
            state=made.state,
            proposed_by=made.by,
            proposed_at=made.at,
            expires_at=made.expires,
            decided_by=made.decided_by,
            decided_at=made.decided_at,
        )
    )


async def _settle(tx: Tx, found: Proposal, state: str, by: Id, now: datetime) -> None:
    here = (table.c.organization_id == found.organization, table.c.id == found.id, table.c.state == "waiting")
    result = await tx.execute(table.update().where(*here).values(state=state, decided_by=by, decided_at=now))
    if result.rowcount != 1:
        raise Mistake("Somebody decided on this a moment ago; load the page again.")


async def _note(runtime: Runtime, tx: Tx, about: Proposal, verb: str, by: Id) -> None:
    await audit.record(
        tx,
        runtime.vault,
        organization=about.organization,
        at=runtime.clock.now(),
        actor=by,
        verb=f"proposal.{verb}",
        subject=about.id,
        detail={"what": about.what, "workspace": about.workspace, **about.detail},
    )
