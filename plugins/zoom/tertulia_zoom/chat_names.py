"""Know whose address a mention holds: Zoom writes addresses into texts, and names accounts by ids everywhere else."""

from __future__ import annotations

import asyncio
import time

from tertulia import SendError
from tertulia_zoom.chat import Chat
from tertulia_zoom.desk import Desk

KNOWN_SECONDS = 900.0
MOST = 100_000


class Names:
    """Find accounts by address among the account's users, whose list is read when it is needed."""

    def __init__(self, desk: Desk, chat: Chat):
        self._desk, self._chat = desk, chat
        self._known: dict[str, str] = {}
        self._until = 0.0
        self._reading = asyncio.Lock()

    async def user(self, jid: str) -> str | None:
        """Return the user id behind an address; `None` where the account has no such user, or cannot be asked."""
        local = jid.partition("@")[0].lower()
        async with self._reading:
            if local not in self._known and time.monotonic() >= self._until:
                await self._read()
        return self._known.get(local)

    async def _read(self) -> None:
        found: dict[str, str] = {}
        try:
            async for page in self._desk.account.users():
                ids = [str(user["id"]) for user in page if user.get("id")]
                found |= {self._chat.usual(one).partition("@")[0]: one for one in ids}
                if len(found) >= MOST:
                    break
        except SendError:
            return
        self._known, self._until = found, time.monotonic() + KNOWN_SECONDS
