"""Keep who signed up for a practice, whom a round brings together, and what follows a round."""

from __future__ import annotations

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Change nothing yet."""
