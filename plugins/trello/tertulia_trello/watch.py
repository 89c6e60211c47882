"""Keep the webhooks alive: make them, let them work again after failures, and remove them with the plugin."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from tertulia import Json, OperatorError, SendError, Unreachable
from tertulia_trello.desk import Desk
from tertulia_trello.webhooks import WEBHOOK

EVERY = timedelta(hours=1)
log = logging.getLogger(__name__)


class Watch:
    """Look after the webhooks of one installation: one for each opted-in board, all with the same callback."""

    def __init__(self, desk: Desk):
        self._desk = desk

    async def keep_when_due(self, board: str) -> None:
        """Look after all webhooks, unless that was done in the last hour for this board, too."""
        looked = await self._desk.context.store.get("watch:looked")
        now = self._desk.context.clock.now()
        if looked is not None and board in looked["boards"]:
            age = now - datetime.fromisoformat(looked["at"])
            if timedelta(0) <= age < EVERY:
                return
        await self.keep()

    async def keep(self) -> None:
        """Make what is missing, enable what was switched off, remove what is not opted in any more."""
        context, settings = self._desk.context, self._desk.settings
        secrets = [settings.api_secret.get_secret_value()]
        if settings.previous_api_secret is not None:
            secrets.append(settings.previous_api_secret.get_secret_value())
        callback = (await context.subscribe(WEBHOOK, secrets)).url
        known = await self._ours(callback)
        for board in settings.boards:
            await self._keep_one(callback, board, known.pop(board, []))
        for hook in (hook for hooks in known.values() for hook in hooks):
            await self._delete(hook)
        looked = {"at": context.clock.now().isoformat(), "boards": list(settings.boards)}
        await context.store.put("watch:looked", looked)

    async def remove(self) -> None:
        """Remove the webhooks and the address that they call."""
        try:
            callback = (await self._desk.context.subscribe(WEBHOOK, [])).url
            for hooks in (await self._ours(callback)).values():
                for hook in hooks:
                    await self._delete(hook)
        finally:
            await self._desk.context.unsubscribe(WEBHOOK)
            await self._desk.context.store.delete("watch:looked")

    async def _keep_one(self, callback: str, board: str, hooks: list[Json]) -> None:
        for spare in hooks[1:]:
            await self._delete(spare)
        if not hooks:
            await self._create(callback, board)
            return
        failures = hooks[0].get("consecutiveFailures") or 0
        if not hooks[0].get("active", True):
            log.warning("the webhook of board %s was switched off after %s failures", board, failures)
            await self._desk.client.enable_webhook(str(hooks[0]["id"]))
        elif failures:
            log.warning("the webhook of board %s failed %s times in a row", board, failures)

    async def _create(self, callback: str, board: str) -> None:
        """Make a webhook; without one boards are still read every few hours, so nothing else stops for it."""
        try:
            await self._desk.client.create_webhook(callback, board)
        except (OperatorError, Unreachable) as error:
            log.error("board %s has no webhook (%s): Trello must reach TERTULIA_PUBLIC_URL over https", board, error)

    async def _ours(self, callback: str) -> dict[str, list[Json]]:
        found: dict[str, list[Json]] = {}
        for hook in await self._desk.client.webhooks():
            if hook.get("callbackURL") == callback:
                found.setdefault(str(hook.get("idModel")), []).append(hook)
        return found

    async def _delete(self, hook: Json) -> None:
        try:
            await self._desk.client.delete_webhook(str(hook["id"]))
        except SendError as error:
            log.warning("a webhook could not be removed: %s", type(error).__name__)
