"""Keep sign-ins with Entra."""

from __future__ import annotations

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Change nothing."""
