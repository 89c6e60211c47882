"""Microsoft Teams for Tertulia: the hooks, and nothing but the hooks."""

from __future__ import annotations

from collections.abc import Iterable

import click
from pydantic import BaseModel

from tertulia import Context, Platform, Route, Sandbox, hookimpl
from tertulia_teams.config import Settings


@hookimpl
def register_settings() -> type[BaseModel]:
    """Return what one workspace sets for Microsoft Teams."""
    return Settings


@hookimpl
def register_platforms(context: Context) -> Iterable[Platform]:
    """Return the platform with all ports."""
    from tertulia_teams.wiring import outbound

    return (outbound(context).platform,)


@hookimpl
def register_routes(context: Context) -> Iterable[Route]:
    """Return the messaging endpoint and the personal tab."""
    # the SDK takes a second to import, which no command line should wait for
    from tertulia_teams.routes import messages_route
    from tertulia_teams.tab import tab_routes
    from tertulia_teams.wiring import outbound

    return (messages_route(context, outbound(context)), *tab_routes(context))


@hookimpl
def register_sandbox() -> Iterable[Sandbox]:
    """Return the local stand-in."""
    from tertulia_teams.sandbox import TeamsSandbox

    return (TeamsSandbox(),)


@hookimpl
def register_cli() -> click.Command | None:
    """Return `tertulia teams`."""
    from tertulia_teams.command import command

    return command
