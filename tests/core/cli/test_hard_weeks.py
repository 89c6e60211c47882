"""Hard weeks and groups at the command line: one action, taken back by another, and no list of members."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

Run = Callable[..., Any]


def test_hard_weeks_begin_are_listed_and_taken_back(home: Run) -> None:
    day = f"{datetime.now(UTC) + timedelta(days=9):%Y-%m-%d}"
    assert home("rest", "list").rows == []
    begun = home("rest", "begin", "--until", day, "--word", "A hard month.")
    assert begun.code == 0
    assert f"Resting until {day}: no practice of this program. Open rounds that end now: 0." in begun.out
    ((identifier, who, _, until, state),) = home("rest", "list").rows
    assert (who, until, state) == ("everybody", day, "resting")
    assert f"tertulia rest end {identifier}" in begun.out
    assert "hard weeks already" in home("rest", "begin", "--until", day).sentence
    ((practice, opens),) = [(row[1], row[3]) for row in home("rounds", "list").rows]
    assert (practice, opens) == ("hard_weeks", "planned")
    assert home("rest", "end", identifier).code == 0
    assert home("rest", "list").rows[0][4] == "over"
    assert home("rounds", "list").rows[0][3] == "cancelled"
    assert "names no hard weeks" in home("rest", "end", "ffff").sentence


def test_what_makes_no_sense_is_told_with_its_cure(home: Run) -> None:
    assert "coming 92 days" in home("rest", "begin", "--until", "2020-01-01").sentence
    day = f"{datetime.now(UTC) + timedelta(days=9):%Y-%m-%d}"
    assert "No member of this workspace" in home("rest", "begin", "--until", day, "--team", "Nobody's").sentence
    assert home("rest", "begin", "--until", "soon").code == 2


def test_groups_are_listed_without_their_members_and_closed_by_name(home: Run) -> None:
    listed = home("groups", "list")
    assert (listed.code, listed.rows) == (0, [])
    assert "no group 'parents'" in home("groups", "close", "parents").sentence
