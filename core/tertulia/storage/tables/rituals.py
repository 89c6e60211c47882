"""What rituals keep beside rounds: standing sign-ups, personal shares, what follows a round, reserved places."""

from __future__ import annotations

import sqlalchemy as sa

from tertulia.storage.tables.columns import Document, Instant, Key, metadata, tenant

sign_up = sa.Table(
    "sign_up",
    metadata,
    tenant(),
    sa.Column("workspace_id", Key, sa.ForeignKey("workspace.id"), primary_key=True),
    sa.Column("practice", sa.String(100), primary_key=True),
    sa.Column("person_id", Key, sa.ForeignKey("person.id"), primary_key=True),
    sa.Column("joined_at", Instant, nullable=False),
    sa.Column("left_at", Instant, comment="null: takes part in the coming rounds"),
    sa.Column("left_because", sa.String(10), comment="wish or silence"),
    sa.Index("ix_sign_up_person", "organization_id", "person_id"),
)
round_share = sa.Table(
    "round_share",
    metadata,
    tenant(),
    sa.Column("round_id", Key, sa.ForeignKey("round.id"), primary_key=True),
    sa.Column("person_id", Key, sa.ForeignKey("person.id"), primary_key=True),
    sa.Column("group_id", Key, comment="who has the same was brought together"),
    sa.Column("share", Document, nullable=False),
    sa.Index("ix_round_share_group", "round_id", "group_id"),
    sa.Index("ix_round_share_person", "organization_id", "person_id"),
)
round_follow_up = sa.Table(
    "round_follow_up",
    metadata,
    tenant(),
    sa.Column("round_id", Key, sa.ForeignKey("round.id"), primary_key=True),
    sa.Column("parent_id", Key, sa.ForeignKey("round.id"), nullable=False),
    sa.Column("root_id", Key, sa.ForeignKey("round.id"), nullable=False, comment="the practice's own round"),
    sa.Column("stage", sa.String(30), nullable=False),
    sa.Column("ask", sa.String(5), nullable=False, comment="each, place or both"),
    sa.Column("reminders", Document, nullable=False, comment="seconds after a person's own due instant"),
    sa.Index("ix_round_follow_up_root", "root_id"),
)
reservation = sa.Table(
    "reservation",
    metadata,
    tenant(),
    sa.Column("round_id", Key, sa.ForeignKey("round.id"), primary_key=True, comment="the practice's own round"),
    sa.Column("item", sa.String(60), primary_key=True, comment="what has room for so many, or empty for the whole"),
    sa.Column("person_id", Key, sa.ForeignKey("person.id"), primary_key=True),
    sa.Column("at", Instant, nullable=False, comment="who came first keeps the place, whatever changes later"),
    sa.Index("ix_reservation_person", "organization_id", "person_id"),
)
private_answer = sa.Table(
    "private_answer",
    metadata,
    tenant(),
    sa.Column("round_id", Key, sa.ForeignKey("round.id"), primary_key=True, comment="the practice's own round"),
    sa.Column("person_id", Key, sa.ForeignKey("person.id"), primary_key=True),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
    sa.Column("expires_at", Instant, nullable=False),
    sa.Index("ix_private_answer_person", "organization_id", "person_id"),
)
