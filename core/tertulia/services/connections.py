"""Try what an installation is connected to, without writing to anybody, and say what it can reach."""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, cast

from tertulia.capabilities import DirectoryPort
from tertulia.errors import OperatorError, SendError
from tertulia.services import settings
from tertulia.services.registry import Live

log = logging.getLogger(__name__)
SECONDS = 20.0


@dataclass(frozen=True, kw_only=True)
class Trial:
    """Hold what came of a trial; *sound* is `None` where there was nothing to try."""

    sound: bool | None
    text: str


@dataclass(frozen=True, kw_only=True)
class Reach:
    """Say what an installation can do, so that an admin knows before it is done."""

    posts: bool
    asks: bool
    reads_participation: bool
    reads_directory: bool
    hears: tuple[str, ...]
    hosts: tuple[str, ...]


async def attempt(live: Live, seconds: float = SECONDS) -> Trial:
    """Read the first page of the accounts that the platform lists, and say in a sentence what came of it."""
    directory = next((one.directory for one in live.platforms.values() if one.directory is not None), None)
    if directory is None:
        return Trial(sound=None, text="It runs. It lists no accounts, so there is nothing to try without a message.")
    try:
        async with asyncio.timeout(seconds):
            count = await _first(directory)
    except OperatorError as error:
        return Trial(sound=False, text=f"The platform refuses: {error}. Mend the credentials or permissions.")
    except (SendError, TimeoutError):
        return Trial(sound=False, text="The platform does not answer at the moment; try again in some minutes.")
    except Exception as error:
        log.exception("a trial of a connection failed", extra={"ids": {"installation": live.id}})
        return Trial(sound=False, text=f"The plugin failed ({type(error).__name__}); the log says where.")
    return Trial(sound=True, text=f"The platform answers; the first page lists {count} accounts.")


async def _first(directory: DirectoryPort) -> int:
    async with aclosing(cast(Any, directory.members(None))) as pages:
        async for page in pages:
            return len(page.items)
    return 0


def reach(live: Live) -> Reach:
    """Tell what an installation can post, ask, read and hear, and which hosts it may call."""
    platforms = live.platforms.values()
    return Reach(
        posts=any(one.ritual is not None for one in platforms),
        asks=any(one.survey is not None for one in platforms),
        reads_participation=any(one.participation is not None for one in platforms),
        reads_directory=any(one.directory is not None for one in platforms),
        hears=tuple(sorted(live.webhooks)),
        hosts=settings.allowed_hosts(live.plugin, live.context.settings),
    )
