"""Keep weekly ties under keyed names."""

from __future__ import annotations

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Change nothing: rows from before keep their ids, because a migration has no keys; retention takes them."""
