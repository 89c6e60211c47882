"""Identifiers and the JSON type."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

Id: TypeAlias = str
"""A 128-bit random identifier, 32 hexadecimal digits."""

Json: TypeAlias = Mapping[str, Any]
"""A JSON object."""

JsonValue: TypeAlias = str | int | float | bool | Sequence[Any] | Mapping[str, Any] | None

Entropy: TypeAlias = Callable[[int], bytes]
"""A source of that many random bytes; `secrets.token_bytes` outside tests."""


def new_id(entropy: Entropy = secrets.token_bytes) -> Id:
    """Draw a new identifier."""
    return entropy(16).hex()
