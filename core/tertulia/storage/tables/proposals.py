"""What one person proposed and another has to agree to."""

from __future__ import annotations

import sqlalchemy as sa

from tertulia.storage.tables.columns import Document, Instant, Key, metadata, tenant

proposal = sa.Table(
    "proposal",
    metadata,
    tenant(),
    sa.Column("id", Key, primary_key=True),
    sa.Column("workspace_id", Key, sa.ForeignKey("workspace.id"), comment="null: about the whole organization"),
    sa.Column("what", sa.String(20), nullable=False, comment="see services.second_person"),
    sa.Column("detail", Document, nullable=False),
    sa.Column("seen", Document, nullable=False, comment="how things stood when it was proposed"),
    sa.Column("state", sa.String(10), nullable=False, comment="waiting, approved, refused or withdrawn"),
    sa.Column("proposed_by", Key, nullable=False),
    sa.Column("proposed_at", Instant, nullable=False),
    sa.Column("expires_at", Instant, nullable=False),
    sa.Column("decided_by", Key),
    sa.Column("decided_at", Instant),
    sa.Column("used_at", Instant, comment="when an approved export was downloaded: once"),
    sa.Index("ix_proposal_workspace", "organization_id", "workspace_id", "state"),
)
