"""All that a plugin gets of one installation: settings, sealed store, guarded HTTP, subscriptions."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

import aiohttp
import sqlalchemy as sa
from aiohttp import web
from pydantic import BaseModel

from tertulia.capabilities import Inbox, Subscription
from tertulia.config import Config
from tertulia.domain.clock import Clock
from tertulia.domain.identifiers import Id
from tertulia.domain.markup import Markup
from tertulia.errors import PluginError
from tertulia.extension import Limiter, Window
from tertulia.live import LiveRounds
from tertulia.runtime import Runtime
from tertulia.storage import tables
from tertulia.storage.database import Tx, upsert

PAGE = 100
KEY_LENGTH = 300
NAME_LENGTH = 100
KEYS = ("installation_id", "key")


class Render(Protocol):
    """Render a page in the house style."""

    def __call__(self, title: str, body: Markup, *, status: int = 200) -> web.Response:
        """Return the page."""
        ...


def bare_page(title: str, body: Markup, *, status: int = 200) -> web.Response:
    """Render without the house style, where no web application was built."""
    return web.Response(text=f"{title}\n\n{body.plain()}\n", status=status)


def hook_url(config: Config, plugin: str, subscription: Id) -> str:
    """Return the exact URL that a platform calls for a subscription."""
    return f"{config.public_url}/hooks/{plugin}/{subscription}"


class SealedStore:
    """Keep one installation's values, each sealed to its tenant, installation and key.

    Every call is a transaction of its own, so a plugin is never called inside one.
    """

    def __init__(self, runtime: Runtime, organization: Id, installation: Id):
        self._runtime, self._organization, self._installation = runtime, organization, installation
        self._own = sa.and_(
            tables.store.c.organization_id == organization, tables.store.c.installation_id == installation
        )

    async def get(self, key: str) -> Any:
        """Return the JSON value under *key*, or `None`."""
        query = sa.select(tables.store.c.sealed).where(self._own, tables.store.c.key == _checked(key))
        async with self._runtime.database.read() as tx:
            sealed = (await tx.execute(query)).scalar_one_or_none()
        return None if sealed is None else self._open(key, sealed)

    async def put(self, key: str, value: Any) -> None:
        """Keep a JSON value under *key*."""
        row = self._row(key, value)

        async def write(tx: Tx) -> None:
            await upsert(tx, tables.store, [row], keys=KEYS, update=("sealed",))

        await self._runtime.database.group(write)

    async def put_new(self, key: str, value: Any) -> bool:
        """Keep a JSON value under *key* unless there is one, and tell whether it was kept."""
        row = self._row(key, value)

        async def write(tx: Tx) -> bool:
            return await upsert(tx, tables.store, [row], keys=KEYS) == 1

        return await self._runtime.database.group(write)

    def _row(self, key: str, value: Any) -> dict[str, Any]:
        try:
            sealed = self._runtime.vault.seal_json(value, *self._place(_checked(key)))
        except (TypeError, ValueError) as error:
            raise PluginError("A plugin's store keeps JSON only: text, numbers, lists and tables.") from error
        return {
            "organization_id": self._organization,
            "installation_id": self._installation,
            "key": key,
            "sealed": sealed,
        }

    async def delete(self, key: str) -> None:
        """Forget *key*; an unknown one is no error."""
        statement = tables.store.delete().where(self._own, tables.store.c.key == _checked(key))

        async def write(tx: Tx) -> None:
            await tx.execute(statement)

        await self._runtime.database.group(write)

    async def scan(self, prefix: str) -> AsyncIterator[tuple[str, Any]]:
        """Yield the pairs whose key starts with *prefix*, in key order; the store may change meanwhile."""
        after = ""
        while True:
            async with self._runtime.database.read() as tx:
                rows = (await tx.execute(self._page(tx, prefix, after))).all()
            for row in rows:
                yield row.key, self._open(row.key, row.sealed)
            if len(rows) < PAGE:
                return
            after = rows[-1].key

    def _page(self, tx: Tx, prefix: str, after: str) -> sa.Select[Any]:
        key: sa.ColumnElement[str] = tables.store.c.key
        if tx.dialect.name == "postgresql":
            key = sa.collate(tables.store.c.key, "C")  # by code point, as SQLite orders
        # not LIKE: SQLite folds case there, and its wild cards would need escaping
        starts = sa.func.substr(tables.store.c.key, 1, len(prefix)) == prefix
        query = sa.select(tables.store.c.key, tables.store.c.sealed).where(self._own, starts, key >= prefix)
        return query.where(key > after).order_by(key).limit(PAGE)

    def _open(self, key: str, sealed: bytes) -> Any:
        return self._runtime.vault.open_json(sealed, *self._place(key))

    def _place(self, key: str) -> tuple[str, ...]:
        return ("store", self._organization, self._installation, key)


@dataclass(frozen=True)
class PluginLimiter:
    """Share limits among the installations of one plugin, under keys that no other plugin can touch."""

    plugin: str
    limiter: Limiter

    async def acquire(self, limits: Mapping[str, Sequence[Window]]) -> None:
        """Wait until one call fits all windows of all keys."""
        await self.limiter.acquire({self._own(key): windows for key, windows in limits.items()})

    async def penalty(self, key: str, seconds: float) -> None:
        """Let nobody pass *key* for that long."""
        await self.limiter.penalty(self._own(key), seconds)

    def _own(self, key: str) -> str:
        return f"{self.plugin}:{key}"


@dataclass(frozen=True, kw_only=True, eq=False)
class InstallationContext:
    """Be what `tertulia.extension.Context` promises, for one installation."""

    plugin: str
    organization: Id
    installation: Id
    workspace: Id
    settings: BaseModel
    http: aiohttp.ClientSession
    runtime: Runtime = field(repr=False)
    make_inbox: Callable[[], Inbox] = field(repr=False)
    make_live: Callable[[], LiveRounds] = field(repr=False)
    render: Render = field(repr=False)

    @cached_property
    def store(self) -> SealedStore:
        """Return the installation's sealed store."""
        return SealedStore(self.runtime, self.organization, self.installation)

    @property
    def clock(self) -> Clock:
        """Return the clock rounds live by."""
        return self.runtime.clock

    @cached_property
    def limiter(self) -> PluginLimiter:
        """Return the rate limiter shared by all workers, under the plugin's own keys."""
        return PluginLimiter(self.plugin, self.runtime.limiter)

    @cached_property
    def inbox(self) -> Inbox:
        """Return where facts go in."""
        return self.make_inbox()

    @cached_property
    def live(self) -> LiveRounds:
        """Return live rounds in this workspace."""
        return self.make_live()

    @property
    def public_url(self) -> str:
        """Return where this installation's routes are mounted."""
        return f"{self.runtime.config.public_url}/plugins/{self.plugin}/{self.installation}"

    def page(self, title: str, body: Markup, *, status: int = 200) -> web.Response:
        """Render a page in the house style."""
        return self.render(title, body, status=status)

    async def subscribe(self, webhook: str, secrets: Sequence[str]) -> Subscription:
        """Return the installation's subscription for *webhook*, made on first use, with these secrets."""
        if not 0 < len(webhook) <= NAME_LENGTH:
            raise PluginError(f"Plugin {self.plugin}: a webhook's name has 1 to {NAME_LENGTH} characters.")
        async with self.runtime.database.write() as tx:
            key: Id | None = (await tx.execute(self._subscription(webhook))).scalar_one_or_none()
            if key is None:
                await self._insert(tx, webhook)
                # another process may have been faster, and its id is the one that counts
                key = (await tx.execute(self._subscription(webhook))).scalar_one()
            place = ("subscription", self.organization, key)
            sealed = self.runtime.vault.seal_json(list(secrets), *place)
            table = tables.subscription
            await tx.execute(table.update().where(table.c.id == key).values(secrets=sealed))
        self.runtime.signals.subscriptions.clear()
        url = hook_url(self.runtime.config, self.plugin, key)
        return Subscription(id=key, name=webhook, url=url, secrets=tuple(secrets))

    async def unsubscribe(self, webhook: str) -> None:
        """Forget the subscription; its path answers 404 from then on."""
        table = tables.subscription
        own = (table.c.organization_id == self.organization, table.c.installation_id == self.installation)
        async with self.runtime.database.write() as tx:
            await tx.execute(table.delete().where(*own, table.c.name == webhook))
        self.runtime.signals.subscriptions.clear()

    def _subscription(self, webhook: str) -> sa.Select[Any]:
        table = tables.subscription
        own = (table.c.organization_id == self.organization, table.c.installation_id == self.installation)
        return sa.select(table.c.id).where(*own, table.c.name == webhook)

    async def _insert(self, tx: Tx, webhook: str) -> None:
        row = {
            "organization_id": self.organization,
            "id": self.runtime.new_id(),
            "installation_id": self.installation,
            "name": webhook,
            "secrets": b"",
        }
        await upsert(tx, tables.subscription, [row], keys=("organization_id", "installation_id", "name"))


def _checked(key: str) -> str:
    if not 0 < len(key) <= KEY_LENGTH or "\0" in key:
        raise PluginError(f"A key of a plugin's store has 1 to {KEY_LENGTH} characters, none of them NUL.")
    return key
