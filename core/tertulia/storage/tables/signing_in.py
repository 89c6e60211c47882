"""How a member's sessions began, and which sign-ins through a provider were taken already."""

from __future__ import annotations

import sqlalchemy as sa

from tertulia.storage.tables.columns import Instant, Key, metadata, tenant

session_origin = sa.Table(
    "session_origin",
    metadata,
    tenant(),
    sa.Column("digest", sa.String(64), primary_key=True, comment="of the session's secret, as in web_session"),
    sa.Column("id", Key, nullable=False, comment="what the person's own page names the session by"),
    sa.Column("person_id", Key, nullable=False),
    sa.Column("way", sa.String(10), nullable=False, comment="code, link or entra"),
    sa.Column("device", sa.String(60), nullable=False, comment="browser and system in words; empty: not told"),
    sa.Column("began_at", Instant, nullable=False),
    sa.Column("used_hour", Instant, nullable=False, comment="the hour of its last use that prolonged it"),
    sa.Column("ends_at", Instant, nullable=False, comment="when it ends however much it is used"),
    sa.UniqueConstraint("organization_id", "id"),
    sqlite_with_rowid=False,
)
spent_sign_in = sa.Table(
    "spent_sign_in",
    metadata,
    sa.Column("digest", sa.String(64), primary_key=True, comment="of the state, which comes back once"),
    sa.Column("until", Instant, nullable=False, comment="when the state would have ended by itself"),
    sqlite_with_rowid=False,
)
