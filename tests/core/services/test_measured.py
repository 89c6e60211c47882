"""Every figure leads to its formula, and what is published is read in one place."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tertulia.services import measured

ROOT = Path(__file__).parents[3]
SOURCES = [*(ROOT / "core/tertulia/measures").rglob("*.py"), *(ROOT / "core/tertulia/services").glob("*.py")]
MAY_READ = {
    "storage/measures.py",
    "storage/tables/measures.py",
    "storage/tables/__init__.py",
    "services/retention.py",
}


def test_every_formula_is_a_heading_of_the_documentation() -> None:
    titles = re.findall(r"^#+ (.+)$", (ROOT / "docs/measures.md").read_text(), re.MULTILINE)
    slugs = {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
    named = set()
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.keyword) and node.arg == "formula" and isinstance(node.value, ast.Constant):
                named.add(str(node.value.value))
    assert {"reach", "turnover", "staying"} <= named
    assert named <= slugs


def test_published_measures_are_read_in_one_place() -> None:
    faults = [
        str(path)
        for path in (ROOT / "core/tertulia").rglob("*.py")
        if "migrations" not in path.parts
        and str(path.relative_to(ROOT / "core/tertulia")) not in MAY_READ
        and re.search(r"\bmeasure_(figure|period|release)\b", path.read_text())
    ]
    assert faults == []


def test_each_family_is_there_once() -> None:
    assert [one.family for one in measured.KINDS] == ["participation", "ties", "turnover"]
