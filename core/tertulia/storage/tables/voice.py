"""What people say in confidence: candles, who may receive them, anonymous feedback, and comments of surveys."""

from __future__ import annotations

import sqlalchemy as sa

from tertulia.storage.tables.columns import Instant, Key, metadata, tenant

reporting_line = sa.Table(
    "reporting_line",
    metadata,
    tenant(),
    sa.Column("person_id", Key, sa.ForeignKey("person.id"), primary_key=True),
    sa.Column("manager_id", Key, sa.ForeignKey("person.id"), nullable=False),
    sa.Index("ix_reporting_line_manager", "organization_id", "manager_id"),
)
candle_key = sa.Table(
    "candle_key",
    metadata,
    tenant(),
    sa.Column("id", Key, primary_key=True),
    sa.Column("person_id", Key, sa.ForeignKey("person.id"), nullable=False, comment="a responder"),
    sa.Column("public", sa.LargeBinary, nullable=False, comment="X25519; the private key is in no database"),
    sa.Column("made_at", Instant, nullable=False, comment="the newest seals"),
    sa.Index("ix_candle_key_person", "organization_id", "person_id"),
)
candle = sa.Table(
    "candle",
    metadata,
    tenant(),
    sa.Column("id", Key, primary_key=True),
    sa.Column("workspace_id", Key, sa.ForeignKey("workspace.id"), nullable=False),
    sa.Column("reference", sa.String(40), nullable=False, comment="what alerts call it; tells nothing"),
    sa.Column("owner", sa.String(64), nullable=False, comment="keyed hash of the member, who alone looks for it"),
    sa.Column("responder_id", Key, nullable=False),
    sa.Column("responder_key", Key, nullable=False),
    sa.Column("responder_box", sa.LargeBinary, comment="sealed to that key, constant length; null once withdrawn"),
    sa.Column("deputy_id", Key),
    sa.Column("deputy_key", Key),
    sa.Column("deputy_box", sa.LargeBinary),
    sa.Column("state", sa.String(12), nullable=False, comment="waiting, opened, acknowledged, closed, withdrawn"),
    sa.Column("step", sa.SmallInteger, nullable=False, comment="0 to alert, 1 alerted, 2 handed over, 3 overdue"),
    sa.Column("next_at", Instant, comment="the end of a working day or of quiet hours, never when it was lit"),
    sa.Column("lit_on", Instant, nullable=False, comment="a day, no time"),
    sa.Column("changed_on", Instant, nullable=False, comment="a day, no time"),
    sa.UniqueConstraint("organization_id", "reference"),
    sa.Index("ix_candle_owner", "organization_id", "owner"),
    sa.Index("ix_candle_responder", "organization_id", "responder_id"),
    sa.Index("ix_candle_deputy", "organization_id", "deputy_id"),
    sa.Index("ix_candle_next_at", "next_at"),
    sqlite_with_rowid=False,
)
candle_quarter = sa.Table(
    "candle_quarter",
    metadata,
    tenant(),
    sa.Column("id", sa.String(48), primary_key=True, comment="organization and quarter, like …:2026-Q4"),
    sa.Column("lit", sa.Integer, nullable=False, comment="shown after the quarter only, as a band of five"),
)
care_line = sa.Table(
    "care_line",
    metadata,
    tenant(),
    sa.Column("id", Key, primary_key=True),
    sa.Column("workspace_id", Key, sa.ForeignKey("workspace.id"), nullable=False),
    sa.Column("country", sa.String(2), nullable=False, comment="ISO 3166 code, or empty for everywhere"),
    sa.Column("label", sa.String(200), nullable=False),
    sa.Column("number", sa.String(60), nullable=False),
    sa.Index("ix_care_line_workspace", "organization_id", "workspace_id"),
)
feedback = sa.Table(
    "feedback",
    metadata,
    tenant(),
    sa.Column("id", Key, primary_key=True),
    sa.Column("workspace_id", Key, sa.ForeignKey("workspace.id"), nullable=False),
    sa.Column("digest", sa.String(64), nullable=False, comment="SHA-256 of the receipt that the author holds"),
    sa.Column("locked", sa.Boolean, nullable=False),
    sa.Column("hidden", sa.Boolean, nullable=False),
    sa.Column("week", Instant, nullable=False, comment="the Monday of the week of its last message"),
    sa.Column("passed_on", sa.Boolean, nullable=False, comment="whether responders may read it too"),
    sa.Column("tell_at", Instant, comment="the end of a responder's quiet hours, never when it was passed on"),
    sa.UniqueConstraint("digest"),
    sa.Index("ix_feedback_workspace", "organization_id", "workspace_id"),
    sa.Index("ix_feedback_tell_at", "tell_at"),
    sqlite_with_rowid=False,
)
feedback_message = sa.Table(
    "feedback_message",
    metadata,
    tenant(),
    sa.Column("id", Key, primary_key=True),
    sa.Column("feedback_id", Key, sa.ForeignKey("feedback.id"), nullable=False),
    sa.Column("position", sa.Integer, nullable=False, comment="the order within one conversation only"),
    sa.Column("author", sa.String(6), nullable=False, comment="author or team; nobody in particular"),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
    sa.Column("week", Instant, nullable=False, comment="the Monday of its week"),
    sa.UniqueConstraint("feedback_id", "position"),
    sqlite_with_rowid=False,
)
feedback_right = sa.Table(
    "feedback_right",
    metadata,
    tenant(),
    sa.Column("week", sa.String(8), primary_key=True),
    sa.Column("digest", sa.String(64), primary_key=True, comment="keyed hash of week and person"),
    sa.Column("used", sa.Integer, nullable=False, comment="rights handed out; no message knows which"),
    sqlite_with_rowid=False,
)
feedback_spent = sa.Table(
    "feedback_spent",
    metadata,
    tenant(),
    sa.Column("digest", sa.String(64), primary_key=True, comment="of a right that was used; it names nobody"),
    sa.Column("until", Instant, nullable=False, comment="the end of the week after which rights are void"),
    sqlite_with_rowid=False,
)
comment = sa.Table(
    "comment",
    metadata,
    tenant(),
    sa.Column("round_id", Key, sa.ForeignKey("round.id"), primary_key=True),
    sa.Column("id", Key, primary_key=True, comment="random: the rows lie shuffled"),
    sa.Column("node", sa.String(450), nullable=False, comment="where in the organization tree it is shown"),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
