"""`tertulia overview` and `tertulia recommendations`: the same figures and decisions as on the pages."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tertulia.measures.figures import week

Run = Callable[..., Any]
PROGRAM = """\
[[practice]]
key = "daily"  # for everybody
kind = "check-in"
title = "How are you?"
cadence = { start = "2027-01-04T10:00", rule = "FREQ=DAILY" }
"""


@pytest.fixture
def fallen(home: Run, folder: Path, tmp_path: Path) -> Run:
    """Apply a program, and let ties across teams have fallen by what was published."""
    (tmp_path / "program.toml").write_text(PROGRAM)
    assert home("program", "apply", "program.toml").code == 0
    with closing(sqlite3.connect(folder / "tertulia.db")) as database, database:
        (organization, space) = database.execute("SELECT organization_id, id FROM workspace").fetchone()
        for back, value in ((40, 0.1), (28, 0.1), (14, 0.12), (0, -0.2)):
            period = week(datetime.now(UTC) - timedelta(weeks=back))
            at = int(period.end.timestamp() * 1000)
            database.execute(
                "INSERT INTO measure_period (organization_id, workspace_id, family, period, ended_at, published_at)"
                " VALUES (?, ?, 'ties', ?, ?, ?)",
                (organization, space, period.key, at, at),
            )
            database.execute(
                "INSERT INTO measure_figure (organization_id, workspace_id, family, period, key, about, group_key,"
                " group_family, position, unit, value, low, high, n, formula, source)"
                " VALUES (?, ?, 'ties', ?, 'ei_team', '', '[]', 'company', 0, 'index', ?, ?, ?, 100, 'ties-ei', 'x')",
                (organization, space, period.key, value, value - 0.02, value + 0.02),
            )
    return home


def test_the_overview_is_shown_as_a_table_json_and_a_card(fallen: Run, tmp_path: Path) -> None:
    rows = {row[0]: row[1:] for row in fallen("overview", "show").rows}
    assert rows["Ties across teams"][0] == "-0.20 (between -0.22 and -0.18)"
    assert rows["Ties across teams"][1] == "at least 100 people"
    assert rows["Ties across teams"][2].startswith("worsened: -0.3")
    assert rows["Belonging"][0] == "not measured yet"
    document = json.loads(fallen("overview", "show", "--json").out)
    assert [one["status"] for one in document["components"] if one["key"] == "cross_team"] == ["worsened"]
    assert "Ties across teams: -0.20" in fallen("overview", "card").out
    assert "owners, admins and analysts" in fallen("overview", "readers").out
    assert "every member" in fallen("overview", "readers", "members").out
    (tmp_path / "b.csv").write_text(
        "component,name,value,n,ended,source,license\ncross_team,Theirs,-0.5,9,2026-01-01,a,b\n"
    )
    assert fallen("overview", "benchmarks", "b.csv").out == "1 benchmark kept for Home.\n"
    document = json.loads(fallen("overview", "show", "--json").out)
    (mark,) = [one["benchmark"] for one in document["components"] if one["key"] == "cross_team"]
    assert (mark["name"], mark["value"], mark["source"]) == ("Theirs", -0.5, "a")


def test_a_recommendation_goes_from_its_draft_through_the_plan_into_force(fallen: Run, tmp_path: Path) -> None:
    listed = fallen("recommendations", "list").rows
    assert [row[1] for row in listed] == ["waits for a decision"] * 2
    coffee, offsite = (row[0] for row in listed)
    shown = fallen("recommendations", "show", coffee).out
    assert "Evidence, mixed: trials disagree." in shown
    assert '+ practice "cross-team-coffee" is added: cafe' in shown
    (tmp_path / "draft.toml").write_text(fallen("recommendations", "draft", coffee).out)
    assert "# for everybody" in (tmp_path / "draft.toml").read_text()
    plan = fallen("program", "plan", "draft.toml").out
    assert '+ practice "cross-team-coffee" is added: cafe' in plan
    taken = fallen("recommendations", "accept", coffee, "--owner", "ana@example.org", "--apply")
    assert taken.out.startswith("Accepted; it is judged on ")
    assert 'key = "cross-team-coffee"' in fallen("program", "show").out
    assert "Followed: to be judged on" in fallen("recommendations", "show", coffee).out
    assert "is accepted already" in fallen("recommendations", "decline", coffee, "no").sentence
    assert "shown again on" in fallen("recommendations", "remind", offsite, "2").out
    assert fallen("recommendations", "decline", offsite, "No budget.").out == "Declined.\n"
    assert ": No budget." in next(row[1] for row in fallen("recommendations", "list").rows if row[0] == offsite)
    assert "is no recommendation here" in fallen("recommendations", "show", "zz").sentence
    assert fallen("audit", "verify").code == 0
