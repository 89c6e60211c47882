"""`tertulia measures`: published figures as a table, JSON and CSV; employment and ratings from files."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

Run = Callable[..., Any]


def published(folder: Path) -> None:
    """Keep two figures of a week: one of everybody, one of a team whose name looks like a formula, withheld."""
    with closing(sqlite3.connect(folder / "tertulia.db")) as database, database:
        (organization, workspace) = database.execute("SELECT organization_id, id FROM workspace").fetchone()
        whose = (organization, workspace, "participation", "2026-W47")
        database.execute("INSERT INTO measure_period VALUES (?, ?, ?, ?, 1, 1)", whose)
        row = "INSERT INTO measure_figure VALUES (?, ?, ?, ?, ?, '', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        whole = ("percent", 44.4444, 30.1, 60.2, 45, 20, 45, 18, 22, None, "reach", "rounds")
        database.execute(row, (*whose, "reach", "[]", "company", 0, *whole))
        nothing = ("percent", None, None, None, 0, None, None, None, None, "too few people", "reach", "rounds")
        database.execute(row, (*whose, "reach", '[["team","=cmd()"]]', "team", 1, *nothing))


def test_figures_are_shown_in_three_forms(home: Run, folder: Path) -> None:
    published(folder)
    shown = home("measures", "show", "--withheld")
    assert shown.code == 0
    assert "44.4 % (between 30.1 and 60.2): about 20 of at least 45" in shown.out
    assert "too few people" in shown.out
    assert "=cmd()" not in home("measures", "show").out
    document = json.loads(home("measures", "show", "--format", "json").out)
    assert [(one["value"], one["at_least"], one["formula"]) for one in document] == [
        (44.4, 18, "docs/measures.md#reach")
    ]
    table = home("measures", "show", "--format", "csv", "--withheld").out
    assert ",'=cmd()," in table
    assert table.count("2026-W47") == 2
    assert json.loads(home("measures", "show", "--format", "json", "--family", "ties").out) == []


def test_publishing_now_is_harmless(home: Run) -> None:
    for _ in range(2):
        assert home("measures", "publish").code == 0


def test_employment_is_tried_first(home: Run, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("name,email\nAna,ana@example.org\n")
    assert home("people", "import", "people.csv").code == 0
    (tmp_path / "spells.csv").write_text(
        "email,start_date,end_date\nana@example.org,2020-01-01,2020-12-31\nana@example.org,2022-01-01,\n"
    )
    tried = home("measures", "import-employment", "spells.csv", "--dry-run")
    assert tried.code == 0
    assert "line 3: rehire, 365 days" in tried.out
    assert "nothing was written: 2 added" in tried.out
    assert "Imported: 2 added" in home("measures", "import-employment", "spells.csv").out
    assert "2 unchanged" in home("measures", "import-employment", "spells.csv").out
    (tmp_path / "spells.csv").write_text("email,start_date\nnobody@example.org,2020-01-01\n")
    assert home("measures", "import-employment", "spells.csv").code == 1
    assert home("measures", "import-employment", "none.csv").code != 0


def test_ratings_are_entered_with_source_and_date(home: Run, tmp_path: Path) -> None:
    link = "https://ratings.example.org/acme"
    entered = home("measures", "rate", "Glassdoor", "4.1", "--reviews", "80", "--day", "2026-03-31", "--link", link)
    assert entered.code == 0
    (tmp_path / "ratings.csv").write_text(
        "site,day,rating\nIndeed,2026-02-01,3.9\nIndeed,2026-02-30,3.9\nX,2026-01-01,9\n"
    )
    imported = home("measures", "import-ratings", "ratings.csv")
    assert imported.code == 1
    assert "1 ratings entered, 2 rejected" in imported.out
    shown = home("measures", "ratings").out
    assert "Glassdoor\t2026-03-31\t4.1 of 5\t80" in shown
    assert "Indeed\t2026-02-01\t3.9 of 5" in shown
    for wrong in (["rate", "", "3"], ["rate", "X", "9"], ["rate", "X", "3", "--day", "soon"]):
        refused = home("measures", *wrong)
        assert refused.code != 0
        assert "Traceback" not in refused.err
