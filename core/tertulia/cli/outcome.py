"""What a command ends with: one sentence on standard error and an exit code that scripts can rely on."""

from __future__ import annotations

import asyncio
import logging
import secrets

import click
import sqlalchemy as sa

from tertulia.errors import Mistake, PluginError, Refused, Unavailable, Unsafe

DONE, MISTAKE, USAGE, UNSAFE, UNAVAILABLE, BUG = range(6)
CODES = {
    DONE: "it worked",
    MISTAKE: "a mistake in what was asked, or a finding; the sentence names it and the cure",
    USAGE: "the command line itself is wrong: an unknown command, option or argument",
    UNSAFE: "unsafe configuration: nothing was started",
    UNAVAILABLE: "the database, or another service that is needed, does not answer",
    BUG: "a fault in Tertulia or in a plugin; the sentence has an id that stands in the log too",
}
"""Every exit code, for the documentation."""
logger = logging.getLogger(__name__)


def of(error: BaseException) -> tuple[int, str]:
    """Return the exit code and the sentence for what a command raised."""
    if isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        return of(error.exceptions[0])
    match error:
        case click.UsageError():
            return USAGE, _usage(error)
        case click.ClickException():
            return MISTAKE, error.format_message()
        case click.Abort() | KeyboardInterrupt() | asyncio.CancelledError():
            return MISTAKE, "Stopped; what was not confirmed was not done."
        case Unsafe():
            return UNSAFE, str(error)
        case Unavailable():
            return UNAVAILABLE, str(error)
        case Mistake() | PluginError():
            return MISTAKE, str(error)
        case Refused():
            return MISTAKE, f"Refused: {error.reason}."
        case sa.exc.OperationalError() | sa.exc.InterfaceError() | sa.exc.TimeoutError():
            return UNAVAILABLE, "The database does not answer; start it, or mend TERTULIA_DATABASE_URL."
        case OSError(filename=str(path)):
            return MISTAKE, f"{path} cannot be used ({error.strerror}); name a place that exists and may be written."
        case _:
            return BUG, _bug(error)


def _usage(error: click.UsageError) -> str:
    sentence = error.format_message().strip().rstrip(".")
    where = error.ctx.command_path if error.ctx else "tertulia"
    return f"{sentence}; `{where} --help` tells what is possible."


def _bug(error: BaseException) -> str:
    number = secrets.token_hex(4)
    logger.error("bug %s", number, exc_info=error, extra={"ids": {"bug": number}})
    return f"This is a fault of ours ({type(error).__name__}, id {number}); please report it with the log line above."
