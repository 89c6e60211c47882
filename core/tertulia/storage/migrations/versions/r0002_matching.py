"""Keep who sat with whom in café rounds, and whom a person does not want to be introduced to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the two tables of café matching."""
    _match_history()
    _avoidance()


def _match_history() -> None:
    op.create_table(
        "match_history",
        sa.Column("organization_id", sa.String(length=32), nullable=False),
        sa.Column("round_id", sa.String(length=32), nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("workspace_id", sa.String(length=32), nullable=False),
        sa.Column("practice", sa.String(length=100), nullable=False),
        sa.Column("group_number", sa.Integer(), nullable=True, comment="null: nobody could be found for the person"),
        sa.Column(
            "served",
            sa.Float(),
            nullable=False,
            comment="the share of wishes fulfilled, for the next rounds only",
        ),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_match_history_person_id")),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], name=op.f("fk_match_history_workspace_id")),
        sa.PrimaryKeyConstraint("round_id", "person_id", name=op.f("pk_match_history")),
    )
    op.create_index("ix_match_history_person", "match_history", ["organization_id", "person_id"], unique=False)
    op.create_index("ix_match_history_practice", "match_history", ["workspace_id", "practice", "at"], unique=False)


def _avoidance() -> None:
    op.create_table(
        "avoidance",
        sa.Column("organization_id", sa.String(length=32), nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("avoided_id", sa.String(length=32), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["avoided_id"], ["person.id"], name=op.f("fk_avoidance_avoided_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_avoidance_person_id")),
        sa.PrimaryKeyConstraint("person_id", "avoided_id", name=op.f("pk_avoidance")),
    )
    op.create_index("ix_avoidance_avoided", "avoidance", ["organization_id", "avoided_id"], unique=False)
