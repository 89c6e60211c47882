"""`tertulia zoom schedule`, as an operator types it, against the stand-in."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from tertulia.cli import main
from tertulia_zoom.stand_in import ZoomServer

SETUP = (
    ("keys", "new"),
    ("people", "create-organization", "Example"),
    ("workspace", "create", "Home"),
)


async def run(*arguments: str) -> int:
    return await asyncio.to_thread(main, arguments)


async def test_a_gathering_is_scheduled_with_its_rooms(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TERTULIA_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("TERTULIA_MODE", "sandbox")
    async with ZoomServer() as server:
        host = server.town.add_user("Ana Sousa", "ana@example.org")
        settings = tmp_path / "zoom.json"
        settings.write_text(json.dumps(server.settings(scheduler=host)))
        for arguments in (*SETUP, ("plugins", "enable", "zoom", "--file", str(settings))):
            assert await run(*arguments) == 0, capsys.readouterr().err
        rooms = ("--room", "ana@example.org, ben@example.org", "--room", "chen@example.org")
        capsys.readouterr()
        assert await run("zoom", "schedule", "Summer", "2027-06-01T10:00+02:00", "--minutes", "90", *rooms) == 0
        ((number, meeting),) = server.town.meetings.items()
        shown = capsys.readouterr().out
        assert meeting["join_url"] in shown
        assert f'{{ platform = "zoom", ref = "{number}", kind = "meeting" }}' in shown
        assert (meeting["type"], meeting["duration"], meeting["topic"]) == (2, 90, "Summer")
        assert meeting["start_time"].startswith("2027-06-01T08:00:00")
        told = meeting["settings"]["breakout_room"]["rooms"]
        assert [room["participants"] for room in told] == [
            ["ana@example.org", "ben@example.org"],
            ["chen@example.org"],
        ]
        for wrong in (
            ("Summer", "soon"),
            ("Summer", "2027-06-01T10:00"),
            ("Summer", "2027-06-01T10:00Z", "--room", "x"),
        ):
            assert await run("zoom", "schedule", *wrong) != 0
            assert "such as" in capsys.readouterr().err
        assert len(server.town.meetings) == 1
