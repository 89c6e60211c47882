"""The settings: what is read, what is a mistake, and what is unsafe; every refusal is one sentence with its cure."""

from __future__ import annotations

from pathlib import Path

import pytest

import tertulia
from tertulia.config import SETTINGS, Config, allowed_plugins, keys_file
from tertulia.errors import Mistake, Unsafe

PRODUCTION = {"TERTULIA_PUBLIC_URL": "https://people.example.org"}
SANDBOX = {"TERTULIA_MODE": "sandbox"}
SERVER = "postgresql://tertulia@db.example.org/tertulia"
HERE = Path(tertulia.__file__).parent

UNSAFE: dict[str, tuple[dict[str, str], str]] = {
    "an unknown mode": ({"TERTULIA_MODE": "staging", **PRODUCTION}, "TERTULIA_MODE"),
    "no public URL": ({}, "TERTULIA_PUBLIC_URL"),
    "an http public URL": ({"TERTULIA_PUBLIC_URL": "http://people.example.org"}, "https"),
    "a loopback public URL": ({"TERTULIA_PUBLIC_URL": "https://127.0.0.1"}, "this machine"),
    "a loopback public URL of IPv6": ({"TERTULIA_PUBLIC_URL": "https://[::1]"}, "this machine"),
    "a public URL with a path": ({"TERTULIA_PUBLIC_URL": "https://example.org/people"}, "scheme and host"),
    "a public URL with a password": ({"TERTULIA_PUBLIC_URL": "https://a:b@example.org"}, "scheme and host"),
    "a public URL with a query": ({"TERTULIA_PUBLIC_URL": "https://example.org?a=b"}, "scheme and host"),
    "a public URL that is none": ({"TERTULIA_PUBLIC_URL": "https://[broken"}, "scheme and host"),
    "debugging of asyncio": ({**PRODUCTION, "PYTHONASYNCIODEBUG": "1"}, "PYTHONASYNCIODEBUG"),
    "Python's development mode": ({**PRODUCTION, "PYTHONDEVMODE": "1"}, "PYTHONDEVMODE"),
    "logs of everything": ({**PRODUCTION, "TERTULIA_LOG_LEVEL": "debug"}, "TERTULIA_LOG_LEVEL"),
    "a short metrics token": ({**PRODUCTION, "TERTULIA_METRICS_TOKEN": "short"}, "TERTULIA_METRICS_TOKEN"),
    "another kind of database": ({**PRODUCTION, "TERTULIA_DATABASE_URL": "mysql://localhost/a"}, "postgresql://"),
    "a database in memory": ({**PRODUCTION, "TERTULIA_DATABASE_URL": "sqlite:///:memory:"}, "in memory"),
    "a database without a file": ({**PRODUCTION, "TERTULIA_DATABASE_URL": "sqlite:///"}, "in memory"),
    "a named database in memory": ({**PRODUCTION, "TERTULIA_DATABASE_URL": "sqlite:///f?mode=memory"}, "in memory"),
    "options of SQLite": ({**PRODUCTION, "TERTULIA_DATABASE_URL": "sqlite:///a.db?nolock=1"}, "question mark"),
    "several workers on SQLite": ({**PRODUCTION, "TERTULIA_WORKERS": "2"}, "TERTULIA_WORKERS"),
    "an engine of another kind": ({**PRODUCTION, "TERTULIA_ENGINE_URL": "postgresql:///e"}, "TERTULIA_ENGINE_URL"),
    "an engine in memory": ({**PRODUCTION, "TERTULIA_ENGINE_URL": "sqlite:///:memory:"}, "in memory"),
    "an engine inside the database": (
        {
            **PRODUCTION,
            "TERTULIA_DATABASE_URL": "sqlite:////srv/a.db",
            "TERTULIA_ENGINE_URL": "sqlite:////srv/../srv/a.db",
        },
        "file of its own",
    ),
    "PostgreSQL in the clear": ({**PRODUCTION, "TERTULIA_DATABASE_URL": SERVER}, "without TLS"),
    "PostgreSQL perhaps in the clear": ({**PRODUCTION, "TERTULIA_DATABASE_URL": f"{SERVER}?sslmode=prefer"}, "TLS"),
    "an engine in the clear": (
        {
            **PRODUCTION,
            "TERTULIA_DATABASE_URL": f"{SERVER}?sslmode=verify-full",
            "TERTULIA_ENGINE_URL": SERVER,
        },
        "TERTULIA_ENGINE_URL",
    ),
    "a host behind the question mark": (
        {**PRODUCTION, "TERTULIA_DATABASE_URL": "postgresql://localhost/a?host=db.example.org"},
        "without TLS",
    ),
    "a second host": (
        {**PRODUCTION, "TERTULIA_DATABASE_URL": "postgresql:///a?host=localhost,db.example.org"},
        "without TLS",
    ),
    "a host that only the environment names": (
        {**PRODUCTION, "TERTULIA_DATABASE_URL": "postgresql:///a", "PGHOST": "db.example.org"},
        "without TLS",
    ),
    "PostgreSQL at no address": ({**PRODUCTION, "TERTULIA_DATABASE_URL": "postgresql://[broken/a"}, "no URL"),
    "keys beside the code": ({**PRODUCTION, "TERTULIA_KEYS": str(HERE / "web" / "static" / "keys")}, "TERTULIA_KEYS"),
    "a key store beside the code": ({**PRODUCTION, "TERTULIA_KEYSTORE": str(HERE / "rounds")}, "TERTULIA_KEYSTORE"),
    "keys where keys are destroyed": (
        {**PRODUCTION, "TERTULIA_KEYS": "/srv/rounds/keys", "TERTULIA_KEYSTORE": "/srv/rounds"},
        "TERTULIA_KEYS",
    ),
    "a sandbox for everybody": ({**SANDBOX, "TERTULIA_HOST": "0.0.0.0"}, "TERTULIA_HOST"),  # noqa: S104  # it is refused
    "a sandbox under a public name": ({**SANDBOX, **PRODUCTION}, "TERTULIA_PUBLIC_URL"),
    "a sandbox on another machine's database": (
        {**SANDBOX, "TERTULIA_DATABASE_URL": f"{SERVER}?sslmode=verify-full"},
        "another host",
    ),
}
MISTAKEN = {
    "a setting that does not exist": ({**PRODUCTION, "TERTULIA_PASSWORD": "x"}, "TERTULIA_PASSWORD"),
    "a port that is no number": ({**PRODUCTION, "TERTULIA_PORT": "http"}, "TERTULIA_PORT"),
    "a port that is too high": ({**PRODUCTION, "TERTULIA_PORT": "65536"}, "65535"),
    "an unknown port behind links": ({**SANDBOX, "TERTULIA_PORT": "0"}, "TERTULIA_PORT"),
    "an unknown level": ({**PRODUCTION, "TERTULIA_LOG_LEVEL": "loud"}, "TERTULIA_LOG_LEVEL"),
    "no workers": ({**PRODUCTION, "TERTULIA_WORKERS": "0"}, "TERTULIA_WORKERS"),
}


@pytest.mark.parametrize("case", UNSAFE)
def test_what_is_unsafe_is_refused(case: str) -> None:
    environment, named = UNSAFE[case]
    with pytest.raises(Unsafe) as refused:
        Config.from_environment(environment)
    sentence = str(refused.value)
    assert named in sentence
    assert "\n" not in sentence
    assert sentence.endswith(".")
    assert sentence.startswith(("TERTULIA_", "PYTHON"))


@pytest.mark.parametrize("case", MISTAKEN)
def test_what_is_wrong_is_named(case: str) -> None:
    environment, named = MISTAKEN[case]
    with pytest.raises(Mistake) as refused:
        Config.from_environment(environment)
    assert named in str(refused.value)
    assert not isinstance(refused.value, Unsafe)


def test_the_defaults_are_embedded_and_private() -> None:
    config = Config.from_environment(PRODUCTION)
    assert config.embedded
    assert not config.sandbox
    assert config.host == "127.0.0.1"
    assert config.plugins is None
    folder = config.keys_file.parent
    assert config.keys_file == keys_file({}) == folder / "keys"
    assert config.keystore == folder / "rounds"
    assert config.database_url == f"sqlite:///{folder / 'tertulia.db'}"
    assert config.engine_url == f"sqlite:///{folder / 'tertulia-engine.db'}"


@pytest.mark.parametrize(
    "url",
    [
        f"{SERVER}?sslmode=verify-full",
        f"{SERVER}?sslmode=require",
        "postgresql:///tertulia?host=/run/postgresql",
        "postgresql://localhost/tertulia",
        "postgresql://127.0.0.1:5433/tertulia",
    ],
)
def test_a_database_nearby_or_behind_tls_is_taken(url: str) -> None:
    config = Config.from_environment({**PRODUCTION, "TERTULIA_DATABASE_URL": url, "TERTULIA_WORKERS": "3"})
    assert (config.database_url, config.engine_url, config.workers) == (url, url, 3)


def test_a_sandbox_lives_on_this_machine() -> None:
    config = Config.from_environment({**SANDBOX, "TERTULIA_PORT": "8123", "TERTULIA_LOG_LEVEL": "debug"})
    assert config.sandbox
    assert config.public_url == "http://127.0.0.1:8123"


def test_the_allow_list_is_read_from_commas() -> None:
    assert allowed_plugins({"TERTULIA_PLUGINS": " web, teams ,"}) == {"web", "teams"}
    assert allowed_plugins({"TERTULIA_PLUGINS": " , "}) is None


def test_every_setting_has_a_meaning() -> None:
    assert all(name.startswith("TERTULIA_") and meaning for name, meaning in SETTINGS.items())
