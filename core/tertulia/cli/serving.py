"""`tertulia serve`: run the service until it is told to stop."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import signal
import sys
from contextlib import ExitStack

import click

from tertulia import bootstrap, journal, process
from tertulia.config import Config
from tertulia.errors import Unavailable, Unsafe
from tertulia.service import Service
from tertulia.storage import lock

logger = logging.getLogger(__name__)


@click.command("serve")
def command() -> None:
    """Run the service: web pages, webhooks, the timer and all work.

    SIGTERM or Ctrl-C ends it in order: what was accepted is answered and what is being sent is finished.
    """
    run(serves=True)


def run(*, serves: bool) -> None:
    """Run a process of the service, with or without its web server, until a signal comes."""
    config = Config.from_environment()
    if sys.flags.dev_mode and not config.sandbox:
        raise Unsafe("Python runs in development mode, which prints what people wrote; start it without -X dev.")
    if not serves and config.embedded:
        raise Unsafe("tertulia worker needs PostgreSQL; on SQLite `tertulia serve` alone does all the work.")
    bootstrap.make_folder(config)
    with ExitStack() as until_the_end:
        if config.embedded:
            until_the_end.enter_context(lock.held(config.database_url))
        # also what libraries write beside our database is nobody else's
        until_the_end.callback(os.umask, os.umask(0o077))
        journal.begin(config.log_level)
        asyncio.run(_run(config, serves=serves))


async def _run(config: Config, *, serves: bool) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    runtime = await bootstrap.build(config)
    try:
        service = Service(runtime, serves=serves)
        try:
            await _start(service, config)
            process.tune()
            _greet(config, service, serves=serves)
            await stop.wait()
            logger.info("stopping")
        finally:
            await service.stop()
    finally:
        await bootstrap.close(runtime)
    logger.info("stopped")


async def _start(service: Service, config: Config) -> None:
    try:
        await service.start()
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EACCES):
            raise
        raise Unavailable(
            f"TERTULIA_HOST and TERTULIA_PORT name {config.host}:{config.port}, where we cannot listen "
            f"({error.strerror}); choose another port."
        ) from None


def _greet(config: Config, service: Service, *, serves: bool) -> None:
    logger.info("started", extra={"ids": {"process": service.executor, "mode": config.mode}})
    if serves:
        click.echo(f"Tertulia ({config.mode}) listens on http://{config.host}:{service.port}; Ctrl-C ends it.")
