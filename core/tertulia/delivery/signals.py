"""Wake this process's workers as soon as there is work; the database stays the only source of what there is."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field


@dataclass(kw_only=True)
class Signals:
    """Hold what the edges and the workers of one process tell each other."""

    intake: asyncio.Event = field(default_factory=asyncio.Event)
    outbox: asyncio.Event = field(default_factory=asyncio.Event)
    alerts: asyncio.Event = field(default_factory=asyncio.Event)
    collect: asyncio.Event = field(default_factory=asyncio.Event)
    receiving: int = 0
    """Webhooks whose commit is awaited: beyond a limit the next one is told to come back."""
