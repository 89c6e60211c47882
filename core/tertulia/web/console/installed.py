"""Plugins of a workspace: enable, configure with a form made from their settings, try, disable."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from tertulia.errors import Mistake
from tertulia.services import connections, installations
from tertulia.services.connections import Trial
from tertulia.services.installations import ShownInstallation
from tertulia.services.registry import Live
from tertulia.storage.database import Tx
from tertulia.storage.people import Workspace
from tertulia.web import pages
from tertulia.web.access import register
from tertulia.web.console import setting_forms
from tertulia.web.console.scope import ABOVE, RUNNING, home_of, path_of, sent
from tertulia.web.edge import see_other
from tertulia.web.state import RUNTIME, SESSION

LIST = ABOVE + "/plugins"
ONE = LIST + "/{plugin}"


def attach(app: web.Application) -> None:
    """Add the pages of plugins."""
    register(app, "GET", LIST, listed, RUNNING)
    register(app, "GET", ONE, show, RUNNING)
    register(app, "POST", ONE, save, RUNNING)
    register(app, "POST", ONE + "/try", attempt, RUNNING)
    register(app, "POST", ONE + "/disable", disable, RUNNING)


async def listed(request: web.Request) -> web.Response:
    """List all installed plugins, and how each stands in this workspace."""
    runtime = request.app[RUNTIME]
    async with runtime.database.read() as tx:
        home = await home_of(request, tx)
        known = {one.plugin: one for one in await _shown(request, tx, home)}
    serving = {name for name in runtime.plugins.names if runtime.plugins.serves(name)}
    rows = [(name, known.get(name)) for name in sorted({*serving, *known})]
    # what cannot be loaded is the operator's to mend, and told here so that nobody looks for it in vain
    lost = sorted((name, why) for name, why in runtime.plugins.faults.items() if name not in runtime.plugins.names)
    return pages.render(request, "console/plugins.html", workspace=home, rows=rows, lost=lost)


async def show(request: web.Request) -> web.Response:
    """Show one plugin: how it stands, what it can reach, and the form of its settings."""
    return await _page(request)


async def save(request: web.Request) -> web.Response:
    """Keep the settings that were sent, and enable the plugin; what it refuses is told beside what was typed."""
    runtime, plugin, form = request.app[RUNTIME], request.match_info["plugin"], await sent(request)
    model = runtime.plugins.settings_model(plugin)
    try:
        async with runtime.database.write() as tx:
            home = await home_of(request, tx)
            found = _one(await _shown(request, tx, home), plugin)
            given = setting_forms.given(model, form, found.settings if found else {})
            whose: Any = {"organization": home.organization, "workspace": home.id, "plugin": plugin}
            by: Any = {**whose, "actor": request[SESSION].person}
            if found is None:
                settings = {name: value for name, value in given.items() if value is not None}
                made = await installations.enable(runtime, tx, settings=settings, **by)
            else:
                await installations.configure(runtime, tx, settings=given, **by)
                made = await installations.enable(runtime, tx, **by)
    except Mistake as mistake:
        return await _page(request, typed=form, error=str(mistake))
    if found is None or not found.enabled:
        where: Any = {"organization": home.organization, "installation": made}
        await installations.take_effect(runtime, **where, change="installation.enabled")
    else:
        await runtime.installations.refresh()
    return see_other(path_of(request, f"/plugins/{plugin}"))


async def attempt(request: web.Request) -> web.Response:
    """Try the connection, without writing to anybody."""
    live = await _live(request)
    if live is None:
        return await _page(request, error="It is not at work; enable it first.")
    return await _page(request, trial=await connections.attempt(live))


async def disable(request: web.Request) -> web.Response:
    """Disable the plugin once that is confirmed; its settings are kept."""
    runtime, plugin, form = request.app[RUNTIME], request.match_info["plugin"], await sent(request)
    if form.get("sure") != "yes":
        return await _page(request, asked=True)
    async with runtime.database.write() as tx:
        home = await home_of(request, tx)
        found = _one(await _shown(request, tx, home), plugin)
        whose: Any = {"organization": home.organization, "workspace": home.id, "plugin": plugin}
        await installations.disable(runtime, tx, **whose, actor=request[SESSION].person)
    if found is not None and found.enabled:
        where: Any = {"organization": home.organization, "installation": found.id}
        await installations.take_effect(runtime, **where, change="installation.disabled")
    return see_other(path_of(request, f"/plugins/{plugin}"))


async def _page(
    request: web.Request,
    *,
    typed: dict[str, str] | None = None,
    error: str | None = None,
    trial: Trial | None = None,
    asked: bool = False,
) -> web.Response:
    runtime, plugin = request.app[RUNTIME], request.match_info["plugin"]
    async with runtime.database.read() as tx:
        home = await home_of(request, tx)
        found = _one(await _shown(request, tx, home), plugin)
    if plugin not in runtime.plugins.names:
        if found is None:
            raise web.HTTPNotFound
        raise Mistake(f"Plugin {plugin} is not installed any more; ask your operator to install it again.")
    model = runtime.plugins.settings_model(plugin)
    live = await _live(request)
    return pages.render(
        request,
        "console/plugin.html",
        status=422 if error else 200,
        workspace=home,
        plugin=plugin,
        found=found,
        controls=setting_forms.controls(model, found.settings if found else {}, typed),
        reach=connections.reach(live) if live else None,
        remove=setting_forms.REMOVE,
        error=error,
        trial=trial,
        asked=asked,
    )


async def _shown(request: web.Request, tx: Tx, home: Workspace) -> list[ShownInstallation]:
    return await installations.shown(request.app[RUNTIME], tx, organization=home.organization, workspace=home.id)


async def _live(request: web.Request) -> Live | None:
    live = request.app[RUNTIME].installations.of(request.match_info["workspace"])
    return next((one for one in live if one.plugin == request.match_info["plugin"]), None)


def _one(found: list[ShownInstallation], plugin: str) -> ShownInstallation | None:
    return next((one for one in found if one.plugin == plugin), None)
