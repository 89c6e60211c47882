"""Setting up who cares for whom: no command shows a candle or makes a key."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tertulia.surveys.candle import sealing

Run = Callable[..., Any]


def test_help_numbers_are_added_listed_and_removed(home: Run) -> None:
    assert home("candle", "numbers").rows == []
    added = home("candle", "add-number", "Emergency, day and night", "112", "--country", "es")
    assert (added.code, added.out) == (0, "Home shows Emergency, day and night: 112.\n")
    ((country, label, number, identifier),) = home("candle", "numbers").rows
    assert (country, label, number) == ("ES", "Emergency, day and night", "112")
    assert home("candle", "remove-number", identifier).code == 0
    assert home("candle", "numbers").rows == []
    assert "no such number" in home("candle", "remove-number", identifier).sentence


@pytest.mark.parametrize(
    ("arguments", "word"),
    [(("Help", "call me"), "NUMBER"), (("", "112"), "LABEL"), (("Help", "112", "--country", "Spain"), "COUNTRY")],
)
def test_a_wrong_number_is_told_with_its_cure(home: Run, arguments: tuple[str, ...], word: str) -> None:
    ran = home("candle", "add-number", *arguments)
    assert ran.code == 1
    assert word in ran.sentence


def test_doctor_says_who_is_missing_until_two_have_keys(home: Run, folder: Path) -> None:
    def said() -> str:
        return next(line for line in home("doctor").out.splitlines() if "candles of Home" in line)

    assert "Nobody can receive a candle" in said()
    for name in ("ana", "ben"):
        assert home("people", "roles", "grant", "responder", f"{name}@example.org").code == 0
    assert [row[1] for row in home("candle", "responders").rows] == ["no", "no"]
    _make_key(folder, "Ana")
    assert "no deputy takes over" in said()
    _make_key(folder, "Ben")
    assert "No local help number" in said()
    home("candle", "add-number", "Emergency", "112")
    assert "2 responders have keys" in said()
    assert {row[1] for row in home("candle", "responders").rows} == {"yes"}


def _make_key(folder: Path, name: str) -> None:
    """Put a public key into the database, as the responder's own page does."""
    with sqlite3.connect(folder / "tertulia.db") as connection:
        owner, person = connection.execute(
            "SELECT organization_id, id FROM person WHERE name = ?", (name,)
        ).fetchone()
        key = sealing.public_key(owner, "-".join([name[:1].upper() + "222"] * 7))
        row = (owner, key.id, person, key.public, 0)
        connection.execute("INSERT INTO candle_key VALUES (?, ?, ?, ?, ?)", row)
    connection.close()


def test_the_summary_is_of_quarters_that_are_over(home: Run, folder: Path) -> None:
    with sqlite3.connect(folder / "tertulia.db") as connection:
        (owner,) = connection.execute("SELECT id FROM organization").fetchone()
        year = datetime.now(UTC).year
        for name, lit in (("2020-Q1", 12), (f"{year + 1}-Q1", 3)):
            connection.execute("INSERT INTO candle_quarter VALUES (?, ?, ?)", (owner, f"{owner}:{name}", lit))
    connection.close()
    assert home("candle", "summary").rows == [["2020-Q1", "10 to 14"]]


def test_no_command_makes_a_key_or_shows_a_candle(home: Run) -> None:
    shown = home("candle", "--help").out
    assert "key" not in {line.split()[0] for line in shown.splitlines() if line.strip()}
    assert home("candle", "list").code == 2
