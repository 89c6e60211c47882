"""Keep how members did lately in quizzes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Make the table of past results, two numbers for a person that fade."""
    op.create_table(
        "past_result",
        sa.Column("organization_id", sa.String(length=32), nullable=False),
        sa.Column("workspace_id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=60), nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("score", sa.Float(), nullable=False, comment="sum of scores from 0 to 1, faded to the day of *at*"),
        sa.Column("rounds", sa.Float(), nullable=False, comment="how many rounds that were, faded alike"),
        sa.Column("at", sa.BigInteger(), nullable=False, comment="the day of the last round, at midnight UTC"),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_past_result_person_id")),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], name=op.f("fk_past_result_workspace_id")),
        sa.PrimaryKeyConstraint("workspace_id", "kind", "person_id", name=op.f("pk_past_result")),
    )
    op.create_index("ix_past_result_person", "past_result", ["organization_id", "person_id"], unique=False)
