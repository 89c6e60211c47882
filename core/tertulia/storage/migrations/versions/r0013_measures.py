"""Keep published measures, employment and outside ratings."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"
DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
KEY = sa.String(length=32)


def upgrade() -> None:
    """Make the tables of measures."""
    _periods()
    _releases()
    _figures()
    _people()
    op.create_table(
        "outside_rating",
        sa.Column("organization_id", KEY, nullable=False),
        sa.Column("workspace_id", KEY, nullable=False),
        sa.Column("site", sa.String(length=60), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False, comment="when it was read"),
        sa.Column("rating", sa.Float(), nullable=False),
        sa.Column("largest", sa.Float(), nullable=False, comment="the best that the site can give"),
        sa.Column("reviews", sa.Integer(), comment="how many it is the mean of"),
        sa.Column("link", sa.String(length=400), comment="where it was read"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], name=op.f("fk_outside_rating_workspace_id")),
        sa.PrimaryKeyConstraint("workspace_id", "site", "day", name=op.f("pk_outside_rating")),
    )


def _periods() -> None:
    op.create_table(
        "measure_period",
        sa.Column("organization_id", KEY, nullable=False),
        sa.Column("workspace_id", KEY, nullable=False),
        sa.Column("family", sa.String(length=20), nullable=False),
        sa.Column("period", sa.String(length=10), nullable=False, comment="2026-W47 or 2026-Q4"),
        sa.Column("ended_at", sa.BigInteger(), nullable=False),
        sa.Column("published_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], name=op.f("fk_measure_period_workspace_id")),
        sa.PrimaryKeyConstraint("workspace_id", "family", "period", name=op.f("pk_measure_period")),
    )


def _releases() -> None:
    op.create_table(
        "measure_release",
        sa.Column("organization_id", KEY, nullable=False),
        sa.Column("workspace_id", KEY, nullable=False),
        sa.Column("family", sa.String(length=20), nullable=False),
        sa.Column("period", sa.String(length=10), nullable=False),
        sa.Column("population", sa.String(length=140), nullable=False),
        sa.Column("series", sa.String(length=180), nullable=False, comment="what is audited together"),
        sa.Column(
            "asked", sa.String(length=64), nullable=False, comment="digest of the people before any were left out"
        ),
        sa.Column("roster_id", KEY, nullable=False, comment="who was counted, and in which groups"),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("k", sa.Integer(), nullable=False),
        sa.Column("gate", sa.String(length=20), nullable=False),
        sa.Column("cells", DOCUMENT, nullable=False, comment="what was published of which group, for the look-back"),
        sa.Column("published_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], name=op.f("fk_measure_release_workspace_id")),
        sa.PrimaryKeyConstraint("workspace_id", "family", "period", "population", name=op.f("pk_measure_release")),
    )
    op.create_index("ix_measure_release_series", "measure_release", ["organization_id", "family", "series"])


def _figures() -> None:
    op.create_table(
        "measure_figure",
        sa.Column("organization_id", KEY, nullable=False),
        sa.Column("workspace_id", KEY, nullable=False),
        sa.Column("family", sa.String(length=20), nullable=False),
        sa.Column("period", sa.String(length=10), nullable=False),
        sa.Column("key", sa.String(length=60), nullable=False),
        sa.Column("about", sa.String(length=140), nullable=False),
        sa.Column("group_key", sa.String(length=1000), nullable=False, comment="attributes and values"),
        sa.Column("group_family", sa.String(length=20), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("unit", sa.String(length=20), nullable=False),
        sa.Column("value", sa.Float()),
        sa.Column("low", sa.Float()),
        sa.Column("high", sa.Float()),
        sa.Column("n", sa.Integer(), nullable=False, comment="rounded down to 5"),
        sa.Column("numerator", sa.Integer(), comment="rounded"),
        sa.Column("denominator", sa.Integer(), comment="rounded"),
        sa.Column("least", sa.Integer()),
        sa.Column("most", sa.Integer()),
        sa.Column("withheld", sa.String(length=200), comment="why there is no number, in words"),
        sa.Column("formula", sa.String(length=60), nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], name=op.f("fk_measure_figure_workspace_id")),
        sa.PrimaryKeyConstraint(
            "workspace_id", "family", "period", "key", "about", "group_key", name=op.f("pk_measure_figure")
        ),
    )


def _people() -> None:
    op.create_table(
        "measure_roster",
        sa.Column("organization_id", KEY, nullable=False),
        sa.Column("id", KEY, nullable=False, comment="derived from what is in it"),
        sa.Column("person_id", KEY, nullable=False, comment="who was counted, for the look-back; no time, no order"),
        sa.Column("atom", DOCUMENT, nullable=False, comment="the groups the person was counted in"),
        sa.Column(
            "used_at",
            sa.BigInteger(),
            nullable=False,
            comment="when figures were last published of the whole roster",
        ),
        sa.PrimaryKeyConstraint("id", "person_id", name=op.f("pk_measure_roster")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_measure_roster_person", "measure_roster", ["organization_id", "person_id"])
    op.create_table(
        "employment",
        sa.Column("organization_id", KEY, nullable=False),
        sa.Column("id", KEY, nullable=False),
        sa.Column("person_id", KEY, nullable=False),
        sa.Column("start_date", sa.String(length=10), nullable=False, comment="a local date"),
        sa.Column("end_date", sa.String(length=10), comment="the last day; null while it lasts"),
        sa.Column("end_reason", sa.String(length=20), comment="voluntary, involuntary, contract_end or other"),
        sa.Column("worker_type", sa.String(length=20), nullable=False),
        sa.Column("fte", sa.Float(), nullable=False),
        sa.Column("origin", sa.String(length=10), nullable=False, comment="import or directory"),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_employment_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_employment")),
    )
    op.create_index("ix_employment_person", "employment", ["organization_id", "person_id"])
