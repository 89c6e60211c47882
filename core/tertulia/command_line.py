"""Let a plugin's command reach the installation it is about; the rest of the command line is not for plugins."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tertulia.errors import Mistake
from tertulia.extension import Context


@asynccontextmanager
async def open_installation(
    plugin: str, *, workspace: str | None = None, organization: str | None = None
) -> AsyncIterator[Context]:
    """Open the context of *plugin* in the workspace with that name, or in the only one, beside a running service."""
    # imported late: a plugin that is only loaded needs no database
    from tertulia.cli.edge import opened, workspace_named

    async with opened() as runtime:
        async with runtime.database.read() as tx:
            home = await workspace_named(tx, organization, workspace)
        live = next((one for one in runtime.installations.of(home.id) if one.plugin == plugin), None)
        if live is None:
            raise Mistake(f"{home.name} has not enabled {plugin}; see `tertulia plugins enable {plugin} --help`.")
        yield live.context
