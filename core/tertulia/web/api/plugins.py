"""Plugins of the workspace: how each stands, enabling, settings without secrets, a trial, and disabling."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import TypedDict

from pydantic import BaseModel, Field, JsonValue

from tertulia.domain.identifiers import Id
from tertulia.services import connections, installations
from tertulia.services.installations import ShownInstallation
from tertulia.services.registry import Live
from tertulia.services.settings import MASK
from tertulia.web.api.operations import HOME, Answer, Call, Given, Operation, name_in
from tertulia.web.api.paging import Paged
from tertulia.web.api.problems import Problem
from tertulia.web.console.scope import RUNNING

PLUGINS = HOME + "/plugins"
ONE = PLUGINS + "/{plugin}"


class ReachDocument(BaseModel):
    """What an enabled plugin can do."""

    posts: bool
    asks: bool
    reads_participation: bool
    reads_directory: bool
    hears: list[str]
    hosts: list[str]


class PluginDocument(BaseModel):
    """How a plugin stands in the workspace."""

    plugin: str
    installation: str | None = Field(description="null while it was never enabled here")
    enabled: bool
    fault: str | None = Field(description="why it does not work")
    settings: dict[str, JsonValue] = Field(description=f"with defaults; a secret that is kept is {MASK}")
    reach: ReachDocument | None = Field(description="null while it is not at work")


class TrialDocument(BaseModel):
    """What came of a trial."""

    sound: bool | None = Field(description="null where there was nothing to try")
    text: str


class Enabling(Given):
    """With which settings to enable a plugin."""

    settings: dict[str, JsonValue] | None = Field(None, description="all of them; absent or null: those that it had")


class Settings(Given):
    """Settings to change."""

    settings: dict[str, JsonValue] = Field(
        description=f"the others stay; null returns one to its default, {MASK} keeps a secret"
    )


class _Whose(TypedDict):
    organization: Id
    workspace: Id
    plugin: str
    actor: str


async def listed(call: Call) -> Answer:
    """List all installed plugins, and how each stands."""
    known = {one.plugin: one for one in await _all(call)}
    plugins = call.runtime.plugins
    serving = {name for name in plugins.names if plugins.serves(name)}
    items = [_document(call, name, known.get(name)) for name in sorted({*serving, *known})]
    return Answer(document=Paged[PluginDocument](items=items, next=None))


async def show(call: Call) -> Answer:
    """Tell how a plugin stands."""
    return Answer(document=_document(call, *await _one(call)))


async def enable(call: Call) -> Answer:
    """Enable a plugin."""
    name, found = await _one(call)
    given = call.given(Enabling).settings
    made = await installations.enable(call.runtime, call.tx, **_whose(call, name), settings=given)
    return await _changed(call, made, "installation.enabled" if found is None or not found.enabled else None)


async def configure(call: Call) -> Answer:
    """Change settings of a plugin."""
    name, found = await _one(call)
    if found is None:
        raise Problem("refused", f"Plugin {name} was never enabled in this workspace; enable it first.")
    given = call.given(Settings).settings
    await installations.configure(call.runtime, call.tx, **_whose(call, name), settings=given)
    return await _changed(call, found.id, None)


async def disable(call: Call) -> Answer:
    """Disable a plugin; its settings are kept."""
    name, found = await _one(call)
    if found is None:
        raise Problem("refused", f"Plugin {name} was never enabled in this workspace; there is nothing to disable.")
    await installations.disable(call.runtime, call.tx, **_whose(call, name))
    return await _changed(call, found.id, "installation.disabled" if found.enabled else None)


async def attempt(call: Call) -> Answer:
    """Try the connection, without writing to anybody."""
    name = name_in(call, "plugin")
    live = _live(call, name)
    if name not in call.runtime.plugins.names:
        raise Problem("not_found")
    if live is None:
        raise Problem("refused", "It is not at work; enable it first.")
    trial = await connections.attempt(live)
    return Answer(document=TrialDocument(sound=trial.sound, text=trial.text))


async def _changed(call: Call, installation: Id, change: installations.Change | None) -> Answer:
    """Answer how a plugin stands now, and let it take effect once that is committed."""

    async def take_effect() -> None:
        if change is None:
            await call.runtime.installations.refresh()
        else:
            where = {"organization": call.organization, "installation": installation}
            await installations.take_effect(call.runtime, **where, change=change)

    name, found = await _one(call)
    return Answer(document=_document(call, name, found, settled=False), after=take_effect)


async def _all(call: Call) -> list[ShownInstallation]:
    whose = {"organization": call.organization, "workspace": call.home.id}
    return await installations.shown(call.runtime, call.tx, **whose)


async def _one(call: Call) -> tuple[str, ShownInstallation | None]:
    name = name_in(call, "plugin")
    found = next((one for one in await _all(call) if one.plugin == name), None)
    if found is None and name not in call.runtime.plugins.names:
        raise Problem("not_found")
    return name, found


def _document(call: Call, name: str, found: ShownInstallation | None, *, settled: bool = True) -> PluginDocument:
    live = _live(call, name) if settled else None
    return PluginDocument(
        plugin=name,
        installation=found.id if found else None,
        enabled=found.enabled if found else False,
        fault=found.fault if found else None,
        settings=dict(found.settings) if found else {},
        reach=ReachDocument.model_validate(asdict(connections.reach(live))) if live else None,
    )


def _live(call: Call, name: str) -> Live | None:
    return next((one for one in call.runtime.installations.of(call.home.id) if one.plugin == name), None)


def _whose(call: Call, plugin: str) -> _Whose:
    return _Whose(organization=call.organization, workspace=call.home.id, plugin=plugin, actor=call.actor)


_read = partial(Operation, method="GET", about="plugins", roles=RUNNING.roles, scope="read:plugins")
_do = partial(Operation, about="plugins", roles=RUNNING.roles, scope="write:plugins")
OPERATIONS: tuple[Operation, ...] = (
    _read(
        name="listPlugins",
        path=PLUGINS,
        summary="List the installed plugins, and how each stands",
        handler=listed,
        answers=Paged[PluginDocument],
    ),
    _read(name="getPlugin", path=ONE, summary="Read how a plugin stands", handler=show, answers=PluginDocument),
    _do(
        name="enablePlugin",
        method="POST",
        path=ONE + "/enable",
        summary="Enable a plugin",
        handler=enable,
        body=Enabling,
        answers=PluginDocument,
        mode="write",
    ),
    _do(
        name="configurePlugin",
        method="PATCH",
        path=ONE + "/settings",
        summary="Change settings of a plugin",
        handler=configure,
        body=Settings,
        answers=PluginDocument,
        mode="write",
    ),
    _do(
        name="testPlugin",
        method="POST",
        path=ONE + "/test",
        summary="Try a plugin's connection, without writing to anybody",
        handler=attempt,
        answers=TrialDocument,
        mode="outside",
    ),
    _do(
        name="disablePlugin",
        method="POST",
        path=ONE + "/disable",
        summary="Disable a plugin; its settings are kept",
        handler=disable,
        answers=PluginDocument,
        mode="write",
    ),
)
