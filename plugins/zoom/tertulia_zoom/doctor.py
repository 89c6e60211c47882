"""Find what is wrong with an installation, and say what to do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace

import aiohttp

from tertulia import Context, Json, SendError
from tertulia_zoom.answers import NotOnPlan
from tertulia_zoom.config import Settings
from tertulia_zoom.desk import Desk, desk
from tertulia_zoom.paths import Gone
from tertulia_zoom.webhooks import WEBHOOK

SECONDS = 10.0
NOBODY = "A" * 22
"""No user, and no meeting's number: asking for them proves the scope and reads nothing."""
NOWHERE = "99999999999"


@dataclass(frozen=True)
class Finding:
    """Hold what one check came to; *cure* says what to do about it, `None` where all is well.

    What is *optional* need not be mended.
    """

    subject: str
    cure: str | None = None
    optional: bool = False


async def examine(context: Context) -> AsyncIterator[Finding]:
    """Yield the findings, what others depend on first."""
    found = desk(context)
    server = await _checked("server-to-server app", lambda: found.tokens.get("server"))
    yield server
    if server.cure is None:
        async for finding in _scopes(found):
            yield finding
    if found.settings.app is not None:
        yield await _checked("general app", lambda: found.tokens.get("chat"))
    yield Finding("address for events", await _endpoint(context, found.settings))


async def _scopes(found: Desk) -> AsyncIterator[Finding]:
    account = found.account
    yield await _checked("scope for users", lambda: _first(account.users()))
    yield await _checked("scope for meetings", lambda: account.meeting(NOWHERE))
    yield await _checked("scope for past meetings", lambda: account.instances(NOWHERE))
    reports = await _checked("scope for reports", lambda: _first(account.reported_participants(NOWHERE)))
    # the list of past participants will do, and small accounts cannot grant this one
    yield replace(reports, optional=True)
    scheduler = found.settings.scheduler
    if scheduler is not None:
        yield await _scheduler(found, scheduler)


async def _scheduler(found: Desk, scheduler: str) -> Finding:
    subject = "scheduling user"
    try:
        user = await found.account.user(scheduler)
    except Gone:
        return Finding(subject, "scheduler names nobody in the account; set the id of a licensed user")
    except SendError as error:
        return Finding(subject, str(error))
    if user.get("type") == 1:
        return Finding(subject, "scheduler is a basic user, whose meetings have no polls; name a licensed one")
    return Finding(subject)


async def _first(pages: AsyncIterator[list[Json]]) -> None:
    async with aclosing(pages) as opened:  # type: ignore[type-var]  # pages are asynchronous generators
        await anext(opened, None)


async def _checked(subject: str, check: Callable[[], Awaitable[object]]) -> Finding:
    try:
        await check()
    except Gone:
        return Finding(subject)  # it was asked for what is not there, and may ask
    except NotOnPlan as error:
        return Finding(subject, f"{error}; attendance is then told by events only, and plan should be free")
    except SendError as error:
        return Finding(subject, str(error))
    return Finding(subject)


async def _endpoint(context: Context, settings: Settings) -> str | None:
    """Call the address as a stranger: it must answer, and refuse."""
    subscription = await context.subscribe(WEBHOOK, settings.webhook_secrets)
    url = subscription.url
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
        return f"nobody answers at {url}; start the service, and enter this address in the app's event subscription"
