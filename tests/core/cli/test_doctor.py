"""What the doctor finds, each in one sentence with its cure."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tertulia.services.doctor import sqlite_is_sound

Run = Callable[..., Any]
PROGRAM = """\
[[practice]]
key = "daily"
kind = "check-in"
title = "How are you?"
ask = "both"
places = ["telepathy:all"]
cadence = { start = "2027-01-04T10:00", rule = "FREQ=DAILY" }
"""


def change(folder: Path, statement: str) -> None:
    with sqlite3.connect(folder / "tertulia.db") as connection:
        connection.execute(statement)
    connection.close()


def test_a_new_service_is_well(run: Run) -> None:
    assert run("keys", "new").code == 0
    ran = run("doctor")
    assert ran.code == 0, ran.out
    assert "FAULT" not in ran.out
    assert run("doctor", "--quiet").out == ""


def test_missing_keys_are_found(run: Run) -> None:
    ran = run("doctor")
    assert ran.code == 1
    assert "tertulia keys new" in ran.out
    assert ran.err == ""


def test_who_cannot_be_reached_is_counted_and_named_on_demand(home: Run) -> None:
    ran = home("doctor")
    assert ran.code == 1
    assert "people of Home: 2 cannot be reached, 0 have no e-mail address" in ran.out
    assert "ana@example.org" not in ran.out
    assert "Ana (ana@example.org" in home("doctor", "--names").out


def test_a_mail_server_reaches_everybody_with_an_address(home: Run, tmp_path: Path) -> None:
    assert home("plugins", "enable", "web").code == 0
    assert "It has no mail server" in home("doctor").out
    (tmp_path / "secret").write_text("smtp://127.0.0.1:2525")
    assert home("plugins", "configure", "web", "smtp_url=@secret", "sender=robot@example.org").code == 0
    assert "Every member can be reached" in home("doctor").out
    assert home("people", "add", "Cia").code == 0
    assert "1 cannot be reached, 1 have no e-mail address" in home("doctor").out


def test_a_place_that_nothing_serves_is_found(home: Run, tmp_path: Path) -> None:
    (tmp_path / "program.toml").write_text(PROGRAM)
    assert home("program", "apply", "program.toml").code == 0
    assert "Practice daily names a place on telepathy" in home("doctor").out


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("INSERT INTO inbox SELECT id, 'e', 's', 'h', x'00', 'failed', 5, 0, 'x', 0 FROM organization", "inbox"),
        ("INSERT INTO worker VALUES ('w', 1.0)", "No process works"),
        ("UPDATE audit SET at = 99999999999999 WHERE sequence = 1", "clock"),
        (
            "INSERT INTO round (organization_id, id, workspace_id, practice, kind, program_version, occurrence,"
            " state, next_action, next_at, opens_at, confidential)"
            " SELECT organization_id, 'r', id, 'p', 'check-in', 1, 'o', 'planned', 'open', 1, 1, 0 FROM workspace",
            "no process works; start `tertulia serve`",
        ),
    ],
)
def test_what_the_database_tells_is_found(statement: str, found: str, home: Run, folder: Path) -> None:
    change(folder, statement)
    assert found in home("doctor").out


def test_an_allow_list_with_an_unknown_name_is_found(home: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERTULIA_PLUGINS", "telepathy")
    ran = home("doctor")
    assert ran.code == 1
    assert "TERTULIA_PLUGINS names telepathy" in ran.out


@pytest.mark.parametrize(
    ("version", "sound"),
    [
        ((3, 40, 1), False),
        ((3, 44, 5), False),
        ((3, 44, 6), True),
        ((3, 45, 0), False),
        ((3, 50, 7), True),
        ((3, 51, 2), False),
        ((3, 51, 3), True),
        ((4, 0, 0), True),
    ],
)
def test_sound_versions_of_sqlite_are_known(version: tuple[int, ...], sound: bool) -> None:
    assert sqlite_is_sound(version) is sound
