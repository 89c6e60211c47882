"""Keep hard weeks and affinity groups."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Make the tables of hard weeks and of the groups that members found."""
    _hard_weeks()
    _affinity_group()
    _affinity_member()


def _hard_weeks() -> None:
    op.create_table(
        "hard_weeks",
        sa.Column("organization_id", sa.String(length=32), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("workspace_id", sa.String(length=32), nullable=False),
        sa.Column("team", sa.String(length=200), nullable=True, comment="null: the whole workspace"),
        sa.Column("word", sa.String(length=600), nullable=False, comment="what the members are told"),
        sa.Column("begins_at", sa.BigInteger(), nullable=False),
        sa.Column("resumes_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True, comment="somebody ended it before its date"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], name=op.f("fk_hard_weeks_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hard_weeks")),
    )
    index = ["organization_id", "workspace_id", "resumes_at"]
    op.create_index("ix_hard_weeks_workspace", "hard_weeks", index, unique=False)


def _affinity_group() -> None:
    unique = ("organization_id", "workspace_id", "slug")
    op.create_table(
        "affinity_group",
        sa.Column("organization_id", sa.String(length=32), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("workspace_id", sa.String(length=32), nullable=False),
        sa.Column("slug", sa.String(length=64), nullable=False, comment="what a program calls it"),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("about", sa.String(length=600), nullable=False),
        sa.Column(
            "private",
            sa.Boolean(),
            nullable=False,
            comment="a keeper lets people in, and only members see members",
        ),
        sa.Column(
            "closed_at",
            sa.BigInteger(),
            nullable=True,
            comment="nobody finds it any more, and none of its rituals is held",
        ),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], name=op.f("fk_affinity_group_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_affinity_group")),
        sa.UniqueConstraint(*unique, name=op.f("uq_affinity_group_organization_id_workspace_id_slug")),
    )


def _affinity_member() -> None:
    op.create_table(
        "affinity_member",
        sa.Column("organization_id", sa.String(length=32), nullable=False),
        sa.Column("group_id", sa.String(length=32), nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("keeper", sa.Boolean(), nullable=False),
        sa.Column("shown", sa.Boolean(), nullable=False, comment="wishes to be named to the whole workspace"),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("joined_at", sa.BigInteger(), nullable=True, comment="null: waits to be let in"),
        sa.ForeignKeyConstraint(["group_id"], ["affinity_group.id"], name=op.f("fk_affinity_member_group_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_affinity_member_person_id")),
        sa.PrimaryKeyConstraint("group_id", "person_id", name=op.f("pk_affinity_member")),
    )
    op.create_index("ix_affinity_member_person", "affinity_member", ["organization_id", "person_id"], unique=False)
