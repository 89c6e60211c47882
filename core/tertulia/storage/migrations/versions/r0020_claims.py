"""Keep what one worker claims for all."""

from __future__ import annotations

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Change nothing."""
