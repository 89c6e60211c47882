"""Run the migrations in the transaction that `tertulia.storage.schema` opened; Alembic loads this by its name."""

from __future__ import annotations

from alembic import context

from tertulia.storage.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
    transaction_per_migration=False,
)
context.run_migrations()
