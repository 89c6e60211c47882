"""Read and write a Zoom account through zoomus: every operation once, typed, in threads of its own.

zoomus is synchronous, so each request has a thread; how many there are is capped, and a thread that a dripping
answer holds beyond the time-out counts until it ends. What comes back is a value or one of the four errors.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, date, datetime
from functools import partial
from typing import Any, Literal, TypeAlias, TypeVar

from tertulia import Json, OutcomeUnknown, RetryLater
from tertulia_zoom import paths
from tertulia_zoom.answers import Answer, Expired, judge
from tertulia_zoom.config import Settings
from tertulia_zoom.limits import Rate, Rates
from tertulia_zoom.tokens import Tokens
from tertulia_zoom.transport import Lost, Meetings, PastMeetings, Reports, Transport, Users, configuration

THREADS = 6
PAGE = 300
"""What Zoom gives at once at most."""
GRACE = 1.0
"""Seconds beyond the time-out in which a thread may end by itself."""
Status: TypeAlias = Literal["active", "inactive", "pending"]
T = TypeVar("T", bound=Transport)
Ask: TypeAlias = Callable[[T], Answer]


class Account:
    """Carry out operations for one installation."""

    def __init__(self, settings: Settings, tokens: Tokens, rates: Rates, threads: int = THREADS):
        self._settings, self._tokens, self._rates = settings, tokens, rates
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="zoomus")
        self._free = asyncio.Semaphore(threads)

    # -- users -----------------------------------------------------------------------------------------------------

    def users(self, status: Status = "active") -> AsyncIterator[list[Json]]:
        """Yield the account's users, page by page."""
        ask = partial(Users.list, status=status, page_size=PAGE)
        return self._pages(Users, ask, Rate.MEDIUM, "users")

    async def user(self, user: str) -> Json:
        """Return a user."""
        return await self._call(Users, partial(Users.get, id=paths.plain(user)), Rate.LIGHT)

    # -- meetings --------------------------------------------------------------------------------------------------

    async def meeting(self, number: str) -> Json:
        """Return a meeting; its `uuid` is that of the instance that runs now or comes next."""
        return await self._call(Meetings, partial(Meetings.get, id=paths.meeting(number)), Rate.LIGHT)

    async def create_meeting(self, user: str, body: Json, start: datetime) -> Json:
        """Schedule a meeting in the name of *user*, and return it with its `id` and `join_url`."""
        ask = partial(Meetings.create, user_id=paths.plain(user), start_time=start.astimezone(UTC), **body)
        return await self._call(Meetings, ask, Rate.MEDIUM, writes=True)

    async def change_meeting(self, number: str, body: Json) -> None:
        """Change a scheduled meeting."""
        ask = partial(Meetings.update, id=paths.meeting(number), **body)
        await self._call(Meetings, ask, Rate.LIGHT, writes=True)

    async def delete_meeting(self, number: str) -> None:
        """Take a scheduled meeting back."""
        await self._call(Meetings, partial(Meetings.delete, id=paths.meeting(number)), Rate.LIGHT, writes=True)

    def present(self, uuid: str) -> AsyncIterator[list[Json]]:
        """Yield who is in an instance that goes on, page by page; on Business plans and higher only."""
        endpoint = f"/metrics/meetings/{paths.meeting(uuid)}/participants"
        wanted = {"type": "live", "page_size": PAGE}
        return self._pages(Meetings, partial(_queried, endpoint, wanted), Rate.HEAVY, "participants")

    # -- meetings that were ----------------------------------------------------------------------------------------

    async def past_meeting(self, meeting: str) -> Json:
        """Return a meeting that was, by UUID, or the last instance of a number."""
        ask = partial(PastMeetings.get, meeting_id=paths.meeting(meeting))
        return await self._call(PastMeetings, ask, Rate.LIGHT)

    async def instances(self, number: str) -> list[Json]:
        """Return the ended instances of a meeting, each with `uuid` and `start_time`."""
        ask = partial(PastMeetings.list, meeting_id=paths.meeting(number))
        return _tables(await self._call(PastMeetings, ask, Rate.MEDIUM), "meetings")

    def participants(self, uuid: str) -> AsyncIterator[list[Json]]:
        """Yield who was in an instance, page by page: a row for each stay; nothing where only one person was."""
        meeting = paths.meeting(uuid)
        ask = partial(PastMeetings.get_participants, meeting_id=meeting, page_size=PAGE)
        return self._pages(PastMeetings, ask, Rate.MEDIUM, "participants")

    # -- reports ---------------------------------------------------------------------------------------------------

    def reported_participants(self, uuid: str) -> AsyncIterator[list[Json]]:
        """Yield who was in an instance by the report, page by page; it needs two participants at least."""
        meeting = paths.meeting(uuid)
        ask = partial(Reports.get_meeting_participants_report, id=meeting, page_size=PAGE)
        return self._pages(Reports, ask, Rate.HEAVY, "participants")

    def reported_meetings(self, user: str, first: date, last: date) -> AsyncIterator[list[Json]]:
        """Yield the meetings that a user held between two days, a month at most, page by page."""
        endpoint = f"/report/users/{paths.plain(user)}/meetings"
        # zoomus' own method sends instants where the description wants days
        days = {"from": first.isoformat(), "to": last.isoformat(), "type": "past", "page_size": PAGE}
        return self._pages(Reports, partial(_queried, endpoint, days), Rate.HEAVY, "meetings")

    # -- one request -----------------------------------------------------------------------------------------------

    async def _pages(
        self, component: type[T], ask: Callable[..., Answer], rate: Rate, name: str
    ) -> AsyncIterator[list[Json]]:
        more: dict[str, Any] = {}
        seen: set[str] = set()
        while True:
            body = await self._call(component, partial(_with, ask, more), rate)
            yield _tables(body, name)
            token = body.get("next_page_token")
            if not isinstance(token, str) or not token:
                return
            if token in seen:
                raise RetryLater("Zoom gave the same page again")
            seen.add(token)
            more = {"next_page_token": token}

    async def _call(self, component: type[T], ask: Ask[T], rate: Rate, *, writes: bool = False) -> Json:
        try:
            return await self._once(component, ask, rate, writes)
        except Expired:
            return await self._once(component, ask, rate, writes)

    async def _once(self, component: type[T], ask: Ask[T], rate: Rate, writes: bool) -> Json:
        token = await self._tokens.get("server")
        await self._rates.wait(rate)
        config = configuration(token, self._settings.timeout)
        where = self._settings.endpoints.api
        made = component(base_uri=where, config=config)  # type: ignore[call-arg]  # zoomus has the constructor
        request = partial(ask, made)
        try:
            answer = await self._in_thread(request)
        except Lost as lost:
            if writes and lost.sent:
                raise OutcomeUnknown("the connection to Zoom was lost before an answer came") from None
            raise RetryLater("nothing answers at Zoom's address") from None
        try:
            return await judge(answer, rate=rate, rates=self._rates, writes=writes)
        except Expired:
            self._tokens.forget("server", token)
            raise

    async def _in_thread(self, request: Callable[[], Answer]) -> Answer:
        seconds = self._settings.timeout
        try:
            await asyncio.wait_for(self._free.acquire(), seconds)
        except TimeoutError:
            raise RetryLater("every thread still waits for Zoom") from None
        loop = asyncio.get_running_loop()
        work = self._pool.submit(request)
        work.add_done_callback(partial(_release, loop, self._free))
        try:
            return await asyncio.wait_for(asyncio.wrap_future(work), seconds + GRACE)
        except TimeoutError:
            raise Lost(sent=True) from None


def _release(loop: asyncio.AbstractEventLoop, free: asyncio.Semaphore, work: Future[Answer]) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(free.release)


def _queried(endpoint: str, wanted: Json, to: Transport, **more: Any) -> Answer:
    answer: Answer = to.get_request(endpoint, params={**wanted, **more})
    return answer


def _with(ask: Callable[..., Answer], more: dict[str, Any], to: Transport) -> Answer:
    return ask(to, **more)


def _tables(body: Json, name: str) -> list[Json]:
    rows = body.get(name, [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise RetryLater(f"Zoom's answer has no list of {name}")
    return rows
