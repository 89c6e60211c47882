"""Logs are lines of JSON with ids, and never hold what an exception says."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from tertulia import journal


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Write logs to memory."""
    stream = io.StringIO()
    level = logging.getLogger().level
    journal.begin("INFO", stream)
    yield stream
    journal.end()
    logging.getLogger().setLevel(level)


def lines(log: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


def test_a_line_has_time_level_logger_and_ids(log: io.StringIO) -> None:
    logging.getLogger("tertulia.test").warning("shard %s waits", "s1", extra={"ids": {"round": "r1"}})
    [line] = lines(log)
    assert line["level"] == "WARNING"
    assert line["logger"] == "tertulia.test"
    assert line["message"] == "shard s1 waits"
    assert line["round"] == "r1"
    assert str(line["time"]).endswith("+00:00")


def test_an_exception_leaves_its_type_and_path_only(log: io.StringIO) -> None:
    try:
        raise ValueError("what Ana wrote")
    except ValueError:
        logging.getLogger("tertulia.test").exception("a step failed")
    [line] = lines(log)
    assert line["error"] == "ValueError"
    assert "test_journal.py" in str(line["at"])
    assert "Ana" not in log.getvalue()


def test_beginning_again_does_not_write_twice(log: io.StringIO) -> None:
    journal.begin("WARNING", log)
    logging.getLogger("tertulia.test").info("unheard")
    logging.getLogger("tertulia.test").warning("heard")
    assert [line["message"] for line in lines(log)] == ["heard"]
    assert journal.begun()


def test_statements_are_not_logged(log: io.StringIO) -> None:
    journal.begin("DEBUG", log)
    logging.getLogger("aiosqlite").debug("executing INSERT … ('what Ana wrote')")
    assert log.getvalue() == ""


def test_a_library_s_own_handlers_are_taken_over(log: io.StringIO) -> None:
    library = logging.getLogger("some.library")
    library.addHandler(logging.StreamHandler())
    library.propagate = False
    journal.adopt("some.library")
    library.warning("heard")
    assert [line["message"] for line in lines(log)] == ["heard"]


def test_a_library_that_quotes_answers_in_its_errors_is_kept_out(log: io.StringIO) -> None:
    logging.getLogger("msal.oauth2cli.oauth2").error("Token response is not in json format: %s", "a-token")
    assert lines(log) == []
