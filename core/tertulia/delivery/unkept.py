"""Answer in the request what must not be stored on its way: the word that asks for a candle.

The answer only leads to the member's page, where the two steps are taken. Nothing is kept of the event, not even that
it came; one that is posted twice is answered once, because both answers have the same id.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tertulia.capabilities import Command, Raw, Webhook
from tertulia.delivery import outbox, processing
from tertulia.services.inbox_commands import CANDLE
from tertulia.storage.database import Tx

if TYPE_CHECKING:
    from tertulia.runtime import Runtime
    from tertulia.services.installations import Live

WORD = CANDLE.encode()
"""Every wording of the command has it; so most events need not be read twice."""


async def taken(runtime: Runtime, live: Live, webhook: Webhook, raw: Raw, event: str) -> bool:
    """Answer *raw* where it asks for a candle; false for everything else, which is then kept.

    What fails is raised: the platform is told so and posts it again.
    """
    if WORD not in raw.body.lower():
        return False
    try:
        facts = tuple(webhook.facts(raw))
    except Exception:
        return False  # kept, and settled like any other event that cannot be read
    if not any(isinstance(fact, Command) and fact.name == CANDLE for fact in facts):
        return False
    hashed = runtime.vault.keyed_hash(event, "inbox")
    replies = await processing.apply(runtime, live, hashed, hashed, facts)

    async def owe(tx: Tx) -> None:
        for reply in replies:
            await outbox.put_entry(runtime, tx, reply)

    await runtime.database.group(owe)
    return True
