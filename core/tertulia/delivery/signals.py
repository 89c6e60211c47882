"""Wake this process's workers as soon as there is work; the database stays the only source of what there is."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tertulia.capabilities import Subscription
    from tertulia.domain.identifiers import Id, Json
    from tertulia.domain.people import Place


@dataclass(kw_only=True)
class Signals:
    """Hold what the edges and the workers of one process tell each other."""

    intake: asyncio.Event = field(default_factory=asyncio.Event)
    outbox: asyncio.Event = field(default_factory=asyncio.Event)
    alerts: asyncio.Event = field(default_factory=asyncio.Event)
    collect: asyncio.Event = field(default_factory=asyncio.Event)
    receiving: int = 0
    """Webhooks whose commit is awaited: beyond a limit the next one is told to come back."""
    arrived: list[tuple[Json, asyncio.Future[None]]] = field(default_factory=list)
    """Webhooks that the next commit takes together."""
    committer: asyncio.Task[None] | None = None
    subscriptions: dict[tuple[Id, Id], tuple[float, Subscription, frozenset[Place]]] = field(default_factory=dict)
    """What was read of an installation's subscription, and when: looked up again after a moment."""
