"""Keep the gallery and celebrations."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Make the tables of pictures and of what people want to be celebrated for."""
    _gallery()
    op.create_table(
        "celebration",
        sa.Column("organization_id", sa.String(length=32), nullable=False),
        sa.Column("workspace_id", sa.String(length=32), nullable=False),
        sa.Column("practice", sa.String(length=100), nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("occasion", sa.String(length=20), nullable=False),
        sa.Column(
            "sealed", sa.LargeBinary(), nullable=False, comment="the day, never a year of birth, and who may know"
        ),
        sa.Column("chosen_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True, comment="null: comes again every year"),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_celebration_person_id")),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], name=op.f("fk_celebration_workspace_id")),
        sa.PrimaryKeyConstraint("workspace_id", "practice", "person_id", "occasion", name=op.f("pk_celebration")),
    )
    op.create_index("ix_celebration_person", "celebration", ["organization_id", "person_id"])


def _gallery() -> None:
    op.create_table(
        "gallery_item",
        sa.Column("organization_id", sa.String(length=32), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("round_id", sa.String(length=32), nullable=False, comment="what it answers"),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("alt", sa.Text(), nullable=False, comment="what is to be seen on it, in the person's words"),
        sa.Column(
            "audience", sa.String(length=10), nullable=False, comment="team or workspace, as the person was told"
        ),
        sa.Column("agreed_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_gallery_item_person_id")),
        sa.ForeignKeyConstraint(["round_id"], ["round.id"], name=op.f("fk_gallery_item_round_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gallery_item")),
    )
    op.create_index("ix_gallery_item_round", "gallery_item", ["round_id"])
    op.create_index("ix_gallery_item_person", "gallery_item", ["organization_id", "person_id"])
    op.create_table(
        "gallery_picture",
        sa.Column("organization_id", sa.String(length=32), nullable=False),
        sa.Column("item_id", sa.String(length=32), nullable=False),
        sa.Column("size", sa.String(length=5), nullable=False, comment="full or small"),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False, comment="a JPEG that we encoded ourselves"),
        sa.ForeignKeyConstraint(["item_id"], ["gallery_item.id"], name=op.f("fk_gallery_picture_item_id")),
        sa.PrimaryKeyConstraint("item_id", "size", name=op.f("pk_gallery_picture")),
    )
