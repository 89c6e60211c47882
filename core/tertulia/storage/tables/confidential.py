"""Ballots and links: what must not be joined, and what must not be read."""

from __future__ import annotations

import sqlalchemy as sa

from tertulia.storage.tables.columns import Document, Instant, Key, metadata, tenant

ballot = sa.Table(
    "ballot",
    metadata,
    sa.Column("round_id", Key, primary_key=True),
    sa.Column("id", sa.String(64), primary_key=True, comment="HMAC(round secret, person)"),
    sa.Column("sealed", sa.LargeBinary, nullable=False, comment="sealed to the round's key, constant length"),
    sqlite_with_rowid=False,
)
respondent = sa.Table(
    "respondent",
    metadata,
    tenant(),
    sa.Column("round_id", Key, primary_key=True),
    sa.Column("person_id", Key, primary_key=True, comment="who answered, for the look-back; no time, no order"),
    sa.Column("atom", Document, comment="the groups the answer was counted in; null: in none"),
    sqlite_with_rowid=False,
)
cell = sa.Table(
    "cell",
    metadata,
    tenant(),
    sa.Column("round_id", Key, sa.ForeignKey("round.id"), primary_key=True),
    sa.Column("item", sa.String(100), primary_key=True),
    sa.Column("group_key", sa.String(1000), primary_key=True, comment="attributes and values; see candidates.Group"),
    sa.Column("family", sa.String(20), nullable=False),
    sa.Column("position", sa.Integer, nullable=False, comment="the order of candidates"),
    sa.Column("outcome", sa.String(20), nullable=False, comment="published, or why not"),
    sa.Column("answered", sa.Integer, nullable=False, comment="rounded down to 5; 0 where nothing is published"),
    sa.Column("base", sa.Integer, nullable=False),
    sa.Column("figures", Document, nullable=False, comment="rounded counts with the least and most they stand for"),
    sa.Column("points", Document, nullable=False),
    sa.Column("blocks", Document, comment="which parts of the audience were asked; null: all"),
    sa.Index("ix_cell_item", "organization_id", "item"),
)
"""Everything that any screen, export, API or plugin may know of a survey's answers."""
link = sa.Table(
    "link",
    metadata,
    tenant(),
    sa.Column("digest", sa.String(64), primary_key=True, comment="SHA-256 of the 128-bit secret"),
    sa.Column("person_id", Key, nullable=False),
    sa.Column("round_id", Key, nullable=False),
    sa.Column("expires_at", Instant, nullable=False),
    sa.Index("ix_link_round", "round_id"),
    sqlite_with_rowid=False,
)
web_session = sa.Table(
    "web_session",
    metadata,
    tenant(),
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("person_id", Key, nullable=False),
    sa.Column("round_id", Key, comment="the one round a link's session may see; null: signed in by a code"),
    sa.Column("fresh_until", Instant, comment="my data and erase ask for a code given before this"),
    sa.Column("expires_at", Instant, nullable=False),
    sqlite_with_rowid=False,
)
store = sa.Table(
    "store",
    metadata,
    tenant(),
    sa.Column("installation_id", Key, primary_key=True),
    sa.Column("key", sa.String(300), primary_key=True),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
)
audit = sa.Table(
    "audit",
    metadata,
    sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("organization_id", Key),
    sa.Column("at", Instant, nullable=False),
    sa.Column("actor", sa.String(200), nullable=False),
    sa.Column("verb", sa.String(60), nullable=False),
    sa.Column("subject", sa.String(200), nullable=False),
    sa.Column("detail", Document, nullable=False),
    sa.Column("digest", sa.String(64), nullable=False, comment="HMAC over the row and the one before"),
)
