"""`tertulia measures`: published figures, employment from a file, and ratings from outside."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import click

from tertulia.cli.edge import (
    actor,
    asynchronous,
    opened,
    organization_named,
    organization_option,
    table,
    workspace_named,
    workspace_option,
)
from tertulia.errors import Mistake
from tertulia.measures.figures import Family
from tertulia.services import employing, measure_tables, measured, measuring, outside_ratings
from tertulia.services.figures import name_of
from tertulia.services.outside_ratings import Rating

FAMILIES: tuple[Family, ...] = ("participation", "ties", "turnover")
FILE = click.argument("file", type=click.Path(path_type=Path))


@click.group("measures")
def command() -> None:
    """Figures about groups, never about one person; each says why where it is not shown."""


@command.command("show")
@click.option("--family", type=click.Choice(FAMILIES), help="One family only.")
@click.option("--key", default="", help="One figure only, like reach.")
@click.option("--last", type=click.IntRange(1, 520), default=1, show_default=True, help="How many periods.")
@click.option("--withheld/--no-withheld", default=False, help="Also list what is not shown, and why.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json", "csv"]),
    default="table",
    show_default=True,
    help="A table to read, or data for other programs.",
)
@workspace_option
@organization_option
@asynchronous
async def show(
    family: Family | None,
    key: str,
    last: int,
    withheld: bool,
    form: str,
    workspace: str | None,
    organization: str | None,
) -> None:
    """Show what is published of a workspace."""
    async with opened() as runtime, runtime.database.read() as tx:
        home = await workspace_named(tx, organization, workspace)
        families = FAMILIES if family is None else (family,)
        found = await measuring.published(tx, home.organization, home.id, families=families, key=key, last=last)
    found = [one for one in found if withheld or one.withheld is None]
    if form == "json":
        click.echo(json.dumps(measure_tables.as_json(found), ensure_ascii=False, indent=2))
    elif form == "csv":
        click.echo(measure_tables.as_csv(found), nl=False)
    else:
        rows = [(one.period, one.key, one.about, name_of(one.group), measure_tables.words(one)) for one in found]
        table(["period", "figure", "about", "group", "published"], rows)


@command.command("publish")
@asynchronous
async def publish() -> None:
    """Publish the last week and quarter that ended now, where that was not done; the service does so by itself."""
    async with opened() as runtime:
        failed = await measuring.publish_due(runtime, measured.KINDS)
    if failed:
        raise Mistake(f"{failed} of the measures could not be computed; the log says why.")
    click.echo("All that has ended is published.")


@command.command("import-employment")
@FILE
@click.option("--dry-run", is_flag=True, help="Only say what would be written.")
@organization_option
@asynchronous
async def import_employment(file: Path, dry_run: bool, organization: str | None) -> int:
    """Import spells of employment from a CSV FILE.

    Its columns are email and start_date, and if known end_date, end_reason, worker_type and fte.
    """
    source = _read(file)
    async with opened() as runtime:
        if dry_run:
            async with runtime.database.read() as tx:
                owner = await organization_named(tx, organization)
                done = await employing.plan(tx, owner.id, source)
        else:
            async with runtime.database.write() as tx:
                owner = await organization_named(tx, organization)
                done = await employing.apply(runtime, tx, owner.id, source, actor=actor())
    for number, what, days in done.notices:
        click.echo(f"line {number}: {what}, {days} days after the spell before")
    for number, reason in done.rejected:
        click.echo(f"line {number}: rejected: {reason}", err=True)
    counts = (
        f"{len(done.added)} added, {len(done.changed)} changed, {done.unchanged} unchanged, "
        f"{len(done.rejected)} rejected"
    )
    click.echo(f"Dry run, nothing was written: {counts}." if dry_run else f"Imported: {counts}.")
    return 1 if done.rejected else 0


@command.command("rate")
@click.argument("site")
@click.argument("rating", type=float)
@click.option("--of", "largest", type=float, default=outside_ratings.LARGEST, show_default=True, help="The best.")
@click.option("--reviews", type=int, help="How many people rated.")
@click.option("--day", help="When it was read, like 2026-03-31; today unless said otherwise.")
@click.option("--link", help="Where it was read.")
@workspace_option
@organization_option
@asynchronous
async def rate(
    site: str,
    rating: float,
    largest: float,
    reviews: int | None,
    day: str | None,
    link: str | None,
    workspace: str | None,
    organization: str | None,
) -> None:
    """Enter what a SITE outside (Glassdoor, Indeed, …) shows as RATING; it is context, and in no figure of ours."""
    async with opened() as runtime, runtime.database.write() as tx:
        home = await workspace_named(tx, organization, workspace)
        try:
            read_on = date.fromisoformat(day) if day else runtime.clock.now().date()
        except ValueError:
            raise Mistake(f"--day {day!r} is no day; write it like 2026-03-31.") from None
        one = Rating(site=site, day=read_on, rating=rating, largest=largest, reviews=reviews, link=link)
        await outside_ratings.enter(runtime, tx, home, [one], actor=actor())
    click.echo(f"Entered for {read_on.isoformat()}.")


@command.command("import-ratings")
@FILE
@workspace_option
@organization_option
@asynchronous
async def import_ratings(file: Path, workspace: str | None, organization: str | None) -> int:
    """Import ratings from a CSV FILE: site, day, rating, and if known largest, reviews, link."""
    found, rejected = outside_ratings.read(_read(file))
    async with opened() as runtime, runtime.database.write() as tx:
        home = await workspace_named(tx, organization, workspace)
        count = await outside_ratings.enter(runtime, tx, home, found, actor=actor())
    for number, reason in rejected:
        click.echo(f"line {number}: rejected: {reason}", err=True)
    click.echo(f"{count} ratings entered, {len(rejected)} rejected.")
    return 1 if rejected else 0


@command.command("ratings")
@workspace_option
@organization_option
@asynchronous
async def ratings(workspace: str | None, organization: str | None) -> None:
    """List ratings from outside, with their source and date."""
    async with opened() as runtime, runtime.database.read() as tx:
        home = await workspace_named(tx, organization, workspace)
        found = await outside_ratings.series(tx, home.organization, home.id)
    rows = [(one.site, one.day, f"{one.rating:g} of {one.largest:g}", one.reviews, one.link) for one in found]
    table(["site", "day", "rating", "reviews", "link"], rows)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise Mistake(f"FILE {file} cannot be read ({error.strerror}); name a CSV file.") from None
