"""`tertulia cafe`: how well the next groups would suit; figures only, never who."""

from __future__ import annotations

from collections import Counter

import click

from tertulia.cli.edge import asynchronous, opened, organization_option, table, workspace_named, workspace_option
from tertulia.services import dealing
from tertulia.services.seating import Formed


@click.group("cafe")
def command() -> None:
    """A café introduces colleagues to each other; what is shown are figures about all of them."""


@command.command("dry-run")
@click.argument("practice")
@workspace_option
@organization_option
@asynchronous
async def dry_run(practice: str, workspace: str | None, organization: str | None) -> None:
    """Form the groups of PRACTICE's next round as they would be now, and tell nobody."""
    async with opened() as runtime:
        async with runtime.database.read() as tx:
            home = await workspace_named(tx, organization, workspace)
        formed = await dealing.dry_run(runtime, home.organization, home.id, practice)
    table(["figure", "value"], rows(formed))


def rows(formed: Formed) -> list[tuple[str, str]]:
    """Return the figures of a dry run, each with its words."""
    found, figures = Counter(party.by for party in formed.parties), formed.seating.figures
    without = sum(1 for party in formed.parties if party.by == "meeting" and len(party.times) < 3)
    yielded = [(f"rule that yielded: {rule}", str(count)) for rule, count in sorted(figures.yielded.items()) if count]
    return [
        ("people", str(figures.people)),
        ("groups", ", ".join(f"{count} of {size}" for size, count in figures.sizes.items() if size > 1) or "none"),
        ("meet in common hours", str(found["meeting"])),
        ("exchange notes", str(found["notes"])),
        ("fewer than three times", str(without)),
        ("nobody found for", str(len(formed.alone))),
        *yielded,
        ("wishes fulfilled, mean", f"{figures.mean:.0%}"),
        ("wishes fulfilled, nine in ten above", f"{figures.tenth:.0%}"),
        ("of what is possible at best", f"{figures.share_of_bound:.1%}"),
        ("pairs across teams", f"{figures.other_team:.0%}"),
        ("pairs across cities", f"{figures.other_city:.0%}"),
        ("employee with freelancer", f"{figures.employee_with_freelancer:.0%}"),
        ("newcomer with veteran", f"{figures.newcomer_with_veteran:.0%}"),
    ]
