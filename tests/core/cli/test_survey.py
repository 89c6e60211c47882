"""`tertulia survey`: what is published of everybody, what will be done, and whether a question can be asked."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tertulia.extension import RoundRequest
from tertulia.surveys.pulse import Pulse
from tertulia.surveys.pulse_options import Options

Run = Callable[..., Any]
PROGRAM = """\
[[practice]]
key = "pulse"
kind = "pulse"
title = "How are we doing?"
open_for = "4h"
cadence = { start = "2027-01-04T10:00", rule = "FREQ=DAILY" }

[[practice]]
key = "daily"
kind = "check-in"
title = "How are you?"
cadence = { start = "2027-01-04T10:00", rule = "FREQ=DAILY" }
"""


@pytest.fixture
def released(home: Run, folder: Path, tmp_path: Path) -> str:
    """Apply a program, and let its first pulse have been released; return the round's id."""
    (tmp_path / "program.toml").write_text(PROGRAM)
    assert home("program", "apply", "program.toml").code == 0
    request = RoundRequest(practice="pulse", options=Options(), occurrence="x", group_size=50, seed=1)
    content = Pulse().prepare(request).content
    first = content["blocks"][0][0]
    figures = {"invited": 60, "answered": 45, "fewest": 5, "gate": "all", "shown": None}
    levels = [
        {"name": name, "points": [name], "value": value, "low": value - 2, "high": value + 2}
        for name, value in (("promoter", 30), ("passive", 10), ("detractor", 5))
    ]
    with closing(sqlite3.connect(folder / "tertulia.db")) as database, database:
        (identifier, organization) = database.execute(
            "SELECT id, organization_id FROM round WHERE practice = 'pulse'"
        ).fetchone()
        database.execute(
            "UPDATE round SET state = 'released', content = ?, summary = ?, closes_at = opens_at, "
            "next_action = 'results' WHERE id = ?",
            (json.dumps(content), json.dumps({"figures": figures, "shown": True}), identifier),
        )
        database.execute(
            "INSERT INTO cell (organization_id, round_id, item, group_key, family, position, outcome, answered, base,"
            " figures, points) VALUES (?, ?, ?, '[]', 'company', 0, 'published', 45, 5, ?, '[\"promoter\"]')",
            (organization, identifier, first, json.dumps(levels)),
        )
    return str(identifier)


def test_results_are_shown_with_what_will_be_done(home: Run, released: str) -> None:
    shown = home("survey", "show", released[:8])
    assert shown.code == 0
    assert "At least 45 of 60 answered." in shown.out
    assert "+56 (between " in shown.out
    assert "Nothing was said yet" in shown.out
    assert home("survey", "say", released, "Fewer meetings.").out == "Said as number 1.\n"
    assert home("survey", "say", released, "More daylight.").code == 0
    assert home("survey", "take-back", released, "1").code == 0
    assert home("survey", "show", released).out.endswith("What will be done:\n2. More daylight.\n")
    assert "was not said" in home("survey", "take-back", released, "7").sentence


def test_results_are_sent_at_once_on_demand(home: Run, released: str) -> None:
    assert home("survey", "publish", released).out == "The results go out now.\n"
    assert home("audit", "verify").code == 0


def test_a_ritual_and_an_open_round_are_no_survey_to_show(home: Run, released: str, folder: Path) -> None:
    with closing(sqlite3.connect(folder / "tertulia.db")) as database, database:
        (ritual,) = database.execute("SELECT id FROM round WHERE practice = 'daily'").fetchone()
        database.execute("UPDATE round SET state = 'open', next_action = 'close' WHERE id = ?", (released,))
    assert "is no survey of this workspace" in home("survey", "show", ritual).sentence
    assert "has not ended" in home("survey", "show", released).sentence
    assert "do not wait to be sent" in home("survey", "publish", released).sentence


def test_a_question_is_looked_over(home: Run) -> None:
    assert home("survey", "lint", "I can plan my week.").out == "Nothing is wrong with it.\n"
    better = home("survey", "lint", "My lead is fair and friendly.")
    assert (better.code, better.out.startswith("better: “and” asks two things")) == (0, True)
    refused = home("survey", "lint", "What is your job title?")
    assert refused.code != 0
    assert "asks who answers" in refused.out
