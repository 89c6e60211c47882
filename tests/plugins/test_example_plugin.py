"""The example of docs/plugins.md, installed outside the tree, carries a round."""

from __future__ import annotations

import base64
import hashlib
import hmac
import importlib
import json
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import BaseTestServer, TestServer

from tertulia import Raw, Recipient, RetryLater, Subscription
from tertulia.testing.context import FakeContext
from tertulia.testing.samples import sample_prompt
from tertulia.testing.webhook_contract import WebhookContract
from tertulia.testing.world import world

PAGE = Path(__file__).parents[2] / "docs" / "plugins.md"
SECRET = "a-secret-of-the-town"
PROGRAM = """
[[practice]]
key = "daily"
kind = "check-in"
title = "How are you?"
open_for = "4h"

[practice.cadence]
start = "2026-01-05T10:00"
rule = "FREQ=DAILY"
"""


def files() -> dict[str, str]:
    """Read the example's files from the page."""
    found = re.findall(r'^```\w+ title="([^"]+)"\n(.*?)^```$', PAGE.read_text(), re.MULTILINE | re.DOTALL)
    return dict(found)


def install(folder: Path) -> None:
    """Do what an installer does with a pure distribution: the package, and its metadata beside it."""
    project = tomllib.loads(files()["pyproject.toml"])["project"]
    metadata = folder / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    groups = project["entry-points"].items()
    (metadata / "entry_points.txt").write_text(
        "".join(f"[{group}]\n" + "".join(f"{k} = {v}\n" for k, v in names.items()) for group, names in groups)
    )
    written = {name: text for name, text in files().items() if name.endswith(".py")}
    for name, text in written.items():
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text(text)
    digests = {
        name: base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()) for name, text in written.items()
    }
    (metadata / "RECORD").write_text("".join(f"{name},sha256={d.decode()},\n" for name, d in digests.items()))


@pytest.fixture
def postbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """Install the example into a folder of its own and put that on the path."""
    site = tmp_path / "site"
    site.mkdir()
    install(site)
    monkeypatch.syspath_prepend(str(site))
    importlib.invalidate_caches()
    yield importlib.import_module("tertulia_postbox")
    sys.modules.pop("tertulia_postbox")


@dataclass
class PostOffice:
    """Stand in for the platform."""

    boxes: list[dict[str, str]] = field(default_factory=list)
    letters: list[dict[str, Any]] = field(default_factory=list)
    hook: dict[str, str] = field(default_factory=dict)
    full: bool = False

    def application(self) -> web.Application:
        """Serve the platform's API."""
        app = web.Application()
        app.router.add_get("/boxes", self.list_boxes)
        app.router.add_post("/letters", self.take_letter)
        app.router.add_put("/letters/{ref}", self.accept)
        app.router.add_delete("/letters/{ref}", self.accept)
        app.router.add_put("/hook", self.keep_hook)
        return app

    async def list_boxes(self, request: web.Request) -> web.Response:
        return web.json_response(self.boxes)

    async def take_letter(self, request: web.Request) -> web.Response:
        assert request.headers["authorization"] == f"Bearer {SECRET}"
        if self.full:
            return web.Response(status=429, headers={"retry-after": "7"})
        self.letters.append(await request.json())
        return web.json_response({"ref": str(len(self.letters))})

    async def accept(self, request: web.Request) -> web.Response:
        return web.json_response({})

    async def keep_hook(self, request: web.Request) -> web.Response:
        self.hook = await request.json()
        return web.json_response({})

    async def answer(self, box: str, label: str, values: dict[str, Any], event: str) -> dict[str, Any]:
        """Answer the last letter in *box* by the button called *label*."""
        letter = [letter for letter in self.letters if letter["to"] == box][-1]
        (token,) = [button["token"] for button in letter["buttons"] if button["label"] == label]
        turn = {"id": event, "from": box, "token": token, "values": values}
        headers = {"authorization": f"Bearer {SECRET}"}
        async with (
            aiohttp.ClientSession() as session,
            session.post(self.hook["answers"], json=turn, headers=headers) as response,
        ):
            response.raise_for_status()
            reply: dict[str, Any] = await response.json()
            return reply

    async def tell(self, event: dict[str, Any]) -> int:
        """Send a signed event."""
        raw = signed(json.dumps(event).encode(), datetime.now(UTC))
        async with (
            aiohttp.ClientSession() as session,
            session.post(self.hook["events"], data=raw.body, headers=raw.headers) as response,
        ):
            return response.status


def signed(body: bytes, at: datetime) -> Raw:
    sent = str(int(at.timestamp()))
    mac = hmac.new(SECRET.encode(), sent.encode() + b"." + body, hashlib.sha256).hexdigest()
    return Raw(method="POST", url="", headers={"postbox-at": sent, "postbox-mac": mac}, body=body, query={})


def settings(server: BaseTestServer) -> dict[str, Any]:
    url = str(server.make_url("")).rstrip("/")
    return {"url": url, "secret": SECRET, "town": "riverside", "allowed_hosts": ["127.0.0.1"]}


def test_it_is_found(postbox: ModuleType) -> None:
    (entry,) = entry_points(group="tertulia", name="postbox")
    assert entry.load() is postbox
    assert entry.dist is not None
    assert entry.dist.name == "tertulia-postbox"


async def test_a_full_postbox_is_tried_later(postbox: ModuleType) -> None:
    office = PostOffice(full=True)
    async with (
        TestServer(office.application()) as server,
        FakeContext(settings=postbox.Settings(**settings(server))) as context,
    ):
        (platform,) = postbox.register_platforms(context)
        to = Recipient(ref="1", address={"box": "b1"}, language="en", zone="UTC")
        with pytest.raises(RetryLater) as raised:
            await platform.survey.ask(to, sample_prompt(), "k")
        assert raised.value.after == timedelta(seconds=7)
        office.full = False
        assert await platform.survey.ask(to, sample_prompt(), "k") == "1"


def test_its_webhook_keeps_the_contract(postbox: ModuleType) -> None:
    class Contract(WebhookContract):
        webhook = postbox.Boxes("riverside")
        subscription = Subscription(id="1", name="boxes", url="", secrets=(SECRET,))
        signed_headers = ("postbox-at", "postbox-mac")
        bodies = tuple(
            json.dumps({"what": what, "box": {"id": "b9", "name": "Nine"}}).encode() for what in ("moved in", "left")
        )

        def sign(self, body: bytes, at: datetime) -> Raw:
            return signed(body, at)

    for name in dir(Contract):
        if name.startswith("test_"):
            getattr(Contract(), name)()


async def test_it_carries_a_round_in_one_workspace_and_not_in_another(
    postbox: ModuleType, database_url: str, tmp_path: Path
) -> None:
    office = PostOffice(
        boxes=[{"id": f"b{n}", "name": f"Member {n}", "email": f"m{n}@example.org"} for n in range(3)]
    )
    async with (
        TestServer(office.application()) as server,
        world(database_url, tmp_path, allowed=frozenset({"postbox"})) as core,
    ):
        assert "postbox" in core.runtime.plugins.names
        home = await core.workspace("Home", domains=["example.org"])
        other = await core.workspace("Other", organization=home.organization)
        for number in range(3):
            await core.person(home, f"Member {number}", email=f"m{number}@example.org")
        await core.person(other, "Elsewhere", email="elsewhere@example.org")
        live = await core.enable(home, "postbox", settings(server))
        assert core.runtime.installations.of(home.workspace) == (live,)
        assert core.runtime.installations.of(other.workspace) == ()

        async def known() -> bool:
            return await core.reachable(home, "postbox") == 3

        await core.until(known)
        for place in (home, other):
            await core.apply(place, PROGRAM)
        core.clock.advance(timedelta(hours=1, seconds=1))
        await core.until(lambda: len(office.letters) == 3)
        assert sorted(letter["to"] for letter in office.letters) == ["b0", "b1", "b2"]

        button = office.letters[0]["buttons"][0]["label"]
        for _ in range(2):
            assert (await office.answer("b0", button, {"going": "4"}, "e1"))["status"] == "taken"
        assert await office.tell({"what": "moved out", "box": {"id": "b2", "name": "Member 2"}}) == 200

        (current,) = [row for row in await core.rounds(home) if row.state == "open"]
        progress = await core.progress(home, current.id)
        assert progress.deliveries["invite"] == {"sent": 3}
        assert progress.answered == 1
        core.clock.advance(timedelta(hours=5))

        async def closed() -> bool:
            return any(row.id == current.id and row.state == "closed" for row in await core.rounds(home))

        await core.until(closed)
        assert (await office.answer("b1", button, {"going": "2"}, "e2"))["status"] == "closed"
