"""Whatever a port does becomes one of the four send errors."""

from __future__ import annotations

import asyncio
import logging
import socket

import aiohttp
import pytest
from aiohttp import web

from tertulia.errors import OperatorError, OutcomeUnknown, RetryLater, SendError, Skip, Unreachable
from tertulia.services.ports import call_port


async def fetch(url: str) -> None:
    """Do what a port would do."""
    async with aiohttp.ClientSession() as http, http.get(url):
        pass


def closed_port() -> int:
    """Return a port nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        number: int = listener.getsockname()[1]
    return number


async def test_the_result_passes() -> None:
    async def send() -> str:
        return "ref"

    assert await call_port("example", send()) == "ref"


@pytest.mark.parametrize(
    "error", [RetryLater("busy"), Unreachable("gone"), OutcomeUnknown("?"), OperatorError("key")]
)
async def test_send_errors_pass_through(error: SendError) -> None:
    async def send() -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        await call_port("example", send())
    assert caught.value is error


async def test_a_time_out_may_have_arrived() -> None:
    with pytest.raises(OutcomeUnknown, match=r"example did not answer within 0\.01 s"):
        await call_port("example", asyncio.sleep(5), seconds=0.01)


async def test_a_connection_that_was_never_made_is_tried_again() -> None:
    with pytest.raises(RetryLater, match="example could not connect"):
        await call_port("example", fetch(f"http://127.0.0.1:{closed_port()}/"))


async def test_a_connection_that_broke_may_have_arrived() -> None:
    async def cut(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    app = web.Application()
    app.router.add_get("/", cut)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        with pytest.raises(OutcomeUnknown, match="lost the connection"):
            await call_port("example", fetch(f"http://127.0.0.1:{runner.addresses[0][1]}/"))
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("error", [ValueError("secret content"), Skip("no"), ExceptionGroup("several", [KeyError()])])
async def test_any_other_exception_is_logged_by_type_only(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    async def send() -> None:
        raise error

    with caplog.at_level(logging.ERROR), pytest.raises(OutcomeUnknown, match="example raised"):
        await call_port("example", send())
    assert "example" in caplog.text
    assert "secret content" not in caplog.text


async def test_cancellation_from_outside_stays_cancellation() -> None:
    task = asyncio.create_task(call_port("example", asyncio.sleep(5)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
