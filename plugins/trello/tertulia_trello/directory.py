"""Read who has an account: the members of the Trello workspace, and the guests of opted-in boards."""

from __future__ import annotations

from collections.abc import AsyncIterator

from tertulia import Batch, Json, Member, OutcomeUnknown, RetryLater
from tertulia_trello import actions
from tertulia_trello.desk import Desk
from tertulia_trello.watch import Watch

PAGE = 500


class BoardDirectory:
    """Be the directory port; it starts over each time, for Trello tells no changes."""

    def __init__(self, desk: Desk, watch: Watch):
        self._desk, self._watch = desk, watch

    async def members(self, cursor: str | None) -> AsyncIterator[Batch[Member]]:
        """Yield the accounts; *cursor* is the last account of a reading that was broken off."""
        try:
            if not cursor:
                await self._watch.keep()
            found = await self._accounts()
        except OutcomeUnknown as unknown:
            raise RetryLater(str(unknown)) from None
        rest = [found[key] for key in sorted(found) if key > (cursor or "")]
        for start in range(0, len(rest), PAGE):
            part = rest[start : start + PAGE]
            last = start + PAGE >= len(rest)
            yield Batch(tuple(self._member(account) for account in part), "" if last else str(part[-1]["id"]))

    async def _accounts(self) -> dict[str, Json]:
        settings, own = self._desk.settings, await self._desk.own()
        found = await self._desk.client.workspace_members(settings.workspace_id)
        for board in settings.boards:
            found += await self._desk.client.board_members(board)
        return {str(account["id"]): account for account in reversed(found) if account["id"] != own}

    def _member(self, account: Json) -> Member:
        identifier = str(account["id"])
        email = account.get("email")
        return Member(
            actor=actions.actor(self._desk.settings.workspace_id, identifier),
            name=str(account.get("fullName") or account.get("username") or ""),
            email=email if isinstance(email, str) and email else None,
            address={"member": identifier},
        )
