"""`tertulia demo`: a synthetic organization lives weeks in minutes, and then goes on before your eyes."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
import time
import webbrowser
from collections.abc import Callable
from contextlib import suppress
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
from tertulia.sandbox.organization import MODEL, Size
from tertulia.sandbox.town import MONDAY, Town
from tertulia.service import Service
from tertulia.services import rounds

LANES = 8
TUESDAY_AFTERNOON = timedelta(days=1, hours=16)
"""History ends where a check-in is open for everybody, so that there is something to answer."""

SWITCH = 0.0005
"""Seconds for which a thread keeps the interpreter: the database's threads wait for it many thousand times."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """Choose how the demo runs: *leave* ends it after the summary, *port* 0 chooses a free one."""

    folder: Path
    size: Size = MODEL
    weeks: int = 8
    seed: int = 20260105
    port: int = 0
    leave: bool = False
    browser: bool = True
    pace: timedelta = timedelta(minutes=1)


async def run(options: Options, console: Console) -> None:
    """Live through the weeks with progress, print what came of them, and go on until stopped."""
    began = time.monotonic()
    sys.setswitchinterval(SWITCH)
    port = options.port or free_port()
    config = town.configuration(town.fresh_folder(options.folder), port)
    place = await town.found(config, size=options.size, seed=options.seed)
    life = Life(place)
    service = Service(place.runtime, tick=1.0, concurrency=LANES, extend=with_pages(life))
    life.ticker = service.ticker
    try:
        await service.start()
        address = f"{place.runtime.config.public_url}/sandbox"
        console.print(f"[bold]{options.size.people} invented people[/bold] (seed {options.seed}) · open {address}")
        console.print(f"The page opened after {time.monotonic() - began:.0f} s; {options.weeks} weeks are lived now.")
        if options.browser and not options.leave:
            webbrowser.open(address)
        await life.begin(options.seed)
        await _live(life, options.weeks, console)
        console.print(await _summary(place, options.weeks))
        console.print(_figures(life, time.monotonic() - began))
        if not options.leave:
            if not life.paced:
                life.pace = options.pace
            console.print(f"Time goes on, at the pace set on {address} · Ctrl-C ends the demo.")
            await _until_stopped(life)
    finally:
        await service.stop()
        await town.close(place)


def free_port() -> int:
    """Return a port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def with_pages(life: Life) -> Callable[[web.Application], None]:
    """Return what adds the sandbox's pages to the service."""

    def extend(app: web.Application) -> None:
        pages.attach(app, life)

    return extend


async def _live(life: Life, weeks: int, console: Console) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[note]}"), TimeElapsedColumn())
    end = MONDAY + timedelta(weeks=weeks) + TUESDAY_AFTERNOON
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("living", total=(end - MONDAY).total_seconds(), note="")
        async for at in life.until(end):
            note = f"{at:%a %d %b %H:%M} · {life.answers.total()} answers"
            progress.update(task, completed=(at - MONDAY).total_seconds(), note=note)


def _figures(life: Life, seconds: float) -> str:
    came = ", ".join(f"{name} {life.arrived[name]}/{life.answers[name]}" for name in sorted(life.arrived))
    spent = time.process_time()
    return f"Came and answered, by stand-in: {came}. {seconds:.0f} s, of which {spent:.0f} s of the processor."


async def _summary(place: Town, weeks: int) -> Table:
    table = Table(title="What came of it (invented people)", caption="* a survey, rounded to 5", box=box.SIMPLE)
    for heading in ("practice", "opened (UTC)", "state"):
        table.add_column(heading, no_wrap=True)
    for heading in ("invited", "reminded", "answered", "passed"):
        table.add_column(heading, justify="right", no_wrap=True)
    async with place.runtime.database.read() as tx:
        for round_ in reversed(await rounds.recent(tx, place.organization, place.workspace, limit=20 * weeks)):
            standing = await rounds.progress(tx, place.organization, round_.id)
            if standing is None or round_.state == "planned":
                continue
            figures = (round_.summary or {}).get("figures", {})
            table.add_row(
                round_.practice + ("*" if round_.confidential else ""),
                f"{round_.opens_at:%d %b %H:%M}",
                round_.state,
                str(standing.deliveries.get("invite", {}).get("sent", 0)),
                str(standing.deliveries.get("remind:1", {}).get("sent", 0)),
                str(figures.get("answered", 0) if round_.confidential else standing.answered),
                "–" if round_.confidential else str(standing.passed),
            )
    return table


async def _until_stopped(life: Life) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    passing = asyncio.create_task(life.keep_pace())
    await stop.wait()
    passing.cancel()
    with suppress(asyncio.CancelledError):
        await passing
