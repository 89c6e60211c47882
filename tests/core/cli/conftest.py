"""The command line in this process, on a database of its own."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tertulia import journal
from tertulia.cli import main


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


SETUP = (
    ("keys", "new"),
    ("people", "create-organization", "Example", "--domain", "example.org"),
    ("workspace", "create", "Home", "--zone", "Europe/Madrid"),
    ("people", "add", "Ana", "email=ana@example.org"),
    ("people", "add", "Ben", "email=ben@example.org", "zone=Asia/Tokyo"),
)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Set up an organization with one workspace and two members once, to be copied."""
    data = tmp_path_factory.mktemp("template") / "data"
    with pytest.MonkeyPatch.context() as patch:
        clear(patch)
        patch.setenv("TERTULIA_DATA", str(data))
        for command in SETUP:
            assert main(command) == 0, command
    return data


def clear(patch: pytest.MonkeyPatch) -> None:
    """Be a sandbox without further settings."""
    for name in [name for name in os.environ if name.startswith(("TERTULIA_", "PG", "PYTHONASYNCIO", "PYTHONDEV"))]:
        patch.delenv(name)
    patch.setenv("TERTULIA_MODE", "sandbox")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Set up an empty sandbox and return its data folder."""
    clear(monkeypatch)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
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
def home(run: Run, folder: Path, template: Path) -> Run:
    """Begin with an organization that has one workspace and two members."""
    shutil.copytree(template, folder)
    return run
