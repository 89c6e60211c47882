"""No function reads ballots and candles together, so no query joins them: read from the syntax trees."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

CORE = Path(__file__).parents[3] / "core" / "tertulia"
BALLOTS = {"ballot", "respondent", "cell", "comment"}
CANDLES = {"candle", "candle_key", "candle_quarter", "care_line", "reporting_line"}
SWEEPS = {"services/retention.py", "storage/tables/__init__.py"}
"""These list all tables by name, each for itself."""


def used(node: ast.AST) -> set[str]:
    """Return the tables that a piece of code names, as names or as attributes of `tables`."""
    found = set()
    for one in ast.walk(node):
        if isinstance(one, ast.Name):
            found.add(one.id)
        elif isinstance(one, ast.Attribute) and isinstance(one.value, ast.Name) and one.value.id == "tables":
            found.add(one.attr)
    return found


def imported(tree: ast.Module) -> set[str]:
    """Return the tables that a module can name."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tertulia.storage"):
            names |= {alias.asname or alias.name for alias in node.names}
    return names | (BALLOTS | CANDLES if "tables" in names else set())


def statements() -> Iterator[tuple[str, set[str]]]:
    """Yield every function of the core and everything outside of one, with the tables it names."""
    for path in sorted(CORE.rglob("*.py")):
        name = path.relative_to(CORE).as_posix()
        tree = ast.parse(path.read_text(encoding="utf-8"))
        known = imported(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or (
                isinstance(node, ast.Assign | ast.AnnAssign) and name not in SWEEPS
            ):
                yield f"{name}:{node.lineno}", used(node) & known


def test_nothing_names_ballots_and_candles_together() -> None:
    found = list(statements())
    assert sum(bool(names & BALLOTS) for _, names in found) > 5
    assert sum(bool(names & CANDLES) for _, names in found) > 5
    assert [where for where, names in found if names & BALLOTS and names & CANDLES] == []
