"""The configuration of one service, read from the environment; what is unsafe does not start."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qs, urlsplit

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
        _check_database(config)
        if config.mode == "production" and environment.get("PYTHONASYNCIODEBUG"):
            raise Unsafe("PYTHONASYNCIODEBUG is set: debugging prints what people wrote; unset it in production.")
        return config


def _read(values: Mapping[str, str]) -> Config:
    mode = values["TERTULIA_MODE"] or "production"
    if mode not in ("production", "sandbox"):
        raise Unsafe(f"TERTULIA_MODE is {mode!r}; set it to production or sandbox.")
    data = Path(values["TERTULIA_DATA"] or "tertulia-data").absolute()
    port = _whole("TERTULIA_PORT", values["TERTULIA_PORT"] or "8080", 0, 65535)
    database = values["TERTULIA_DATABASE_URL"] or f"sqlite:///{data / 'tertulia.db'}"
    level = (values["TERTULIA_LOG_LEVEL"] or "INFO").upper()
    if level not in LEVELS:
        raise Mistake(f"TERTULIA_LOG_LEVEL is {level!r}; set it to one of {', '.join(LEVELS)}.")
    names = [name.strip() for name in values["TERTULIA_PLUGINS"].split(",") if name.strip()]
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
        keys_file=Path(values["TERTULIA_KEYS"] or data / "keys"),
        keystore=Path(values["TERTULIA_KEYSTORE"] or data / "rounds"),
        plugins=frozenset(names) if names else None,
        workers=_whole("TERTULIA_WORKERS", values["TERTULIA_WORKERS"] or "1", 1, 64),
        log_level=level,
        metrics_token=token,
        retention=values["TERTULIA_RETENTION"],
    )


def _whole(name: str, text: str, least: int, most: int) -> int:
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        raise Mistake(f"{name} is {text!r}; set it to a whole number from {least} to {most}.")
    return int(text)


def _engine_beside(database: str) -> str:
    if database.startswith("sqlite:///"):
        path = Path(database.removeprefix("sqlite:///"))
        return f"sqlite:///{path.with_name(path.stem + '-engine.db')}"
    return database


def _public_url(mode: str, text: str, port: int) -> str:
    if not text:
        if mode == "production":
            raise Unsafe(
                "TERTULIA_PUBLIC_URL is not set; set it to the https address where people reach the service."
            )
        return f"http://127.0.0.1:{port}"
    return text.rstrip("/")


def _check_addresses(config: Config) -> None:
    url = urlsplit(config.public_url)
    try:
        broken = url.scheme not in ("https", "http") or not url.hostname or url.port == 0
    except ValueError:
        broken = True
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


def _check_database(config: Config) -> None:
    for name, text in (("TERTULIA_DATABASE_URL", config.database_url), ("TERTULIA_ENGINE_URL", config.engine_url)):
        if not text.startswith(("sqlite:///", "postgresql://")):
            raise Unsafe(f"{name} must begin with sqlite:/// or postgresql://.")
        if text.startswith("sqlite") and (":memory:" in text or text == "sqlite:///"):
            raise Unsafe(f"{name} is in memory: a restart would lose everything; name a file.")
    if config.embedded != config.engine_url.startswith("sqlite"):
        raise Unsafe(
            "TERTULIA_ENGINE_URL is of another kind than TERTULIA_DATABASE_URL; use SQLite or PostgreSQL for both."
        )
    if config.embedded:
        if config.engine_url == config.database_url:
            raise Unsafe("TERTULIA_ENGINE_URL is the database itself; on SQLite the engine needs a file of its own.")
        if config.workers > 1:
            raise Unsafe("TERTULIA_WORKERS is above 1 on SQLite; one process writes there: use PostgreSQL for more.")
    else:
        _check_postgresql(config)


def _check_postgresql(config: Config) -> None:
    for name, text in (("TERTULIA_DATABASE_URL", config.database_url), ("TERTULIA_ENGINE_URL", config.engine_url)):
        url = urlsplit(text)
        query = parse_qs(url.query)
        host = url.hostname or (query.get("host") or [""])[0]
        local = host == "" or host.startswith("/") or loopback(host)
        if not local and config.sandbox:
            raise Unsafe(f"{name} is on another host; the sandbox uses a database on this machine.")
        if not local and (query.get("sslmode") or [""])[0] not in VERIFIED:
            raise Unsafe(f"{name} crosses a network without TLS; add ?sslmode=verify-full.")


def loopback(host: str) -> bool:
    """Tell whether *host* is this machine, without asking a name server."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
