"""Send what is owed to one person at once: replies, codes, candle alerts, and changes to what was shown.

Everything here is `repeat`: a call of unknown outcome is made again with the same key, so a person may see a reply
twice but never loses one. Alerts have slots of their own, which no flood of replies can take.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal, TypeAlias

from pydantic import TypeAdapter

from tertulia.capabilities import Platform
from tertulia.delivery import leases
from tertulia.domain.attention import undisturbed
from tertulia.domain.identifiers import Id, Json
from tertulia.domain.people import Person, Recipient
from tertulia.domain.prompts import Prompt, Reply
from tertulia.errors import OperatorError, RetryLater, Unreachable
from tertulia.services import colleagues
from tertulia.services.ports import call_port
from tertulia.storage import people, tables
from tertulia.storage.database import Tx, upsert

if TYPE_CHECKING:
    from tertulia.runtime import Runtime
    from tertulia.services.installations import Live

Purpose: TypeAlias = Literal["reply", "message", "alert", "refresh"]
Unasked: TypeAlias = tuple[Id, str]
"""A workspace, and the key of a practice in it."""
ATTEMPTS = 8
LOOK_AGAIN = 60.0
"""Seconds at most until somebody who was not to be disturbed is looked at again: the rounds' clock may be driven."""
NOT_NOW = "not to be disturbed"
"""Why a message waits that the person will get when they are awake again."""
OPERATOR = 300.0
RESERVE = 8
"""Slots that only alerts use."""
REPLY: TypeAdapter[Reply] = TypeAdapter(Reply)
PROMPT: TypeAdapter[Prompt] = TypeAdapter(Prompt)
log = logging.getLogger(__name__)


class _NotNow(Exception):
    """The person is not to be disturbed for so many seconds of the rounds' clock."""

    def __init__(self, seconds: float):
        super().__init__(seconds)
        self.seconds = seconds


class _NotWanted(Exception):
    """The person does not want such messages any more."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Hold what to send: *payload* is sealed when it is put; an entry of a known *identifier* is put once."""

    organization: Id
    installation: Id
    purpose: Purpose
    payload: Json
    identifier: Id | None = None


def reply_entry(
    *,
    organization: Id,
    installation: Id,
    platform: str,
    reply_to: str,
    reply: Reply,
    identifier: Id | None = None,
) -> Entry:
    """Make an entry that answers *reply_to* through the platform's `ReplyPort`."""
    payload = {"platform": platform, "to": reply_to, "reply": REPLY.dump_python(reply, mode="json")}
    return Entry(
        organization=organization,
        installation=installation,
        purpose="reply",
        payload=payload,
        identifier=identifier,
    )


async def put_entry(runtime: Runtime, tx: Tx, entry: Entry) -> Id:
    """Owe *entry* from the commit of *tx* on."""
    identifier = entry.identifier or runtime.new_id()
    row = {
        "organization_id": entry.organization,
        "id": identifier,
        "installation_id": entry.installation,
        "purpose": entry.purpose,
        "sealed": runtime.vault.seal_json(dict(entry.payload), "outbox", entry.organization, identifier),
        "state": "planned",
        "attempts": 0,
        "next_at": 0.0,
    }
    await upsert(tx, tables.outbox, [row], keys=("id",))
    (runtime.signals.alerts if entry.purpose == "alert" else runtime.signals.outbox).set()
    return identifier


async def put(runtime: Runtime, tx: Tx, *, organization: Id, installation: Id, purpose: Purpose, payload: Json) -> Id:
    """Owe a payload as one of the builders below makes it."""
    entry = Entry(organization=organization, installation=installation, purpose=purpose, payload=payload)
    return await put_entry(runtime, tx, entry)


async def put_reply(
    runtime: Runtime, tx: Tx, *, organization: Id, installation: Id, platform: str, reply_to: str, reply: Reply
) -> Id:
    """Owe *reply* to what the Inbox was given as *reply_to*."""
    entry = reply_entry(
        organization=organization, installation=installation, platform=platform, reply_to=reply_to, reply=reply
    )
    return await put_entry(runtime, tx, entry)


async def put_message(
    runtime: Runtime,
    tx: Tx,
    *,
    organization: Id,
    installation: Id,
    identity: Id,
    prompt: Prompt,
    key: Id,
    alert: bool = False,
    unasked: Unasked | None = None,
) -> Id:
    """Owe *prompt* to a person's account; *key* is the same at every attempt, *alert* uses the reserve.

    *unasked* names what the message is about where nobody asked for it. It then waits while the person is not to be
    disturbed, and is dropped where this is not wanted any more: also when it was held up for days. So a message is
    about one practice, or leaving that one would drop what is still wanted of another.
    """
    payload = {
        "identity": identity,
        "key": key,
        "prompt": PROMPT.dump_python(prompt, mode="json"),
        "unasked": [list(unasked)] if unasked else [],
    }
    purpose: Purpose = "alert" if alert else "message"
    return await put(
        runtime, tx, organization=organization, installation=installation, purpose=purpose, payload=payload
    )


async def put_refresh(
    runtime: Runtime,
    tx: Tx,
    *,
    organization: Id,
    installation: Id,
    platform: str,
    ref: str,
    prompt: Prompt,
    target: Literal["person", "place"],
) -> Id:
    """Owe a change of what was shown as *ref*, to a person or in a place."""
    shown = PROMPT.dump_python(prompt, mode="json")
    payload = {"platform": platform, "ref": ref, "target": target, "prompt": shown}
    return await put(
        runtime, tx, organization=organization, installation=installation, purpose="refresh", payload=payload
    )


async def drain(runtime: Runtime, stop: asyncio.Event) -> None:
    """Send what is owed until *stop*; alerts and the rest each in slots of their own."""
    rest, alerts = Sender(runtime, alerts=False), Sender(runtime, alerts=True)
    await asyncio.gather(
        leases.work(rest.claim, rest.handle, stop, runtime.signals.outbox),
        leases.work(alerts.claim, alerts.handle, stop, runtime.signals.alerts, slots=RESERVE),
    )


class Sender:
    """Send the entries of one queue: alerts, or all others."""

    def __init__(self, runtime: Runtime, *, alerts: bool = False):
        purpose = tables.outbox.c.purpose
        self._runtime, self._mine = runtime, purpose == "alert" if alerts else purpose != "alert"

    async def drain(self) -> int:
        """Send all that is due now and return how many entries that were."""
        return await leases.exhaust(self.claim, self.handle)

    async def claim(self, limit: int) -> Sequence[leases.Row]:
        """Take entries that are due."""
        runtime, table = self._runtime, tables.outbox
        lease = runtime.timing.task_lease
        return await leases.claim(runtime.database, table, self._mine, state="planned", limit=limit, lease=lease)

    async def handle(self, rows: Sequence[leases.Row]) -> None:
        """Send entries, or note when to try again."""
        await asyncio.gather(*(self._handle(row) for row in rows))

    async def _handle(self, row: leases.Row) -> None:
        live = self._runtime.installations.get(row.installation_id)
        if live is None:
            await self._again(row, OPERATOR, "the plugin is disabled")
            return
        payload: Json = {}
        try:
            payload = self._runtime.vault.open_json(row.sealed, "outbox", row.organization_id, row.id)
            await self._send(live, row, payload)
        except _NotNow as error:
            await self._again(row, min(error.seconds, LOOK_AGAIN), NOT_NOW, counts=False)
        except _NotWanted:
            await self._final(row, "failed", "not wanted any more")
        except Unreachable as error:
            await self._unreachable(row, payload, str(error))
        except OperatorError as error:
            log.error("plugin %s needs its operator, outbox %s: %s", live.plugin, row.id, error)
            await self._again(row, OPERATOR, "for the operator", counts=False)
        except RetryLater as error:
            pause = _seconds(error.after)
            if error.everyone is not None and pause is not None:
                await live.context.limiter.penalty(error.everyone, pause)
            await self._again(row, pause, "the platform asked to wait")
        except Exception as error:
            # an unknown outcome, or an entry that cannot be read: tried again, but not for ever
            await self._again(row, None, type(error).__name__)
        else:
            await self._final(row, "sent", None)

    async def _send(self, live: Live, row: leases.Row, payload: Json) -> None:
        match row.purpose:
            case "reply":
                await self._reply(live, payload)
            case "refresh":
                await self._refresh(live, payload)
            case _:
                await self._message(live, row, payload)

    async def _reply(self, live: Live, payload: Json) -> None:
        port = _platform(live, payload["platform"]).replies
        if port is None:
            raise Unreachable("the platform takes no replies")
        await call_port(live.plugin, port.reply(payload["to"], REPLY.validate_python(payload["reply"])))

    async def _refresh(self, live: Live, payload: Json) -> None:
        platform, prompt = _platform(live, payload["platform"]), PROMPT.validate_python(payload["prompt"])
        if payload["target"] == "place" and platform.ritual is not None:
            await call_port(live.plugin, platform.ritual.refresh(payload["ref"], prompt))
        elif payload["target"] == "person" and platform.survey is not None:
            await call_port(live.plugin, platform.survey.amend(payload["ref"], prompt))
        else:
            raise Unreachable("the platform changes nothing that was shown")

    async def _message(self, live: Live, row: leases.Row, payload: Json) -> None:
        # older entries name nothing, or several practices of one text
        unasked = [(workspace, practice) for workspace, practice in payload.get("unasked", ())]
        platform, to = await self._recipient(live, row, payload["identity"], unasked)
        if platform.survey is None:
            raise Unreachable("the platform writes to nobody")
        prompt = PROMPT.validate_python(payload["prompt"])
        await call_port(live.plugin, platform.survey.ask(to, prompt, payload["key"]))

    async def _recipient(
        self, live: Live, row: leases.Row, identity: Id, unasked: Sequence[Unasked]
    ) -> tuple[Platform, Recipient]:
        table = tables.identity
        async with self._runtime.database.read() as tx:
            found = (
                await tx.execute(table.select().filter_by(organization_id=row.organization_id, id=identity))
            ).one_or_none()
            account = people.as_identity(found) if found is not None else None
            if account is None or account.person is None or not account.reachable:
                raise Unreachable("nobody is behind the account any more")
            person = await people.person(tx, row.organization_id, account.person)
            if person is None or person.erased:
                raise Unreachable("nobody is behind the account any more")
            if unasked:
                await self._may_write(tx, person, unasked)
        to = Recipient(ref=person.id, address=account.address or {}, language=person.languages[0], zone=person.zone)
        return _platform(live, account.actor.platform), to

    async def _may_write(self, tx: Tx, person: Person, unasked: Sequence[Unasked]) -> None:
        for workspace, practice in unasked:
            if not await colleagues.still_wants(tx, person, workspace, practice):
                raise _NotWanted
        now = self._runtime.clock.now()
        awake = undisturbed(person, now)
        if awake > now:
            raise _NotNow((awake - now).total_seconds())

    async def _unreachable(self, row: leases.Row, payload: Json, reason: str) -> None:
        table = tables.identity

        async def note(tx: Tx) -> None:
            if "identity" in payload:
                mine = (table.c.organization_id == row.organization_id, table.c.id == payload["identity"])
                await tx.execute(table.update().where(*mine).values(reachable=False))
            await _update(tx, row, state="failed", sealed=None, reason=f"unreachable: {reason}"[:200])

        await self._runtime.database.group(note)

    async def _again(self, row: leases.Row, pause: float | None, reason: str, *, counts: bool = True) -> None:
        if counts and row.attempts >= ATTEMPTS:
            await self._final(row, "failed", reason)
            return
        attempts = row.attempts if counts else row.attempts - 1
        due = time.time() + (pause if pause is not None else 2.0 ** min(row.attempts, 8))
        await self._runtime.database.group(
            lambda tx: _update(tx, row, attempts=attempts, next_at=due, reason=reason[:200])
        )

    async def _final(self, row: leases.Row, state: str, reason: str | None) -> None:
        if row.purpose == "alert" and state == "sent":
            # its row would tell at what time somebody asked for care
            await self._runtime.database.group(lambda tx: _delete(tx, row))
            return
        await self._runtime.database.group(lambda tx: _update(tx, row, state=state, sealed=None, reason=reason))


def _platform(live: Live, name: str) -> Platform:
    platform = live.platforms.get(name)
    if platform is None:
        raise OperatorError(f"plugin {live.plugin} does not serve {name} with its present settings")
    return platform


def _seconds(after: timedelta | datetime | None) -> float | None:
    if after is None:
        return None
    pause = after if isinstance(after, timedelta) else after - datetime.now(UTC)
    return max(0.0, pause.total_seconds())


async def _delete(tx: Tx, row: leases.Row) -> None:
    table = tables.outbox
    await tx.execute(table.delete().where(table.c.id == row.id, table.c.state == "planned"))


async def _update(tx: Tx, row: leases.Row, **values: object) -> None:
    table = tables.outbox
    await tx.execute(table.update().where(table.c.id == row.id, table.c.state == "planned").values(**values))
