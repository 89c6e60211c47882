"""Keep tokens of the API, and what was answered to their changes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0018"
down_revision = "0017"
DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    """Make the two tables."""
    _api_token()
    _api_reply()


def _api_token() -> None:
    op.create_table(
        "api_token",
        sa.Column("organization_id", sa.String(length=32), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("workspace_id", sa.String(length=32), nullable=False),
        sa.Column(
            "person_id", sa.String(length=32), nullable=False, comment="who made it, and by whose roles it is bounded"
        ),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("scopes", DOCUMENT, nullable=False),
        sa.Column(
            "digest", sa.String(length=64), nullable=False, comment="SHA-256; the token itself is kept nowhere"
        ),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("used_on", sa.String(length=10), nullable=True, comment="the last day in UTC"),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], name=op.f("fk_api_token_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_token")),
    )
    op.create_index("ix_api_token_digest", "api_token", ["digest"], unique=True)
    op.create_index("ix_api_token_workspace", "api_token", ["organization_id", "workspace_id"], unique=False)


def _api_reply() -> None:
    op.create_table(
        "api_reply",
        sa.Column("organization_id", sa.String(length=32), nullable=False),
        sa.Column("token_id", sa.String(length=32), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False, comment="hash of the Idempotency-Key"),
        sa.Column("request", sa.String(length=64), nullable=False, comment="hash of method, path and body"),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False, comment="what was answered"),
        sa.ForeignKeyConstraint(
            ["token_id"], ["api_token.id"], name=op.f("fk_api_reply_token_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("token_id", "key", name=op.f("pk_api_reply")),
    )
