"""`python -m benchmarks`: run the measurements and print their tables."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from benchmarks import ballots, fan_out, intake, rate_limit, setting, start

NAMES = ("start", "ballots", "intake", "rate", "fan-out")


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(NAMES))
@click.option("--quick", is_flag=True, help="Small sizes and short runs: minutes become seconds.")
@click.option("--size", "sizes", type=int, multiple=True, help="Recipients of the fan-out (10000 and 100000).")
@click.option("--sqlite-only", is_flag=True, help="Leave PostgreSQL out.")
def main(names: tuple[str, ...], quick: bool, sizes: tuple[int, ...], sqlite_only: bool) -> None:
    """Measure what is named, everything by default."""
    with setting.server() as postgresql:
        database = None if sqlite_only else postgresql
        for name in names or NAMES:
            asyncio.run(_measure(name, quick, list(sizes), database))


async def _measure(name: str, quick: bool, sizes: list[int], database: Path | None) -> None:
    match name:
        case "fan-out":
            await fan_out.measure(sizes or ([2_000] if quick else [10_000, 100_000]), database)
        case "rate":
            await rate_limit.measure(10 if quick else 40, database)
        case "intake":
            await intake.measure(10 if quick else 60, 2_000 if quick else 20_000, database)
        case "start":
            await start.measure()
        case _:
            await ballots.measure(500 if quick else 2_000, database)


if __name__ == "__main__":
    main()
