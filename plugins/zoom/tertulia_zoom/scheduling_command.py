"""`tertulia zoom schedule`: a meeting for a gathering, with its rooms assigned, and the line for the program."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime

import click

from tertulia import Mistake, SendError, open_installation


@click.command()
@click.argument("topic")
@click.argument("start")
@click.option("--minutes", default=60, show_default=True, type=click.IntRange(5, 24 * 60), help="How long it lasts.")
@click.option(
    "--room",
    "rooms",
    multiple=True,
    metavar="E-MAILS",
    help="E-mails, parted by commas, of those who begin in one breakout room; once for each room.",
)
@click.option("--workspace", "-w", metavar="NAME", help="Needed only where there are several.")
@click.option("--organization", metavar="NAME", help="Needed only where there are several.")
def schedule(
    topic: str, start: str, minutes: int, rooms: tuple[str, ...], workspace: str | None, organization: str | None
) -> None:
    """Schedule a meeting called TOPIC at START, such as 2027-06-01T10:00+02:00, for a gathering."""
    from tertulia_zoom.chat_ports import team_chat

    at, parts = _instant(start), [_emails(room) for room in rooms]

    async def made() -> tuple[str, str]:
        async with open_installation("zoom", workspace=workspace, organization=organization) as context:
            if context.settings.scheduler is None:
                raise Mistake("scheduler is not set: set it to the id of a licensed user in the settings of zoom.")
            meeting = await team_chat(context).scheduling.schedule(topic, at, minutes=minutes, rooms=parts)
            return str(meeting["id"]), str(meeting["join_url"])

    try:
        number, join = asyncio.run(made())
    except SendError as error:
        raise Mistake(f"The meeting was not scheduled: {error}.") from None
    click.echo(f"Scheduled: {join}")
    place = f'{{ platform = "zoom", ref = {json.dumps(number)}, kind = "meeting" }}'
    click.echo(f"For a practice of the program: places = [{place}]")


def _instant(start: str) -> datetime:
    try:
        at = datetime.fromisoformat(start)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise Mistake("START must be an instant with its offset, such as 2027-06-01T10:00+02:00.")
    return at


def _emails(room: str) -> list[str]:
    emails = [one.strip() for one in room.split(",") if one.strip()]
    if not emails or not all(one.count("@") == 1 and one.isprintable() and " " not in one for one in emails):
        raise Mistake("--room must be e-mails parted by commas, such as ana@example.org,ben@example.org.")
    return emails
