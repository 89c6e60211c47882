"""The only wiring: a configuration becomes a runtime, and nothing is opened at import."""

from __future__ import annotations

import secrets
import stat
from collections.abc import Mapping
from pathlib import Path

from tertulia import entra_settings
from tertulia.config import Config
from tertulia.delivery.engine import DurableEngine, Engine
from tertulia.delivery.limits import SharedLimiter
from tertulia.domain.clock import Clock, SystemClock
from tertulia.domain.identifiers import Entropy
from tertulia.errors import Mistake, Unsafe
from tertulia.plugins import Plugins
from tertulia.runtime import Runtime
from tertulia.services import retention
from tertulia.services.installations import Installations
from tertulia.storage import keys, schema
from tertulia.storage.database import Database
from tertulia.storage.vault import Vault
from tertulia.surveys.keystore import KeyStore


async def build(
    config: Config,
    *,
    clock: Clock | None = None,
    entropy: Entropy = secrets.token_bytes,
    extra_plugins: Mapping[str, object] | None = None,
    engine: Engine | None = None,
    migrate: bool = True,
    checkpoints: bool = True,
) -> Runtime:
    """Open the database, load keys and plugins, and return the runtime; the engine is not launched yet."""
    retention.periods(config.retention)
    plugins = Plugins.load(extra_plugins, allowed=config.plugins)
    if plugins.missing:
        raise Unsafe(
            f"TERTULIA_PLUGINS names {plugins.missing[0]}, which is not installed; install it or remove the name."
        )
    vault = Vault(keys.load(config.keys_file), entropy)
    _check_privacy(config)
    if config.entra is not None:
        entra_settings.secret(config.entra)
    database = Database.open(config.database_url, checkpoints=checkpoints)
    try:
        if migrate:
            await schema.migrate(database)
        await _agree_on_mode(config, database)
        runtime = Runtime(
            config=config,
            database=database,
            vault=await _rooted(database, vault),
            keys=KeyStore(config.keystore, entropy),
            clock=clock or SystemClock(),
            entropy=entropy,
            plugins=plugins,
            limiter=SharedLimiter(database),
        )
        runtime.installations = Installations(runtime)
        runtime.engine = engine or DurableEngine(config.engine_url)
        await runtime.installations.refresh()
    except BaseException:
        await database.close()
        raise
    return runtime


def make_folder(config: Config) -> None:
    """Make the folder of the embedded database, for its owner only."""
    if config.embedded:
        folder = Path(config.database_url.removeprefix("sqlite:///")).parent
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise Mistake(
                f"TERTULIA_DATABASE_URL names the folder {folder}, which cannot be made ({error.strerror}); make it."
            ) from None


def _check_privacy(config: Config) -> None:
    """Refuse secrets and a database that other users of this machine may read."""
    if _open_to_others(config.keystore):
        raise Unsafe(
            f"TERTULIA_KEYSTORE names {config.keystore}, which others may enter; run `chmod 700 {config.keystore}`."
        )
    if config.keystore.exists() and not config.keystore.is_dir():
        raise Unsafe(f"TERTULIA_KEYSTORE names {config.keystore}, which is no folder; name a folder.")
    if config.embedded:
        path = Path(config.database_url.removeprefix("sqlite:///"))
        if _open_to_others(path):
            raise Unsafe(f"TERTULIA_DATABASE_URL names {path}, which others may read; run `chmod 600 {path}`.")


def _open_to_others(path: Path) -> bool:
    try:
        return bool(stat.S_IMODE(path.stat().st_mode) & 0o077)
    except FileNotFoundError:
        return False


async def _rooted(database: Database, vault: Vault) -> Vault:
    async with database.write() as tx:
        return await keys.rooted(tx, vault)


async def _agree_on_mode(config: Config, database: Database) -> None:
    async with database.write() as tx:
        await schema.stamp_mode(tx, config.mode)


async def close(runtime: Runtime) -> None:
    """Close what `build` opened."""
    await runtime.installations.close()
    await runtime.database.close()
