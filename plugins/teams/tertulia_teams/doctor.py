"""Find what is wrong with an installation, and say what to do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial

import aiohttp
import jwt

from tertulia import Context, OperatorError, RetryLater, SendError
from tertulia_teams.config import Settings
from tertulia_teams.directory import ENDPOINT
from tertulia_teams.ports import Outbound
from tertulia_teams.tab import FRAMES, FRAMES_ELSEWHERE, TAB, resource

SECONDS = 10.0
CONSENT = (
    "add it to the app registration's application permissions and grant admin consent; README says what it is for"
)


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
    if FRAMES_ELSEWHERE.get(settings.cloud, FRAMES):
        async for finding in _tab(context, outbound, bot.cure is None):
            yield finding
    if bot.cure is None and (settings.directory == "graph" or settings.install):
        async for finding in _graph(outbound, settings):
            yield finding


async def _tab(context: Context, outbound: Outbound, credentials: bool) -> AsyncIterator[Finding]:
    settings: Settings = context.settings
    yield Finding("personal tab", await _framed(context))
    keys = settings.endpoints.entra_keys(settings.tenant_id)
    yield await _checked("keys of people's tokens", lambda: _reads(context, keys))
    if credentials and settings.app_type != "managed-identity":
        yield Finding("single sign-on of the tab", await _single_sign_on(context, outbound))


async def _single_sign_on(context: Context, outbound: Outbound) -> str | None:
    """Ask for a token for ourselves, which there is only once the registration exposes an API under our name."""
    name = resource(context.settings, context.public_url)
    try:
        await outbound.tokens.get(f"{name}/.default")
    except OperatorError:
        return f"set the Application ID URI {name} and the scope access_as_user under Expose an API, see README"
    except SendError as error:
        return str(error)
    return None


async def _graph(outbound: Outbound, settings: Settings) -> AsyncIterator[Finding]:
    token = await _checked("Graph credentials", lambda: outbound.tokens.get(settings.endpoints.graph_scope))
    yield token
    if token.cure is not None:
        return
    granted = _roles(await outbound.tokens.get(settings.endpoints.graph_scope))
    wanted = await _wanted(outbound, settings)
    for permission in wanted if granted is not None else ():
        yield Finding(f"permission {permission}", None if permission in (granted or ()) else CONSENT)
    if settings.directory == "graph":
        yield await _checked("directory", lambda: _first_page(outbound))
    for worker, group in settings.groups.items():
        yield await _checked(f"group of {worker}s", partial(outbound.graph.group, group))
    if settings.install:
        yield await _checked("app in the tenant's catalog", outbound.graph.catalog_id)


async def _wanted(outbound: Outbound, settings: Settings) -> list[str]:
    """Return the permissions that these settings, and the meetings that were seen, make use of."""
    wanted = []
    if settings.install:
        wanted += ["TeamsAppInstallation.ReadWriteSelfForUser.All", "AppCatalog.Read.All"]
    if settings.directory == "graph":
        wanted.append("User.Read.All")
    if settings.groups:
        wanted.append("GroupMember.Read.All")
    if await outbound.reach.knows_meetings():
        wanted += ["OnlineMeetings.Read.All", "OnlineMeetingArtifact.Read.All"]
    return wanted


def _roles(token: str) -> frozenset[str] | None:
    """Return the permissions that the app's own token names; `None` for a token that says nothing."""
    try:
        roles = jwt.decode(token, options={"verify_signature": False}).get("roles")
    except (jwt.PyJWTError, ValueError):
        return None
    return frozenset(map(str, roles)) if isinstance(roles, list) else frozenset()


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
    got = await _called("POST", url)
    if got is None:
        return f"nobody answers at {url}; start the service, and set this address in the Azure Bot's configuration"
    if got[0] != 401:
        return f"{url} answered {got[0]} where it should refuse with 401; check the proxy in front of it"
    if not url.startswith("https://") and context.settings.stand_in is None:
        return f"{url} is no https address, which Microsoft needs; set TERTULIA_PUBLIC_URL"
    return None


async def _framed(context: Context) -> str | None:
    """Look at the tab as Teams does: it must let itself be framed by Teams."""
    url, settings = context.public_url + TAB, context.settings
    got = await _called("GET", url)
    if got is None or got[0] != 200:
        return f"{url} does not open; start the service, or check the proxy in front of it"
    host = settings.stand_in or FRAMES_ELSEWHERE.get(settings.cloud, FRAMES)[0]
    policy, denied = got[1].get("Content-Security-Policy", ""), "X-Frame-Options" in got[1]
    if denied or host not in policy.partition("frame-ancestors")[2]:
        return (
            "the headers of the tab were changed on the way; let Content-Security-Policy pass, add no X-Frame-Options"
        )
    return None


async def _called(method: str, url: str) -> tuple[int, dict[str, str]] | None:
    try:
        # not through the guarded session, which does not lead to ourselves
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=SECONDS)) as session,
            session.request(method, url, json={} if method == "POST" else None, allow_redirects=False) as response,
        ):
            return response.status, dict(response.headers)
    except (aiohttp.ClientError, TimeoutError):
        return None
