"""Every extension point. `register_*` hooks are synchronous and return typed objects; see `docs/plugins.md`."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import pluggy

from tertulia.capabilities import Platform, Webhook
from tertulia.domain.identifiers import Id
from tertulia.extension import Context, Event, Groups, RitualKind, Route, Sandbox

if TYPE_CHECKING:
    import click
    from pydantic import BaseModel

hookspec = pluggy.HookspecMarker("tertulia")
hookimpl = pluggy.HookimplMarker("tertulia")


@hookspec(firstresult=True)
def register_settings() -> type[BaseModel] | None:
    """Return the model of this plugin's settings for one workspace.

    .. versionadded:: 0.1
    """


@hookspec
def register_platforms(context: Context) -> Iterable[Platform]:
    """Return the platforms that this plugin serves for one installation.

    :param context: all that the plugin gets of the installation

    .. versionadded:: 0.1
    """
    return ()


@hookspec
def register_webhooks(context: Context) -> Iterable[Webhook]:
    """Return the readers of what the platform posts to `/hooks/<plugin>/<subscription>`.

    :param context: all that the plugin gets of the installation

    .. versionadded:: 0.1
    """
    return ()


@hookspec
def register_routes(context: Context) -> Iterable[Route]:
    """Return what must answer in the same request; mounted below `context.public_url`.

    :param context: all that the plugin gets of the installation

    .. versionadded:: 0.1
    """
    return ()


@hookspec(firstresult=True)
def register_cli() -> click.Command | None:
    """Return a command that becomes `tertulia <plugin>`.

    .. versionadded:: 0.1
    """


@hookspec
def register_rituals() -> Iterable[RitualKind]:
    """Return kinds of rituals and surveys that a program may name.

    .. versionadded:: 0.1
    """
    return ()


@hookspec
def register_sandbox() -> Iterable[Sandbox]:
    """Return the platform's local stand-in; called in sandbox mode only.

    .. versionadded:: 0.1
    """
    return ()


@hookspec(firstresult=True)
def match_groups(ritual: str, people: Sequence[Id], history: Mapping[frozenset[Id], int]) -> Groups | None:
    """Split *people* into groups, or return `None` to leave it to the next plugin.

    :param ritual: the kind's name
    :param people: who takes part, in a stable order
    :param history: pairs that met, with the number of rounds since

    .. versionadded:: 0.1
    """


@hookspec
def on_event(event: Event) -> Awaitable[None] | None:
    """React to something that happened in a workspace that enabled this plugin; may be a coroutine.

    :param event: what happened

    .. versionadded:: 0.1
    """
