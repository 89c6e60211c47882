"""What was recommended and became of it, what others published, and who reads the overview."""

from __future__ import annotations

import sqlalchemy as sa

from tertulia.storage.tables.columns import Document, Instant, Key, metadata, tenant

recommendation = sa.Table(
    "recommendation",
    metadata,
    tenant(),
    sa.Column("id", Key, primary_key=True),
    sa.Column("workspace_id", Key, sa.ForeignKey("workspace.id"), nullable=False),
    sa.Column("rule", sa.String(50), nullable=False),
    sa.Column("state", sa.String(10), nullable=False, comment="open, later, accepted, declined, expired or judged"),
    sa.Column("seen", Document, nullable=False, comment="the published figure that it follows from"),
    sa.Column("owner_id", Key, comment="who sees to it; null: whoever runs the program"),
    sa.Column("made_at", Instant, nullable=False),
    sa.Column("expires_at", Instant, nullable=False),
    sa.Column("remind_at", Instant, comment="not shown before; null: shown"),
    sa.Column("decided_at", Instant),
    sa.Column("decided_by", sa.String(200)),
    sa.Column("reason", sa.String(500), comment="why it was declined"),
    sa.Column("program_version", sa.Integer, comment="what came into force because of it"),
    sa.Column("judge_at", Instant),
    sa.Column("outcome", Document, comment="the same figure when it was judged"),
    sa.Index("ix_recommendation_workspace", "organization_id", "workspace_id", "rule"),
)
benchmark = sa.Table(
    "benchmark",
    metadata,
    tenant(),
    sa.Column("workspace_id", Key, sa.ForeignKey("workspace.id"), primary_key=True),
    sa.Column("component", sa.String(30), primary_key=True),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("value", sa.Float, nullable=False),
    sa.Column("n", sa.Integer, nullable=False, comment="0: not said"),
    sa.Column("ended", sa.String(10), nullable=False, comment="the last day of its period"),
    sa.Column("source", sa.String(500), nullable=False),
    sa.Column("license", sa.String(200), nullable=False),
)
"""The newest one of each component; what was there before is in the audit log."""
overview_setting = sa.Table(
    "overview_setting",
    metadata,
    tenant(),
    sa.Column("workspace_id", Key, sa.ForeignKey("workspace.id"), primary_key=True),
    sa.Column("readers", sa.String(10), nullable=False, comment="admins, hosts or members"),
)
