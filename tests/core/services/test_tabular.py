"""The same cells as CSV and as Parquet, whatever they hold, and none that a spreadsheet computes."""

from __future__ import annotations

import asyncio
import csv
import io
import sys
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any

import pyarrow.parquet as parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tertulia.errors import Mistake
from tertulia.services import tabular
from tertulia.services.tabular import FORMULA, Column, Row, Table
from tertulia.storage.tables.columns import EPOCH
from tertulia.testing import injections

COLUMNS = tuple(
    Column(name=f"a {kind}", kind=kind, about=f"what a {kind} means")
    for kind in ("text", "whole", "number", "flag", "instant")
)
WORDS = st.text(st.characters(exclude_characters="\x00"), max_size=12)
TEXTS = st.one_of(WORDS, st.builds(lambda first, rest: first + rest, st.sampled_from(FORMULA), WORDS))
INSTANTS = st.integers(0, 7_000_000_000_000).map(lambda ms: EPOCH + timedelta(milliseconds=ms))
VALUES = (
    TEXTS,
    st.integers(-(2**53), 2**53),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    INSTANTS,
)
ROWS = st.lists(
    st.fixed_dictionaries(
        {one.name: st.one_of(st.none(), value) for one, value in zip(COLUMNS, VALUES, strict=True)}
    ),
    max_size=6,
)


def table(rows: Sequence[Row]) -> Table:
    async def each() -> AsyncIterator[Row]:
        for row in rows:
            yield row

    return Table(name="test", title="A test", columns=COLUMNS, rows=each())


def written(rows: Sequence[Row], form: Any) -> bytes:
    file = io.BytesIO()
    assert asyncio.run(tabular.write(table(rows), form, file)) == len(rows)
    return file.getvalue()


@given(ROWS)
@settings(max_examples=40, deadline=None)
def test_both_forms_hold_the_same_cells_and_no_formula(rows: list[dict[str, Any]]) -> None:
    text = written(rows, "csv").decode("utf-8-sig")
    header, *cells = csv.reader(io.StringIO(text, newline=""), strict=True)
    typed = parquet.read_table(io.BytesIO(written(rows, "parquet"))).to_pylist()
    assert header == [one.name for one in COLUMNS]
    assert cells == [[tabular.cell(one.kind, row[one.name]) for one in COLUMNS] for row in typed]
    assert not [one[0] for one in cells if one[0].startswith(FORMULA)]
    for before, after in zip(rows, typed, strict=True):
        for one in COLUMNS:
            given_, kept = before[one.name], after[one.name]
            if one.kind == "text" and given_ is not None:
                given_ = given_.encode(errors="replace").decode()
            assert kept == given_


@pytest.mark.parametrize("name", injections.TEXTS)
def test_no_text_of_the_corpus_is_a_formula(name: str) -> None:
    cell = tabular.cell("text", injections.TEXTS[name])
    assert not injections.computes(cell)
    assert cell.endswith(injections.TEXTS[name])


def test_parquet_says_what_columns_mean() -> None:
    schema = parquet.read_schema(io.BytesIO(written([], "parquet")))
    assert schema.metadata[b"title"] == b"A test"
    assert [schema.field(one.name).metadata[b"description"].decode() for one in COLUMNS] == [
        one.about for one in COLUMNS
    ]
    assert [str(one.type) for one in schema] == ["string", "int64", "double", "bool", "timestamp[ms, tz=UTC]"]


def test_many_rows_are_written_in_parts() -> None:
    rows = [{one.name: None for one in COLUMNS} | {"a whole": number} for number in range(2 * tabular.BATCH + 1)]
    file = parquet.ParquetFile(io.BytesIO(written(rows, "parquet")))
    assert file.num_row_groups == 3
    assert file.read()["a whole"].to_pylist() == list(range(2 * tabular.BATCH + 1))
    file.close()


def test_what_is_missing_and_unknown_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert tabular.check("csv") == "csv"
    with pytest.raises(Mistake, match="choose csv or parquet"):
        tabular.check("xlsx")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(Mistake, match=r"install tertulia\[parquet\]"):
        tabular.check("parquet")
