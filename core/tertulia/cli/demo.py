"""`tertulia demo`: the sandbox, on this machine only."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click
from rich.console import Console

from tertulia import journal
from tertulia.sandbox import demo
from tertulia.sandbox.organization import MODEL, PILOT, Size

SCALES = {"model": MODEL, "pilot": PILOT}


@click.command("demo")
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("demo"),
    show_default=True,
    help="Its folder.",
)
@click.option(
    "--scale",
    type=click.Choice(sorted(SCALES)),
    default="model",
    show_default=True,
    help=f"How many to invent: {MODEL.people} people, or {PILOT.people} as in the pilot.",
)
@click.option("--people", type=click.IntRange(2, 5000), default=None, help="How many to invent instead.")
@click.option("--weeks", type=click.IntRange(1, 52), default=8, show_default=True, help="How many to live through.")
@click.option("--seed", type=int, default=20260105, show_default=True, help="The same seed invents the same people.")
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="0 chooses a free one.")
@click.option("--exit", "leave", is_flag=True, help="End after the summary.")
@click.option("--browser/--no-browser", default=True, show_default=True, help="Open the start page.")
def command(
    data: Path, scale: str, people: int | None, weeks: int, seed: int, port: int, leave: bool, browser: bool
) -> None:
    """Let an invented organization live through weeks in minutes, then sit down as any of its members.

    It runs in sandbox mode: on loopback, with a fresh database in its own folder, a local mail server, and the
    platforms' local stand-ins.
    """
    journal.begin("WARNING")
    options = demo.Options(
        folder=data,
        size=SCALES[scale] if people is None else Size.of(people),
        weeks=weeks,
        seed=seed,
        port=port,
        leave=leave,
        browser=browser,
    )
    asyncio.run(demo.run(options, Console()))
