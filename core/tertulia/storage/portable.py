"""Write the value of any column as JSON, alike for every database."""

from __future__ import annotations

import base64
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from tertulia.domain.identifiers import JsonValue
from tertulia.storage.tables.columns import EPOCH, Instant


def encode(value: Any) -> JsonValue:
    """Turn a value into JSON; only its column tells `decode` what it was."""
    if isinstance(value, bytes | memoryview):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime):
        return (value - EPOCH) // timedelta(milliseconds=1)
    encoded: JsonValue = value
    return encoded


def decode(column: sa.Column[Any], value: Any) -> Any:
    """Turn what `encode` made of a value of *column* back into it."""
    if value is None:
        return None
    if isinstance(column.type, sa.LargeBinary):
        return base64.b64decode(value)
    if isinstance(column.type, Instant):
        return EPOCH + timedelta(milliseconds=value)
    return value
