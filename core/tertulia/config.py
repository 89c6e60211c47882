"""The configuration of one service, read from the environment; what is unsafe does not start."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qs, urlsplit

from tertulia import entra_settings
from tertulia.addresses import loopback
from tertulia.entra_settings import EntraSettings
from tertulia.errors import Mistake, Unsafe

SETTINGS = {
    "TERTULIA_MODE": "production (default) or sandbox",
    "TERTULIA_DATA": "folder of the embedded database, the keys and the key store (default ./tertulia-data)",
    "TERTULIA_DATABASE_URL": "sqlite:///path or postgresql://… (default: SQLite in TERTULIA_DATA)",
    "TERTULIA_ENGINE_URL": "the engine's database (default: beside the database)",
    "TERTULIA_PUBLIC_URL": "where people reach the service, https://… without a path",
    "TERTULIA_HOST": "address to listen on (default 127.0.0.1)",
    "TERTULIA_PORT": "port to listen on (default 8080; 0 chooses a free one)",
    "TERTULIA_KEYS": "file of the master keys, mode 600 (default: keys in TERTULIA_DATA)",
    "TERTULIA_KEYSTORE": "folder of the open survey rounds' secrets, mode 700 (default: rounds in TERTULIA_DATA)",
    "TERTULIA_PLUGINS": "names of the plugins that may load, separated by commas (default: all installed)",
    "TERTULIA_WORKERS": "processes that share the database (default 1; more than one needs PostgreSQL)",
    "TERTULIA_LOG_LEVEL": "DEBUG, INFO (default), WARNING or ERROR",
    "TERTULIA_RETENTION": "days that rows are kept where the defaults do not suit, like response=730, link=2",
    "TERTULIA_METRICS_TOKEN": "bearer token for /metrics from another host (default: loopback only)",
    **entra_settings.SETTINGS,
}
"""Every setting, for `tertulia doctor` and the documentation."""

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
VERIFIED = ("require", "verify-ca", "verify-full")


@dataclass(frozen=True, kw_only=True)
class Config:
    """Hold what the operator set. *plugins* is the allow-list; `None` allows all that are installed."""

    mode: Literal["production", "sandbox"]
    database_url: str
    engine_url: str
    public_url: str
    host: str
    port: int
    keys_file: Path
    keystore: Path
    plugins: frozenset[str] | None = None
    workers: int = 1
    log_level: str = "INFO"
    metrics_token: str | None = None
    retention: str = ""
    entra: EntraSettings | None = None

    @property
    def sandbox(self) -> bool:
        """Tell whether this is the sandbox."""
        return self.mode == "sandbox"

    @property
    def embedded(self) -> bool:
        """Tell whether the database is SQLite: one process, nothing to install."""
        return self.database_url.startswith("sqlite")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Config:
        """Read the settings; raises `Mistake` for a wrong one and `Unsafe` for an unsafe one."""
        unknown = sorted(name for name in environment if name.startswith("TERTULIA_") and name not in SETTINGS)
        if unknown:
            raise Mistake(f"{unknown[0]} is no setting; the settings are {', '.join(SETTINGS)}.")
        config = _read({name: environment.get(name, "").strip() for name in SETTINGS})
        _check_addresses(config)
        _check_database(config, environment)
        _check_places(config)
        if config.mode == "production":
            _check_debugging(config, environment)
        return config


def _read(values: Mapping[str, str]) -> Config:
    mode = values["TERTULIA_MODE"] or "production"
    if mode not in ("production", "sandbox"):
        raise Unsafe(f"TERTULIA_MODE is {mode!r}; set it to production or sandbox.")
    data, keys = _data(values), keys_file(values)
    port = _whole("TERTULIA_PORT", values["TERTULIA_PORT"] or "8080", 0, 65535)
    database = values["TERTULIA_DATABASE_URL"] or f"sqlite:///{data / 'tertulia.db'}"
    level = (values["TERTULIA_LOG_LEVEL"] or "INFO").upper()
    if level not in LEVELS:
        raise Mistake(f"TERTULIA_LOG_LEVEL is {level!r}; set it to one of {', '.join(LEVELS)}.")
    token = values["TERTULIA_METRICS_TOKEN"] or None
    if token and len(token) < 20:
        raise Unsafe("TERTULIA_METRICS_TOKEN is shorter than 20 characters; set a longer random one.")
    return Config(
        mode="sandbox" if mode == "sandbox" else "production",
        database_url=database,
        engine_url=values["TERTULIA_ENGINE_URL"] or _engine_beside(database),
        public_url=_public_url(mode, values["TERTULIA_PUBLIC_URL"], port),
        host=values["TERTULIA_HOST"] or "127.0.0.1",
        port=port,
        keys_file=keys,
        keystore=Path(values["TERTULIA_KEYSTORE"] or data / "rounds"),
        plugins=allowed_plugins(values),
        workers=_whole("TERTULIA_WORKERS", values["TERTULIA_WORKERS"] or "1", 1, 64),
        log_level=level,
        metrics_token=token,
        retention=values["TERTULIA_RETENTION"],
        entra=entra_settings.read(values, sandbox=mode == "sandbox"),
    )


def keys_file(environment: Mapping[str, str] = os.environ) -> Path:
    """Return where the master keys are, whatever else is set."""
    return Path(environment.get("TERTULIA_KEYS", "").strip() or _data(environment) / "keys")


def allowed_plugins(environment: Mapping[str, str] = os.environ) -> frozenset[str] | None:
    """Return the plugins that may load; `None` allows all that are installed."""
    names = frozenset(name.strip() for name in environment.get("TERTULIA_PLUGINS", "").split(",")) - {""}
    return names or None


def _data(environment: Mapping[str, str]) -> Path:
    return Path(environment.get("TERTULIA_DATA", "").strip() or "tertulia-data").absolute()


def _whole(name: str, text: str, least: int, most: int) -> int:
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        raise Mistake(f"{name} is {text!r}; set it to a whole number from {least} to {most}.")
    return int(text)


def _engine_beside(database: str) -> str:
    if database.startswith("sqlite:///"):
        path = Path(database.removeprefix("sqlite:///"))
        return f"sqlite:///{path.parent / f'{path.stem}-engine.db'}"
    return database


def _public_url(mode: str, text: str, port: int) -> str:
    if not text:
        if mode == "production":
            raise Unsafe(
                "TERTULIA_PUBLIC_URL is not set; set it to the https address where people reach the service."
            )
        if port == 0:
            raise Mistake("TERTULIA_PORT is 0, so links would not know the port; set a port, or TERTULIA_PUBLIC_URL.")
        return f"http://127.0.0.1:{port}"
    return text.rstrip("/")


def _check_addresses(config: Config) -> None:
    try:
        url = urlsplit(config.public_url)
        broken = url.scheme not in ("https", "http") or not url.hostname or url.port == 0
    except ValueError:
        url, broken = urlsplit(""), True
    if broken or url.username or url.path or url.query or url.fragment:
        raise Unsafe(
            f"TERTULIA_PUBLIC_URL is {config.public_url!r}; give scheme and host only: https://host.example."
        )
    host = url.hostname or ""
    if config.sandbox:
        if not loopback(host):
            raise Unsafe("TERTULIA_PUBLIC_URL names another host; the sandbox is for this machine: http://127.0.0.1.")
        if not loopback(config.host):
            raise Unsafe("TERTULIA_HOST is not a loopback address; the sandbox listens on 127.0.0.1 only.")
    elif url.scheme != "https":
        raise Unsafe("TERTULIA_PUBLIC_URL begins with http://; use https, with a proxy that ends TLS before us.")
    elif loopback(host):
        raise Unsafe("TERTULIA_PUBLIC_URL names this machine only; set the address where people reach the service.")


def _check_debugging(config: Config, environment: Mapping[str, str]) -> None:
    for name in ("PYTHONASYNCIODEBUG", "PYTHONDEVMODE"):
        if environment.get(name):
            raise Unsafe(f"{name} is set: debugging prints what people wrote; unset it in production.")
    if config.log_level == "DEBUG":
        raise Unsafe("TERTULIA_LOG_LEVEL is DEBUG, which is for the sandbox only; set it to INFO.")


def _check_places(config: Config) -> None:
    """Refuse keys beside the code, whose pages and styles are served, and keys in the folder of what they seal."""
    code = Path(__file__).resolve().parent
    for name, path in (("TERTULIA_KEYS", config.keys_file), ("TERTULIA_KEYSTORE", config.keystore)):
        if path.resolve().is_relative_to(code):
            raise Unsafe(f"{name} lies inside the program's own folder; name a place outside it.")
    if config.keys_file.resolve().is_relative_to(config.keystore.resolve()):
        raise Unsafe("TERTULIA_KEYS lies inside TERTULIA_KEYSTORE, whose files are destroyed; keep them apart.")


def _check_database(config: Config, environment: Mapping[str, str]) -> None:
    for name, text in (("TERTULIA_DATABASE_URL", config.database_url), ("TERTULIA_ENGINE_URL", config.engine_url)):
        if not text.startswith(("sqlite:///", "postgresql://")):
            raise Unsafe(f"{name} must begin with sqlite:/// or postgresql://.")
        if text.startswith("sqlite") and (":memory:" in text or "mode=memory" in text or text == "sqlite:///"):
            raise Unsafe(f"{name} is in memory: a restart would lose everything; name a file.")
        if text.startswith("sqlite") and "?" in text:
            raise Unsafe(f"{name} has options after a question mark; on SQLite name the file only.")
    if config.embedded != config.engine_url.startswith("sqlite"):
        raise Unsafe(
            "TERTULIA_ENGINE_URL is of another kind than TERTULIA_DATABASE_URL; use SQLite or PostgreSQL for both."
        )
    if config.embedded:
        if _file(config.engine_url) == _file(config.database_url):
            raise Unsafe("TERTULIA_ENGINE_URL is the database itself; on SQLite the engine needs a file of its own.")
        if config.workers > 1:
            raise Unsafe("TERTULIA_WORKERS is above 1 on SQLite; one process writes there: use PostgreSQL for more.")
    else:
        _check_postgresql(config, environment)


def _file(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///")).resolve()


def _check_postgresql(config: Config, environment: Mapping[str, str]) -> None:
    for name, text in (("TERTULIA_DATABASE_URL", config.database_url), ("TERTULIA_ENGINE_URL", config.engine_url)):
        try:
            url = urlsplit(text)
        except ValueError:
            raise Unsafe(f"{name} is no URL; write it like postgresql://user@host/database.") from None
        query = parse_qs(url.query)
        # options after the question mark win over the host before it, and PGHOST stands in for none
        named = [*query.get("host", ()), *query.get("hostaddr", ())] or [
            url.hostname or environment.get("PGHOST", "")
        ]
        hosts = [host for names in named for host in names.split(",")]
        local = all(host == "" or host.startswith("/") or loopback(host) for host in hosts)
        if not local and config.sandbox:
            raise Unsafe(f"{name} is on another host; the sandbox uses a database on this machine.")
        if not local and (query.get("sslmode") or [""])[0] not in VERIFIED:
            raise Unsafe(f"{name} crosses a network without TLS; add ?sslmode=verify-full.")
