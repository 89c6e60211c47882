"""`tertulia teams`: the app package, the doctor, and the stand-in as a process of its own, with or without the
Agents Playground."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import click

from tertulia import Mistake, open_installation

SETTINGS = "Settings, for `tertulia plugins enable teams --file`: {}"
PLAYGROUND = "@microsoft/m365agentsplayground@0.2.28"
workspace_option = click.option("--workspace", "-w", metavar="NAME", help="Needed only where there are several.")
organization_option = click.option("--organization", metavar="NAME", help="Needed only where there are several.")


@click.group()
def command() -> None:
    """Microsoft Teams: app package, checks, local stand-in."""


@command.command()
@workspace_option
@organization_option
@click.option("--output", "-o", type=click.Path(path_type=Path), required=True, help="The zip file to write.")
@click.option("--privacy-url", required=True, help="Your page that says what is kept, for how long, and for whom.")
@click.option("--terms-url", required=True, help="Your page with the terms of use.")
@click.option("--version", default="1.0.0", show_default=True, help="Raise it with every upload.")
@click.option("--read-channels", is_flag=True, help="Also take replies in channels that do not mention Tertulia.")
def manifest(workspace: str | None, organization: str | None, output: Path, **app: Any) -> None:
    """Write the app package that an admin uploads in the Teams admin center."""
    from tertulia_teams.manifest import App, package

    for name in ("privacy_url", "terms_url"):
        if not str(app[name]).startswith("https://"):
            raise Mistake(f"--{name.replace('_', '-')} must be an https address that opens without signing in.")

    async def made() -> bytes:
        async with open_installation("teams", workspace=workspace, organization=organization) as context:
            url = context.public_url
            if not url.startswith("https://"):
                raise Mistake("TERTULIA_PUBLIC_URL must be an https address that Microsoft reaches.")
            return package(context.settings, url, App(**app))

    content = asyncio.run(made())
    try:
        output.write_bytes(content)
    except OSError as error:
        raise Mistake(
            f"{output} cannot be written ({error.strerror}); name a file in a folder that exists."
        ) from None
    click.echo(f"Wrote {output}. Upload it in the Teams admin center under Teams apps, Manage apps.")


@command.command()
@workspace_option
@organization_option
def doctor(workspace: str | None, organization: str | None) -> None:
    """Check credentials, endpoint and permissions, and say what to do."""
    from tertulia_teams.doctor import examine

    async def examined() -> int:
        wrong = 0
        async with open_installation("teams", workspace=workspace, organization=organization) as context:
            async for finding in examine(context):
                wrong += finding.cure is not None
                click.echo(
                    f"ok     {finding.subject}"
                    if finding.cure is None
                    else f"WRONG  {finding.subject}: {finding.cure}"
                )
        return wrong

    if wrong := asyncio.run(examined()):
        raise Mistake(f"{wrong} of the checks failed; see above what to do.")


@command.command("stand-in")
@click.option("--port", default=56150, show_default=True, help="0 takes a free one.")
def stand_in(port: int) -> None:
    """Run a local Teams to try things with; only a service in sandbox mode reaches it."""
    from tertulia_teams.sandbox import TeamsSandbox

    async def serve() -> None:
        sandbox = TeamsSandbox(port)
        settings = await sandbox.start()
        click.echo(f"Sit as any member at {sandbox.page} · Ctrl-C ends it.")
        click.echo(SETTINGS.format(json.dumps(dict(settings))))
        try:
            await asyncio.Event().wait()
        finally:
            await sandbox.stop()

    _until_interrupted(serve, port)


@command.command()
@click.option("--port", default=3979, show_default=True, help="Where the relay listens; 0 takes a free one.")
@click.option("--playground", default="http://127.0.0.1:56150", show_default=True, help="Where the Playground is.")
@click.option(
    "--configuration",
    type=click.Path(path_type=Path),
    default=Path(".m365agentsplayground.yml"),
    show_default=True,
    help="The file to write for the Playground.",
)
def playground(port: int, playground: str, configuration: Path) -> None:
    """Let Microsoft's Agents Playground drive the bot; only a service in sandbox mode takes what it sends."""
    from tertulia_teams.stand_in.playground import MESSAGES, Relay

    relay = Relay(port=port, playground=playground.rstrip("/"))
    try:
        configuration.write_text(json.dumps(relay.configuration(), indent=2), encoding="utf-8")
    except OSError as error:
        raise Mistake(f"--configuration {configuration} cannot be written ({error.strerror}).") from None
    name = f"M365_AGENTS_PLAYGROUND_CONFIG_PATH={configuration.resolve()}"

    async def serve() -> None:
        async with relay:
            click.echo(SETTINGS.format(json.dumps(relay.settings())))
            click.echo("Then start the Playground, and sit there as Ana Sousa. Ctrl-C ends the relay.")
            click.echo(f"  {name} npx {PLAYGROUND} start -c msteams --dt -e {relay.url}{MESSAGES}")
            await asyncio.Event().wait()

    _until_interrupted(serve, port)


def _until_interrupted(serve: Callable[[], Coroutine[Any, Any, None]], port: int) -> None:
    try:
        asyncio.run(serve())
    except KeyboardInterrupt:
        click.echo("Ended.")
    except OSError as error:
        raise Mistake(f"--port {port} cannot be used ({error.strerror}); name another.") from None
