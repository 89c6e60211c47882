"""`tertulia demo`: a synthetic organization lives weeks in minutes, and then goes on before your eyes."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import time
import webbrowser
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from aiohttp import web
from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from tertulia.errors import Mistake
from tertulia.sandbox import pages, town
from tertulia.sandbox.life import WEEK, Life
from tertulia.sandbox.organization import MODEL, Size
from tertulia.sandbox.town import MONDAY, Town
from tertulia.service import Service
from tertulia.services import rounds
from tertulia.storage import lock

LANES = 8
TUESDAY_AFTERNOON = timedelta(days=1, hours=16)
"""History ends where a check-in is open for everybody, so that there is something to answer."""

SURE = 0.03
"""Before so much of the history is lived, nobody knows how long it takes."""

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
    pace: timedelta = timedelta(seconds=10)


async def run(options: Options, console: Console) -> None:
    """Live through the weeks with progress, print what came of them, and go on until stopped, in order by Ctrl-C."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()

    def end() -> None:
        stop.set()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)  # a second Ctrl-C waits for nothing

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)
    town.end_of_other(options.folder)
    port = checked_port(options.port)
    going = asyncio.create_task(_go(options, console, port))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({going, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if stop.is_set() and not going.done():
        _tell(console, "Ending: what is under way comes to its end first.")
        going.cancel()
        with suppress(asyncio.CancelledError):
            await going
        _tell(console, f"The demo has ended. Its folder {options.folder} may be deleted; the next demo begins anew.")
    else:
        await going


async def _go(options: Options, console: Console, port: int) -> None:
    began = time.monotonic()
    sys.setswitchinterval(SWITCH)
    _tell(console, f"[bold]{options.size.people} invented people[/bold] (seed {options.seed}) are settling in …")
    config = town.configuration(town.fresh_folder(options.folder), port)
    with lock.held(config.database_url):
        place = await town.found(config, size=options.size, seed=options.seed)
        life = Life(place)
        service = Service(place.runtime, tick=1.0, concurrency=LANES, extend=with_pages(life))
        life.ticker = service.ticker
        try:
            await service.start()
            await _show(options, console, place, life, began)
        finally:
            await service.stop()
            await town.close(place)


async def _show(options: Options, console: Console, place: Town, life: Life, began: float) -> None:
    address = f"{place.runtime.config.public_url}/sandbox"
    if options.leave:
        _tell(console, f"They live through {_weeks(options.weeks)} now; then the demo ends.")
    else:
        _tell(console, f"Open [bold]{address}[/bold] and watch them live through {_weeks(options.weeks)}.")
        if options.browser and has_screen(sys.platform, os.environ):
            webbrowser.open(address)
    await life.begin(options.seed)
    await _live(life, options.weeks, console)
    console.print(await _summary(place, options.weeks))
    _tell(console, _figures(life, time.monotonic() - began))
    if not options.leave:
        if not life.paced:
            life.pace = options.pace
        _tell(console, f"Now [bold]{address}[/bold] leads you through five things to try. Ctrl-C ends the demo.")
        await life.keep_pace()


def _tell(console: Console, text: str) -> None:
    """Print a sentence, on a line of its own however long it is where nobody watches."""
    console.print(text, soft_wrap=not console.is_terminal, highlight=False)


def _weeks(count: int) -> str:
    return "a week" if count == 1 else f"{count} weeks"


def has_screen(platform: str, environment: Mapping[str, str]) -> bool:
    """Tell whether a browser has a screen to open on; a text browser would take the terminal from the demo."""
    return platform == "darwin" or bool(environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"))


def checked_port(port: int) -> int:
    """Return *port* if it is free, or a free one for 0; raises `Mistake` where another program listens."""
    if not port:
        return free_port()
    with socket.socket() as probe:
        # as the server does: what a demo that just ended left behind does not count
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise Mistake(
                f"Port {port} cannot be used ({error.strerror}), perhaps because another demo runs; end that, or "
                'choose another with --port; 0 finds a free one: make demo DEMO="--port 0"'
            ) from None
    return port


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
    """Live, with a bar for who watches, and a line for each week for who reads a log."""
    columns = (TextColumn("{task.description}"), BarColumn(12), TextColumn("{task.fields[note]}"))
    began, end, told = time.monotonic(), MONDAY + timedelta(weeks=weeks) + TUESDAY_AFTERNOON, 0
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=(end - MONDAY).total_seconds(), note="")
        async for at in life.until(end):
            week = min(weeks, max(0, (at - MONDAY) // WEEK) + 1)
            heard = f"asked {life.arrived.total()}, answered {life.answers.total()}"
            passed, sure = time.monotonic() - began, life.done > SURE
            whole = passed + (life.left or 0)
            progress.update(
                task,
                description=f"week {week} of {weeks}",
                completed=(at - MONDAY).total_seconds(),
                note=f"{at:%a %d %b} · {heard} · {_clock(passed)}" + (f" of ~{_clock(whole)}" if sure else ""),
            )
            if week > told and not console.is_terminal:
                told = week
                _tell(console, f"week {week} of {weeks} begins: {heard}, {passed:.0f} s")


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02}"


def _figures(life: Life, seconds: float) -> str:
    came = ", ".join(f"{name} {life.arrived[name]}/{life.answers[name]}" for name in sorted(life.arrived))
    spent = time.process_time()
    took = f"It took {seconds:.0f} s, {spent:.0f} s of them a processor's."
    return f"Messages that came, and answers, by stand-in: {came}. {took}"


async def _summary(place: Town, weeks: int) -> Table:
    caption = "* a survey, rounded to 5"
    table = Table(title="What came of it", caption=caption, box=box.SIMPLE, padding=(0, 1, 0, 0))
    table.add_column("practice", no_wrap=True)
    for heading in ("rounds", "invited", "reminded", "answered", "passed"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("now", no_wrap=True)
    sums: dict[str, Counter[str]] = {}
    states: dict[str, Counter[str]] = {}
    async with place.runtime.database.read() as tx:
        for round_ in reversed(await rounds.recent(tx, place.organization, place.workspace, limit=40 * weeks)):
            standing = await rounds.progress(tx, place.organization, round_.id)
            if standing is None or round_.state == "planned":
                continue
            name = round_.practice + ("*" if round_.confidential else "")
            figures = (round_.summary or {}).get("figures", {})
            sums.setdefault(name, Counter()).update(
                rounds=1,
                invited=standing.deliveries.get("invite", {}).get("sent", 0),
                reminded=standing.deliveries.get("remind:1", {}).get("sent", 0),
                answered=figures.get("answered", 0) if round_.confidential else standing.answered,
                passed=0 if round_.confidential else standing.passed,
            )
            states.setdefault(name, Counter())[round_.state] += 1
    for name, one in sums.items():
        counts = [str(one[key]) for key in ("rounds", "invited", "reminded", "answered")]
        now = ", ".join(f"{count} {state}" for state, count in states[name].items())
        table.add_row(name, *counts, "–" if name.endswith("*") else str(one["passed"]), now)
    return table
