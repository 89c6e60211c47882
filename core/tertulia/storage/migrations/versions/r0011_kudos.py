"""Keep kudos and questions to the leadership."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Make the tables of thanks and of questions without a name."""
    _kudos()
    _question()


def _kudos() -> None:
    op.create_table(
        "kudos",
        sa.Column("organization_id", sa.String(length=32), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("workspace_id", sa.String(length=32), nullable=False),
        sa.Column("practice", sa.String(length=100), nullable=False),
        sa.Column("giver_id", sa.String(length=32), nullable=False),
        sa.Column("receiver_id", sa.String(length=32), nullable=False),
        sa.Column(
            "value", sa.String(length=60), nullable=True, comment="which value of the program, if one was chosen"
        ),
        sa.Column("sealed", sa.LargeBinary(), nullable=False, comment="why"),
        sa.Column("public", sa.Boolean(), nullable=False, comment="whether the giver allowed the digest"),
        sa.Column("hidden", sa.Boolean(), nullable=False, comment="whether the receiver keeps it out of the digest"),
        sa.Column("tied", sa.Boolean(), nullable=False, comment="whether a tie was counted for it"),
        sa.Column("platform", sa.String(length=50), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column(
            "tell_at",
            sa.BigInteger(),
            nullable=True,
            comment="when the receiver is told; null once told, or never to be",
        ),
        sa.Column("told_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["giver_id"], ["person.id"], name=op.f("fk_kudos_giver_id")),
        sa.ForeignKeyConstraint(["receiver_id"], ["person.id"], name=op.f("fk_kudos_receiver_id")),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], name=op.f("fk_kudos_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kudos")),
    )
    op.create_index("ix_kudos_giver", "kudos", ["organization_id", "giver_id"], unique=False)
    op.create_index("ix_kudos_receiver", "kudos", ["organization_id", "receiver_id"], unique=False)
    op.create_index("ix_kudos_tell_at", "kudos", ["tell_at"], unique=False)


def _question() -> None:
    op.create_table(
        "question",
        sa.Column("organization_id", sa.String(length=32), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False, comment="random: the rows lie shuffled"),
        sa.Column("round_id", sa.String(length=32), nullable=False, comment="the practice's own round"),
        sa.Column("sealed", sa.LargeBinary(), nullable=False, comment="the question, by nobody in particular"),
        sa.Column("state", sa.String(length=10), nullable=False, comment="waiting, published or declined"),
        sa.Column("reason", sa.String(length=300), nullable=True, comment="why it was declined, for all to read"),
        sa.Column("answer", sa.LargeBinary(), nullable=True, comment="sealed"),
        sa.Column("votes", sa.Integer(), nullable=False, comment="a number; nothing says whose"),
        sa.ForeignKeyConstraint(["round_id"], ["round.id"], name=op.f("fk_question_round_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_question")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_question_round", "question", ["organization_id", "round_id"], unique=False)
