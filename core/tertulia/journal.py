"""Structured logs: one JSON object per line on standard error, with ids and never with contents.

What a library puts into an exception's text could be what somebody wrote, so of an exception only its type and the
places it came through are kept.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from pathlib import Path
from traceback import extract_tb
from typing import TextIO

FRAMES = 8
QUIET = {
    "aiosqlite": logging.INFO,
    "asyncio": logging.INFO,
    "alembic": logging.WARNING,
    "mail.log": logging.WARNING,
    "msal": logging.CRITICAL,
}
"""Libraries whose debugging output would show statements and their parameters, or whose errors quote answers."""


class JsonLines(logging.Formatter):
    """Write a record as one line of JSON: time, level, logger, message, its ids, and the error's path."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        ids = getattr(record, "ids", None)
        if isinstance(ids, dict):
            line |= {str(name): str(value) for name, value in ids.items()}
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = type(record.exc_info[1]).__name__
            line["at"] = places(record.exc_info[1])
        return json.dumps(line, ensure_ascii=False)


class _Journal(logging.StreamHandler[TextIO]):
    """Be told apart from other handlers, so that beginning twice does not write twice."""


def begin(level: str = "INFO", stream: TextIO | None = None) -> None:
    """Send all logs to *stream*, standard error by default."""
    end()
    root = logging.getLogger()
    handler = _Journal(stream or sys.stderr)
    handler.setFormatter(JsonLines())
    root.addHandler(handler)
    root.setLevel(level)
    for name, least in QUIET.items():
        logging.getLogger(name).setLevel(max(least, root.level))


def end() -> None:
    """Stop writing; where nothing was written, this changes nothing."""
    root = logging.getLogger()
    if begun():
        root.setLevel(logging.WARNING)
    for handler in [handler for handler in root.handlers if isinstance(handler, _Journal)]:
        root.removeHandler(handler)


def adopt(name: str) -> None:
    """Take over the logger of a library that brought handlers of its own."""
    logger = logging.getLogger(name)
    logger.handlers.clear()
    logger.propagate = True


def places(error: BaseException) -> list[str]:
    """Return where an exception came through, outermost first, without its text."""
    frames = extract_tb(error.__traceback__)[-FRAMES:]
    return [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]


def begun() -> bool:
    """Tell whether logs are written already."""
    return any(isinstance(handler, _Journal) for handler in logging.getLogger().handlers)
