"""Call a plugin's port so that whatever it does becomes one of the four `SendError`s."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from typing import TypeVar

import aiohttp

from tertulia.contract import raised_at
from tertulia.errors import OutcomeUnknown, RetryLater, SendError

T = TypeVar("T")
SECONDS = 30.0
log = logging.getLogger(__name__)

NEVER_LEFT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.ServerFingerprintMismatch)
"""No connection was made, so no request left: name not resolved, refused, TLS failed, time-out while connecting."""


async def call_port(plugin: str, call: Awaitable[T], seconds: float = SECONDS) -> T:
    """Await *call* for at most *seconds* and raise nothing but `SendError`s (and cancellation from outside)."""
    try:
        async with asyncio.timeout(seconds):
            return await call
    except SendError:
        raise
    except NEVER_LEFT as error:
        raise RetryLater(f"{plugin} could not connect: {type(error).__name__}") from error
    except TimeoutError as error:
        raise OutcomeUnknown(f"{plugin} did not answer within {seconds:g} s") from error
    except (aiohttp.ClientError, ConnectionError) as error:
        raise OutcomeUnknown(f"{plugin} lost the connection: {type(error).__name__}") from error
    except Exception as error:
        # the message could hold content, so only its type and place are logged
        log.error("a port of plugin %s failed: %s", plugin, raised_at(error))
        raise OutcomeUnknown(f"{plugin} raised {type(error).__name__}") from error
