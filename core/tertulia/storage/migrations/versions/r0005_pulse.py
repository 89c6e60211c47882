"""Keep what will be done about the results of a survey round."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the table of actions."""
    op.create_table(
        "survey_action",
        sa.Column("organization_id", sa.String(length=32), nullable=False),
        sa.Column("round_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False, comment="the order in which it was said"),
        sa.Column("text", sa.String(length=500), nullable=False, comment="what will be done about a round's results"),
        sa.Column("said_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["round_id"], ["round.id"], name=op.f("fk_survey_action_round_id")),
        sa.PrimaryKeyConstraint("round_id", "number", name=op.f("pk_survey_action")),
    )
