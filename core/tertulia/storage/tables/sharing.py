"""Pictures that people share for a while, and what they want to be celebrated for."""

from __future__ import annotations

import sqlalchemy as sa

from tertulia.storage.tables.columns import Instant, Key, metadata, tenant

gallery_item = sa.Table(
    "gallery_item",
    metadata,
    tenant(),
    sa.Column("id", Key, primary_key=True),
    sa.Column("round_id", Key, sa.ForeignKey("round.id"), nullable=False, comment="what it answers"),
    sa.Column("person_id", Key, sa.ForeignKey("person.id"), nullable=False),
    sa.Column("alt", sa.Text, nullable=False, comment="what is to be seen on it, in the person's words"),
    sa.Column("audience", sa.String(10), nullable=False, comment="team or workspace, as the person was told"),
    sa.Column("agreed_at", Instant, nullable=False),
    sa.Column("expires_at", Instant, nullable=False),
    sa.Index("ix_gallery_item_round", "round_id"),
    sa.Index("ix_gallery_item_person", "organization_id", "person_id"),
)
gallery_picture = sa.Table(
    "gallery_picture",
    metadata,
    tenant(),
    sa.Column("item_id", Key, sa.ForeignKey("gallery_item.id"), primary_key=True),
    sa.Column("size", sa.String(5), primary_key=True, comment="full or small"),
    sa.Column("width", sa.Integer, nullable=False),
    sa.Column("height", sa.Integer, nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False, comment="a JPEG that we encoded ourselves"),
)
celebration = sa.Table(
    "celebration",
    metadata,
    tenant(),
    sa.Column("workspace_id", Key, sa.ForeignKey("workspace.id"), primary_key=True),
    sa.Column("practice", sa.String(100), primary_key=True),
    sa.Column("person_id", Key, sa.ForeignKey("person.id"), primary_key=True),
    sa.Column("occasion", sa.String(20), primary_key=True),
    sa.Column("sealed", sa.LargeBinary, nullable=False, comment="the day, never a year of birth, and who may know"),
    sa.Column("chosen_at", Instant, nullable=False),
    sa.Column("expires_at", Instant, comment="null: comes again every year"),
    sa.Index("ix_celebration_person", "organization_id", "person_id"),
)
