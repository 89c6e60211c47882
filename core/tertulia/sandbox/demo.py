"""`tertulia demo`: a synthetic organization lives weeks in minutes, and then waits for you."""

from __future__ import annotations

import asyncio
import signal
import socket
import time
import webbrowser
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from aiohttp import web
from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from tertulia.sandbox import pages, town
from tertulia.sandbox.life import Life
from tertulia.sandbox.town import MONDAY, Town
from tertulia.service import Service
from tertulia.services import rounds


@dataclass(frozen=True, kw_only=True)
class Options:
    """Choose how the demo runs: *leave* ends it after the summary, *port* 0 chooses a free one."""

    folder: Path
    people: int = 40
    weeks: int = 1
    seed: int = 20260105
    port: int = 0
    leave: bool = False
    browser: bool = True


async def run(options: Options, console: Console) -> None:
    """Live through the weeks with progress, print what came of them, and serve until stopped."""
    began = time.monotonic()
    port = options.port or _free_port()
    place = await town.found(
        town.configuration(town.fresh_folder(options.folder), port), count=options.people, seed=options.seed
    )
    life = Life(place)
    service = Service(place.runtime, tick=0.01, extend=_with_pages(life))
    try:
        await service.start()
        address = f"{place.runtime.config.public_url}/sandbox"
        console.print(f"[bold]{options.people} invented people[/bold] (seed {options.seed}) · open {address}")
        if options.browser and not options.leave:
            webbrowser.open(address)
        await _live(life, options.weeks, console)
        console.print(await _summary(place))
        mails, seconds = len(place.mailbox.messages()), time.monotonic() - began
        console.print(f"{mails} mails, {life.answers} answers and passes over HTTP, {seconds:.0f} s.")
        if not options.leave:
            console.print(f"The clock waits for you at {address} · Ctrl-C ends the demo.")
            await _until_stopped()
    finally:
        await service.stop()
        await town.close(place)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _with_pages(life: Life) -> Callable[[web.Application], None]:
    def extend(app: web.Application) -> None:
        pages.attach(app, life)

    return extend


async def _live(life: Life, weeks: int, console: Console) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[note]}"), TimeElapsedColumn())
    end = MONDAY + timedelta(weeks=weeks)
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("living", total=(end - MONDAY).total_seconds(), note="")
        async for at in life.until(end):
            note = f"{at:%a %d %b %H:%M} · {life.answers} answers"
            progress.update(task, completed=(at - MONDAY).total_seconds(), note=note)


async def _summary(place: Town) -> Table:
    table = Table(title="What came of it (invented people)", caption="* a survey, rounded to 5", box=box.SIMPLE)
    for heading in ("practice", "opened (UTC)", "state"):
        table.add_column(heading, no_wrap=True)
    for heading in ("invited", "reminded", "answered", "passed"):
        table.add_column(heading, justify="right", no_wrap=True)
    async with place.runtime.database.read() as tx:
        for round_ in reversed(await rounds.recent(tx, place.organization, place.workspace)):
            standing = await rounds.progress(tx, place.organization, round_.id)
            if standing is None or round_.state == "planned":
                continue
            figures = (round_.summary or {}).get("figures", {})
            table.add_row(
                round_.practice + ("*" if round_.confidential else ""),
                f"{round_.opens_at:%a %d %H:%M}",
                round_.state,
                str(standing.deliveries.get("invite", {}).get("sent", 0)),
                str(standing.deliveries.get("remind:1", {}).get("sent", 0)),
                str(figures.get("answered", 0) if round_.confidential else standing.answered),
                "–" if round_.confidential else str(standing.passed),
            )
    return table


async def _until_stopped() -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()
