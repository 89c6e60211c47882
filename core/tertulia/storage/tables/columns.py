"""Column types and habits shared by all tables."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Instant(TypeDecorator[datetime]):
    """Keep an aware instant as milliseconds since 1970, alike on every database."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> int | None:
        """Turn an instant into milliseconds."""
        return None if value is None else (value - EPOCH) // timedelta(milliseconds=1)

    def process_result_value(self, value: Any | None, dialect: Any) -> datetime | None:
        """Turn milliseconds into an instant."""
        return None if value is None else EPOCH + timedelta(milliseconds=value)


Document = sa.JSON().with_variant(JSONB(), "postgresql")
"""A JSON document."""

Key = sa.String(32)
"""An identifier, see `tertulia.domain.identifiers.Id`."""


def tenant() -> sa.Column[str]:
    """Make the column that every tenant's table starts with; unique keys include it."""
    return sa.Column("organization_id", Key, nullable=False)
