"""Read who has an account: the account's users, with the zone and the language that Zoom knows of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from tertulia import Batch, Json, Member, OutcomeUnknown, RetryLater
from tertulia_zoom.addresses import tell_stand_in
from tertulia_zoom.answers import NotOnPlan
from tertulia_zoom.config import Settings
from tertulia_zoom.desk import Desk
from tertulia_zoom.paths import Gone
from tertulia_zoom.webhooks import WEBHOOK

GONE = "directory:inactive"


class UserDirectory:
    """Be the directory port; it starts over each time, for Zoom's page tokens are good for 15 minutes only."""

    def __init__(self, desk: Desk):
        self._desk = desk

    async def members(self, cursor: str | None) -> AsyncIterator[Batch[Member]]:
        """Yield the active users; those that were deactivated since the last time have left."""
        context = self._desk.context
        events = await context.subscribe(WEBHOOK, self._desk.settings.webhook_secrets)
        await tell_stand_in(context, events.url)
        try:
            async for page in self._desk.account.users():
                yield Batch(tuple(self._member(row) for row in page if _id(row)), "")
            await self._note_inactive()
        except OutcomeUnknown as unknown:
            raise RetryLater(str(unknown)) from None

    async def _note_inactive(self) -> None:
        store, inbox = self._desk.context.store, self._desk.context.inbox
        known = set((await store.get(GONE) or {}).get("users", []))
        try:
            now = {_id(row) async for page in self._desk.account.users("inactive") for row in page} - {""}
        except (Gone, NotOnPlan):
            return
        day = self._desk.context.clock.now().date().isoformat()
        for user in sorted(now - known):
            await inbox.left(self._desk.actor(user), f"inactive:{user}:{day}")
        if now != known:
            await store.put(GONE, {"users": sorted(now)})

    def _member(self, row: Mapping[str, Any]) -> Member:
        user = _id(row)
        names = (row.get(name) for name in ("first_name", "last_name"))
        name = row.get("display_name") or " ".join(one for one in names if isinstance(one, str) and one)
        return Member(
            actor=self._desk.actor(user),
            name=str(name)[:200],
            email=_told(row, "email"),
            zone=_told(row, "timezone"),
            language=_told(row, "language"),
            team=_told(row, "dept"),
            location=_told(row, "location"),
            address=address(self._desk.settings, user),
        )


def address(settings: Settings, user: str) -> Json | None:
    """Return how a user is written to; `None` without a bot."""
    return {"user": user} if settings.app is not None and settings.app.robot_jid is not None else None


def _id(row: Mapping[str, Any]) -> str:
    value = row.get("id")
    return value if isinstance(value, str) and 0 < len(value) <= 200 and value.isprintable() else ""


def _told(row: Mapping[str, Any], name: str) -> str | None:
    value = row.get(name)
    return value[:200] if isinstance(value, str) and value else None
