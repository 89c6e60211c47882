"""Find what is wrong with an installation, and say what to do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass

import aiohttp

from tertulia import Context, RetryLater, SendError
from tertulia_teams.config import Settings
from tertulia_teams.directory import ENDPOINT
from tertulia_teams.ports import Outbound

SECONDS = 10.0


@dataclass(frozen=True)
class Finding:
    """Hold what one check came to; *cure* says what to do about it, `None` where all is well."""

    subject: str
    cure: str | None = None


async def examine(context: Context) -> AsyncIterator[Finding]:
    """Yield the findings, what others depend on first."""
    outbound = Outbound(context)
    settings: Settings = context.settings
    bot = await _checked("bot credentials", outbound.connector.token)
    yield bot
    yield await _checked("connector's keys", lambda: _reads(context, settings.endpoints.metadata))
    yield Finding("messaging endpoint", await _endpoint(context))
    if bot.cure is None and (settings.directory == "graph" or settings.install):
        async for finding in _graph(outbound, settings):
            yield finding


async def _graph(outbound: Outbound, settings: Settings) -> AsyncIterator[Finding]:
    token = await _checked("Graph credentials", lambda: outbound.tokens.get(settings.endpoints.graph_scope))
    yield token
    if token.cure is not None:
        return
    if settings.directory == "graph":
        yield await _checked("permission User.Read.All", lambda: _first_page(outbound))
    if settings.install:
        yield await _checked("app in the tenant's catalog", outbound.graph.catalog_id)


async def _first_page(outbound: Outbound) -> None:
    async with aclosing(outbound.graph.users(None)) as pages:
        await anext(pages, None)


async def _checked(subject: str, check: Callable[[], Awaitable[object]]) -> Finding:
    try:
        await check()
    except SendError as error:
        return Finding(subject, str(error))
    return Finding(subject)


async def _reads(context: Context, url: str) -> None:
    try:
        async with context.http.get(url, timeout=aiohttp.ClientTimeout(total=SECONDS)) as response:
            if response.status != 200:
                raise RetryLater(f"the address of the keys answered {response.status}; check cloud")
    except (aiohttp.ClientError, TimeoutError):
        raise RetryLater("the address of the keys does not answer; let the service reach it over https") from None


async def _endpoint(context: Context) -> str | None:
    """Call the bot as a stranger: it must answer, and refuse."""
    url = context.public_url + ENDPOINT
    try:
        # not through the guarded session, which does not lead to ourselves
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=SECONDS)) as session,
            session.post(url, json={}, allow_redirects=False) as response,
        ):
            if response.status == 401:
                return None
            return f"{url} answered {response.status} where it should refuse with 401; check the proxy in front of it"
    except (aiohttp.ClientError, TimeoutError):
        return f"nobody answers at {url}; start the service, and set this address in the Azure Bot's configuration"
