"""What the commands do, from an empty folder to an erased person."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as parquet
import pytest

Run = Callable[..., Any]
PROGRAM = """\
[[practice]]
key = "daily"
kind = "check-in"
title = "How are you?"
open_for = "4h"
cadence = { start = "2027-01-04T10:00", rule = "FREQ=DAILY" }
"""


@pytest.fixture
def program(tmp_path: Path) -> str:
    """Write a program and return its file."""
    (tmp_path / "program.toml").write_text(PROGRAM)
    return str(tmp_path / "program.toml")


def test_keys_are_made_added_and_taken_into_use(home: Run, folder: Path) -> None:
    assert folder.stat().st_mode & 0o077 == 0
    first = home("keys", "list").out.split()
    assert home("plugins", "enable", "web").code == 0
    assert home("keys", "add").code == 0
    both = home("keys", "list").out.split()
    assert both[0] == first[0]
    assert len(both) == 2
    resealed = home("keys", "reseal")
    assert resealed.code == 0
    assert both[1] in resealed.out
    lines = (folder / "keys").read_text().splitlines()
    (folder / "keys").write_text(lines[1] + "\n")
    assert "enabled" in home("plugins", "show").out


def test_people_are_imported_after_a_dry_run(home: Run, tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text(
        "name,email,team\nAna,ana@example.org,Care\nCia,cia@example.org,Care\nDan,not an address,Care\n"
    )
    dry = home("people", "import", "people.csv", "--dry-run")
    assert dry.code == 1
    assert "line 3: + cia@example.org" in dry.out
    assert "team: (nothing) -> Care" in dry.out
    assert "line 4: rejected: email" in dry.err
    assert len(home("people", "list").rows) == 2
    done = home("people", "import", "people.csv")
    assert "1 added, 1 changed, 0 unchanged, 1 rejected" in done.out
    assert [row[0] for row in home("people", "list").rows] == ["Ana", "Ben", "Cia"]


def test_roles_are_granted_and_revoked(home: Run) -> None:
    assert home("people", "roles", "grant", "owner", "ana@example.org").code == 0
    assert home("people", "roles", "grant", "host", "Ana@Example.org").code == 0
    assert [row[:2] for row in home("people", "roles", "list").rows] == [["host", "Ana"], ["owner", "Ana"]]
    assert home("people", "roles", "revoke", "host", "ana@example.org").code == 0
    assert "last owner" in home("people", "roles", "revoke", "owner", "ana@example.org").sentence


def test_a_place_that_no_practice_names_is_declared(home: Run) -> None:
    assert home("places", "list").rows == []
    for _ in range(2):
        assert home("places", "declare", "toy", "5f0000000000000000000001").out == (
            "5f0000000000000000000001 is a board of Home.\n"
        )
    assert home("places", "list").rows == [["toy", "board", "5f0000000000000000000001"]]
    assert "at most 400" in home("places", "declare", "toy", "x" * 401).sentence


def test_a_merge_is_taken_back(home: Run) -> None:
    assert home("people", "merge", "ana@example.org", "ben@example.org").code == 0
    [[merge, *_]] = home("people", "merges").rows
    assert [row[0] for row in home("people", "list").rows] == ["Ana"]
    assert home("people", "undo", merge).code == 0
    assert [row[0] for row in home("people", "list").rows] == ["Ana", "Ben"]
    assert home("people", "unresolved").rows == []


def test_domains_are_declared_anew(home: Run) -> None:
    assert home("people", "domains", "example.com", "example.net").code == 0
    assert home("people", "organizations").rows[0][:2] == ["Example", "example.com, example.net"]


def test_a_program_is_checked_planned_applied_and_undone(home: Run, program: str) -> None:
    assert "sound: 1 practice." in home("program", "check", program).out
    plan = home("program", "plan", program).out
    assert 'practice "daily" is added' in plan
    assert "Asia/Tokyo" in plan
    assert home("rounds", "list").rows == []
    assert "Version 1" in home("program", "apply", program).out
    assert home("program", "show").out == PROGRAM
    Path(program).write_text(PROGRAM.replace("4h", "6h"))
    assert "Version 2" in home("program", "apply", program).out
    assert "Version 3" in home("program", "undo").out
    assert home("program", "show").out == PROGRAM
    assert "open_for: 6h -> 4h" in home("program", "history").out
    assert home("program", "show", "--version", "2").out != PROGRAM


def test_a_faulty_program_names_key_and_line(home: Run, program: str) -> None:
    Path(program).write_text(PROGRAM.replace('"4h"', '"4 lightyears"'))
    ran = home("program", "check", program)
    assert ran.code == 1
    assert "open_for" in ran.sentence
    assert "5" in ran.sentence


def test_plugins_are_enabled_configured_and_disabled(home: Run, tmp_path: Path) -> None:
    listed = home("plugins", "list").out
    assert "web\tloaded" in listed
    assert "check-in" in listed
    (tmp_path / "secret").write_text("smtp://robot:hunter2@127.0.0.1:2525\n")
    enabled = home("plugins", "enable", "web", "smtp_url=@secret", "sender=robot@example.org")
    assert enabled.code == 0, enabled.err
    shown = home("plugins", "show").out
    assert "web: enabled" in shown
    assert "hunter2" not in shown
    assert 'sender = "robot@example.org"' in shown
    (tmp_path / "more.toml").write_text("per_minute = 30\n")
    assert home("plugins", "configure", "web", "--file", "more.toml", "reply_to=care@example.org").code == 0
    assert "per_minute = 30" in home("plugins", "show").out
    assert home("plugins", "configure", "web", "reply_to=").code == 0
    assert "reply_to = null" in home("plugins", "show").out
    assert home("plugins", "disable", "web").code == 0
    assert "web: disabled" in home("plugins", "show").out
    assert home("plugins", "enable", "web").code == 0
    assert 'sender = "robot@example.org"' in home("plugins", "show").out


def test_an_export_holds_counts_only(home: Run, program: str, tmp_path: Path) -> None:
    assert home("program", "apply", program).code == 0
    exported = home("export")
    data = json.loads(exported.out)
    assert data["workspace"] == "Home"
    assert data["program"][0]["document"] == PROGRAM
    assert data["rounds"][0]["answered"] is None
    assert "Ana" not in exported.out
    assert "ana@example.org" not in exported.out
    [row] = csv.DictReader(io.StringIO(home("export", "--format", "csv").out))
    assert (row["practice"], row["state"], row["invited"]) == ("daily", "planned", "0")
    assert home("export", "out.json").code == 0
    assert (tmp_path / "out.json").stat().st_mode & 0o077 == 0


def test_the_tables_of_the_console_are_written_and_told_there(home: Run, program: str, tmp_path: Path) -> None:
    assert home("program", "apply", program).code == 0
    [row] = csv.DictReader(io.StringIO(home("export", "--of", "rounds").out))
    assert (row["practice"], row["state"], row["invited"]) == ("daily", "planned", "0")
    assert home("export", "people.parquet", "--of", "people", "--format", "parquet").code == 0
    file = tmp_path / "people.parquet"
    assert [one["name"] for one in parquet.read_table(file).to_pylist()] == ["Ana", "Ben"]
    assert file.stat().st_mode & 0o077 == 0
    assert "exists" in home("export", "people.parquet", "--of", "people", "--format", "parquet").sentence
    for wrong, why in (
        (("--format", "parquet"), "needs --of"),
        (("--of", "people", "--format", "parquet"), "FILE is missing"),
        (("--of", "people", "--format", "json"), "choose csv or parquet"),
    ):
        assert why in home("export", *wrong).sentence
    log = list(csv.DictReader(io.StringIO(home("export", "--of", "audit").out)))
    assert [one["what"] for one in log[:3]] == ["export.taken", "export.taken", "export.read"]


def test_an_erased_person_is_gone(home: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("somebody else\n"))
    assert home("erase", "ana@example.org").code == 1
    assert len(home("people", "list").rows) == 2
    monkeypatch.setattr("sys.stdin", io.StringIO("ana@example.org\n"))
    assert home("erase", "ana@example.org").code == 0
    assert [row[0] for row in home("people", "list").rows] == ["Ben"]
    assert home("erase", "ana@example.org", "--yes").code == 1


def test_the_audit_log_is_anchored_and_verified(home: Run, folder: Path) -> None:
    anchor = home("audit", "anchor").out.strip()
    assert home("workspace", "create", "Other").code == 0
    assert home("audit", "verify", "--anchor", anchor).code == 0
    with sqlite3.connect(folder / "tertulia.db") as connection:
        connection.execute("UPDATE audit SET actor = 'nobody' WHERE sequence = 2")
    connection.close()
    ran = home("audit", "verify", "--anchor", anchor)
    assert ran.code == 1
    assert "Entry 2 was altered" in ran.out


def test_a_backup_is_restored_elsewhere(
    home: Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = home("backup", "backup.bin", "--erasures", "erased.bin")
    assert made.code == 0, made.err
    assert "not empty" in home("restore", "backup.bin").sentence
    monkeypatch.setenv("TERTULIA_DATABASE_URL", f"sqlite:///{tmp_path / 'second' / 'new.db'}")
    restored = home("restore", "backup.bin", "--erasures", "erased.bin")
    assert restored.code == 0, restored.err
    assert [row[0] for row in home("people", "list").rows] == ["Ana", "Ben"]
    assert home("audit", "verify").code == 0


def test_failed_events_are_listed_and_replayed(home: Run, folder: Path) -> None:
    assert home("inbox", "list").rows == []
    with sqlite3.connect(folder / "tertulia.db") as connection:
        [(organization,)] = connection.execute("SELECT id FROM organization").fetchall()
        connection.execute(
            "INSERT INTO inbox VALUES (?, 'e1', 's1', 'hash', x'00', 'failed', 5, 0, 'broken parser', 0)",
            (organization,),
        )
    connection.close()
    [row] = home("inbox", "list").rows
    assert (row[0], row[3], row[6]) == ("e1", "failed", "broken parser")
    assert home("inbox", "replay", "e1").code == 0
    assert home("inbox", "list").rows == []
    assert [row[0] for row in home("inbox", "list", "--state", "received").rows] == ["e1"]


def test_rounds_are_shown_and_watched(home: Run, program: str, folder: Path) -> None:
    assert home("program", "apply", program).code == 0
    [row] = home("rounds", "list").rows
    assert row[1:4] == ["daily", "2027-01-04T10:00:00", "planned"]
    assert "0 answered" in home("rounds", "show", row[0][:8]).out
    with sqlite3.connect(folder / "tertulia.db") as connection:
        connection.execute("UPDATE round SET state = 'closed'")
    connection.close()
    assert home("rounds", "watch", row[0]).out == "closed: 0 of 0 delivered; at least 0 answered, at least 0 passed\n"


def test_rounds_are_steered_by_hand(home: Run, program: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home("program", "apply", program)
    [(first, *_)] = home("rounds", "list").rows
    assert home("rounds", "leave-out", first).code == 0
    assert [row[3] for row in home("rounds", "list").rows] == ["planned", "cancelled"]
    assert home("rounds", "take-back", first[:12]).code == 0
    [(again, _, occurrence, state, *_)] = home("rounds", "list").rows
    assert (occurrence, state) == ("2027-01-04T10:00:00", "planned")
    refused = home("rounds", "retry", again)
    assert (refused.code, "no answers any more" in refused.err) == (1, True)
    with sqlite3.connect(folder / "tertulia.db") as connection:
        connection.execute("UPDATE round SET state = 'open', next_action = NULL, next_at = NULL")
    connection.close()
    assert home("rounds", "retry", again).out == "What had failed, if anything, is being sent again.\n"
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    stopped = home("rounds", "close", again)
    assert (stopped.code, "not done" in stopped.err) == (1, True)
    assert home("rounds", "close", again, "--yes").out == "The round is closing.\n"
    with sqlite3.connect(folder / "tertulia.db") as connection:
        assert connection.execute("SELECT next_action FROM round").fetchall() == [("close",)]
        verbs = connection.execute("SELECT verb FROM audit WHERE verb LIKE 'round.%' ORDER BY sequence").fetchall()
    connection.close()
    assert [verb for (verb,) in verbs] == ["round.leave_out", "round.take_back", "round.retry", "round.close_early"]
