"""Keep who is at a live round, and whose turn it is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    """Make the two tables of live rounds."""
    _seat()
    _turns()


def _seat() -> None:
    op.create_table(
        "seat",
        sa.Column("organization_id", sa.String(length=32), nullable=False),
        sa.Column("session_id", sa.String(length=32), nullable=False),
        sa.Column("ref", sa.String(length=200), nullable=False, comment="what the meeting calls the participant"),
        sa.Column("round_id", sa.String(length=32), nullable=False),
        sa.Column("identity_id", sa.String(length=32), nullable=True, comment="null: no account was proven"),
        sa.Column(
            "holder", sa.String(length=64), nullable=True, comment="hash of who speaks for the seat; nobody else does"
        ),
        sa.Column("arrived_at", sa.BigInteger(), nullable=False),
        sa.Column("left_at", sa.BigInteger(), nullable=True),
        sa.Column(
            "passed",
            sa.Boolean(),
            nullable=True,
            comment="null: no answer; only of those whom nobody knows",
        ),
        sa.Column("values", DOCUMENT, nullable=True, comment="what somebody whom nobody knows answered"),
        sa.ForeignKeyConstraint(["session_id"], ["session.id"], name=op.f("fk_seat_session_id")),
        sa.PrimaryKeyConstraint("session_id", "ref", name=op.f("pk_seat")),
    )
    op.create_index("ix_seat_identity", "seat", ["organization_id", "identity_id"], unique=False)
    op.create_index("ix_seat_round", "seat", ["round_id"], unique=False)


def _turns() -> None:
    op.create_table(
        "turns",
        sa.Column("organization_id", sa.String(length=32), nullable=False),
        sa.Column("session_id", sa.String(length=32), nullable=False),
        sa.Column("round_id", sa.String(length=32), nullable=False),
        sa.Column("people", DOCUMENT, nullable=False, comment="seats in the order in which they speak"),
        sa.Column("seconds", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False, comment="who spoke from *since* on, counted from 0"),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["session_id"], ["session.id"], name=op.f("fk_turns_session_id")),
        sa.PrimaryKeyConstraint("session_id", name=op.f("pk_turns")),
    )
