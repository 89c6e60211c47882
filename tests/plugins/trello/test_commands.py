"""`tertulia trello doctor` and `boards`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from click.testing import CliRunner

from tertulia import Mistake
from tertulia_trello.client import Client
from tertulia_trello.commands import Finding, Outside, Unlimited, examine, read_settings, trello
from tertulia_trello.config import Settings

PUBLIC = "https://t.example"


@asynccontextmanager
async def outside(bench: Any, **more: Any) -> AsyncIterator[tuple[Client, Settings]]:
    settings = Settings.model_validate(bench.server.settings(**more))
    async with aiohttp.ClientSession() as http:
        yield Client(Outside(http, Unlimited()), settings), settings


async def findings(bench: Any, public_url: str | None = PUBLIC, **more: Any) -> list[Finding]:
    async with outside(bench, **more) as (client, settings):
        return [finding async for finding in examine(client, settings, public_url)]


async def test_all_is_well(open_bench: Any) -> None:
    async with open_bench() as bench:
        hook = {"callbackURL": f"{PUBLIC}/hooks/trello/1", "idModel": bench.board, "active": True}
        bench.town.webhooks["d" * 24] = {"id": "d" * 24, **hook}
        assert {level for level, _ in await findings(bench)} == {"ok"}


@pytest.mark.parametrize(
    ("more", "public_url", "level", "word"),
    [
        ({"username": "somebody"}, PUBLIC, "fault", "username"),
        ({"create_list": False}, PUBLIC, "fault", "ritual list"),
        ({"boards": ["e" * 24]}, PUBLIC, "fault", "cannot be read"),
        ({"boards": []}, PUBLIC, "note", "boards is empty"),
        ({"api_key": "0" * 32}, PUBLIC, "fault", "api_key"),
        ({}, PUBLIC, "note", "no webhook yet"),
        ({}, None, "note", "--public-url"),
        ({"oauth_url": "https://auth.atlassian.com"}, PUBLIC, "fault", "add auth.atlassian.com to allowed_hosts"),
        ({"oauth_client_id": None, "oauth_client_secret": None}, PUBLIC, "note", "codes alone"),
    ],
)
async def test_what_is_wrong_is_said_with_its_cure(
    open_bench: Any, more: dict[str, Any], public_url: str | None, level: str, word: str
) -> None:
    async with open_bench() as bench:
        found = await findings(bench, public_url, **more)
        assert any(one == level and word in text for one, text in found)


async def test_webhooks_that_fail_are_seen(open_bench: Any) -> None:
    async with open_bench() as bench:
        hook = {"callbackURL": f"{PUBLIC}/hooks/trello/1", "idModel": bench.board, "active": False}
        bench.town.webhooks["d" * 24] = {"id": "d" * 24, **hook}
        assert any("switched the webhook off" in text for _, text in await findings(bench))
        bench.town.webhooks["d" * 24].update(active=True, consecutiveFailures=4)
        assert any("failed 4 times" in text for _, text in await findings(bench))


def test_the_command_itself(open_bench: Any, tmp_path: Path) -> None:
    async def check() -> None:
        async with open_bench() as bench:
            file = tmp_path / "trello.json"
            file.write_text(json.dumps(bench.server.settings()))
            run = CliRunner().invoke
            listed = await asyncio.to_thread(run, trello, ["boards", "--file", str(file)])
            assert listed.output == f"{bench.board}  Everyone  takes part\n"
            examined = await asyncio.to_thread(run, trello, ["doctor", "--file", str(file)])
            assert examined.exit_code == 0, examined.output
            file.write_text(json.dumps(bench.server.settings(username="somebody")))
            examined = await asyncio.to_thread(run, trello, ["doctor", "--file", str(file)])
            assert examined.exit_code == 1
            assert bench.server.token not in examined.output

    asyncio.run(check())


@pytest.mark.parametrize("text", ["{", "[]", '{"token": "CANARY"}'])
def test_a_bad_file_is_a_mistake_that_shows_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "trello.json").write_text(text)
    for file in (tmp_path / "trello.json", tmp_path / "absent.json"):
        with pytest.raises(Mistake) as raised:
            read_settings(file)
        assert "CANARY" not in str(raised.value)
