"""Keep what is published of survey rounds, and in which groups each respondent was counted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    """Make the table of cells, and a column for the look-back."""
    if op.get_bind().dialect.name == "sqlite":
        _respondent_anew()
    else:
        op.add_column("respondent", _atom())
    _cell()


def _atom() -> sa.Column[object]:
    return sa.Column("atom", DOCUMENT, nullable=True, comment="the groups the answer was counted in; null: in none")


def _respondent_anew() -> None:
    """Make the table as a new database has it: SQLite would add the column behind the constraints."""
    op.rename_table("respondent", "respondent_before")
    op.create_table(
        "respondent",
        sa.Column("organization_id", sa.String(length=32), nullable=False),
        sa.Column("round_id", sa.String(length=32), nullable=False),
        sa.Column(
            "person_id",
            sa.String(length=32),
            nullable=False,
            comment="who answered, for the look-back; no time, no order",
        ),
        _atom(),
        sa.PrimaryKeyConstraint("round_id", "person_id", name=op.f("pk_respondent")),
        sqlite_with_rowid=False,
    )
    columns = "organization_id, round_id, person_id"
    op.execute(f"INSERT INTO respondent ({columns}) SELECT {columns} FROM respondent_before")  # noqa: S608 - no input in it
    op.drop_table("respondent_before")


def _cell() -> None:
    op.create_table(
        "cell",
        sa.Column("organization_id", sa.String(length=32), nullable=False),
        sa.Column("round_id", sa.String(length=32), nullable=False),
        sa.Column("item", sa.String(length=100), nullable=False),
        sa.Column(
            "group_key",
            sa.String(length=1000),
            nullable=False,
            comment="attributes and values; see candidates.Group",
        ),
        sa.Column("family", sa.String(length=20), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False, comment="the order of candidates"),
        sa.Column("outcome", sa.String(length=20), nullable=False, comment="published, or why not"),
        sa.Column(
            "answered",
            sa.Integer(),
            nullable=False,
            comment="rounded down to 5; 0 where nothing is published",
        ),
        sa.Column("base", sa.Integer(), nullable=False),
        sa.Column(
            "figures",
            DOCUMENT,
            nullable=False,
            comment="rounded counts with the least and most they stand for",
        ),
        sa.Column("points", DOCUMENT, nullable=False),
        sa.Column("blocks", DOCUMENT, nullable=True, comment="which parts of the audience were asked; null: all"),
        sa.ForeignKeyConstraint(["round_id"], ["round.id"], name=op.f("fk_cell_round_id")),
        sa.PrimaryKeyConstraint("round_id", "item", "group_key", name=op.f("pk_cell")),
    )
    op.create_index("ix_cell_item", "cell", ["organization_id", "item"], unique=False)
