"""Keep how far a release has come."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    """Make the table of releases under way."""
    op.create_table(
        "release_state",
        sa.Column("organization_id", sa.String(length=32), nullable=False),
        sa.Column("round_id", sa.String(length=32), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False, comment="of all that the release is computed from"),
        sa.Column("phase", sa.String(length=20), nullable=False, comment="audit, or the gate's step"),
        sa.Column("percent", sa.Integer(), nullable=False),
        sa.Column("kept", DOCUMENT, nullable=False, comment="what is decided; see release.Decided"),
        sa.ForeignKeyConstraint(["round_id"], ["round.id"], name=op.f("fk_release_state_round_id")),
        sa.PrimaryKeyConstraint("round_id", name=op.f("pk_release_state")),
    )
