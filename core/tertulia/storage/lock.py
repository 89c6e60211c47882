"""One service per SQLite file: a lock that the running process holds and that its end, however it ends, releases."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tertulia.errors import Unsafe


def _path(database_url: str) -> Path:
    return Path(database_url.removeprefix("sqlite:///") + ".lock")


@contextmanager
def held(database_url: str) -> Iterator[None]:
    """Hold the database for this process; raises `Unsafe` where another service holds it."""
    path = _path(database_url)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Unsafe(
            f"TERTULIA_DATABASE_URL names a folder that takes no file ({path.parent}: {error.strerror}); mend its "
            "rights, or name another."
        ) from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Unsafe(
                f"Another service runs on {path.with_suffix('')}; stop it, or use PostgreSQL for several processes."
            ) from None
        yield
    finally:
        os.close(descriptor)  # the file stays: removing it would let two processes lock two files of one name


def is_held(database_url: str) -> bool:
    """Tell whether a service runs on the database."""
    try:
        with held(database_url):
            return False
    except Unsafe:
        return True
