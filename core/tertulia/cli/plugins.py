"""`tertulia plugins`: what is installed, and what each workspace enabled."""

from __future__ import annotations

import json

import click

from tertulia.cli.edge import (
    actor,
    asynchronous,
    opened,
    organization_option,
    table,
    workspace_named,
    workspace_option,
)
from tertulia.cli.settings import read_settings
from tertulia.errors import Mistake
from tertulia.runtime import Runtime
from tertulia.services import installations
from tertulia.services.installations import ShownInstallation
from tertulia.storage.people import Workspace

settings_argument = click.argument("settings", nargs=-1, metavar="[KEY=VALUE]...")
file_option = click.option("--file", type=click.Path(), help="Settings from a JSON or TOML file.")


@click.group("plugins")
def command() -> None:
    """A plugin is enabled and configured in each workspace by itself; changes take effect without a restart."""


@command.command("list")
@asynchronous
async def list_plugins() -> None:
    """List the installed plugins, the ritual kinds, and what keeps a plugin from loading."""
    async with opened() as runtime:
        plugins = runtime.plugins
        rows = [(name, "loaded", "") for name in plugins.names]
        rows += [(name, "not loaded", fault) for name, fault in plugins.faults.items() if name not in plugins.names]
        kinds = ", ".join(sorted(plugins.rituals()))
    table(["plugin", "state", "reason"], rows)
    click.echo(f"Kinds of rituals: {kinds}.")


@command.command("show")
@workspace_option
@organization_option
@asynchronous
async def show(workspace: str | None, organization: str | None) -> None:
    """Show a workspace's plugins with their settings; secrets are masked."""
    async with opened() as runtime, runtime.database.read() as tx:
        home = await workspace_named(tx, organization, workspace)
        known = await installations.shown(runtime, tx, organization=home.organization, workspace=home.id)
    for one in known:
        click.echo(f"{one.plugin}: {'enabled' if one.enabled else 'disabled'} ({one.id})")
        for key, value in one.settings.items():
            click.echo(f"  {key} = {json.dumps(value, ensure_ascii=False)}")
        if one.fault and one.enabled:
            click.echo(f"  fault: {one.fault}")


@command.command("enable")
@click.argument("plugin")
@settings_argument
@file_option
@workspace_option
@organization_option
@asynchronous
async def enable(
    plugin: str, settings: tuple[str, ...], file: str | None, workspace: str | None, organization: str | None
) -> None:
    """Enable PLUGIN in a workspace, with settings as KEY=VALUE; without any it keeps those it had.

    A secret is never typed here: KEY=@FILE reads it from a file, KEY alone asks for it.
    """
    async with opened() as runtime:
        given = read_settings(runtime.plugins.settings_model(plugin), settings, file)
        async with runtime.database.write() as tx:
            home = await workspace_named(tx, organization, workspace)
            made = await installations.enable(
                runtime,
                tx,
                organization=home.organization,
                workspace=home.id,
                plugin=plugin,
                settings=given or None,
                actor=actor(),
            )
        await installations.take_effect(
            runtime, organization=home.organization, installation=made, change="installation.enabled"
        )
        _tell(await _shown(runtime, home, plugin), f"Enabled {plugin} in {home.name}.")


@command.command("configure")
@click.argument("plugin")
@settings_argument
@file_option
@workspace_option
@organization_option
@asynchronous
async def configure(
    plugin: str, settings: tuple[str, ...], file: str | None, workspace: str | None, organization: str | None
) -> None:
    """Change the settings given as KEY=VALUE and keep the others; KEY= returns one to its default."""
    async with opened() as runtime:
        given = read_settings(runtime.plugins.settings_model(plugin), settings, file)
        if not given:
            raise Mistake("KEY=VALUE is missing: name a setting to change, or --file.")
        async with runtime.database.write() as tx:
            home = await workspace_named(tx, organization, workspace)
            tenant = {"organization": home.organization, "workspace": home.id}
            await installations.configure(runtime, tx, **tenant, plugin=plugin, settings=given, actor=actor())
        await runtime.installations.refresh()
        _tell(await _shown(runtime, home, plugin), f"Changed the settings of {plugin} in {home.name}.")


@command.command("disable")
@click.argument("plugin")
@workspace_option
@organization_option
@asynchronous
async def disable(plugin: str, workspace: str | None, organization: str | None) -> None:
    """Disable PLUGIN in a workspace; its settings and what it stored are kept."""
    async with opened() as runtime:
        async with runtime.database.write() as tx:
            home = await workspace_named(tx, organization, workspace)
            tenant = {"organization": home.organization, "workspace": home.id}
            await installations.disable(runtime, tx, **tenant, plugin=plugin, actor=actor())
        found = await _shown(runtime, home, plugin)
        await installations.take_effect(
            runtime, organization=home.organization, installation=found.id, change="installation.disabled"
        )
    click.echo(f"Disabled {plugin} in {home.name}.")


async def _shown(runtime: Runtime, home: Workspace, plugin: str) -> ShownInstallation:
    async with runtime.database.read() as tx:
        known = await installations.shown(runtime, tx, organization=home.organization, workspace=home.id)
    return next(one for one in known if one.plugin == plugin)


def _tell(found: ShownInstallation, done: str) -> None:
    click.echo(done)
    if found.fault and found.enabled:
        raise Mistake(f"It does not work yet: {found.fault}")
