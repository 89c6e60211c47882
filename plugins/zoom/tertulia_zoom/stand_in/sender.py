"""Send events as Zoom does: signed, in compact JSON, again after failures, and late, twice or never on request."""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import aiohttp

from tertulia_zoom.signing import QUESTION, SIGNATURE, TIMESTAMP, sign
from tertulia_zoom.stand_in.operations import Body

RETRIES = (300.0, 1200.0, 3600.0)
"""Seconds after which an event that was not taken is sent again: in all 85 minutes."""
Fate: TypeAlias = Literal["sent", "twice", "held", "lost"]


@dataclass(frozen=True)
class Sent:
    """Hold one attempt: what was sent, how it was signed, and the status that came back, 0 for none."""

    event: str
    body: bytes
    headers: dict[str, str]
    status: int


@dataclass
class Sender:
    """Send to *url*; *fates* say what becomes of the next events, *pace* shortens the pauses between attempts."""

    secret: str
    url: str | None = None
    pace: float = 0.001
    attempts: list[Sent] = field(default_factory=list)
    held: list[Body] = field(default_factory=list)
    lost: list[Body] = field(default_factory=list)
    fates: deque[Fate] = field(default_factory=deque)
    fate: Fate = "sent"

    async def start(self) -> None:
        """Open what sends."""
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10))
        self._under_way: set[asyncio.Task[None]] = set()

    async def stop(self) -> None:
        """Send no more."""
        for task in list(self._under_way):
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        await self._http.close()

    def tell(self, event: Body) -> None:
        """Send *event* in the background, as its fate wills."""
        fate = self.fates.popleft() if self.fates else self.fate
        if fate == "lost":
            self.lost.append(event)
        elif fate == "held":
            self.held.append(event)
        else:
            for _ in range(2 if fate == "twice" else 1):
                self._begin(event)

    def release(self) -> None:
        """Send what was held, now."""
        events, self.held = self.held, []
        for event in events:
            self._begin(event)

    async def quiet(self) -> None:
        """Wait until every event was taken or given up."""
        while self._under_way:
            await asyncio.gather(*list(self._under_way), return_exceptions=True)

    async def validate(self, plain: str = "qgg8vlvZRS6UYooatFL8Aw") -> tuple[int, bytes]:
        """Ask whether the address holds the secret, as Zoom does when it is entered and every 72 hours."""
        event = {"event": QUESTION, "event_ts": int(time.time() * 1000), "payload": {"plainToken": plain}}
        return await self._post(event)

    def _begin(self, event: Body) -> None:
        task = asyncio.create_task(self._deliver(event))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _deliver(self, event: Body) -> None:
        for pause in (*RETRIES, None):
            status, _ = await self._post(event)
            if status in (200, 204):
                return
            if pause is not None:
                await asyncio.sleep(pause * self.pace)

    async def _post(self, event: Body) -> tuple[int, bytes]:
        # compact, for the official receiver writes the JSON anew before it checks the signature
        body = json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode()
        stamp = str(int(time.time()))
        headers = {"content-type": "application/json", TIMESTAMP: stamp, SIGNATURE: sign(self.secret, stamp, body)}
        if self.url is None:
            return 0, b""
        status, answer = 0, b""
        try:
            async with self._http.post(self.url, data=body, headers=headers) as response:
                status, answer = response.status, await response.read()
        except (aiohttp.ClientError, TimeoutError):
            status = 0
        self.attempts.append(Sent(str(event.get("event")), body, headers, status))
        return status, answer
