"""Tables of measured values, with the reference of the same run beside each."""

from __future__ import annotations

import os
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

_console = Console(width=170, highlight=False)


def show(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print one table."""
    table = Table(title=f"{title}   (load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores)", title_justify="left")
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number == 0 else "right", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    _console.print(table)


def say(text: str) -> None:
    """Print one line."""
    _console.print(text)


def number(value: float | None, digits: int = 0) -> str:
    """Write a number; `None` is what could not be measured here."""
    return "-" if value is None else f"{value:,.{digits}f}"


def ratio(measured: float, reference: float) -> str:
    """Write how *measured* stands to *reference*."""
    return f"{measured / reference:.2f}" if reference else "-"


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which *share* of *values* lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
