"""Set up the sandbox: its own fresh folder, its keys, the stand-ins, the synthetic organization and its program."""

from __future__ import annotations

import os
import random
import shutil
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

from tertulia import bootstrap
from tertulia.config import Config
from tertulia.delivery.engine import DurableEngine
from tertulia.domain.identifiers import Id, Json
from tertulia.errors import Mistake
from tertulia.extension import Sandbox
from tertulia.runtime import Runtime
from tertulia.sandbox import directory, lab
from tertulia.sandbox.members import Neighbour
from tertulia.sandbox.organization import DOMAIN, NOTE, Inhabitant, Size, inhabitants
from tertulia.services import installations, people, preferences, programs, sign_ups
from tertulia.stage import Playable
from tertulia.storage import keys, lock
from tertulia.storage.database import Tx
from tertulia.surveys.candle import responders
from tertulia.testing.clock import DrivenClock
from tertulia.testing.entra import StandInEntra
from tertulia.web.mailbox import Mailbox

MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
SUNDAY_NOON = datetime(2026, 1, 4, 12, tzinfo=UTC)
"""Nobody's Monday has begun: the first round reaches all zones."""

MARK = "this-folder-belongs-to-tertulia-demo"
ACTOR = "sandbox"
RESPONDERS = MODERATORS = 2
SELDOM = 14.0
"""Platforms are read by schedule every few days of the town's, which pass in seconds; news is told at once."""
PREFERS = 0.5
"""Of those who can be asked on several platforms, so many say where they want to be."""


@dataclass
class Town:
    """Hold the running sandbox.

    *you* is the person that nobody plays; *phrases* open the responders' candles; in the workspace *lab* no plugin
    is enabled, and *settings* are what one would enter there, by plugin.
    """

    runtime: Runtime
    clock: DrivenClock
    mailbox: Mailbox
    organization: Id
    workspace: Id
    inhabitants: Sequence[Inhabitant]
    stand_ins: tuple[Sandbox, ...]
    you: str = ""
    lab: Id = ""
    settings: dict[str, Json] = field(default_factory=dict)
    neighbours: dict[str, Neighbour] = field(default_factory=dict)
    people: dict[str, Id] = field(default_factory=dict)
    phrases: dict[str, str] = field(default_factory=dict)
    entra: StandInEntra | None = None

    @property
    def stages(self) -> tuple[Playable, ...]:
        """Return the stand-ins that people live on."""
        return tuple(one for one in self.stand_ins if isinstance(one, Playable))


def fresh_folder(folder: Path) -> Path:
    """Empty *folder* if it is the sandbox's own, so that every demo starts from nothing."""
    if folder.exists() and any(folder.iterdir()) and not (folder / MARK).exists():
        raise Mistake(f"{folder} holds something else; name another folder with --data.")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / MARK).touch()
    return folder


def end_of_other(folder: Path) -> None:
    """Raise `Mistake` while another demo runs in *folder*."""
    if (folder / MARK).exists() and lock.is_held(database_in(folder)):
        raise Mistake(f"Another demo runs in {folder}; end it with Ctrl-C there, or name another folder with --data.")


def database_in(folder: Path) -> str:
    """Return the address of the sandbox's database."""
    return f"sqlite:///{folder.absolute() / 'tertulia.db'}"


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


async def found(config: Config, *, size: Size, seed: int) -> Town:
    """Build the service on a driven clock and found the organization; the engine is not launched yet."""
    keys.new_keys(config.keys_file)
    known = inhabitants(size, seed)
    clock = DrivenClock(SUNDAY_NOON - max(one.tenure for one in known))
    runtime = await bootstrap.build(config, clock=clock, engine=DurableEngine(config.engine_url, poll_seconds=0.1))
    runtime.timing = replace(runtime.timing, readings_apart=SELDOM)
    stand_ins = runtime.plugins.sandboxes()
    mailbox = next((stand_in for stand_in in stand_ins if isinstance(stand_in, Mailbox)), None)
    if mailbox is None:
        raise Mistake('The sandbox needs its mail server; install it with: pip install "tertulia[sandbox]".')
    async with runtime.database.write() as tx:
        name = f"The Hub ({NOTE})"
        organization = await people.create_organization(runtime, tx, name=name, domains=[DOMAIN], actor=ACTOR)
        workspace = await people.create_workspace(
            runtime, tx, organization, name="Everyone", zone="Europe/Lisbon", message_budget=15, actor=ACTOR
        )
        town = Town(runtime, clock, mailbox, organization, workspace, known, stand_ins)
        await _settle(town, tx, seed)
    clock.set(SUNDAY_NOON)
    for stage in town.stages:
        stage.settle([one.resident for one in known], clock)
    town.settings = {one.name: await one.start() for one in stand_ins}
    for plugin, settings in town.settings.items():
        await _enable(town, plugin, settings)
    town.entra = await directory.open_entra(runtime, town.settings)
    return town


async def _settle(town: Town, tx: Tx, seed: int) -> None:
    """Let people join in the order of their tenure, the clock going with them."""
    draw = random.Random(seed)
    town.you, *_ = (str(one.fields["email"]) for one in town.inhabitants)
    for one in sorted(town.inhabitants, key=lambda one: -one.tenure):
        town.clock.set(SUNDAY_NOON - one.tenure)
        town.people[one.resident.email] = await people.add_person(
            town.runtime, tx, town.organization, one.fields, workspace=town.workspace, actor=ACTOR
        )
    colleagues: dict[tuple[str, str], list[str]] = {}
    for one in town.inhabitants:
        if one.reached:
            colleagues.setdefault(_group(one), []).append(one.resident.email)
    for one in town.inhabitants[1:]:
        mates = [email for email in colleagues.get(_group(one), ()) if email != one.resident.email]
        town.neighbours[one.resident.email] = Neighbour(one, random.Random(draw.random()), mates)
    town.clock.set(SUNDAY_NOON)
    await _duties(town, tx)
    employed = [one.resident.email for one in town.inhabitants if one.resident.worker_type == "employee"]
    members = [town.people[email] for email in employed[: lab.PEOPLE]]
    town.lab = await lab.found(town.runtime, tx, town.organization, members, actor=ACTOR)


def _group(one: Inhabitant) -> tuple[str, str]:
    """Name those who work in one team on the same terms: they thank each other."""
    return one.resident.team, one.resident.worker_type


async def _duties(town: Town, tx: Tx) -> None:
    """Give you every role but the responder's, which somebody else has, with a deputy."""
    where = (town.runtime, tx, town.organization)
    for role in ("owner", "admin", "host", "analyst"):
        await people.grant(*where, town.workspace, town.people[town.you], role, actor=ACTOR)
    for one in town.inhabitants[1 : 1 + RESPONDERS]:
        person = town.people[one.resident.email]
        await people.grant(*where, town.workspace, person, "responder", actor=ACTOR)
        town.phrases[one.resident.email] = await responders.make_key(*where, person)


async def begin(town: Town, seed: int) -> None:
    """Go on once everybody's accounts are known: open the stages, say who wishes what, and apply the program."""
    for stage in town.stages:
        await stage.open()
    draw = random.Random(seed + 1)
    text = program(town)
    where = (town.runtime, town.organization, town.workspace)
    async with town.runtime.database.write() as tx:
        await programs.apply(
            town.runtime, tx, organization=town.organization, workspace=town.workspace, text=text, actor=ACTOR
        )
        await lab.begin(town.runtime, tx, town.organization, town.lab, actor=ACTOR)
        joined = [one["key"] for one in tomllib.loads(text)["practice"] if one.get("join") == "opt-in"]
        for one in town.inhabitants:
            person = town.people[one.resident.email]
            channels = [stage.name for stage in town.stages if stage.seats(one.resident.email)]
            if len(channels) > 1 and one.resident.email in town.neighbours and draw.random() < PREFERS:
                await preferences.set_channel(town.runtime, tx, town.organization, person, draw.choice(channels))
            if one.temper.joins:
                for practice in joined:
                    await sign_ups.sign_up(where[0], tx, where[1], where[2], practice, person)


def program(town: Town) -> str:
    """Return the program's document, without practices whose kinds are not installed."""
    text = resources.files("tertulia.sandbox").joinpath("program.toml").read_text()
    head, *practices = text.split("[[practice]]\n")
    known = town.runtime.plugins.rituals()
    kept = [one for one in practices if tomllib.loads(one)["kind"] in known]
    places = [f"{place.platform}:{place.ref}" for stage in town.stages for place in stage.places()]
    kinds = [(place.platform, place.ref, place.kind) for stage in town.stages for place in stage.places()]
    if not places:
        kept = [one.replace('ask = "both"\nplaces = true\n', "") for one in kept if 'ask = "place"' not in one]
    tables = ", ".join(f'{{ platform = "{name}", ref = "{ref}", kind = "{kind}" }}' for name, ref, kind in kinds)
    whole = "[[practice]]\n".join((head, *kept))
    moderators = ", ".join(f'"{one.resident.email}"' for one in town.inhabitants[:MODERATORS])
    whole = whole.replace(", moderators = true", f", moderators = [{moderators}]")
    return whole.replace("\nplaces = true", f"\nplaces = [{tables}]")


async def _enable(town: Town, plugin: str, settings: Mapping[str, object]) -> None:
    place = {"organization": town.organization, "workspace": town.workspace}
    async with town.runtime.database.write() as tx:
        installation = await installations.enable(
            town.runtime, tx, **place, plugin=plugin, settings=dict(settings), actor=ACTOR
        )
    await installations.take_effect(
        town.runtime, organization=town.organization, installation=installation, change="installation.enabled"
    )


async def close(town: Town) -> None:
    """Stop the stand-ins and close what `found` opened."""
    await bootstrap.close(town.runtime)
    for stand_in in town.stand_ins:
        await stand_in.stop()
    if town.entra is not None:
        await town.entra.stop()
