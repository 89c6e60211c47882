"""Pass anonymous feedback that reads like a threat on to the responders of its workspace: the text, and no author.

Nobody knows who wrote, so nobody is told it. The messages about it say nothing; the text is read on the responders'
page. When somebody may be told is in the conversation's own row, so a crash loses no message.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import sqlalchemy as sa

from tertulia.delivery.pausing import pause
from tertulia.domain.attention import after_quiet_hours
from tertulia.domain.identifiers import Id
from tertulia.domain.markup import Markup
from tertulia.errors import Mistake
from tertulia.runtime import Runtime
from tertulia.storage import audit, tables
from tertulia.storage.database import Tx
from tertulia.surveys.candle import alerts, responders
from tertulia.surveys.feedback import conversations

log = logging.getLogger(__name__)
AT_ONCE = 100


async def pass_on(runtime: Runtime, tx: Tx, organization: Id, workspace: Id, conversation: Id, *, actor: str) -> None:
    """Show a conversation to the workspace's responders and tell them that something waits; audited.

    A second time changes nothing. Raises `Mistake` where nobody is a responder, or there is no such conversation.
    """
    if not await responders.with_role(tx, organization, workspace):
        raise Mistake("Nobody here is a responder yet: grant that role first, then pass the conversation on.")
    if not await conversations.mark_passed_on(runtime, tx, organization, workspace, conversation):
        return
    await audit.record(
        tx,
        runtime.vault,
        organization=organization,
        at=runtime.clock.now(),
        actor=actor,
        verb="feedback.pass_on",
        subject=conversation,
        detail={},
    )
    await _tell(runtime, tx, organization, workspace, conversation)


async def watch(runtime: Runtime, stop: asyncio.Event) -> None:
    """Tell responders whose quiet hours are over until *stop*."""
    while not stop.is_set():
        await tell_due(runtime)
        await pause(stop, alerts.TICK)


async def tell_due(runtime: Runtime) -> int:
    """Send what waited for the end of quiet hours, each in a transaction of its own; return how many were due.

    What fails is logged and due again at the next look; it holds up no other conversation.
    """
    table = tables.feedback
    query = sa.select(table.c.id).where(table.c.tell_at <= runtime.clock.now()).order_by(table.c.id).limit(AT_ONCE)
    async with runtime.database.read() as tx:
        due = list((await tx.execute(query)).scalars())
    for one in due:
        try:
            async with runtime.database.write() as tx:
                row = (await tx.execute(sa.select(table).filter_by(id=one).with_for_update())).one_or_none()
                if row is not None and row.tell_at is not None and row.tell_at <= runtime.clock.now():
                    await _tell(runtime, tx, row.organization_id, row.workspace_id, one)
        except Exception:
            log.exception("responders could not be told; it is tried again", extra={"ids": {"feedback": one}})
    return len(due)


async def _tell(runtime: Runtime, tx: Tx, organization: Id, workspace: Id, conversation: Id) -> None:
    """Tell the responders who are awake, or note when the first of them will be."""
    now = runtime.clock.now()
    able = await responders.with_role(tx, organization, workspace)
    awake = {one.id: after_quiet_hours(one, now) for one in able}
    present = [one for one in able if awake[one.id] <= now]
    if not able:
        log.warning(
            "feedback was passed on to nobody: no responder is left", extra={"ids": {"feedback": conversation}}
        )
    where = f"{runtime.config.public_url}/workspaces/{workspace}/care"
    body = Markup.parse(f"Please open [your page]({where}) when nobody looks on.")
    for one in present:
        await alerts.owe(runtime, tx, one, "Something waits for you", body)
    later: Any = None if present or not able else min(awake.values())
    table = tables.feedback
    mine = (table.c.organization_id == organization, table.c.id == conversation)
    await tx.execute(table.update().where(*mine).values(tell_at=later))
