"""Process webhooks that were answered: read them as facts, hand these to the Inbox, and delete the body."""

from __future__ import annotations

import asyncio
import base64
import itertools
import logging
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias

import sqlalchemy as sa

from tertulia.capabilities import (
    Answered,
    Collect,
    Command,
    Fact,
    Joined,
    Keep,
    Left,
    Raw,
    Reachable,
    Withdrawn,
)
from tertulia.delivery import collect, leases, outbox
from tertulia.domain.identifiers import Id
from tertulia.domain.participation import Interaction, Participation
from tertulia.domain.prompts import Reply
from tertulia.errors import Mistake, Refused, Skip
from tertulia.services import withdrawing
from tertulia.services.facts import Scope, record_interactions, record_participations
from tertulia.services.inbox import InstallationInbox
from tertulia.storage import tables
from tertulia.storage.database import Tx
from tertulia.storage.vault import Vault

if TYPE_CHECKING:
    from tertulia.runtime import Runtime
    from tertulia.services.installations import Live

BACK_OFF = (2.0, 15.0, 120.0)
"""Seconds before a failed event is tried again; after the last it stays failed until somebody replays it."""
DISABLED = 300.0
TOGETHER = 200
MOST = 12
"""Attempts after which an event is not even begun: the process may die of it."""
LINGER = 0.05
"""Seconds for which events gather, so that a stream of them shares commits."""
STATES = ("received", "done", "failed")
log = logging.getLogger(__name__)


Owner: TypeAlias = "tuple[Live, str]"


class Unreadable(Exception):
    """Stand for what a plugin's parser raised; the text is the exception's class and nothing else."""


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """Hold what an operator may know of a stored event: never what is in it."""

    id: Id
    plugin: str
    webhook: str
    state: str
    attempts: int
    reason: str | None
    received_at: datetime


async def process(runtime: Runtime, stop: asyncio.Event) -> None:
    """Process events as they come until *stop*."""
    processor = Processor(runtime)
    signal = runtime.signals.intake
    await leases.work(processor.claim, processor.handle, stop, signal, slots=TOGETHER, together=True, linger=LINGER)


class Processor:
    """Process stored events of one service; *back_off* are the pauses between attempts."""

    def __init__(self, runtime: Runtime, back_off: Sequence[float] = BACK_OFF):
        self._runtime, self._back_off = runtime, tuple(back_off)

    async def drain(self) -> int:
        """Process all that is due now and return how many events that were."""
        return await leases.exhaust(self.claim, self.handle, together=True)

    async def claim(self, limit: int) -> Sequence[leases.Row]:
        """Take events that are due."""
        database = self._runtime.database
        return await leases.claim(
            database, tables.inbox, state="received", limit=limit, lease=self._runtime.timing.task_lease
        )

    async def handle(self, rows: Sequence[leases.Row]) -> None:
        """Process events to their end, or say when to try each again.

        Those of one installation that only state facts share a transaction; where that fails, each has its own.
        """
        plain: dict[Live, list[_Read]] = {}
        others: list[_Read] = []
        owners: dict[Id, Owner] = {}
        for row in rows:
            event = await self._open(row, owners)
            if event is not None:
                whole = all(isinstance(fact, Participation | Interaction) for fact in event.facts)
                (plain.setdefault(event.live, []) if whole else others).append(event)
        alone = [self._one(event) for event in others]
        await asyncio.gather(*(self._many(live, events) for live, events in plain.items()), *alone)

    async def _open(self, row: leases.Row, owners: dict[Id, Owner]) -> _Read | None:
        """Read an event; what cannot be read is settled here."""
        try:
            if row.attempts > MOST:
                raise Refused("it was begun too often")
            if row.subscription_id not in owners:
                owners[row.subscription_id] = await self._owner(row)
            live, webhook = owners[row.subscription_id]
            return _Read(row=row, live=live, facts=_read(self._runtime, live, webhook, row))
        except Exception as error:
            await self._failed(row, error)
            return None

    async def _many(self, live: Live, events: Sequence[_Read]) -> None:
        scope = Scope(organization=live.organization, workspace=live.workspace, installation=live.id)
        came = [fact for event in events for fact in event.facts if isinstance(fact, Participation)]
        ties = [[fact for fact in event.facts if isinstance(fact, Interaction)] for event in events]

        async def work(tx: Tx) -> None:
            await record_participations(self._runtime, tx, scope, came)
            await record_interactions(self._runtime, tx, scope, ties)
            await _update(tx, [event.row for event in events], state="done", sealed=None, reason=None)

        try:
            await self._runtime.database.group(work)
        except Exception as error:
            log.warning("%s events are processed one by one after %s", len(events), type(error).__name__)
            await asyncio.gather(*(self._one(event) for event in events))

    async def _one(self, event: _Read) -> None:
        try:
            row = event.row
            await self._finish(row, await apply(self._runtime, event.live, row.id, row.event, event.facts))
        except Exception as error:
            await self._failed(event.row, error)

    async def _failed(self, row: leases.Row, error: Exception) -> None:
        match error:
            case Skip():
                await self._finish(row, ())
            case _Disabled():
                await self._postpone(row, DISABLED, "the plugin is disabled", attempts=row.attempts - 1)
            case Refused():
                await self._fail(row, "Refused")
            case _:
                reason = str(error) if isinstance(error, Unreadable) else type(error).__name__
                log.warning("event %s could not be processed: %s", row.id, reason)
                if row.attempts > len(self._back_off):
                    await self._fail(row, reason)
                else:
                    await self._postpone(row, self._back_off[row.attempts - 1], reason, attempts=row.attempts)

    async def _owner(self, row: leases.Row) -> Owner:
        table = tables.subscription
        query = sa.select(table.c.installation_id, table.c.name).where(
            table.c.id == row.subscription_id, table.c.organization_id == row.organization_id
        )
        async with self._runtime.database.read() as tx:
            found = (await tx.execute(query)).one_or_none()
        if found is None:
            raise Refused("unsubscribed")
        live = self._runtime.installations.get(found.installation_id)
        if live is None:
            raise _Disabled
        return live, found.name

    async def _finish(self, row: leases.Row, replies: Sequence[outbox.Entry]) -> None:
        async def done(tx: Tx) -> None:
            for entry in replies:
                await outbox.put_entry(self._runtime, tx, entry)
            await _update(tx, [row], state="done", sealed=None, reason=None)

        await self._runtime.database.group(done)
        if replies:
            self._runtime.signals.outbox.set()

    async def _postpone(self, row: leases.Row, pause: float, reason: str, *, attempts: int) -> None:
        due = time.time() + pause
        await self._runtime.database.group(
            lambda tx: _update(tx, [row], attempts=attempts, next_at=due, reason=reason[:200])
        )

    async def _fail(self, row: leases.Row, reason: str) -> None:
        await self._runtime.database.group(lambda tx: _update(tx, [row], state="failed", reason=reason[:200]))


async def apply(
    runtime: Runtime, live: Live, identifier: Id, event: str, facts: Sequence[Fact]
) -> list[outbox.Entry]:
    """Hand the facts of an event to the Inbox, and return the replies that are owed for it.

    *identifier* is of the stored event, or of what stands for it; *event* is the keyed hash of its id.
    """
    inbox = InstallationInbox(
        runtime,
        organization=live.organization,
        installation=live.id,
        workspace=live.workspace,
        plugin=live.plugin,
    )
    replies: list[outbox.Entry] = []
    for key, part in _parts(event, facts):
        reply = await _hand_over(runtime, live, inbox, part, key)
        first = part[0]
        if reply is not None and isinstance(first, Answered | Command) and first.reply_to is not None:
            replies.append(
                outbox.reply_entry(
                    organization=live.organization,
                    installation=live.id,
                    platform=first.actor.platform,
                    reply_to=first.reply_to,
                    reply=reply,
                    # the same at every attempt, so that a crash before the end does not answer twice
                    identifier=runtime.vault.keyed_hash(f"{identifier}:{key}", "outbox")[:32],
                )
            )
    return replies


class _Disabled(Exception):
    """The plugin is not enabled now; its events wait."""


@dataclass(frozen=True, kw_only=True)
class _Read:
    """Hold an event with the facts that its plugin read in it."""

    row: leases.Row
    live: Live
    facts: Sequence[Fact]


def _read(runtime: Runtime, live: Live, name: str, row: leases.Row) -> Sequence[Fact]:
    webhook = live.webhooks.get(name)
    if webhook is None:
        raise Refused("no such webhook")
    raw = unseal(runtime.vault, row.organization_id, row.id, row.sealed)
    try:
        return tuple(webhook.facts(raw))
    except (Refused, Skip):
        raise
    except Exception as error:
        raise Unreadable(type(error).__name__) from error


def _parts(event: str, facts: Sequence[Fact]) -> Iterator[tuple[str, list[Fact]]]:
    """Hand over neighbouring facts of one kind together, everything else one by one."""
    position = 0
    for kind, neighbours in itertools.groupby(facts, type):
        together = list(neighbours)
        parts = [together] if kind in (Participation, Interaction) else [[fact] for fact in together]
        for part in parts:
            yield f"{event}:{position}", part
            position += len(part)


async def _hand_over(
    runtime: Runtime, live: Live, inbox: InstallationInbox, part: Sequence[Fact], key: str
) -> Reply | None:
    match part[0]:
        case Participation():
            await inbox.participated([fact for fact in part if isinstance(fact, Participation)], key)
        case Interaction():
            await inbox.interacted([fact for fact in part if isinstance(fact, Interaction)], key)
        case Answered() as fact:
            return await inbox.answered_later(fact.token, fact.actor, fact.values, key, fact.reply_to)
        case Command() as fact:
            return await inbox.command_later(fact, key)
        case Joined() as fact:
            await inbox.joined(fact.member, key)
        case Left() as fact:
            await inbox.left(fact.actor, key)
        case Reachable() as fact:
            await inbox.reachable(fact.actor, fact.address)
        case Collect() as fact:
            await collect.soon(runtime, live, fact)
        case Keep() as fact:
            await live.context.store.put(fact.key, dict(fact.value))
        case Withdrawn() as fact:
            await _withdraw(runtime, live, fact)
        case unknown:
            raise Unreadable(f"not a fact: {type(unknown).__name__}")
    return None


async def _withdraw(runtime: Runtime, live: Live, fact: Withdrawn) -> None:
    if fact.platform not in live.platforms:
        raise Unreadable("not a platform of this plugin")
    await runtime.database.group(lambda tx: withdrawing.withdraw(runtime, tx, live, fact))
    await withdrawing.take_effect(runtime, live)


async def _update(tx: Tx, rows: Sequence[leases.Row], **values: Any) -> None:
    # a row that another worker took over and finished is left as it is
    table = tables.inbox
    ids = [row.id for row in rows]
    await tx.execute(table.update().where(table.c.id.in_(ids), table.c.state == "received").values(**values))


async def listing(tx: Tx, organization: Id, state: str = "failed", limit: int = 200) -> list[Waiting]:
    """Return stored events in *state*, oldest first."""
    if state not in STATES:
        raise Mistake(f"--state {state!r} is none of {', '.join(STATES)}.")
    inbox, subscription, installation = tables.inbox, tables.subscription, tables.installation
    joined = inbox.outerjoin(subscription, subscription.c.id == inbox.c.subscription_id).outerjoin(
        installation, installation.c.id == subscription.c.installation_id
    )
    query = (
        sa.select(inbox, installation.c.plugin, subscription.c.name.label("webhook"))
        .select_from(joined)
        .where(inbox.c.organization_id == organization, inbox.c.state == state)
        .order_by(inbox.c.received_at, inbox.c.id)
        .limit(limit)
    )
    return [
        Waiting(
            id=row.id,
            plugin=row.plugin or "",
            webhook=row.webhook or "",
            state=row.state,
            attempts=row.attempts,
            reason=row.reason,
            received_at=row.received_at,
        )
        for row in await tx.execute(query)
    ]


async def replay(runtime: Runtime, tx: Tx, organization: Id, ids: Collection[Id] | None = None) -> int:
    """Process failed events again, all of them where *ids* is `None`, and return how many those are."""
    table = tables.inbox
    where = [table.c.organization_id == organization, table.c.state == "failed", table.c.sealed.is_not(None)]
    if ids is not None:
        where.append(table.c.id.in_(list(ids)))
    again = table.update().where(*where).values(state="received", attempts=0, next_at=0.0, reason=None)
    count = (await tx.execute(again)).rowcount
    runtime.signals.intake.set()
    return count


def seal(vault: Vault, organization: Id, identifier: Id, raw: Raw) -> bytes:
    """Seal a request to its row of the inbox."""
    document = {
        "method": raw.method,
        "url": raw.url,
        "headers": dict(raw.headers),
        "query": dict(raw.query),
        "body": base64.b64encode(raw.body).decode(),
    }
    return vault.seal_json(document, "inbox", organization, identifier)


def unseal(vault: Vault, organization: Id, identifier: Id, sealed: bytes) -> Raw:
    """Open what `seal` sealed."""
    document: dict[str, Any] = vault.open_json(sealed, "inbox", organization, identifier)
    return Raw(**{**document, "body": base64.b64decode(document["body"])})
