"""The command line in this process, on a database of its own."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tertulia import journal
from tertulia.cli import main

PROGRAM = """\
[[practice]]
key = "daily"
kind = "check-in"
title = "How are you?"
open_for = "4h"
cadence = { start = "2027-01-04T10:00", rule = "FREQ=DAILY" }
"""


@dataclass(frozen=True)
class Ran:
    """Hold what a command ended with."""

    code: int
    out: str
    err: str

    @property
    def sentence(self) -> str:
        """Return the one sentence on standard error."""
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        assert lines[0].endswith((".", "?"))
        return lines[0]

    @property
    def rows(self) -> list[list[str]]:
        """Return the rows of a table, without its head."""
        return [line.split("\t") for line in self.out.splitlines()[1:]]


Run = Callable[..., Ran]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Set up an empty sandbox and return its data folder."""
    for name in [name for name in os.environ if name.startswith(("TERTULIA_", "PG", "PYTHONASYNCIO", "PYTHONDEV"))]:
        monkeypatch.delenv(name)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    monkeypatch.setenv("TERTULIA_MODE", "sandbox")
    monkeypatch.setenv("TERTULIA_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("TERTULIA_PORT", str(port))
    monkeypatch.chdir(tmp_path)
    yield tmp_path / "data"
    journal.end()


@pytest.fixture
def run(folder: Path, capfd: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs a command and returns what it said."""

    def ran(*args: str) -> Ran:
        capfd.readouterr()
        code = main(args)
        out, err = capfd.readouterr()
        return Ran(code, out, err)

    return ran


@pytest.fixture
def home(run: Run) -> Run:
    """Set up an organization with one workspace and two members."""
    for command in (
        ("keys", "new"),
        ("people", "create-organization", "Example", "--domain", "example.org"),
        ("workspace", "create", "Home", "--zone", "Europe/Madrid"),
        ("people", "add", "Ana", "email=ana@example.org"),
        ("people", "add", "Ben", "email=ben@example.org", "zone=Asia/Tokyo"),
    ):
        assert run(*command).code == 0, command
    return run
