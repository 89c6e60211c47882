"""Keep recommendations, benchmarks, and who reads the overview."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"
DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    """Make the three tables."""
    _recommendation()
    _benchmark()
    _overview_setting()


def _recommendation() -> None:
    op.create_table(
        "recommendation",
        sa.Column("organization_id", sa.String(length=32), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("workspace_id", sa.String(length=32), nullable=False),
        sa.Column("rule", sa.String(length=50), nullable=False),
        sa.Column(
            "state",
            sa.String(length=10),
            nullable=False,
            comment="open, later, accepted, declined, expired or judged",
        ),
        sa.Column("seen", DOCUMENT, nullable=False, comment="the published figure that it follows from"),
        sa.Column(
            "owner_id",
            sa.String(length=32),
            nullable=True,
            comment="who sees to it; null: whoever runs the program",
        ),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("remind_at", sa.BigInteger(), nullable=True, comment="not shown before; null: shown"),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.Column("decided_by", sa.String(length=200), nullable=True),
        sa.Column("reason", sa.String(length=500), nullable=True, comment="why it was declined"),
        sa.Column("program_version", sa.Integer(), nullable=True, comment="what came into force because of it"),
        sa.Column("judge_at", sa.BigInteger(), nullable=True),
        sa.Column("outcome", DOCUMENT, nullable=True, comment="the same figure when it was judged"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], name=op.f("fk_recommendation_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recommendation")),
    )
    op.create_index(
        "ix_recommendation_workspace", "recommendation", ["organization_id", "workspace_id", "rule"], unique=False
    )


def _benchmark() -> None:
    op.create_table(
        "benchmark",
        sa.Column("organization_id", sa.String(length=32), nullable=False),
        sa.Column("workspace_id", sa.String(length=32), nullable=False),
        sa.Column("component", sa.String(length=30), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False, comment="0: not said"),
        sa.Column("ended", sa.String(length=10), nullable=False, comment="the last day of its period"),
        sa.Column("source", sa.String(length=500), nullable=False),
        sa.Column("license", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], name=op.f("fk_benchmark_workspace_id")),
        sa.PrimaryKeyConstraint("workspace_id", "component", name=op.f("pk_benchmark")),
    )


def _overview_setting() -> None:
    op.create_table(
        "overview_setting",
        sa.Column("organization_id", sa.String(length=32), nullable=False),
        sa.Column("workspace_id", sa.String(length=32), nullable=False),
        sa.Column("readers", sa.String(length=10), nullable=False, comment="admins, hosts or members"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], name=op.f("fk_overview_setting_workspace_id")),
        sa.PrimaryKeyConstraint("workspace_id", name=op.f("pk_overview_setting")),
    )
