"""Enable, configure and disable plugins in a workspace; every change is audited and raises the version."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa

from tertulia.domain.identifiers import Id, Json
from tertulia.errors import Mistake, PluginError, Refused
from tertulia.extension import Event
from tertulia.runtime import Runtime
from tertulia.services import settings as checking
from tertulia.services.registry import Installations, Live, sealed_at
from tertulia.storage import audit, tables
from tertulia.storage.database import Tx, upsert

__all__ = [
    "Installations",
    "Live",
    "ShownInstallation",
    "configure",
    "disable",
    "enable",
    "shown",
    "take_effect",
]
Change = Literal["installation.enabled", "installation.disabled"]


@dataclass(frozen=True, kw_only=True)
class ShownInstallation:
    """Hold an installation for people's eyes: secrets masked; *fault* says why it does not work."""

    id: Id
    plugin: str
    enabled: bool
    version: int
    settings: Json
    fault: str | None = None


async def enable(
    runtime: Runtime,
    tx: Tx,
    *,
    organization: Id,
    workspace: Id,
    plugin: str,
    settings: Json | None = None,
    actor: str,
) -> Id:
    """Enable *plugin* with exactly these *settings*, or with those it had (`None`); repeating it changes nothing.

    A plugin enabled again keeps its id, and with it its store and its subscriptions.
    """
    await _check_workspace(tx, organization, workspace)
    runtime.plugins.settings_model(plugin)
    row = await _find(tx, organization, workspace, plugin)
    known = {} if row is None else _known(runtime, row)
    given = known if settings is None else checking.unmasked(checking.plain(settings), known)
    checking.validated(plugin, runtime.plugins.settings_model(plugin), given)
    if row is not None and row.enabled and given == known:
        return str(row.id)
    if row is None:
        await _insert(runtime, tx, organization, workspace, plugin)
        # another process may have been faster, and its id is the one that counts
        row = await _find(tx, organization, workspace, plugin)
        if row is None:
            raise PluginError(f"Plugin {plugin} could not be enabled; try again.")
    await _change(runtime, tx, row, given, enabled=True)
    await _record(runtime, tx, row, "installation.enabled", actor, changed=_changed(known, given))
    return str(row.id)


async def configure(
    runtime: Runtime, tx: Tx, *, organization: Id, workspace: Id, plugin: str, settings: Json, actor: str
) -> None:
    """Change the *settings* given and keep the others; null returns one to its default, a mask keeps a secret."""
    row = await _installed(tx, organization, workspace, plugin)
    known = _known(runtime, row)
    changes = checking.unmasked(checking.plain(settings), known)
    given = {key: value for key, value in (known | changes).items() if changes.get(key, value) is not None}
    checking.validated(plugin, runtime.plugins.settings_model(plugin), given)
    if given == known:
        return
    await _change(runtime, tx, row, given, enabled=row.enabled)
    await _record(runtime, tx, row, "installation.configured", actor, changed=_changed(known, given))


async def disable(runtime: Runtime, tx: Tx, *, organization: Id, workspace: Id, plugin: str, actor: str) -> None:
    """Disable *plugin*; its settings, store and subscriptions are kept. Repeating it changes nothing."""
    row = await _installed(tx, organization, workspace, plugin)
    if not row.enabled:
        return
    values = {"enabled": False, "version": tables.installation.c.version + 1}
    await tx.execute(tables.installation.update().where(tables.installation.c.id == row.id).values(values))
    await _record(runtime, tx, row, "installation.disabled", actor, changed=())


async def shown(runtime: Runtime, tx: Tx, *, organization: Id, workspace: Id) -> list[ShownInstallation]:
    """Return the installations of a workspace, by plugin, with secrets masked and defaults filled in."""
    table = tables.installation
    own = (table.c.organization_id == organization, table.c.workspace_id == workspace)
    rows = (await tx.execute(sa.select(table).where(*own).order_by(table.c.plugin))).all()
    return [_shown(runtime, row) for row in rows]


async def take_effect(runtime: Runtime, *, organization: Id, installation: Id, change: Change) -> None:
    """Make a committed change known to this process and to the workspace's plugins; for the edge, after its commit.

    Other processes follow at their next `Installations.refresh`. Each change is announced once, by who made it.
    """
    table = tables.installation
    async with runtime.database.read() as tx:
        known = (table.c.organization_id == organization, table.c.id == installation)
        row = (await tx.execute(sa.select(table.c.workspace_id, table.c.plugin).where(*known))).one()
        others = (table.c.workspace_id == row.workspace_id, table.c.enabled.is_(sa.true()))
        query = sa.select(table.c.plugin).where(table.c.organization_id == organization, *others)
        hearers = {row.plugin, *(await tx.execute(query)).scalars()}
    event = Event(
        name=change,
        workspace=row.workspace_id,
        subject=installation,
        at=runtime.clock.now(),
        detail={"plugin": row.plugin},
    )
    if change == "installation.enabled":
        await runtime.installations.refresh()
    await runtime.plugins.announce(event, hearers)
    if change == "installation.disabled":  # only now, so that the plugin could still say goodbye
        await runtime.installations.refresh()


async def _check_workspace(tx: Tx, organization: Id, workspace: Id) -> None:
    table = tables.workspace
    query = sa.select(table.c.id).where(table.c.organization_id == organization, table.c.id == workspace)
    if (await tx.execute(query)).one_or_none() is None:
        raise Mistake(f"There is no workspace {workspace} in this organization.")


async def _find(tx: Tx, organization: Id, workspace: Id, plugin: str) -> sa.Row[Any] | None:
    table = tables.installation
    query = sa.select(table).where(
        table.c.organization_id == organization, table.c.workspace_id == workspace, table.c.plugin == plugin
    )
    return (await tx.execute(query.with_for_update())).one_or_none()


async def _installed(tx: Tx, organization: Id, workspace: Id, plugin: str) -> sa.Row[Any]:
    row = await _find(tx, organization, workspace, plugin)
    if row is None:
        raise Mistake(f"Plugin {plugin} was never enabled in this workspace; enable it first.")
    return row


async def _insert(runtime: Runtime, tx: Tx, organization: Id, workspace: Id, plugin: str) -> None:
    key = runtime.new_id()
    row = {
        "organization_id": organization,
        "id": key,
        "workspace_id": workspace,
        "plugin": plugin,
        "settings": runtime.vault.seal_json({}, *sealed_at(organization, key)),
        "enabled": False,
        "version": 0,
    }
    await upsert(tx, tables.installation, [row], keys=("organization_id", "workspace_id", "plugin"))


async def _change(runtime: Runtime, tx: Tx, row: sa.Row[Any], given: Json, *, enabled: bool) -> None:
    table = tables.installation
    sealed = runtime.vault.seal_json(given, *sealed_at(row.organization_id, row.id))
    values = {"settings": sealed, "enabled": enabled, "version": table.c.version + 1}
    await tx.execute(table.update().where(table.c.id == row.id).values(values))


async def _record(
    runtime: Runtime, tx: Tx, row: sa.Row[Any], verb: str, actor: str, *, changed: Sequence[str]
) -> None:
    await audit.record(
        tx,
        runtime.vault,
        organization=row.organization_id,
        at=runtime.clock.now(),
        actor=actor,
        verb=verb,
        subject=row.id,
        detail={"plugin": row.plugin, "workspace": row.workspace_id, "settings": list(changed)},
    )


def _changed(before: Json, after: Json) -> tuple[str, ...]:
    """Name the settings that differ, never their values."""
    nothing = object()
    return tuple(
        sorted(key for key in before.keys() | after.keys() if before.get(key, nothing) != after.get(key, nothing))
    )


def _known(runtime: Runtime, row: sa.Row[Any]) -> dict[str, Any]:
    settings: dict[str, Any] = runtime.vault.open_json(row.settings, *sealed_at(row.organization_id, row.id))
    return settings


def _shown(runtime: Runtime, row: sa.Row[Any]) -> ShownInstallation:
    fault = runtime.installations.faults.get(row.id)
    try:
        model = runtime.plugins.settings_model(row.plugin)
    except Mistake as mistake:
        model, fault = None, str(mistake)
    try:
        settings = checking.masked(model, _known(runtime, row))
    except Refused:
        settings, fault = {}, "The settings were sealed with a key that is missing; restore it or configure again."
    return ShownInstallation(
        id=row.id, plugin=row.plugin, enabled=row.enabled, version=row.version, settings=settings, fault=fault
    )
