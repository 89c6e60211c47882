"""The only wiring: a configuration becomes a runtime, and nothing is opened at import."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from tertulia.config import Config
from tertulia.delivery.engine import DurableEngine, Engine
from tertulia.delivery.limits import SharedLimiter
from tertulia.domain.clock import Clock, SystemClock
from tertulia.domain.identifiers import Entropy
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
    database = Database.open(config.database_url, checkpoints=checkpoints)
    try:
        if migrate:
            await schema.migrate(database)
        await _agree_on_mode(config, database)
        runtime = Runtime(
            config=config,
            database=database,
            vault=await _open_vault(config, database, entropy),
            keys=KeyStore(config.keystore, entropy),
            clock=clock or SystemClock(),
            entropy=entropy,
            plugins=Plugins.load(extra_plugins, allowed=config.plugins),
            limiter=SharedLimiter(database),
        )
        runtime.installations = Installations(runtime)
        runtime.engine = engine or DurableEngine(config.engine_url)
        await runtime.installations.refresh()
    except BaseException:
        await database.close()
        raise
    return runtime


async def _open_vault(config: Config, database: Database, entropy: Entropy) -> Vault:
    async with database.write() as tx:
        return await keys.rooted(tx, Vault(keys.load(config.keys_file), entropy))


async def _agree_on_mode(config: Config, database: Database) -> None:
    async with database.write() as tx:
        await schema.stamp_mode(tx, config.mode)


async def close(runtime: Runtime) -> None:
    """Close what `build` opened."""
    await runtime.installations.close()
    await runtime.database.close()
