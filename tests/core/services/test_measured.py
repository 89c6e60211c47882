"""Every figure leads to its formula, and what is published is read in one place."""

from __future__ import annotations

import ast
import asyncio
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tertulia.services import measured
from tertulia.storage import tables

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


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_the_loop_publishes_what_ends_by_the_rounds_clock(open_world: Callable[[], Any]) -> None:
    """Of a workspace without anybody every family has a period, and nothing about anybody."""
    async with open_world() as world:
        stop = asyncio.Event()
        loop = asyncio.create_task(measured.watch(world.runtime, stop))
        world.clock.advance(timedelta(weeks=5))
        query = sa.select(tables.measure_period.c.family, tables.measure_period.c.period)
        found: set[tuple[str, str]] = set()
        async with asyncio.timeout(60):
            while len(found) < len(measured.KINDS):
                await asyncio.sleep(0.05)
                async with world.database.read() as tx:
                    found = {(row.family, row.period) for row in await tx.execute(query)}
        stop.set()
        await loop
        assert found == {("participation", "2026-W14"), ("ties", "2026-W14"), ("turnover", "2026-Q1")}
        async with world.database.read() as tx:
            told = await tx.execute(sa.select(tables.measure_figure.c.value, tables.measure_figure.c.n))
            assert {tuple(row) for row in told} <= {(None, 0)}
