"""`python -m benchmarks`: run the measurements and print their tables."""

from __future__ import annotations

import asyncio

import click

from benchmarks import (
    ballots,
    fan_out,
    intake,
    matching,
    overview,
    pages,
    quiz,
    rate_limit,
    release,
    setting,
    start,
    teams_inbound,
    teams_outbound,
    ties,
)
from benchmarks.setting import Databases, Kind

NAMES = (
    "start",
    "ballots",
    "intake",
    "rate",
    "matching",
    "overview",
    "pages",
    "quiz",
    "release",
    "ties",
    "teams-inbound",
    "teams-outbound",
    "fan-out",
)
KINDS: tuple[Kind, ...] = ("SQLite", "PostgreSQL")


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(NAMES))
@click.option("--quick", is_flag=True, help="Small sizes and short runs.")
@click.option("--size", "sizes", type=int, multiple=True, help="Recipients of the fan-out (10000 and 100000).")
@click.option(
    "--database", "kinds", type=click.Choice(KINDS, case_sensitive=False), multiple=True, help="Only this one."
)
def main(names: tuple[str, ...], quick: bool, sizes: tuple[int, ...], kinds: tuple[Kind, ...]) -> None:
    """Measure what is named, everything by default."""
    with setting.server(kinds or KINDS) as databases:
        for name in names or NAMES:
            asyncio.run(_measure(name, quick, list(sizes), databases))


async def _measure(name: str, quick: bool, sizes: list[int], databases: Databases) -> None:
    match name:
        case "fan-out":
            await fan_out.measure(sizes or ([2_000] if quick else [10_000, 100_000]), databases)
        case "rate":
            await rate_limit.measure(10 if quick else 40, databases)
        case "intake":
            await intake.measure(10 if quick else 60, 2_000 if quick else 20_000, databases)
        case "start":
            await start.measure()
        case "matching":
            matching.measure(quick=quick)
        case "overview":
            await overview.measure(500 if quick else 10_000, 20 if quick else 52, 20 if quick else 100, databases)
        case "pages":
            await pages.measure(500 if quick else 10_000, 6 if quick else 26, 50 if quick else 200, databases)
        case "release":
            release.measure(quick=quick)
        case "ties":
            ties.measure(quick=quick)
        case "quiz":
            await quiz.measure(30 if quick else 300, databases, questions=5, spread=5 if quick else 20)
        case "teams-inbound":
            await teams_inbound.measure(100 if quick else 400, 3 if quick else 7)
        case "teams-outbound":
            await teams_outbound.measure(quick=quick)
        case _:
            await ballots.measure(500 if quick else 2_000, databases)


if __name__ == "__main__":
    main()
