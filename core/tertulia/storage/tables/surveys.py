"""What is kept of a survey round beside its cells."""

from __future__ import annotations

import sqlalchemy as sa

from tertulia.storage.tables.columns import Instant, Key, metadata, tenant

survey_action = sa.Table(
    "survey_action",
    metadata,
    tenant(),
    sa.Column("round_id", Key, sa.ForeignKey("round.id"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, comment="the order in which it was said"),
    sa.Column("text", sa.String(500), nullable=False, comment="what will be done about a round's results"),
    sa.Column("said_at", Instant, nullable=False),
)
"""What those who run a program say they will do; who said it is in the audit log."""
