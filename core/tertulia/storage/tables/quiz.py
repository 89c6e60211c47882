"""How members did lately in a kind of game: two numbers that fade."""

from __future__ import annotations

import sqlalchemy as sa

from tertulia.storage.tables.columns import Instant, Key, metadata, tenant

past_result = sa.Table(
    "past_result",
    metadata,
    tenant(),
    sa.Column("workspace_id", Key, sa.ForeignKey("workspace.id"), primary_key=True),
    sa.Column("kind", sa.String(60), primary_key=True),
    sa.Column("person_id", Key, sa.ForeignKey("person.id"), primary_key=True),
    sa.Column("score", sa.Float, nullable=False, comment="sum of scores from 0 to 1, faded to the day of *at*"),
    sa.Column("rounds", sa.Float, nullable=False, comment="how many rounds that were, faded alike"),
    sa.Column("at", Instant, nullable=False, comment="the day of the last round, at midnight UTC"),
    sa.Index("ix_past_result_person", "organization_id", "person_id"),
)
