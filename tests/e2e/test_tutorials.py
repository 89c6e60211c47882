"""The tutorials are followed as they are written, from zero to the first round, with stand-ins of the platforms."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import tomllib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import pytest
import sqlalchemy as sa

from tertulia import bootstrap
from tertulia.cli import main, root
from tertulia.config import Config
from tertulia.extension import Sandbox
from tertulia.plugins import Plugins
from tertulia.runtime import Runtime
from tertulia.sandbox.demo import free_port
from tertulia.sandbox.drive import drive, settled
from tertulia.service import Service
from tertulia.storage import tables
from tertulia.testing.clock import DrivenClock
from tertulia.testing.engine import InlineEngine
from tertulia.web.mailbox import Mailbox
from tertulia_teams.sandbox import TeamsSandbox
from tertulia_trello.stand_in.sandbox import StandIn as TrelloSandbox
from tertulia_zoom.sandbox import ZoomSandbox

TUTORIALS = Path(__file__).parents[2] / "docs" / "tutorials"
BLOCK = re.compile(r"^```(\w+)(?: title=(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FIRST = "## 5. The first round"
ELSEWHERE = frozenset({"serve", "console", "manifest"})
"""What is read here, not carried out: the service runs in this process, and a package needs an https address."""
EMPLOYED = {"Ana Sousa": "ana@example.org", "Ben Okafor": "ben@example.org", "Chen Wei": "chen@example.org"}


@dataclass(frozen=True)
class Block:
    """Hold a block of a tutorial; *title* is the file that it is the text of."""

    language: str
    title: str
    text: str

    @property
    def commands(self) -> list[list[str]]:
        """Return the commands of ours."""
        lines = self.text.splitlines() if self.language == "sh" else []
        return [shlex.split(line, comments=True) for line in lines if line.startswith("tertulia ")]


def blocks(name: str) -> list[Block]:
    """Return what is to be done, that of the tutorial for mail first."""
    text = (TUTORIALS / f"{name}.md").read_text(encoding="utf-8")
    if name != "web":
        text = (TUTORIALS / "web.md").read_text(encoding="utf-8").split(FIRST)[0] + text
    return [Block(*found) for found in BLOCK.findall(text)]


@dataclass
class Follower:
    """Do what a tutorial says in *folder*; *settings* and *places* stand for what one would copy at the vendor's."""

    name: str
    folder: Path
    mailbox: Mailbox
    settings: Mapping[str, Any] = field(default_factory=dict)
    places: Mapping[str, str] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)

    @property
    def accounts(self) -> str:
        """Name the platform whose accounts link by themselves, if there is one."""
        return self.name if self.name in ("teams", "zoom") else ""

    def write(self, block: Block) -> None:
        text = block.text
        for written, real in self.places.items():
            text = text.replace(written, real)
        if block.title == f"{self.name}.toml":
            assert nested(tomllib.loads(block.text)) <= nested(self.settings) | {"plan", "username"}
            text = toml(self.settings)
        (self.folder / block.title).write_text(text, encoding="utf-8")

    async def run(self, command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
        if ELSEWHERE & set(command[:3]):
            read(command[1:])
            return
        code = await asyncio.to_thread(main, command[1:])
        out, err = capsys.readouterr()
        assert code == 0, (command, out, err)
        self.said.append(out)


def read(arguments: list[str]) -> None:
    """Check that a command and its options exist, without carrying it out."""
    context, found = click.Context(root), root
    while isinstance(found, click.Group):
        found = found.get_command(context, arguments[0])  # type: ignore[assignment]  # checked in the next line
        assert found is not None, arguments
        context, arguments = click.Context(found, parent=context), arguments[1:]
    found.make_context(found.name, list(arguments), parent=context)


def nested(table: Mapping[str, Any], above: str = "") -> set[str]:
    """Name the keys of a table, those of inner tables with its name before them."""
    found = set()
    for key, value in table.items():
        found |= nested(value, f"{above}{key}.") if isinstance(value, Mapping) else {above + key}
    return found


def toml(table: Mapping[str, Any]) -> str:
    lines = [f"{key} = {json.dumps(value)}" for key, value in table.items() if not isinstance(value, Mapping)]
    for key, value in table.items():
        if isinstance(value, Mapping):
            lines += [f"[{key}]", toml(value)]
    return "\n".join(lines)


@asynccontextmanager
async def serving() -> AsyncIterator[tuple[Runtime, DrivenClock]]:
    """Run the service beside the commands, on a clock that begins now."""
    clock = DrivenClock(datetime.now(UTC))
    runtime = await bootstrap.build(Config.from_environment(), clock=clock, engine=InlineEngine())
    try:
        service = Service(runtime, tick=0.05)
        try:
            await service.start()
            yield runtime, clock
        finally:
            await service.stop()
    finally:
        await bootstrap.close(runtime)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Be on a machine that has nothing of Tertulia yet but the program itself."""
    for name in [name for name in os.environ if name.startswith("TERTULIA_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TERTULIA_MODE", "sandbox")
    monkeypatch.setenv("TERTULIA_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("TERTULIA_PORT", str(free_port()))
    monkeypatch.chdir(tmp_path)
    return tmp_path


async def follow(follower: Follower, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """Do everything until the first check-in has reached everybody; return who was asked where."""
    (follower.folder / "smtp-url.txt").write_text(str((await follower.mailbox.start())["smtp_url"]))
    todo = blocks(follower.name)
    before = next(place for place, block in enumerate(todo) if ["tertulia", "serve"] in block.commands)
    for block in todo[:before]:
        for command in block.commands:
            await follower.run(command, capsys)
    async with serving() as (runtime, clock):
        for block in todo[before:]:
            if block.title:
                follower.write(block)
            for command in block.commands:
                await follower.run(command, capsys)
        await runtime.installations.refresh()
        await settled(runtime, 60)
        async with asyncio.timeout(60):
            while not await linked(runtime, follower.accounts):  # noqa: ASYNC110  # accounts are read in the background
                await asyncio.sleep(0.05)
        async for _ in drive(runtime, clock, clock.now() + timedelta(days=8)):
            if len(asked := await invited(runtime)) == len(EMPLOYED) + 1:
                return asked
    raise AssertionError(asked)


async def linked(runtime: Runtime, platform: str) -> bool:
    """Tell whether all accounts on a platform are their persons' (none are asked for where *platform* is empty)."""
    known = tables.identity.c
    query = sa.select(known.person_id).where(
        known.platform == platform, known.person_id.is_not(None), known.reachable
    )
    async with runtime.database.read() as tx:
        return not platform or len((await tx.execute(query)).all()) == len(EMPLOYED)


async def invited(runtime: Runtime) -> dict[str, str]:
    """Return by address on which platform each was asked the check-in, once."""
    sent, person, round_ = tables.delivery, tables.person, tables.round_table
    query = (
        sa.select(person.c.email, sent.c.platform)
        .join(person, person.c.id == sent.c.recipient)
        .join(round_, round_.c.id == sent.c.round_id)
        .where(round_.c.practice == "check-in", sent.c.purpose == "invite", sent.c.state == "sent")
    )
    async with runtime.database.read() as tx:
        found = [(str(email), str(platform)) for email, platform in await tx.execute(query)]
    assert len(dict(found)) == len(found)
    return dict(found)


FREELANCER = {"dalia@guild.example": "web"}


async def test_mail_reaches_everybody(machine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    follower = Follower("web", machine, Mailbox())
    try:
        asked = await follow(follower, capsys)
    finally:
        await follower.mailbox.stop()
    assert asked == dict.fromkeys(EMPLOYED.values(), "web") | FREELANCER
    assert [mail.subject for mail in follower.mailbox.messages_for("ana@example.org")] == ["How is the week going?"]


@pytest.mark.parametrize("name", ["teams", "zoom", "trello"])
async def test_a_platform_carries_the_first_round(
    name: str, machine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stand_in, places = vendor(name)
    settings = await stand_in.start()
    if name == "trello":
        places = {"5f00000000000000000000bb": settings["boards"][0]}
    follower = Follower(name, machine, Mailbox(), settings, places)
    try:
        asked = await follow(follower, capsys)
    finally:
        await follower.mailbox.stop()
        await stand_in.stop()
    where = "web" if name == "trello" else name
    assert asked == dict.fromkeys(EMPLOYED.values(), where) | FREELANCER
    assert not [line for said in follower.said for line in said.splitlines() if "WRONG" in line]


@pytest.mark.parametrize("name", ["teams", "zoom", "trello"])
def test_what_a_tutorial_sets_can_be_set(name: str) -> None:
    written = next(block.text for block in blocks(name) if block.title == f"{name}.toml")
    model = Plugins.load(allowed=None).settings_model(name)
    model.model_validate(tomllib.loads(written))


def vendor(name: str) -> tuple[Sandbox, dict[str, str]]:
    """Be a vendor with accounts of those employed; say what stands for the places that the tutorial names."""
    if name == "teams":
        teams = TeamsSandbox()
        tenant = teams.stand_in.tenant
        people = [tenant.add_person(who, mail) for who, mail in EMPLOYED.items()]
        (channel,) = tenant.add_team("Everyone", ["General"], people)
        return teams, {"19:general@thread.tacv2": channel.id}
    if name == "zoom":
        zoom = ZoomSandbox()
        town = zoom.server.town
        zoom.people = tuple(town.add_user(who, mail) for who, mail in EMPLOYED.items())
        return zoom, {"85746065432": town.add_meeting(zoom.people[0], "Weekly")}
    return TrelloSandbox(), {}


async def test_an_operator_restores_what_was_backed_up(
    machine: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commands of docs/operate.md for it, in their order, into an empty database with the same keys."""
    page = (TUTORIALS.parent / "operate.md").read_text(encoding="utf-8")
    section = page.split("\n## Backup and restore\n")[1].split("\n## ")[0]
    backing, restoring = (Block(*found) for found in BLOCK.findall(section))
    follower = Follower("web", machine, Mailbox())
    # no mail is sent here, so nobody needs to listen
    (machine / "smtp-url.txt").write_text("smtp://127.0.0.1:2525")
    for block in blocks("web"):
        if block.title:
            follower.write(block)
        for command in block.commands:
            await follower.run(command, capsys)
    for command in backing.commands:
        await follower.run(command, capsys)
    monkeypatch.setenv("TERTULIA_DATABASE_URL", f"sqlite:///{machine / 'another.db'}")
    monkeypatch.setenv("TERTULIA_KEYS", str(machine / "data" / "keys"))
    for command in restoring.commands:
        await follower.run(command, capsys)
    await follower.run(["tertulia", "people", "list"], capsys)
    assert all(name in follower.said[-1] for name in EMPLOYED)
