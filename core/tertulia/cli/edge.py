"""What every command shares: a runtime beside a running service, names instead of ids, and plain tables."""

from __future__ import annotations

import asyncio
import getpass
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from functools import update_wrapper
from typing import ParamSpec, TypeVar

import click

from tertulia import bootstrap
from tertulia.config import Config
from tertulia.domain.identifiers import Id
from tertulia.domain.people import Person
from tertulia.errors import Mistake
from tertulia.runtime import Runtime
from tertulia.storage import lock, people
from tertulia.storage.database import Tx

P = ParamSpec("P")
T = TypeVar("T")

organization_option = click.option(
    "--organization", "-o", metavar="NAME", help="The organization; needed only where there are several."
)
workspace_option = click.option(
    "--workspace", "-w", metavar="NAME", help="The workspace; needed only where there are several."
)


def asynchronous(function: Callable[P, Awaitable[T]]) -> Callable[P, T]:
    """Let click call a coroutine function."""

    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        async def awaited() -> T:
            return await function(*args, **kwargs)

        return asyncio.run(awaited())

    return update_wrapper(run, function)


@asynccontextmanager
async def opened(config: Config | None = None) -> AsyncIterator[Runtime]:
    """Open the runtime; beside a running service on SQLite the schema is left alone."""
    config = config or Config.from_environment()
    bootstrap.make_folder(config)
    alone = not config.embedded or not lock.is_held(config.database_url)
    # a command never checkpoints: on SQLite that is the service's own connection's work
    runtime = await bootstrap.build(config, migrate=alone, checkpoints=False)
    try:
        yield runtime
    finally:
        await bootstrap.close(runtime)


def actor() -> str:
    """Return who is at the command line, for the audit log."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):
        return "cli"


async def organization_named(tx: Tx, name: str | None) -> people.Organization:
    """Return the organization called *name*, or the only one."""
    known = await people.organizations(tx)
    if not known:
        raise Mistake("There is no organization yet; make one with `tertulia people create-organization NAME`.")
    return _named("organization", name, known, [one.name for one in known])


async def workspace_named(tx: Tx, organization: str | None, name: str | None) -> people.Workspace:
    """Return the workspace called *name* of an organization, or the only one."""
    owner = await organization_named(tx, organization)
    known = await people.workspaces(tx, owner.id)
    if not known:
        raise Mistake(f"{owner.name} has no workspace yet; make one with `tertulia workspace create NAME`.")
    return _named("workspace", name, known, [one.name for one in known])


async def person_named(tx: Tx, organization: Id, text: str) -> Person:
    """Return the person with that e-mail address or id."""
    found = await people.person_by_email(tx, organization, text) if "@" in text else None
    if found is None and text.isalnum():
        found = await people.person(tx, organization, await people.current(tx, organization, text))
    if found is None or found.erased:
        raise Mistake(f"PERSON {text!r} is nobody here; give the e-mail address or id from `tertulia people list`.")
    return found


def _named(what: str, name: str | None, known: Sequence[T], names: Sequence[str]) -> T:
    if name is None:
        if len(known) == 1:
            return known[0]
        raise Mistake(f"--{what} is missing: there are several; name one of {', '.join(names)}.")
    for one, called in zip(known, names, strict=True):
        if called == " ".join(name.split()):
            return one
    raise Mistake(f"--{what} {name!r} does not exist; name one of {', '.join(names)}.")


def table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Show rows: as a table to people, separated by tabs to programs."""
    texts = [["" if cell is None else str(cell) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        for row in [list(headers), *texts]:
            click.echo("\t".join(" ".join(cell.split()) for cell in row))
        return
    # imported here: a program that reads our output does not wait for it
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(*headers, box=None, header_style="bold", pad_edge=False)
    for row in texts:
        shown.add_row(*(Text(cell) for cell in row))
    Console().print(shown)


def read_text(path: str) -> str:
    """Return a text file that was named on the command line."""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError as error:
        raise Mistake(f"{path} cannot be read ({error.strerror}); name a file that exists.") from None
    except UnicodeDecodeError:
        raise Mistake(f"{path} is not UTF-8; save it as UTF-8.") from None
