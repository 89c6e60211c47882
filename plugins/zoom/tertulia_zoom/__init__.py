"""Zoom for Tertulia: the hooks, and nothing but the hooks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from pydantic import BaseModel

from tertulia import Context, Platform, Route, Sandbox, Webhook, hookimpl
from tertulia_zoom.config import Settings
from tertulia_zoom.webhooks import PLATFORM, AccountWebhook

if TYPE_CHECKING:
    import click


@hookimpl
def register_settings() -> type[BaseModel]:
    """Return what one workspace sets for Zoom."""
    return Settings


@hookimpl
def register_platforms(context: Context) -> Iterable[Platform]:
    """Return the platform; what is sent in Team Chat needs the general app."""
    from tertulia_zoom.chat_ports import team_chat
    from tertulia_zoom.desk import desk  # zoomus takes a while to import, which no command line should wait for
    from tertulia_zoom.directory import UserDirectory
    from tertulia_zoom.history import MeetingHistory
    from tertulia_zoom.looks import ZoomLooks

    mine, chat = desk(context), team_chat(context)
    return (
        Platform(
            name=PLATFORM,
            ritual=chat.rituals,
            survey=chat.surveys,
            replies=chat.replies,
            participation=MeetingHistory(mine),
            directory=UserDirectory(mine),
            preview=ZoomLooks(),
        ),
    )


@hookimpl
def register_webhooks(context: Context) -> Iterable[Webhook]:
    """Return the reader of what Zoom posts."""
    return (AccountWebhook(context.settings),)


@hookimpl
def register_routes(context: Context) -> Iterable[Route]:
    """Return what must answer in the same request: the bot endpoint, the in-meeting panel, the end of consent."""
    from tertulia_zoom import chatbot_route, installed, panel

    return (*chatbot_route.routes(context), *panel.routes(context), *installed.routes(context))


@hookimpl
def register_sandbox() -> Iterable[Sandbox]:
    """Return the local stand-in."""
    from tertulia_zoom.sandbox import ZoomSandbox

    return (ZoomSandbox(),)


@hookimpl
def register_cli() -> click.Command:
    """Return `tertulia zoom`."""
    from tertulia_zoom.command import command

    return command
