"""Who is at a live round, and whose turn it is; both go when the round closes."""

from __future__ import annotations

import sqlalchemy as sa

from tertulia.storage.tables.columns import Document, Instant, Key, metadata, tenant

seat = sa.Table(
    "seat",
    metadata,
    tenant(),
    sa.Column("session_id", Key, sa.ForeignKey("session.id"), primary_key=True),
    sa.Column("ref", sa.String(200), primary_key=True, comment="what the meeting calls the participant"),
    sa.Column("round_id", Key, nullable=False),
    sa.Column("identity_id", Key, comment="null: no account was proven"),
    sa.Column("holder", sa.String(64), comment="hash of who speaks for the seat; nobody else does"),
    sa.Column("arrived_at", Instant, nullable=False),
    sa.Column("left_at", Instant),
    sa.Column("passed", sa.Boolean, comment="null: no answer; only of those whom nobody knows"),
    sa.Column("values", Document, comment="what somebody whom nobody knows answered"),
    sa.Index("ix_seat_round", "round_id"),
    sa.Index("ix_seat_identity", "organization_id", "identity_id"),
)
turns = sa.Table(
    "turns",
    metadata,
    tenant(),
    sa.Column("session_id", Key, sa.ForeignKey("session.id"), primary_key=True),
    sa.Column("round_id", Key, nullable=False),
    sa.Column("people", Document, nullable=False, comment="seats in the order in which they speak"),
    sa.Column("seconds", sa.Integer, nullable=False),
    sa.Column("number", sa.Integer, nullable=False, comment="who spoke from *since* on, counted from 0"),
    sa.Column("since", Instant, nullable=False),
)
