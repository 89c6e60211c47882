"""The installations that are live in this process: built from the database, reloaded where they changed."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import sqlalchemy as sa

from tertulia.capabilities import Inbox, Platform, Webhook
from tertulia.contract import raised_at
from tertulia.domain.identifiers import Id
from tertulia.errors import PluginError, TertuliaError
from tertulia.extension import Route
from tertulia.live import LiveRounds
from tertulia.runtime import Runtime
from tertulia.services import outbound
from tertulia.services import settings as checking
from tertulia.services.context import InstallationContext, Render, bare_page
from tertulia.storage import tables

T = TypeVar("T")
GRACE = 35.0
"""A call may take 30 s; its session is closed only after that."""
BUILD = 5.0
"""Building makes no call, so it is quick or it hangs."""
log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Live:
    """Hold an enabled plugin of one workspace, ready to be called."""

    id: Id
    organization: Id
    workspace: Id
    plugin: str
    version: int
    context: InstallationContext
    platforms: Mapping[str, Platform]
    webhooks: Mapping[str, Webhook]
    routes: tuple[Route, ...]


class MakeInbox(Protocol):
    """Make the inbox of one installation."""

    def __call__(self, runtime: Runtime, *, organization: Id, installation: Id, workspace: Id, plugin: str) -> Inbox:
        """Return the inbox."""
        ...


class MakeLive(Protocol):
    """Make the live rounds of one workspace."""

    def __call__(self, runtime: Runtime, *, organization: Id, workspace: Id) -> LiveRounds:
        """Return the live rounds."""
        ...


class Installations:
    """Hold what is live; `refresh` follows the database. *render* is set by whoever builds the web application."""

    def __init__(
        self,
        runtime: Runtime,
        *,
        inbox_for: MakeInbox | None = None,
        live_for: MakeLive | None = None,
        render: Render = bare_page,
        grace: float = GRACE,
        build: float = BUILD,
    ):
        self._runtime, self._grace, self._build_seconds = runtime, grace, build
        self._inbox_for, self._live_for = inbox_for or _inbox, live_for or _live
        self.render = render
        self._tried: dict[Id, int] = {}
        self._built: dict[Id, Live] = {}
        self._served: dict[Id, Live] = {}
        self._broken: dict[Id, str] = {}
        self._retiring: dict[asyncio.Task[None], Live] = {}
        self._lock = asyncio.Lock()
        self.faults: Mapping[Id, str] = {}

    def all(self) -> tuple[Live, ...]:
        """Return everything that is live."""
        return tuple(self._served.values())

    def get(self, installation: Id) -> Live | None:
        """Return one installation, if it is live."""
        return self._served.get(installation)

    def of(self, workspace: Id) -> tuple[Live, ...]:
        """Return what is live in one workspace, in the order of the plugins."""
        return tuple(live for live in self._served.values() if live.workspace == workspace)

    def find(self, workspace: Id, platform: str) -> tuple[Live, Platform] | None:
        """Return who serves *platform* in a workspace."""
        for live in self.of(workspace):
            if platform in live.platforms:
                return live, live.platforms[platform]
        return None

    async def refresh(self) -> None:
        """Follow the database: one small query, then only what changed is built anew.

        What cannot be built is named in `faults` and tried again after its next change.
        """
        async with self._lock:
            table = tables.installation
            query = sa.select(table.c.id, table.c.version).where(table.c.enabled.is_(sa.true()))
            async with self._runtime.database.read() as tx:
                versions = {row.id: row.version for row in await tx.execute(query)}
                changed = [key for key, version in versions.items() if self._tried.get(key) != version]
                rows = (await tx.execute(sa.select(table).where(table.c.id.in_(changed)))).all() if changed else []
            gone = self._tried.keys() - versions.keys()
            if not rows and not gone:
                return
            for key in gone:
                self._forget(key)
            self._serve()
            await asyncio.gather(*(self._replace(row) for row in rows))

    async def close(self) -> None:
        """Close all sessions at once; nothing is called any more."""
        retired = dict(self._retiring)
        for task in retired:
            task.cancel()
        await asyncio.gather(*retired, return_exceptions=True)
        for live in (*retired.values(), *self._built.values()):
            await live.context.http.close()
        self._built, self._served, self._tried = {}, {}, {}

    async def _replace(self, row: sa.Row[Any]) -> None:
        try:
            live = await self._build(row)
        except TertuliaError as error:
            fault = str(error)
        except TimeoutError:
            fault = f"Plugin {row.plugin} took longer than {self._build_seconds:g} s to start in this workspace."
        except Exception as error:
            fault = f"Plugin {row.plugin} could not start in this workspace: {raised_at(error)}."
        else:
            self._forget(row.id)
            self._tried[row.id], self._built[row.id] = row.version, live
            self._serve()
            return
        log.error("installation %s: %s", row.id, fault)
        self._forget(row.id)
        self._tried[row.id], self._broken[row.id] = row.version, fault
        self._serve()

    async def _build(self, row: sa.Row[Any]) -> Live:
        plugins, runtime = self._runtime.plugins, self._runtime
        place = sealed_at(row.organization_id, row.id)
        model = plugins.settings_model(row.plugin)
        settings = checking.validated(row.plugin, model, runtime.vault.open_json(row.settings, *place))
        hosts = checking.allowed_hosts(row.plugin, settings)
        tenant = {"organization": row.organization_id, "workspace": row.workspace_id}
        context = InstallationContext(
            plugin=row.plugin,
            installation=row.id,
            **tenant,
            settings=settings,
            http=outbound.session(hosts, sandbox=runtime.config.sandbox),
            runtime=runtime,
            make_inbox=lambda: self._inbox_for(runtime, installation=row.id, plugin=row.plugin, **tenant),
            make_live=lambda: self._live_for(runtime, **tenant),
            render=self._render,
        )
        try:
            return await _bounded(lambda: self._assemble(row, context), self._build_seconds)
        except BaseException:
            await context.http.close()
            raise

    def _assemble(self, row: sa.Row[Any], context: InstallationContext) -> Live:
        plugins = self._runtime.plugins
        return Live(
            id=row.id,
            organization=row.organization_id,
            workspace=row.workspace_id,
            plugin=row.plugin,
            version=row.version,
            context=context,
            platforms={platform.name: platform for platform in plugins.platforms(row.plugin, context)},
            webhooks={webhook.name: webhook for webhook in plugins.webhooks(row.plugin, context)},
            routes=plugins.routes(row.plugin, context),
        )

    def _serve(self) -> None:
        """Publish what was built, except a second plugin for a platform of the same organization."""
        order = {name: place for place, name in enumerate(self._runtime.plugins.names)}
        served: dict[Id, Live] = {}
        faults = dict(self._broken)
        owners: dict[tuple[Id, str], str] = {}
        for live in sorted(self._built.values(), key=lambda live: (order.get(live.plugin, len(order)), live.id)):
            claimed = {name: owners.get((live.organization, name), live.plugin) for name in live.platforms}
            rival = next(((name, owner) for name, owner in claimed.items() if owner != live.plugin), None)
            if rival is not None:
                platform, owner = rival
                faults[live.id] = (
                    f"Plugins {owner} and {live.plugin} both serve the platform {platform}; disable one of them."
                )
                continue
            owners |= {(live.organization, name): live.plugin for name in live.platforms}
            served[live.id] = live
        self._served, self.faults = served, faults

    def _forget(self, key: Id) -> None:
        self._tried.pop(key, None)
        self._broken.pop(key, None)
        former = self._built.pop(key, None)
        if former is not None:
            task = asyncio.create_task(self._retire(former))
            self._retiring[task] = former
            task.add_done_callback(lambda done: self._retiring.pop(done, None))

    async def _retire(self, live: Live) -> None:
        await asyncio.sleep(self._grace)
        await live.context.http.close()

    @property
    def _render(self) -> Render:
        return lambda title, body, *, status=200: self.render(title, body, status=status)


def sealed_at(organization: Id, installation: Id) -> tuple[str, ...]:
    """Return the associated data that an installation's settings are sealed to."""
    return ("installation", organization, installation)


async def _bounded(call: Callable[[], T], seconds: float) -> T:
    """Run *call* in a thread of its own: one that never returns holds up nothing, not even the exit."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]  # set where no error is

    def run() -> None:
        try:
            outcome: tuple[T | None, BaseException | None] = (call(), None)
        except Exception as error:
            outcome = (None, error)
        except BaseException as error:  # SystemExit must not end the service
            outcome = (None, PluginError(f"A plugin stopped its thread: {raised_at(error)}."))
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, *outcome)

    threading.Thread(target=run, daemon=True, name="plugin build").start()
    return await asyncio.wait_for(future, seconds)


def _inbox(runtime: Runtime, *, organization: Id, installation: Id, workspace: Id, plugin: str) -> Inbox:
    # imported late: the inbox itself needs the installations
    from tertulia.services.inbox import InstallationInbox

    return InstallationInbox(
        runtime, organization=organization, installation=installation, workspace=workspace, plugin=plugin
    )


def _live(runtime: Runtime, *, organization: Id, workspace: Id) -> LiveRounds:
    from tertulia.services.live import WorkspaceLive

    return WorkspaceLive(runtime, organization=organization, workspace=workspace)
