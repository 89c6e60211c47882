"""Take webhooks: verify, keep sealed, answer, and only then process.

What a platform posts is answered after it is committed and processed after it is answered. A duplicate is found by
the keyed hash of its event id. The sealed body is deleted once processed; an event that a plugin cannot read is kept
sealed for 14 days and can be replayed. Answers to surveys are refused here: plugins take them in their routes. The
word for a candle is answered in the request and never stored, see `unkept`.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

import sqlalchemy as sa

from tertulia.capabilities import Answer, Raw, Subscription, Webhook
from tertulia.delivery import unkept
from tertulia.delivery.processing import listing, process, replay, seal
from tertulia.domain.identifiers import Id, Json
from tertulia.domain.people import Place
from tertulia.errors import Refused
from tertulia.services.context import hook_url
from tertulia.storage import people, tables
from tertulia.storage.database import Tx, upsert

if TYPE_CHECKING:
    from tertulia.runtime import Runtime
    from tertulia.services.installations import Live

LARGEST = 1024 * 1024
"""Bytes of a body; platforms stay far below."""
TOGETHER = 200
"""Requests that share a commit at most."""
REMEMBERED = 1.0
"""Seconds for which a subscription is not looked up again."""
BEFORE_DROPPING = 0.1
"""What happens where nothing is known to be ours is dropped only by a look at most so many seconds old."""
MOST_REMEMBERED = 10_000
MOST_WAITING = 4000
"""Requests whose commit may be awaited at once; further ones are told to come back."""
COME_BACK = Answer(status=503, headers=(("retry-after", "5"),))
OK = Answer()
log = logging.getLogger(__name__)
__all__ = ["listing", "process", "receive", "replay"]
T = TypeVar("T")


async def receive(runtime: Runtime, live: Live, subscription_id: Id, raw: Raw) -> Answer:
    """Answer a request to `/hooks/<plugin>/<subscription>`; raises `Refused` with the status to answer instead."""
    if len(raw.body) > LARGEST:
        raise Refused("the body is larger than 1 MiB", 413)
    if runtime.signals.receiving >= MOST_WAITING:
        return COME_BACK
    runtime.signals.receiving += 1
    try:
        subscription, places = await _subscription(runtime, live, subscription_id)
        webhook = live.webhooks.get(subscription.name)
        if webhook is None:
            raise Refused("no such webhook", 404)
        return await _take(runtime, live, webhook, subscription, places, raw)
    finally:
        runtime.signals.receiving -= 1


async def _take(
    runtime: Runtime, live: Live, webhook: Webhook, subscription: Subscription, places: frozenset[Place], raw: Raw
) -> Answer:
    handshake = _asked(live.plugin, lambda: webhook.handshake(raw, subscription))
    if handshake is not None:
        return handshake
    # signatures carry real time, whatever clock the rounds live by
    _asked(live.plugin, lambda: webhook.verify(raw, subscription, datetime.now(UTC)))
    if not _asked(live.plugin, lambda: webhook.wanted(raw, places)):
        # a posting in a new place may be answered before the place is looked up again
        _, newer = await _subscription(runtime, live, subscription.id, within=BEFORE_DROPPING)
        if newer == places or not _asked(live.plugin, lambda: webhook.wanted(raw, newer)):
            return OK
    event = _asked(live.plugin, lambda: webhook.event_id(raw)) or hashlib.sha256(raw.body).hexdigest()
    if await unkept.taken(runtime, live, webhook, raw, f"{subscription.id}:{event}"):
        return OK
    await _keep(runtime, live, subscription.id, event, raw)
    return OK


def _asked(plugin: str, question: Callable[[], T]) -> T:
    """Ask a plugin about a stranger's request; what it cannot read is the stranger's fault, never a 500."""
    try:
        return question()
    except Refused:
        raise
    except Exception as error:
        log.warning("webhook of plugin %s raised %s", plugin, type(error).__name__)
        raise Refused("not readable", 400) from error


async def _subscription(
    runtime: Runtime, live: Live, wanted: Id, *, within: float = REMEMBERED
) -> tuple[Subscription, frozenset[Place]]:
    """Return a subscription and its workspace's places as they stood at most *within* seconds ago."""
    known, key = runtime.signals.subscriptions, (live.id, wanted)
    if key in known and time.monotonic() < known[key][0] + within:
        return known[key][1:]
    subscription, places = await _read_subscription(runtime, live, wanted)
    if len(known) > MOST_REMEMBERED:
        known.clear()
    known[key] = (time.monotonic(), subscription, places)
    return subscription, places


async def _read_subscription(runtime: Runtime, live: Live, wanted: Id) -> tuple[Subscription, frozenset[Place]]:
    query = sa.select(tables.subscription).filter_by(
        organization_id=live.organization, installation_id=live.id, id=wanted
    )
    async with runtime.database.read() as tx:
        row = (await tx.execute(query)).one_or_none()
        if row is None:
            raise Refused("no such subscription", 404)
        places = await people.places(tx, live.organization, live.workspace)
    secrets = runtime.vault.open_json(row.secrets, "subscription", live.organization, row.id)
    url = hook_url(runtime.config, live.plugin, row.id)
    subscription = Subscription(id=row.id, name=row.name, url=url, secrets=tuple(secrets))
    return subscription, frozenset(places.values())


async def _keep(runtime: Runtime, live: Live, subscription: Id, event: str, raw: Raw) -> None:
    identifier = runtime.new_id()
    row = {
        "organization_id": live.organization,
        "id": identifier,
        "subscription_id": subscription,
        "event": runtime.vault.keyed_hash(f"{subscription}:{event}", "inbox"),
        "sealed": seal(runtime.vault, live.organization, identifier, raw),
        "state": "received",
        "attempts": 0,
        "next_at": 0.0,
        "received_at": runtime.clock.now(),
    }

    kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    signals = runtime.signals
    signals.arrived.append((row, kept))
    if signals.committer is None or signals.committer.done():
        signals.committer = asyncio.create_task(_commit_arrived(runtime))
    await asyncio.shield(kept)


async def _commit_arrived(runtime: Runtime) -> None:
    """Commit what has arrived, one statement and one commit for many."""
    waiting = runtime.signals.arrived
    while waiting:
        batch = waiting[:TOGETHER]
        del waiting[:TOGETHER]
        try:
            await _store(runtime, [row for row, _ in batch])
        except Exception as error:
            for _, kept in batch:
                if not kept.done():
                    kept.set_exception(ConnectionAbortedError(f"not kept: {type(error).__name__}"))
                kept.exception()
        else:
            for _, kept in batch:
                if not kept.done():
                    kept.set_result(None)
            runtime.signals.intake.set()


async def _store(runtime: Runtime, rows: Sequence[Json]) -> None:
    async def work(tx: Tx) -> None:
        await upsert(tx, tables.inbox, rows, keys=("organization_id", "subscription_id", "event"))

    await runtime.database.group(work)
