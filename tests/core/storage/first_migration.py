"""Write the first migration again from the tables, while nothing is released: run this file.

After the first release this file goes, and every change is a migration of its own.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic.autogenerate import api, render
from alembic.operations import ops
from alembic.runtime.migration import MigrationContext

from tertulia.storage.tables import metadata
from tertulia.storage.tables.columns import Document, Instant

TARGET = Path(__file__).parents[3] / "core/tertulia/storage/migrations/versions/r0001_first.py"
HEAD = '''"""Make all tables, as they were at the first release. Written by a script; never edited by hand."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
'''


def item(kind: str, value: Any, _context: Any) -> str | bool:
    """Render our own types frozen, so that a later change of them does not change this step."""
    if kind == "type" and isinstance(value, Instant):
        return "sa.BigInteger()"
    if kind == "type" and value is Document:
        return "DOCUMENT"
    return False


def main() -> None:
    """Compare the tables with an empty database and write what makes them."""
    engine = sa.create_engine("sqlite://")
    with engine.connect() as connection:
        options = {"target_metadata": metadata, "render_item": item}
        context = MigrationContext.configure(connection, opts=options)
        steps = api.produce_migrations(context, metadata).upgrade_ops
        assert steps is not None
        autogenerate = api.AutogenContext(context, metadata, {**options, "alembic_module_prefix": "op.", **PREFIXES})
        tables: dict[str, list[str]] = {}
        for step in steps.ops:
            assert isinstance(step, ops.CreateTableOp | ops.CreateIndexOp | ops.ModifyTableOps)
            inner = step.ops if isinstance(step, ops.ModifyTableOps) else [step]
            for operation in inner:
                assert isinstance(operation, ops.CreateTableOp | ops.CreateIndexOp)
                lines = render.render_op(autogenerate, operation)
                tables.setdefault(str(operation.table_name), []).extend(lines)
    TARGET.write_text(HEAD + written(tables))
    subprocess.run([sys.executable, "-m", "ruff", "format", "-q", str(TARGET)], check=True)


PREFIXES = {"sqlalchemy_module_prefix": "sa.", "user_module_prefix": None, "render_as_batch": False}


def written(tables: dict[str, list[str]]) -> str:
    """Write one function per table, so that each reads like its definition."""
    ordered = [table.name for table in metadata.sorted_tables]
    calls = "".join(f"    _{name}()\n" for name in ordered)
    parts = [f'\n\ndef upgrade() -> None:\n    """Make all tables, what others point to first."""\n{calls}']
    for name in ordered:
        body = "\n".join("    " + line.replace("\n", "\n    ") for line in tables[name])
        parts.append(f"\n\ndef _{name}() -> None:\n{body}\n")
    return "".join(parts)


if __name__ == "__main__":
    main()
