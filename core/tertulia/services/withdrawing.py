"""Delete what came from a platform whose owner took the plugin's rights away, with proof in the audit log.

Answers that people gave stay: they are theirs and the program's, not the platform's. Everything that the platform
told goes, and so do the credentials. What lies in backups ages out with them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from tertulia.capabilities import Withdrawn
from tertulia.runtime import Runtime
from tertulia.services import installations
from tertulia.services.registry import sealed_at
from tertulia.storage import audit, tables
from tertulia.storage.database import Tx

if TYPE_CHECKING:
    from tertulia.services.installations import Live

VERB = "platform.withdrawn"
UNDONE = ("received", "failed")


async def withdraw(runtime: Runtime, tx: Tx, live: Live, fact: Withdrawn) -> None:
    """Delete the platform's data in one transaction with the entry that proves it; repeating it is harmless."""
    if tx.dialect.name == "sqlite":
        # what is deleted is overwritten with zeros in the file
        await tx.exec_driver_sql("PRAGMA secure_delete=ON")
    deleted = await _facts(tx, live, fact)
    deleted |= await _accounts(tx, live, fact)
    deleted |= await _traffic(runtime, tx, live)
    await audit.record(
        tx,
        runtime.vault,
        organization=live.organization,
        at=runtime.clock.now(),
        actor=live.plugin,
        verb=VERB,
        subject=live.id,
        detail={"workspace": live.workspace, "due": fact.due.isoformat(), "deleted": deleted},
    )


async def take_effect(runtime: Runtime, live: Live) -> None:
    """Close the installation in this process and tell the plugin; for the edge, after the commit."""
    await installations.take_effect(
        runtime, organization=live.organization, installation=live.id, change="installation.disabled"
    )


async def _facts(tx: Tx, live: Live, fact: Withdrawn) -> dict[str, int]:
    """Delete who took part and who had to do with whom, as far as the platform told it."""
    attended, ties = tables.participation, tables.interaction
    accounts = _accounts_of(live, fact)
    here = sa.and_(attended.c.workspace_id == live.workspace, attended.c.platform == fact.platform)
    theirs = (attended.c.organization_id == live.organization, sa.or_(here, attended.c.identity_id.in_(accounts)))
    of = (
        ties.c.organization_id == live.organization,
        ties.c.workspace_id == live.workspace,
        ties.c.platform == fact.platform,
    )
    return {
        "participation": (await tx.execute(attended.delete().where(*theirs))).rowcount,
        "interaction": (await tx.execute(ties.delete().where(*of))).rowcount,
    }


async def _accounts(tx: Tx, live: Live, fact: Withdrawn) -> dict[str, int]:
    """Delete the accounts of the realm in the whole organization; the persons behind them stay."""
    mine, organization = _accounts_of(live, fact), live.organization
    change, sent, seat, identity = tables.identity_change, tables.delivery, tables.seat, tables.identity
    await tx.execute(change.delete().where(change.c.organization_id == organization, change.c.identity_id.in_(mine)))
    for table in (sent, seat):
        theirs = (table.c.organization_id == organization, table.c.identity_id.in_(mine))
        await tx.execute(sa.update(table).where(*theirs).values(identity_id=None))
    refs = (sent.c.organization_id == organization, sent.c.installation_id == live.id)
    await tx.execute(sent.update().where(*refs).values(ref=None))
    gone = identity.delete().where(identity.c.organization_id == organization, identity.c.id.in_(mine))
    return {"identity": (await tx.execute(gone)).rowcount}


async def _traffic(runtime: Runtime, tx: Tx, live: Live) -> dict[str, int]:
    """Delete what the plugin kept, what waits, and the credentials; the installation is disabled."""
    deleted = {}
    for table in (tables.store, tables.outbox, tables.cursor, tables.seen):
        mine = (table.c.organization_id == live.organization, table.c.installation_id == live.id)
        deleted[table.name] = (await tx.execute(table.delete().where(*mine))).rowcount
    inbox, subscription, installation = tables.inbox, tables.subscription, tables.installation
    own = (subscription.c.organization_id == live.organization, subscription.c.installation_id == live.id)
    ours = inbox.c.subscription_id.in_(sa.select(subscription.c.id).where(*own))
    waiting = (inbox.c.organization_id == live.organization, ours, inbox.c.state.in_(UNDONE))
    deleted["inbox"] = (await tx.execute(inbox.delete().where(*waiting))).rowcount
    deleted["subscription"] = (await tx.execute(subscription.delete().where(*own))).rowcount
    nothing = runtime.vault.seal_json({}, *sealed_at(live.organization, live.id))
    known = (installation.c.organization_id == live.organization, installation.c.id == live.id)
    values = {"settings": nothing, "enabled": False, "version": installation.c.version + 1}
    await tx.execute(installation.update().where(*known).values(values))
    return deleted


def _accounts_of(live: Live, fact: Withdrawn) -> sa.Select[tuple[str]]:
    identity = tables.identity
    return sa.select(identity.c.id).where(
        identity.c.organization_id == live.organization,
        identity.c.platform == fact.platform,
        identity.c.realm == fact.realm,
    )
