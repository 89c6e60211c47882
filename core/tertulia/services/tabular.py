"""Tables that leave the service: the same cells as CSV for spreadsheets and as Parquet with types."""

from __future__ import annotations

import asyncio
import csv
import importlib
import importlib.util
import io
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any, Literal, TypeAlias

from tertulia.errors import Mistake

Kind: TypeAlias = Literal["text", "whole", "number", "flag", "instant"]
Form: TypeAlias = Literal["csv", "parquet"]
Row: TypeAlias = Mapping[str, Any]
MEDIA: Mapping[str, str] = {"csv": "text/csv", "parquet": "application/vnd.apache.parquet"}
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
BATCH = 2000
MISSING = (
    "Parquet files need the package pyarrow, which is not installed here; take CSV, or ask your operator to install "
    "tertulia[parquet]."
)


@dataclass(frozen=True, kw_only=True)
class Column:
    """Hold a column: its name, what its cells are, and what they mean."""

    name: str
    kind: Kind
    about: str


@dataclass(frozen=True, kw_only=True)
class Table:
    """Hold a table whose rows are read as they are written; each row has every column's name."""

    name: str
    title: str
    columns: Sequence[Column]
    rows: AsyncIterator[Row]


async def write(table: Table, form: Form, file: IO[bytes]) -> int:
    """Write *table* to *file*, which stays open, and return how many rows that were."""
    return await (_write_csv if form == "csv" else _write_parquet)(table, file)


def check(form: str) -> Form:
    """Return a form that can be written here; raises `Mistake` for another one."""
    if form == "csv":
        return "csv"
    if form != "parquet":
        raise Mistake(f"format {form[:20]!r} is unknown; choose csv or parquet.")
    if importlib.util.find_spec("pyarrow") is None:
        raise Mistake(MISSING)
    return "parquet"


def plain_cell(value: object) -> str:
    """Keep a spreadsheet from taking a text for a formula."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text


def cell(kind: Kind, value: Any) -> str:
    """Write one value for CSV; nothing where there is none."""
    if value is None:
        return ""
    if kind == "text":
        return plain_cell(_text(value))
    if kind == "flag":
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, datetime) else str(value)


async def _write_csv(table: Table, file: IO[bytes]) -> int:
    # the mark at the start tells spreadsheets that it is UTF-8; they guess a code page otherwise
    out = io.TextIOWrapper(file, encoding="utf-8-sig", newline="", write_through=False)
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([one.name for one in table.columns])
    count = 0
    async for row in table.rows:
        writer.writerow([cell(one.kind, row[one.name]) for one in table.columns])
        count += 1
    out.flush()
    out.detach()
    return count


async def _write_parquet(table: Table, file: IO[bytes]) -> int:
    check("parquet")
    # optional and large: imported where it is wanted only
    arrow, parquet = importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    types = {
        "text": arrow.string(),
        "whole": arrow.int64(),
        "number": arrow.float64(),
        "flag": arrow.bool_(),
        "instant": arrow.timestamp("ms", tz="UTC"),
    }
    fields = [arrow.field(one.name, types[one.kind], metadata={"description": one.about}) for one in table.columns]
    schema = arrow.schema(fields, metadata={"title": table.title, "columns": ", ".join(f.name for f in fields)})
    count, batch = 0, []
    with parquet.ParquetWriter(file, schema) as writer:

        def put(rows: Sequence[Row]) -> None:
            columns = {one.name: [_typed(one.kind, row[one.name]) for row in rows] for one in table.columns}
            writer.write_table(arrow.table(columns, schema=schema))

        async for row in table.rows:
            batch.append(row)
            count += 1
            if len(batch) == BATCH:
                await asyncio.to_thread(put, batch)
                batch = []
        await asyncio.to_thread(put, batch)
    return count


def _typed(kind: Kind, value: Any) -> Any:
    if value is None or kind in ("whole", "flag", "instant"):
        return value
    return _text(value) if kind == "text" else float(value)


def _text(value: object) -> str:
    # what is no Unicode text, like half of a pair, can be written nowhere
    return str(value).encode(errors="replace").decode()
