"""Candles and ballots never meet: no code touches both, and no key leads from one to the other."""

from __future__ import annotations

import ast
from pathlib import Path

import tertulia
from tertulia.storage import tables

CORE = Path(tertulia.__file__).parent
CANDLES = {"candle", "candle_key", "candle_quarter"}
ANSWERS = {"ballot", "respondent", "response", "participation", "cell", "delivery"}
TOUCHES = {"_forget"}
"""Erasing a person deletes from both, by statements of their own."""


def named(node: ast.AST) -> set[str]:
    """Return the tables that a piece of code names: `tables.x`, or `x` where that was imported from the tables."""
    found = {one.attr for one in ast.walk(node) if isinstance(one, ast.Attribute) and _of_tables(one)}
    return found | {one.id for one in ast.walk(node) if isinstance(one, ast.Name) and one.id in ANSWERS}


def _of_tables(attribute: ast.Attribute) -> bool:
    return isinstance(attribute.value, ast.Name) and attribute.value.id == "tables"


def test_no_function_names_a_candle_and_an_answer() -> None:
    met = []
    texts = {path: path.read_text(encoding="utf-8") for path in CORE.rglob("*.py")}
    for path, text in texts.items():
        for node in ast.walk(ast.parse(text)) if "tables.candle" in text else ():
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name not in TOUCHES:
                tables_ = named(node)
                if tables_ & CANDLES and tables_ & ANSWERS:
                    met.append(f"{path.name}: {node.name}")
    assert met == []


def test_nothing_in_a_candle_refers_to_a_round_a_member_or_a_time() -> None:
    columns = {column.name for column in tables.candle.columns}
    assert not columns & {"person_id", "round_id", "member_id", "at", "created_at"}
    assert {key.target_fullname for column in tables.candle.columns for key in column.foreign_keys} == {
        "workspace.id"
    }


def test_no_module_of_candles_imports_the_ballots() -> None:
    for path in (CORE / "surveys" / "candle").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            imported = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            imported += [one.name for one in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
            assert not {"ballots", "ballot", "keystore", "tertulia.surveys.ballots"} & set(imported), path
