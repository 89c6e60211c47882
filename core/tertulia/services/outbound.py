"""The HTTP session of a plugin: named hosts over https, no redirects, no way into the own network."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterable
from functools import lru_cache
from types import SimpleNamespace

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from tertulia.errors import Mistake, OperatorError

TIMEOUT = aiohttp.ClientTimeout(total=30, sock_connect=10)
NAME = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*")
NAT64 = ipaddress.ip_network("64:ff9b::/96")


def session(
    allowed: Iterable[str], *, sandbox: bool, resolver: AbstractResolver | None = None
) -> aiohttp.ClientSession:
    """Open a session that reaches only the hosts *allowed*; in the sandbox also loopback over plain http."""
    hosts = frozenset(normal_host(host) for host in allowed)
    trace = aiohttp.TraceConfig()
    trace.on_request_redirect.append(_refuse_redirect)
    return aiohttp.ClientSession(
        connector=GuardedConnector(hosts, sandbox=sandbox, resolver=resolver),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=TIMEOUT,
        trace_configs=[trace],
    )


def normal_host(host: str) -> str:
    """Return *host* as URLs spell it; raises `Mistake` for anything but the name of one host."""
    try:
        url = URL(f"https://{host}/")
    except ValueError:
        url = URL()
    name = url.raw_host or ""
    # nothing besides the host was in it: no port, user, path or wild card
    if (
        not (NAME.fullmatch(name) or _is_address(name))
        or url.raw_authority.strip("[]") != name
        or url.raw_path != "/"
    ):
        raise Mistake(f"allowed_hosts: {host!r} is not the name of one host; write it like api.example.org.")
    return name


def is_public(address: str) -> bool:
    """Tell whether an IP address belongs to the public internet, also where it is wrapped in an IPv6 one."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour
        if ip.teredo is not None:
            inner = ip.teredo[1]
        elif ip in NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return ip.is_global and not ip.is_multicast


@lru_cache(maxsize=1024)
def is_loopback(host: str) -> bool:
    """Tell whether *host* is this machine, by name or by address."""
    return host == "localhost" or (_is_address(host) and ipaddress.ip_address(host).is_loopback)


class GuardedResolver(AbstractResolver):
    """Resolve names, and drop every address that is not public."""

    def __init__(self, *, sandbox: bool, inner: AbstractResolver | None = None):
        self._sandbox, self._inner = sandbox, inner or aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the public addresses of *host*; checked here, what is connected to is what was checked."""
        found = await self._inner.resolve(host, port, family)
        kept = [entry for entry in found if self._fits(entry["host"])]
        if found and not kept:
            raise OperatorError(f"{host} resolves to an address inside the own network; plugins may not go there")
        return kept

    async def close(self) -> None:
        """Release the inner resolver."""
        await self._inner.close()

    def _fits(self, address: str) -> bool:
        return is_public(address) or (self._sandbox and is_loopback(address))


class GuardedConnector(aiohttp.TCPConnector):
    """Connect for allowed requests only: no argument of a request leads past the connector."""

    def __init__(self, hosts: frozenset[str], *, sandbox: bool, resolver: AbstractResolver | None = None):
        super().__init__(resolver=GuardedResolver(sandbox=sandbox, inner=resolver), limit=100)
        self._hosts, self._sandbox = hosts, sandbox

    async def connect(
        self, req: aiohttp.ClientRequest, traces: list[aiohttp.tracing.Trace], timeout: aiohttp.ClientTimeout
    ) -> aiohttp.connector.Connection:
        """Return a connection for *req*, or raise `OperatorError` before anything is sent."""
        self._check(req.url)
        if req.proxy is not None:
            raise OperatorError("a plugin may not send through a proxy")
        return await super().connect(req, traces, timeout)

    def _check(self, url: URL) -> None:
        host = url.raw_host or ""
        if self._sandbox and url.scheme in ("http", "ws") and is_loopback(host):
            return
        if url.scheme not in ("https", "wss"):
            raise OperatorError(f"a plugin may reach {host} over https only")
        if host not in self._hosts:
            raise OperatorError(f"{host} is not among the plugin's allowed_hosts")
        if _is_address(host) and not is_public(host) and not (self._sandbox and is_loopback(host)):
            raise OperatorError(f"{host} is inside the own network; plugins may not go there")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


async def _refuse_redirect(
    _session: aiohttp.ClientSession, _context: SimpleNamespace, params: aiohttp.TraceRequestRedirectParams
) -> None:
    params.response.close()  # nobody else would, as the request ends here
    raise OperatorError(f"{params.url.raw_host} answered with a redirect, which is not followed; correct the address")
