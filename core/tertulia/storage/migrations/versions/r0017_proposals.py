"""Keep what waits for a second person."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0017"
down_revision = "0016"
DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "proposal",
        sa.Column("organization_id", sa.String(length=32), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("workspace_id", sa.String(length=32), nullable=True, comment="null: about the whole organization"),
        sa.Column("what", sa.String(length=20), nullable=False, comment="see services.second_person"),
        sa.Column("detail", DOCUMENT, nullable=False),
        sa.Column("seen", DOCUMENT, nullable=False, comment="how things stood when it was proposed"),
        sa.Column("state", sa.String(length=10), nullable=False, comment="waiting, approved, refused or withdrawn"),
        sa.Column("proposed_by", sa.String(length=32), nullable=False),
        sa.Column("proposed_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("decided_by", sa.String(length=32), nullable=True),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.Column("used_at", sa.BigInteger(), nullable=True, comment="when an approved export was downloaded: once"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], name=op.f("fk_proposal_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_proposal")),
    )
    op.create_index("ix_proposal_workspace", "proposal", ["organization_id", "workspace_id", "state"], unique=False)
