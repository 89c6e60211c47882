"""How far the release of a survey round has come; nothing in it depends on an answer but the gate's logged step."""

from __future__ import annotations

import sqlalchemy as sa

from tertulia.storage.tables.columns import Document, Key, metadata, tenant

release_state = sa.Table(
    "release_state",
    metadata,
    tenant(),
    sa.Column("round_id", Key, sa.ForeignKey("round.id"), primary_key=True),
    sa.Column("digest", sa.String(64), nullable=False, comment="of all that the release is computed from"),
    sa.Column("phase", sa.String(20), nullable=False, comment="audit, or the gate's step"),
    sa.Column("percent", sa.Integer, nullable=False),
    sa.Column("kept", Document, nullable=False, comment="what is decided; see release.Decided"),
)
"""One row while a round's release is computed; it goes with the ballots."""
