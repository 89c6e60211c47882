"""A plugin's HTTP session reaches named hosts only, and never the own network."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from hypothesis import given
from hypothesis import strategies as st

from tertulia.errors import Mistake, OperatorError
from tertulia.services.outbound import is_public, normal_host, session


class Resolver(AbstractResolver):
    """Resolve every name to the same addresses, as a hostile name server would."""

    def __init__(self, *addresses: str):
        self.addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        kind = [socket.AF_INET6 if ":" in address else socket.AF_INET for address in self.addresses]
        return [
            ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=0)
            for address, family in zip(self.addresses, kind, strict=True)
        ]

    async def close(self) -> None: ...


@asynccontextmanager
async def server(handler: web.Handler) -> AsyncIterator[str]:
    """Serve on loopback."""
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def greet(request: web.Request) -> web.Response:
    return web.Response(text=request.host)


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example.org/",
        "https://evil.example.org/",
        "https://api.example.org.evil.test/",
        "https://api.example.org@evil.test/",
        "https://sub.api.example.org/",
        "https://api.example.org./",
        "http://127.0.0.1:1/",
        "http://localhost/",
        "ftp://api.example.org/",
    ],
)
async def test_only_named_hosts_over_https(url: str) -> None:
    async with session(["api.example.org"], sandbox=False, resolver=Resolver("93.184.215.14")) as http:
        with pytest.raises((OperatorError, aiohttp.NonHttpUrlClientError)):
            await http.get(url)


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "fd00::1", "::ffff:10.0.0.1", "100.64.0.1", "0.0.0.0"],  # noqa: S104  # it is refused
)
async def test_a_named_host_that_resolves_into_the_own_network_is_refused(address: str) -> None:
    async with session(["api.example.org"], sandbox=False, resolver=Resolver(address)) as http:
        with pytest.raises(OperatorError, match="inside the own network"):
            await http.get("https://api.example.org/")


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "169.254.169.254"])
async def test_an_address_on_the_list_must_be_public_too(host: str) -> None:
    async with session([host], sandbox=False) as http:
        with pytest.raises(OperatorError, match="inside the own network"):
            await http.get(f"https://{host}/")


async def test_the_sandbox_reaches_loopback_without_tls_and_nothing_else() -> None:
    async with server(greet) as url, session([], sandbox=True) as http:
        async with http.get(url) as response:
            assert response.status == 200
        with pytest.raises(OperatorError, match="https only"):
            await http.get("http://example.org/")
        with pytest.raises(OperatorError, match="https only"):
            await http.get("http://10.0.0.1/")
        with pytest.raises(OperatorError, match="not among"):
            await http.get("https://example.org/")


async def test_redirects_are_not_followed_whatever_the_request_says() -> None:
    seen: list[str] = []

    async def redirect(request: web.Request) -> web.Response:
        seen.append(request.path)
        return web.Response(status=307, headers={"location": "/elsewhere"})

    async with server(redirect) as url, session([], sandbox=True) as http:
        with pytest.raises(OperatorError, match="redirect, which is not followed"):
            await http.post(f"{url}/start", data=b"x")
        async with http.post(f"{url}/start", data=b"x", allow_redirects=False) as response:
            assert response.status == 307
    assert seen == ["/start", "/start"]


async def test_no_argument_of_a_request_leads_past_the_guard() -> None:
    async with server(greet) as url, session([], sandbox=False) as http:
        with pytest.raises(OperatorError):
            await http.get(url, middlewares=())
        with pytest.raises(OperatorError):
            await http.get("https://example.org/", proxy=url)
    async with server(greet) as url, session([], sandbox=True) as http:
        with pytest.raises(OperatorError, match="proxy"):
            await http.get(url, proxy=url)


async def test_cookies_are_not_kept() -> None:
    async def bake(request: web.Request) -> web.Response:
        response = web.Response(text=str(len(request.cookies)))
        response.set_cookie("who", "someone")
        return response

    async with server(bake) as url, session([], sandbox=True) as http:
        for _ in range(2):
            async with http.get(url) as response:
                assert await response.text() == "0"


@pytest.mark.parametrize(
    "host", ["", "*.example.org", "example.org/path", "https://example.org", "a:b@c", "x:443", "a b"]
)
def test_only_names_of_hosts_are_accepted(host: str) -> None:
    with pytest.raises(Mistake, match="allowed_hosts"):
        normal_host(host)


def test_hosts_are_compared_as_urls_spell_them() -> None:
    assert normal_host("API.Example.ORG") == "api.example.org"
    assert normal_host("bücher.example") == "xn--bcher-kva.example"


@given(st.ip_addresses(v=4))
def test_an_address_wrapped_in_ipv6_is_judged_by_what_is_inside(address: object) -> None:
    assert is_public(f"::ffff:{address}") == is_public(str(address))
    assert is_public(f"64:ff9b::{address}") == is_public(str(address))
