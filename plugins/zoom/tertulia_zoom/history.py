"""Read meetings that are over: from Zoom's own records, and from the events where Zoom has none.

What the records say counts; events fill what they lack, and events that were lost are made up for by the records.
An instance is stated once, when it is complete or when Zoom would repeat a lost event no more.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from tertulia import Batch, Interaction, Json, OperatorError, OutcomeUnknown, Participation, Place, RetryLater
from tertulia_zoom.answers import NotOnPlan
from tertulia_zoom.attendance import Attendance, Stay, attendance
from tertulia_zoom.desk import PLATFORM, Desk
from tertulia_zoom.events import MeetingEvent, instant, reported_stays, told_stays
from tertulia_zoom.paths import NUMBER, Gone
from tertulia_zoom.polls import Polls
from tertulia_zoom.webhooks import WEBHOOK, instance_key

Facts: TypeAlias = Batch[Participation | Interaction]
BACK = timedelta(days=1)
"""How long before a meeting became a place its instances are read."""
PATIENCE = timedelta(minutes=100)
"""Zoom repeats events for 85 minutes; by then its own records are complete, too."""
SOON = timedelta(minutes=10)
OVERLAP = timedelta(days=2)
FORGOTTEN = timedelta(days=3)
"""After that an instance that nobody knows an end of is given up."""
TOGETHER = 500


@dataclass
class _Instance:
    uuid: str
    events: list[MeetingEvent] = field(default_factory=list)
    listed: datetime | None = None

    @property
    def started(self) -> datetime:
        told = [event.at for event in self.events]
        return self.listed or min(told)

    def told(self, what: str) -> datetime | None:
        return max((event.at for event in self.events if event.what == what), default=None)


@dataclass
class _Reached:
    """Hold how far a meeting was read: instances from *beginning* on, but for those that are *done*."""

    beginning: datetime
    done: dict[str, datetime] = field(default_factory=dict)

    def advance(self, beginning: datetime) -> None:
        """Forget what is done of instances that are not asked for any more."""
        self.beginning = max(self.beginning, beginning)
        self.done = {key: at for key, at in self.done.items() if at >= self.beginning - OVERLAP}

    def kept(self) -> Json:
        """Return it as JSON."""
        done = {key: at.isoformat() for key, at in sorted(self.done.items())}
        return {"from": self.beginning.isoformat(), "done": done}

    @classmethod
    def again(cls, kept: Mapping[str, Any]) -> _Reached:
        """Read what `kept` wrote."""
        done = {str(key): datetime.fromisoformat(at) for key, at in kept["done"].items()}
        return cls(datetime.fromisoformat(kept["from"]), done)


@dataclass(frozen=True, kw_only=True)
class _Record:
    """Hold what is known of an instance that ended; *whole* unless more may come."""

    started: datetime
    ended: datetime
    stays: Sequence[Stay]
    whole: bool


class MeetingHistory:
    """Be the participation port of the meetings that are places of the workspace."""

    def __init__(self, desk: Desk):
        self._desk, self._polls = desk, Polls(desk)

    async def since(self, cursor: str | None, places: frozenset[Place]) -> AsyncIterator[Facts]:
        """Yield who attended and who was together in instances that are complete, and no other meeting's."""
        context = self._desk.context
        await context.subscribe(WEBHOOK, self._desk.settings.webhook_secrets)
        reached, waits = _positions(cursor), False
        numbers = sorted({place.ref for place in places if place.platform == PLATFORM and place.kind == "meeting"})
        await self._forget_others(frozenset(numbers))
        try:
            for number in (number for number in numbers if NUMBER.fullmatch(number)):
                here = reached.setdefault(number, _Reached(context.clock.now() - BACK))
                open_from: list[datetime] = []
                async for instance in self._undone(number, here):
                    record = await self._record(number, instance)
                    if record is not None:
                        await context.live.over(self._desk.place(number), record.ended)
                        there = {stay.who for stay in record.stays}
                        await self._polls.collect(number, instance.uuid, there)
                    if record is not None and record.whole:
                        *parts, last = _parts(self._facts(number, instance, record))
                        for items in parts:
                            yield Batch(items, _cursor(reached))
                        here.done[_short(instance.uuid)] = record.started
                        yield Batch(last, _cursor(reached))
                        # what was yielded is stored by now
                        await self._forget(number, instance.uuid)
                    else:
                        open_from.append(instance.started)
                        waits = waits or record is not None
                here.advance(min([context.clock.now() - OVERLAP, *open_from]))
                yield Batch((), _cursor(reached))
        except OutcomeUnknown as unknown:
            # what is read can be read again
            raise RetryLater(str(unknown)) from None
        if waits:
            raise RetryLater("a meeting's records are not complete yet", SOON)

    # -- which instances -------------------------------------------------------------------------------------------

    async def _undone(self, number: str, here: _Reached) -> AsyncIterator[_Instance]:
        """Yield the instances that were not stated yet, oldest first."""
        store, found = self._desk.context.store, dict[str, _Instance]()
        async for _, value in store.scan(f"event:{number}:"):
            event = MeetingEvent.again(value)
            found.setdefault(event.uuid, _Instance(event.uuid)).events.append(event)
        for row in await self._listed(number):
            uuid, started = row.get("uuid"), instant(row.get("start_time"))
            if isinstance(uuid, str) and started is not None and (uuid in found or started >= here.beginning):
                found.setdefault(uuid, _Instance(uuid)).listed = started
        for instance in sorted(found.values(), key=lambda one: (one.started, one.uuid)):
            if _short(instance.uuid) in here.done:
                # an event that came after the fact
                await self._forget(number, instance.uuid)
            else:
                yield instance

    async def _listed(self, number: str) -> list[Json]:
        try:
            return await self._desk.account.instances(number)
        except (Gone, NotOnPlan):
            return []

    # -- what was --------------------------------------------------------------------------------------------------

    async def _record(self, number: str, instance: _Instance) -> _Record | None:
        """Return what is known of an instance; `None` while it lasts."""
        now = self._desk.context.clock.now()
        details = await self._details(instance.uuid)
        told = instance.told("ended")
        ended = instant(details.get("end_time")) or told
        started = instant(details.get("start_time")) or instance.told("started") or instance.started
        if ended is None:
            last = max((event.at for event in instance.events), default=instance.started)
            if instance.listed is None and now - last < FORGOTTEN:
                return None
            ended = last
        rows = await self._rows(instance.uuid)
        # events that came while Zoom was asked tell the devices of guests in its records
        told_by_now = [event async for event in self._events(number, instance.uuid)]
        reported = reported_stays(instance.uuid, rows, told_by_now)
        events = told_stays(told_by_now)
        known = {stay.session for stay in reported}
        missing = [stay for stay in events if stay.session not in known and (stay.left is not None or not reported)]
        rooms = [_within(stay, reported) for stay in events if stay.session in known and stay.room is not None]
        whole = (bool(reported) and not missing) or now - ended >= PATIENCE
        return _Record(started=started, ended=max(started, ended), stays=[*reported, *missing, *rooms], whole=whole)

    async def _events(self, number: str, uuid: str) -> AsyncIterator[MeetingEvent]:
        async for _, value in self._desk.context.store.scan(instance_key(number, uuid)):
            yield MeetingEvent.again(value)

    async def _details(self, uuid: str) -> Json:
        try:
            return await self._desk.account.past_meeting(uuid)
        except (Gone, NotOnPlan):
            return {}

    async def _rows(self, uuid: str) -> list[Json]:
        """Return who was there by Zoom's records: the list, or the report where that has nothing."""
        account = self._desk.account
        with suppress(Gone, NotOnPlan):
            rows = [row async for page in account.participants(uuid) for row in page]
            if rows:
                return rows
        # small accounts cannot even grant the scope for reports
        with suppress(Gone, OperatorError):
            return [row async for page in account.reported_participants(uuid) for row in page]
        return []

    def _facts(self, number: str, instance: _Instance, record: _Record) -> list[Participation | Interaction]:
        place = self._desk.place(number)
        found: Attendance = attendance(record.stays, record.started, record.ended)
        actors = {who: self._desk.actor(who) for who in found.present}
        facts: list[Participation | Interaction] = [
            Participation(actor=actors[who], place=place, kind="attended", started=start, ended=end)
            for who, times in sorted(found.present.items())
            for start, end in times
        ]
        for (one, other), weight in sorted(found.together.items()):
            if one.startswith("guest:") or other.startswith("guest:"):
                continue
            for source, target in ((one, other), (other, one)):
                facts.append(
                    Interaction(
                        source=actors[source],
                        target=actors[target],
                        kind="co-attendance",
                        at=record.started,
                        weight=weight,
                        place=place,
                    )
                )
        return sorted(facts, key=_at)

    # -- what stays ------------------------------------------------------------------------------------------------

    async def _forget(self, number: str, uuid: str) -> None:
        store = self._desk.context.store
        keys = [key async for key, _ in store.scan(instance_key(number, uuid))]
        for start in range(0, len(keys), TOGETHER):
            # what is deleted at once shares a commit
            await asyncio.gather(*(store.delete(key) for key in keys[start : start + TOGETHER]))

    async def _forget_others(self, numbers: frozenset[str]) -> None:
        """Forget the events of meetings that are no places any more; a young one's may have become one just now."""
        store, before = self._desk.context.store, self._desk.context.clock.now() - FORGOTTEN
        known = [(key, MeetingEvent.again(value)) async for key, value in store.scan("event:")]
        for key, event in known:
            if event.number not in numbers and event.at < before:
                await store.delete(key)


def _within(stay: Stay, reported: Sequence[Stay]) -> Stay:
    """Let a stay in a room, whose end may have been lost, not outlast the connection that it was part of."""
    ends = [one.left for one in reported if one.session == stay.session and one.left is not None]
    known = [end for end in (stay.left, max(ends, default=None)) if end is not None]
    return replace(stay, left=min(known, default=None))


def _parts(facts: list[Participation | Interaction]) -> list[tuple[Participation | Interaction, ...]]:
    """Cut facts into batches, one at least."""
    return [tuple(facts[start : start + TOGETHER]) for start in range(0, len(facts) or 1, TOGETHER)]


def _at(fact: Participation | Interaction) -> datetime:
    return fact.started if isinstance(fact, Participation) else fact.at


def _short(uuid: str) -> str:
    return hashlib.sha256(uuid.encode()).hexdigest()[:16]


def _positions(cursor: str | None) -> dict[str, _Reached]:
    try:
        known = json.loads(cursor) if cursor else {}
        return {str(number): _Reached.again(value) for number, value in known.items()}
    except (ValueError, TypeError, AttributeError, KeyError):
        return {}


def _cursor(reached: Mapping[str, _Reached]) -> str:
    return json.dumps({number: here.kept() for number, here in sorted(reached.items())})
