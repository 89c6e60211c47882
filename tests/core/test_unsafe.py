"""A service with an unsafe configuration refuses to start: exit code 3 and one sentence, on every such machine."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from tertulia.cli import main
from tertulia.config import SETTINGS
from tertulia.storage import keys, lock

PUBLIC = "https://people.example.org"
Prepare = Callable[[Path, pytest.MonkeyPatch], None]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Set up a production service that would start, with its keys, and return its folder."""
    for name in [name for name in os.environ if name in SETTINGS or name.startswith(("TERTULIA_", "PG"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TERTULIA_DATA", str(tmp_path))
    monkeypatch.setenv("TERTULIA_PUBLIC_URL", PUBLIC)
    keys.new_keys(tmp_path / "keys")
    return tmp_path


def setting(name: str, value: str) -> Prepare:
    """Change one setting."""
    return lambda folder, patch: patch.setenv(name, value.format(folder=folder))


def written(content: bytes, mode: int = 0o600) -> Prepare:
    """Replace the key file."""

    def prepare(folder: Path, patch: pytest.MonkeyPatch) -> None:
        (folder / "keys").write_bytes(content)
        (folder / "keys").chmod(mode)

    return prepare


def used_as(mode: str) -> Prepare:
    """Use the database in a mode before."""

    def prepare(folder: Path, patch: pytest.MonkeyPatch) -> None:
        with pytest.MonkeyPatch.context() as before:
            before.setenv("TERTULIA_MODE", mode)
            if mode == "sandbox":
                before.delenv("TERTULIA_PUBLIC_URL")
            assert main(["people", "organizations"]) == 0
        if mode == "production":
            patch.setenv("TERTULIA_MODE", "sandbox")
            patch.delenv("TERTULIA_PUBLIC_URL")

    return prepare


def after_use(then: Prepare) -> Prepare:
    """Use the service before."""

    def prepare(folder: Path, patch: pytest.MonkeyPatch) -> None:
        used_as("production")(folder, patch)
        patch.setenv("TERTULIA_MODE", "production")
        patch.setenv("TERTULIA_PUBLIC_URL", PUBLIC)
        then(folder, patch)

    return prepare


def no_keys(folder: Path, patch: pytest.MonkeyPatch) -> None:
    (folder / "keys").unlink()


def readable_keys(folder: Path, patch: pytest.MonkeyPatch) -> None:
    (folder / "keys").chmod(0o644)


def keys_of_others(folder: Path, patch: pytest.MonkeyPatch) -> None:
    no_keys(folder, patch)
    keys.new_keys(folder / "keys")


def newer_schema(folder: Path, patch: pytest.MonkeyPatch) -> None:
    with sqlite3.connect(folder / "tertulia.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()


def readable_database(folder: Path, patch: pytest.MonkeyPatch) -> None:
    (folder / "tertulia.db").chmod(0o644)


def open_key_store(folder: Path, patch: pytest.MonkeyPatch) -> None:
    (folder / "rounds").mkdir(mode=0o755)
    (folder / "rounds").chmod(0o755)


def key_store_that_is_a_file(folder: Path, patch: pytest.MonkeyPatch) -> None:
    (folder / "rounds").touch(mode=0o600)


def sandbox(name: str, value: str) -> Prepare:
    """Be a sandbox with one setting changed."""

    def prepare(folder: Path, patch: pytest.MonkeyPatch) -> None:
        patch.setenv("TERTULIA_MODE", "sandbox")
        patch.delenv("TERTULIA_PUBLIC_URL")
        patch.setenv(name, value)

    return prepare


CASES: dict[str, tuple[Prepare, str]] = {
    "unknown mode": (setting("TERTULIA_MODE", "prod"), "TERTULIA_MODE"),
    "no public URL": (setting("TERTULIA_PUBLIC_URL", ""), "TERTULIA_PUBLIC_URL"),
    "http public URL": (setting("TERTULIA_PUBLIC_URL", "http://people.example.org"), "TERTULIA_PUBLIC_URL"),
    "loopback public URL": (setting("TERTULIA_PUBLIC_URL", "https://localhost"), "TERTULIA_PUBLIC_URL"),
    "public URL with a path": (setting("TERTULIA_PUBLIC_URL", f"{PUBLIC}/t"), "TERTULIA_PUBLIC_URL"),
    "no keys": (no_keys, "TERTULIA_KEYS"),
    "empty keys": (written(b""), "TERTULIA_KEYS"),
    "only comments as keys": (written(b"# to do\n"), "TERTULIA_KEYS"),
    "short keys": (written(b"abcd:c2hvcnQ=\n"), "TERTULIA_KEYS"),
    "keys of nothing but zeros": (written(b"abcd:" + b"A" * 43 + b"=\n"), "TERTULIA_KEYS"),
    "malformed keys": (written(b"\x00\xff not keys\n"), "TERTULIA_KEYS"),
    "keys that others may read": (readable_keys, "TERTULIA_KEYS"),
    "keys of another database": (after_use(keys_of_others), "TERTULIA_KEYS"),
    "several workers on SQLite": (setting("TERTULIA_WORKERS", "2"), "TERTULIA_WORKERS"),
    "unknown allowed plugin": (setting("TERTULIA_PLUGINS", "web,does-not-exist"), "TERTULIA_PLUGINS"),
    "debugging": (setting("PYTHONASYNCIODEBUG", "1"), "PYTHONASYNCIODEBUG"),
    "logs of everything": (setting("TERTULIA_LOG_LEVEL", "DEBUG"), "TERTULIA_LOG_LEVEL"),
    "short metrics token": (setting("TERTULIA_METRICS_TOKEN", "guessme"), "TERTULIA_METRICS_TOKEN"),
    "production on a sandbox's database": (used_as("sandbox"), "TERTULIA_MODE"),
    "sandbox on production's database": (used_as("production"), "TERTULIA_MODE"),
    "sandbox on a public address": (sandbox("TERTULIA_HOST", "0.0.0.0"), "TERTULIA_HOST"),  # noqa: S104  # it is refused
    "sandbox under a public name": (sandbox("TERTULIA_PUBLIC_URL", PUBLIC), "TERTULIA_PUBLIC_URL"),
    "sandbox on a remote database": (
        sandbox("TERTULIA_DATABASE_URL", "postgresql://db.example.org/t?sslmode=verify-full"),
        "TERTULIA_DATABASE_URL",
    ),
    "engine of another kind": (setting("TERTULIA_ENGINE_URL", "postgresql:///engine"), "TERTULIA_ENGINE_URL"),
    "database in memory": (setting("TERTULIA_DATABASE_URL", "sqlite:///:memory:"), "TERTULIA_DATABASE_URL"),
    "remote database without TLS": (
        setting("TERTULIA_DATABASE_URL", "postgresql://db.example.org/t"),
        "TERTULIA_DATABASE_URL",
    ),
    "schema newer than the code": (after_use(newer_schema), "newer"),
    "database that others may read": (after_use(readable_database), "TERTULIA_DATABASE_URL"),
    "key store that others may enter": (open_key_store, "TERTULIA_KEYSTORE"),
    "key store that is a file": (key_store_that_is_a_file, "TERTULIA_KEYSTORE"),
    "keys in the key store": (setting("TERTULIA_KEYS", "{folder}/rounds/keys"), "TERTULIA_KEYS"),
    "keys beside the pages": (
        setting("TERTULIA_KEYS", f"{Path(keys.__file__).parents[1]}/web/static/keys"),
        "TERTULIA_KEYS",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_unsafe_does_not_start(
    case: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    prepare, named = CASES[case]
    prepare(folder, monkeypatch)
    capfd.readouterr()
    assert main(["serve"]) == 3
    out, err = capfd.readouterr()
    assert out == ""
    sentences = [line for line in err.splitlines() if not line.startswith("{")]  # the others are the log's
    assert len(sentences) == 1, err
    assert named in sentences[0]
    assert "Traceback" not in err


def test_a_second_service_on_one_file_does_not_start(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with lock.held(f"sqlite:///{folder / 'tertulia.db'}"):
        assert main(["serve"]) == 3
    assert "Another service runs" in capfd.readouterr().err


def test_a_worker_needs_postgresql(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["worker"]) == 3
    assert "needs PostgreSQL" in capfd.readouterr().err


def test_what_was_refused_left_nothing_behind(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERTULIA_PLUGINS", "does-not-exist")
    assert main(["serve"]) == 3
    assert not (folder / "tertulia.db").exists()
