"""Keep when each person was last asked a pulse."""

from __future__ import annotations

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Change nothing yet."""
