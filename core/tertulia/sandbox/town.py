"""Set up the sandbox: its own fresh folder, its keys, the local stand-ins, and the synthetic organization."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

from tertulia import bootstrap
from tertulia.config import Config
from tertulia.delivery.engine import DurableEngine
from tertulia.domain.identifiers import Id
from tertulia.errors import Mistake
from tertulia.extension import Sandbox
from tertulia.runtime import Runtime
from tertulia.sandbox.members import Neighbour
from tertulia.sandbox.organization import NOTE, residents
from tertulia.services import installations, people, programs
from tertulia.storage import keys
from tertulia.testing.clock import DrivenClock
from tertulia.web.mailbox import Mailbox

MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
SUNDAY_NOON = datetime(2026, 1, 4, 12, tzinfo=UTC)
"""Nobody's Monday has begun: the first round reaches all zones."""

MARK = "this-folder-belongs-to-tertulia-demo"


@dataclass
class Town:
    """Hold the running sandbox. *you* is the person that nobody plays."""

    runtime: Runtime
    clock: DrivenClock
    mailbox: Mailbox
    organization: Id
    workspace: Id
    you: str
    neighbours: dict[str, Neighbour] = field(default_factory=dict)
    stand_ins: tuple[Sandbox, ...] = ()


def fresh_folder(folder: Path) -> Path:
    """Empty *folder* if it is the sandbox's own, so that every demo starts from nothing."""
    if folder.exists() and any(folder.iterdir()) and not (folder / MARK).exists():
        raise Mistake(f"{folder} holds something else; name another folder with --data.")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / MARK).touch()
    return folder


def configuration(folder: Path, port: int, environment: Mapping[str, str] = os.environ) -> Config:
    """Return the sandbox's configuration on *port*, with everything in *folder*."""
    wanted = {
        "TERTULIA_MODE": "sandbox",
        "TERTULIA_DATA": str(folder),
        "TERTULIA_PORT": str(port),
        "TERTULIA_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "TERTULIA_LOG_LEVEL": environment.get("TERTULIA_LOG_LEVEL", "WARNING"),
    }
    return Config.from_environment(wanted)


async def found(config: Config, *, count: int, seed: int) -> Town:
    """Build the service on a driven clock and found the organization; the engine is not launched yet."""
    keys.new_keys(config.keys_file)
    clock = DrivenClock(SUNDAY_NOON)
    runtime = await bootstrap.build(config, clock=clock, engine=DurableEngine(config.engine_url, poll_seconds=0.05))
    stand_ins = runtime.plugins.sandboxes()
    mailbox = next((stand_in for stand_in in stand_ins if isinstance(stand_in, Mailbox)), None)
    if mailbox is None:
        raise Mistake('The sandbox needs its mail server; install it with: pip install "tertulia[sandbox]".')
    settings = {stand_in.name: await stand_in.start() for stand_in in stand_ins}
    async with runtime.database.write() as tx:
        name = f"The Hub ({NOTE})"
        organization = await people.create_organization(runtime, tx, name=name, actor="sandbox")
        workspace = await people.create_workspace(
            runtime, tx, organization, name="Everyone", zone="Europe/Lisbon", message_budget=15, actor="sandbox"
        )
    town = Town(runtime, clock, mailbox, organization, workspace, you="", stand_ins=stand_ins)
    await _settle(town, count, seed)
    for plugin, given in settings.items():
        await _enable(town, plugin, given)
    program = resources.files("tertulia.sandbox").joinpath("program.toml").read_text()
    async with runtime.database.write() as tx:
        await programs.apply(
            runtime, tx, organization=organization, workspace=workspace, text=program, actor="sandbox"
        )
    return town


async def _settle(town: Town, count: int, seed: int) -> None:
    draw = random.Random(seed)
    async with town.runtime.database.write() as tx:
        for resident in residents(count, seed):
            person = await people.add_person(
                town.runtime, tx, town.organization, resident.fields, workspace=town.workspace, actor="sandbox"
            )
            email = str(resident.fields["email"])
            if town.you:
                town.neighbours[email] = Neighbour(resident, random.Random(draw.random()))
                continue
            town.you = email
            for role in ("owner", "admin", "host"):
                await people.grant(town.runtime, tx, town.organization, town.workspace, person, role, actor="sandbox")


async def _enable(town: Town, plugin: str, settings: Mapping[str, object]) -> None:
    place = {"organization": town.organization, "workspace": town.workspace}
    async with town.runtime.database.write() as tx:
        installation = await installations.enable(
            town.runtime, tx, **place, plugin=plugin, settings=dict(settings), actor="sandbox"
        )
    await installations.take_effect(
        town.runtime, organization=town.organization, installation=installation, change="installation.enabled"
    )


async def close(town: Town) -> None:
    """Stop the stand-ins and close what `found` opened."""
    await bootstrap.close(town.runtime)
    for stand_in in town.stand_ins:
        await stand_in.stop()
