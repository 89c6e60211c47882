"""Tokens of the JSON API, and what was answered to their changes for a day."""

from __future__ import annotations

import sqlalchemy as sa

from tertulia.storage.tables.columns import Document, Instant, Key, metadata, tenant

api_token = sa.Table(
    "api_token",
    metadata,
    tenant(),
    sa.Column("id", Key, primary_key=True),
    sa.Column("workspace_id", Key, sa.ForeignKey("workspace.id"), nullable=False),
    sa.Column("person_id", Key, nullable=False, comment="who made it, and by whose roles it is bounded"),
    sa.Column("name", sa.String(100), nullable=False),
    sa.Column("scopes", Document, nullable=False),
    sa.Column("digest", sa.String(64), nullable=False, comment="SHA-256; the token itself is kept nowhere"),
    sa.Column("made_at", Instant, nullable=False),
    sa.Column("expires_at", Instant, nullable=False),
    sa.Column("used_on", sa.String(10), comment="the last day in UTC"),
    sa.Column("revoked_at", Instant),
    sa.Index("ix_api_token_digest", "digest", unique=True),
    sa.Index("ix_api_token_workspace", "organization_id", "workspace_id"),
)
api_reply = sa.Table(
    "api_reply",
    metadata,
    tenant(),
    sa.Column("token_id", Key, sa.ForeignKey("api_token.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("key", sa.String(64), primary_key=True, comment="hash of the Idempotency-Key"),
    sa.Column("request", sa.String(64), nullable=False, comment="hash of method, path and body"),
    sa.Column("at", Instant, nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False, comment="what was answered"),
)
