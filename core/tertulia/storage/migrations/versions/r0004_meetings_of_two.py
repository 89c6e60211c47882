"""Keep who signed up for a practice, whom a round brings together, and what follows a round."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    """Make the tables of sign-ups, shares, follow-up rounds, reservations and private answers."""
    _sign_up()
    _round_share()
    _round_follow_up()
    _reservation()
    _private_answer()


def _sign_up() -> None:
    op.create_table(
        "sign_up",
        sa.Column("organization_id", sa.String(length=32), nullable=False),
        sa.Column("workspace_id", sa.String(length=32), nullable=False),
        sa.Column("practice", sa.String(length=100), nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("joined_at", sa.BigInteger(), nullable=False),
        sa.Column("left_at", sa.BigInteger(), nullable=True, comment="null: takes part in the coming rounds"),
        sa.Column("left_because", sa.String(length=10), nullable=True, comment="wish or silence"),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_sign_up_person_id")),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], name=op.f("fk_sign_up_workspace_id")),
        sa.PrimaryKeyConstraint("workspace_id", "practice", "person_id", name=op.f("pk_sign_up")),
    )
    op.create_index("ix_sign_up_person", "sign_up", ["organization_id", "person_id"], unique=False)


def _round_share() -> None:
    op.create_table(
        "round_share",
        sa.Column("organization_id", sa.String(length=32), nullable=False),
        sa.Column("round_id", sa.String(length=32), nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("group_id", sa.String(length=32), nullable=True, comment="who has the same was brought together"),
        sa.Column("share", DOCUMENT, nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_round_share_person_id")),
        sa.ForeignKeyConstraint(["round_id"], ["round.id"], name=op.f("fk_round_share_round_id")),
        sa.PrimaryKeyConstraint("round_id", "person_id", name=op.f("pk_round_share")),
    )
    op.create_index("ix_round_share_group", "round_share", ["round_id", "group_id"], unique=False)
    op.create_index("ix_round_share_person", "round_share", ["organization_id", "person_id"], unique=False)


def _round_follow_up() -> None:
    op.create_table(
        "round_follow_up",
        sa.Column("organization_id", sa.String(length=32), nullable=False),
        sa.Column("round_id", sa.String(length=32), nullable=False),
        sa.Column("parent_id", sa.String(length=32), nullable=False),
        sa.Column("root_id", sa.String(length=32), nullable=False, comment="the practice's own round"),
        sa.Column("stage", sa.String(length=30), nullable=False),
        sa.Column("ask", sa.String(length=5), nullable=False, comment="each, place or both"),
        sa.Column("reminders", DOCUMENT, nullable=False, comment="seconds after a person's own due instant"),
        sa.ForeignKeyConstraint(["parent_id"], ["round.id"], name=op.f("fk_round_follow_up_parent_id")),
        sa.ForeignKeyConstraint(["root_id"], ["round.id"], name=op.f("fk_round_follow_up_root_id")),
        sa.ForeignKeyConstraint(["round_id"], ["round.id"], name=op.f("fk_round_follow_up_round_id")),
        sa.PrimaryKeyConstraint("round_id", name=op.f("pk_round_follow_up")),
    )
    op.create_index("ix_round_follow_up_root", "round_follow_up", ["root_id"], unique=False)


def _reservation() -> None:
    op.create_table(
        "reservation",
        sa.Column("organization_id", sa.String(length=32), nullable=False),
        sa.Column("round_id", sa.String(length=32), nullable=False, comment="the practice's own round"),
        sa.Column(
            "item",
            sa.String(length=60),
            nullable=False,
            comment="what has room for so many, or empty for the whole",
        ),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column(
            "at",
            sa.BigInteger(),
            nullable=False,
            comment="who came first keeps the place, whatever changes later",
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_reservation_person_id")),
        sa.ForeignKeyConstraint(["round_id"], ["round.id"], name=op.f("fk_reservation_round_id")),
        sa.PrimaryKeyConstraint("round_id", "item", "person_id", name=op.f("pk_reservation")),
    )
    op.create_index("ix_reservation_person", "reservation", ["organization_id", "person_id"], unique=False)


def _private_answer() -> None:
    op.create_table(
        "private_answer",
        sa.Column("organization_id", sa.String(length=32), nullable=False),
        sa.Column("round_id", sa.String(length=32), nullable=False, comment="the practice's own round"),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_private_answer_person_id")),
        sa.ForeignKeyConstraint(["round_id"], ["round.id"], name=op.f("fk_private_answer_round_id")),
        sa.PrimaryKeyConstraint("round_id", "person_id", name=op.f("pk_private_answer")),
    )
    op.create_index("ix_private_answer_person", "private_answer", ["organization_id", "person_id"], unique=False)
