"""Trello for Tertulia: the hooks, and nothing but the hooks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from pydantic import BaseModel

from tertulia import Context, Event, Platform, Route, Sandbox, Webhook, hookimpl
from tertulia_trello.actions import PLATFORM
from tertulia_trello.config import Settings
from tertulia_trello.desk import Desk
from tertulia_trello.directory import BoardDirectory
from tertulia_trello.history import BoardHistory
from tertulia_trello.linking import Linking, link_page
from tertulia_trello.looks import CardLooks
from tertulia_trello.replies import CommentReplies, own_page
from tertulia_trello.rituals import CardRituals
from tertulia_trello.watch import Watch
from tertulia_trello.webhooks import BoardWebhook

if TYPE_CHECKING:
    import click

_WATCHES: dict[str, Watch] = {}
"""By installation, for the farewell: an event carries no context."""


@hookimpl
def register_settings() -> type[BaseModel]:
    """Return what one workspace sets for Trello."""
    return Settings


@hookimpl
def register_platforms(context: Context) -> Iterable[Platform]:
    """Return the platform; it has no survey port, because Trello has no private channel."""
    desk = Desk(context)
    watch = _WATCHES[context.installation] = Watch(desk)
    return (
        Platform(
            name=PLATFORM,
            ritual=CardRituals(desk),
            replies=CommentReplies(desk.client, own_page(context.public_url), link_page(context)),
            participation=BoardHistory(desk, watch),
            directory=BoardDirectory(desk, watch),
            preview=CardLooks(desk.settings.username),
        ),
    )


@hookimpl
def register_webhooks(context: Context) -> Iterable[Webhook]:
    """Return the reader of what boards send."""
    settings: Settings = context.settings
    return (BoardWebhook(settings.workspace_id, settings.username, frozenset(settings.boards)),)


@hookimpl
def register_routes(context: Context) -> Iterable[Route]:
    """Return the pages on which members link their account by signing in at Trello."""
    return Linking(context).routes()


@hookimpl
def register_sandbox() -> Iterable[Sandbox]:
    """Return a small Trello on loopback."""
    from tertulia_trello.stand_in import StandIn  # only the sandbox needs it

    return (StandIn(),)


@hookimpl
def register_cli() -> click.Command:
    """Return `tertulia trello`."""
    from tertulia_trello.commands import trello

    return trello


@hookimpl
async def on_event(event: Event) -> None:
    """Remove the webhooks of an installation that is disabled."""
    if event.name == "installation.disabled":
        watch = _WATCHES.pop(event.subject, None)
        if watch is not None:
            await watch.remove()
