"""What people say to each other in rituals: thanks under their names, and questions to the leadership without any."""

from __future__ import annotations

import sqlalchemy as sa

from tertulia.storage.tables.columns import Instant, Key, metadata, tenant

kudos = sa.Table(
    "kudos",
    metadata,
    tenant(),
    sa.Column("id", Key, primary_key=True),
    sa.Column("workspace_id", Key, sa.ForeignKey("workspace.id"), nullable=False),
    sa.Column("practice", sa.String(100), nullable=False),
    sa.Column("giver_id", Key, sa.ForeignKey("person.id"), nullable=False),
    sa.Column("receiver_id", Key, sa.ForeignKey("person.id"), nullable=False),
    sa.Column("value", sa.String(60), comment="which value of the program, if one was chosen"),
    sa.Column("sealed", sa.LargeBinary, nullable=False, comment="why"),
    sa.Column("public", sa.Boolean, nullable=False, comment="whether the giver allowed the digest"),
    sa.Column("hidden", sa.Boolean, nullable=False, comment="whether the receiver keeps it out of the digest"),
    sa.Column("tied", sa.Boolean, nullable=False, comment="whether a tie was counted for it"),
    sa.Column("platform", sa.String(50), nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("tell_at", Instant, comment="when the receiver is told; null once told, or never to be"),
    sa.Column("told_at", Instant),
    sa.Index("ix_kudos_giver", "organization_id", "giver_id"),
    sa.Index("ix_kudos_receiver", "organization_id", "receiver_id"),
    sa.Index("ix_kudos_tell_at", "tell_at"),
)
question = sa.Table(
    "question",
    metadata,
    tenant(),
    sa.Column("id", Key, primary_key=True, comment="random: the rows lie shuffled"),
    sa.Column("round_id", Key, sa.ForeignKey("round.id"), nullable=False, comment="the practice's own round"),
    sa.Column("sealed", sa.LargeBinary, nullable=False, comment="the question, by nobody in particular"),
    sa.Column("state", sa.String(10), nullable=False, comment="waiting, published or declined"),
    sa.Column("reason", sa.String(300), comment="why it was declined, for all to read"),
    sa.Column("answer", sa.LargeBinary, comment="sealed"),
    sa.Column("votes", sa.Integer, nullable=False, comment="a number; nothing says whose"),
    sa.Index("ix_question_round", "organization_id", "round_id"),
    sqlite_with_rowid=False,
)
