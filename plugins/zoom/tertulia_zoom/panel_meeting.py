"""Find the meeting behind an app context, and make the pass of the panel that was opened in it."""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from tertulia import Actor, Refused, RetryLater, SendError
from tertulia_zoom.app_context import USER, AppContext, open_context
from tertulia_zoom.desk import Desk
from tertulia_zoom.events import MeetingEvent
from tertulia_zoom.panel_pass import Pass, Passes
from tertulia_zoom.paths import NUMBER, Gone
from tertulia_zoom.webhooks import instance_key

REMEMBERED = 500
VISITOR = re.compile(r"[0-9a-f]{8}[0-9a-f-]{24,28}")
SWEPT = timedelta(minutes=5)
PATIENCE = 60.0
"""Real seconds for which Zoom's dashboard is waited for, with a day's quota used up, too."""
USED, SESSIONS = "panel/used/", "panel/session/"
"""Where app contexts that were used are kept, and the last session of each instance; each until it means nothing."""


class Door:
    """Let panels in: an app context once, for a pass."""

    def __init__(self, desk: Desk, passes: Passes):
        self._desk, self._passes = desk, passes
        self._numbers: OrderedDict[str, str] = OrderedDict()
        self._swept = datetime.min.replace(tzinfo=UTC)

    async def enter(self, sealed: str, number: str, visitor: str = "") -> Pass:
        """Return the pass for whoever holds *sealed* in the meeting *number*; raises `Refused`."""
        app, now = self._desk.settings.app, datetime.now(UTC)
        if app is None:
            raise Refused("no general app is set", 404)
        context = open_context(sealed, app.client_secret.get_secret_value(), app.client_id, now)
        await self._use(context, now)
        known = await self._number(context.meeting, number)
        return self._passes.make(
            user=context.user,
            meeting=context.meeting,
            number=known,
            hosting=context.hosting,
            now=now,
            visitor=visitor if VISITOR.fullmatch(visitor) else "",
        )

    async def _use(self, context: AppContext, now: datetime) -> None:
        """Note that a context was used; raises `Refused` the second time."""
        store = self._desk.context.store
        if not await store.put_new(USED + context.mark, {"until": context.expires.timestamp()}):
            raise Refused("used before", 401)
        if now - self._swept > SWEPT:
            self._swept = now
            for prefix in (USED, SESSIONS):
                late = [key async for key, kept in store.scan(prefix) if kept["until"] < now.timestamp()]
                for key in late:
                    await store.delete(key)

    async def _number(self, meeting: str, number: str) -> str:
        """Return the number of the meeting whose running instance is *meeting*.

        The page only says which number to ask Zoom about; that the instance is that meeting's, Zoom says.
        """
        if meeting in self._numbers:
            return self._numbers[meeting]
        if not NUMBER.fullmatch(number):
            raise Refused("not the number of a meeting", 400)
        try:
            found = await self._desk.account.meeting(number)
        except Gone:
            raise Refused("not a meeting of this account", 403) from None
        except RetryLater:
            raise Refused("Zoom does not answer at the moment", 503) from None
        except SendError:
            raise Refused("Zoom does not tell which meeting this is", 502) from None
        if found.get("uuid") != meeting:
            raise Refused("not this meeting", 403)
        self._numbers[meeting] = number
        if len(self._numbers) > REMEMBERED:
            self._numbers.popitem(last=False)
        return number


async def accounts_present(desk: Desk, meeting: str) -> list[Actor]:
    """Return the accounts in an instance now, as Zoom's dashboard tells; none where the plan or scopes lack that.

    Guests of other accounts have no id there, and whoever left or waits is not present.
    """
    found: dict[str, Actor] = {}
    with suppress(SendError, TimeoutError):
        async with asyncio.timeout(PATIENCE):
            async for page in desk.account.present(meeting):
                here = (row for row in page if not row.get("leave_time") and row.get("status") != "in_waiting_room")
                names = (row.get("id") for row in here)
                found |= {name: desk.actor(name) for name in names if isinstance(name, str) and USER.fullmatch(name)}
    return list(found.values())


async def accounts_in(desk: Desk, number: str, meeting: str) -> dict[str, Actor]:
    """Return the account behind each participant of an instance, as Zoom's signed events told."""
    kept = [value async for _, value in desk.context.store.scan(instance_key(number, meeting))]
    events = [MeetingEvent.again(value) for value in kept]
    return {event.device: desk.actor(event.user) for event in events if event.device and event.user}
