"""Who sat with whom in café rounds, and whom a person does not want to be introduced to."""

from __future__ import annotations

import sqlalchemy as sa

from tertulia.storage.tables.columns import Instant, Key, metadata, tenant

match_history = sa.Table(
    "match_history",
    metadata,
    tenant(),
    sa.Column("round_id", Key, primary_key=True),
    sa.Column("person_id", Key, sa.ForeignKey("person.id"), primary_key=True),
    sa.Column("workspace_id", Key, sa.ForeignKey("workspace.id"), nullable=False),
    sa.Column("practice", sa.String(100), nullable=False),
    sa.Column("group_number", sa.Integer, comment="null: nobody could be found for the person"),
    sa.Column("served", sa.Float, nullable=False, comment="the share of wishes fulfilled, for the next rounds only"),
    sa.Column("at", Instant, nullable=False),
    sa.Index("ix_match_history_practice", "workspace_id", "practice", "at"),
    sa.Index("ix_match_history_person", "organization_id", "person_id"),
)
avoidance = sa.Table(
    "avoidance",
    metadata,
    tenant(),
    sa.Column("person_id", Key, sa.ForeignKey("person.id"), primary_key=True),
    sa.Column("avoided_id", Key, sa.ForeignKey("person.id"), primary_key=True),
    sa.Column("at", Instant, nullable=False),
    sa.Index("ix_avoidance_avoided", "organization_id", "avoided_id"),
)
