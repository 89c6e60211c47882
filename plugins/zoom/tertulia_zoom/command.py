"""`tertulia zoom`: the doctor, the addresses to enter, and the stand-in as a process of its own."""

from __future__ import annotations

import asyncio
import json

import click

from tertulia import Mistake, open_installation
from tertulia_zoom.scheduling_command import schedule

workspace_option = click.option("--workspace", "-w", metavar="NAME", help="Needed only where there are several.")
organization_option = click.option("--organization", metavar="NAME", help="Needed only where there are several.")


@click.group()
def command() -> None:
    """Zoom: checks, addresses, meetings, local stand-in."""


command.add_command(schedule)


@command.command()
@workspace_option
@organization_option
def addresses(workspace: str | None, organization: str | None) -> None:
    """Print the addresses that the app's pages in the Zoom Marketplace ask for."""
    from yarl import URL

    from tertulia_zoom import chatbot_route, installed
    from tertulia_zoom.webhooks import WEBHOOK

    async def found() -> dict[str, str]:
        async with open_installation("zoom", workspace=workspace, organization=organization) as context:
            events = await context.subscribe(WEBHOOK, context.settings.webhook_secrets)
            return {
                "Event notification endpoint": events.url,
                "Bot endpoint": context.public_url + chatbot_route.ENDPOINT,
                "Home URL of the in-meeting panel": f"{context.public_url}/panel",
                "OAuth redirect URL": context.public_url + installed.PATH,
                "Domain": str(URL(context.public_url).host),
            }

    for name, address in asyncio.run(found()).items():
        click.echo(f"{name}: {address}")


@command.command()
@workspace_option
@organization_option
def doctor(workspace: str | None, organization: str | None) -> None:
    """Check credentials, scopes and addresses, and say what to do."""
    from tertulia_zoom.doctor import examine

    async def examined() -> int:
        wrong = 0
        async with open_installation("zoom", workspace=workspace, organization=organization) as context:
            async for finding in examine(context):
                wrong += finding.cure is not None and not finding.optional
                told = "" if finding.cure is None else f": {finding.cure}"
                sign = "ok    " if finding.cure is None else "note  " if finding.optional else "WRONG "
                click.echo(f"{sign} {finding.subject}{told}")
        return wrong

    if wrong := asyncio.run(examined()):
        raise Mistake(f"{wrong} of the checks failed; see above what to do.")


@command.command("stand-in")
@click.option("--port", default=56160, show_default=True, help="0 takes a free one.")
def stand_in(port: int) -> None:
    """Run a local Zoom to try things with; only a service in sandbox mode reaches it."""
    from tertulia_zoom.sandbox import ZoomSandbox

    async def serve() -> None:
        sandbox = ZoomSandbox(port)
        settings = await sandbox.start()
        click.echo(f"Settings, for `tertulia plugins enable zoom --file`: {json.dumps(dict(settings))}")
        click.echo(f"Join its meeting at {sandbox.server.url}/")
        click.echo("Ctrl-C ends it.")
        try:
            await asyncio.Event().wait()
        finally:
            await sandbox.stop()

    try:
        asyncio.run(serve())
    except KeyboardInterrupt:
        click.echo("Ended.")
    except OSError as error:
        raise Mistake(f"--port {port} cannot be used ({error.strerror}); name another.") from None
