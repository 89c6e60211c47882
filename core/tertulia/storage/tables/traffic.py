"""Installations of plugins, what comes in and goes out, and what the workers share."""

from __future__ import annotations

import time

import sqlalchemy as sa

from tertulia.storage.tables.columns import Instant, Key, metadata, tenant

installation = sa.Table(
    "installation",
    metadata,
    tenant(),
    sa.Column("id", Key, primary_key=True),
    sa.Column("workspace_id", Key, sa.ForeignKey("workspace.id"), nullable=False),
    sa.Column("plugin", sa.String(50), nullable=False),
    sa.Column("settings", sa.LargeBinary, nullable=False, comment="sealed JSON"),
    sa.Column("enabled", sa.Boolean, nullable=False),
    sa.Column("version", sa.Integer, nullable=False, comment="raised by every change; processes reload by it"),
    sa.UniqueConstraint("organization_id", "workspace_id", "plugin"),
)
subscription = sa.Table(
    "subscription",
    metadata,
    tenant(),
    sa.Column("id", Key, primary_key=True),
    sa.Column("installation_id", Key, sa.ForeignKey("installation.id"), nullable=False),
    sa.Column("name", sa.String(100), nullable=False),
    sa.Column("secrets", sa.LargeBinary, nullable=False, comment="sealed JSON list"),
    sa.UniqueConstraint("organization_id", "installation_id", "name"),
)
inbox = sa.Table(
    "inbox",
    metadata,
    tenant(),
    sa.Column("id", Key, primary_key=True),
    sa.Column("subscription_id", Key, nullable=False),
    sa.Column("event", sa.String(64), nullable=False, comment="keyed hash of the platform's event id"),
    sa.Column("sealed", sa.LargeBinary, comment="the raw request, sealed; null once processed"),
    sa.Column("state", sa.String(10), nullable=False, comment="received, done, failed"),
    sa.Column("attempts", sa.SmallInteger, nullable=False),
    sa.Column("next_at", sa.Float, nullable=False, comment="real time, seconds: lease or back-off"),
    sa.Column("reason", sa.String(200)),
    sa.Column("received_at", Instant, nullable=False),
    sa.UniqueConstraint("organization_id", "subscription_id", "event"),
)
sa.Index(
    "ix_inbox_todo",
    inbox.c.next_at,
    sqlite_where=inbox.c.state == "received",
    postgresql_where=inbox.c.state == "received",
)
seen = sa.Table(
    "seen",
    metadata,
    tenant(),
    sa.Column("installation_id", Key, primary_key=True),
    sa.Column("event", sa.String(64), primary_key=True, comment="keyed hash of an Inbox key"),
    sa.Column("at", sa.Float, nullable=False, default=time.time, comment="real time, seconds"),
    sa.Index("ix_seen_at", "at"),
    sqlite_with_rowid=False,
)
outbox = sa.Table(
    "outbox",
    metadata,
    tenant(),
    sa.Column("id", Key, primary_key=True),
    sa.Column("installation_id", Key, nullable=False),
    sa.Column("purpose", sa.String(20), nullable=False, comment="reply, code, alert, refresh"),
    sa.Column("sealed", sa.LargeBinary, comment="what to send and where; null once sent"),
    sa.Column("state", sa.String(10), nullable=False),
    sa.Column("attempts", sa.SmallInteger, nullable=False),
    sa.Column("next_at", sa.Float, nullable=False, comment="real time, seconds: lease or back-off"),
    sa.Column("reason", sa.String(200)),
)
sa.Index(
    "ix_outbox_todo",
    outbox.c.next_at,
    sqlite_where=outbox.c.state == "planned",
    postgresql_where=outbox.c.state == "planned",
)
rate = sa.Table(
    "rate",
    metadata,
    sa.Column("key", sa.String(200), primary_key=True),
    sa.Column("tat", sa.Float, nullable=False, comment="theoretical arrival time, real seconds"),
)
worker = sa.Table(
    "worker",
    metadata,
    sa.Column("id", sa.String(80), primary_key=True),
    sa.Column("beat", sa.Float, nullable=False),
)
lease = sa.Table(
    "lease",
    metadata,
    sa.Column("name", sa.String(80), primary_key=True),
    sa.Column("owner", sa.String(80), nullable=False),
    sa.Column("until", sa.Float, nullable=False),
)
stamp = sa.Table(
    "stamp",
    metadata,
    sa.Column("name", sa.String(40), primary_key=True, comment="mode, instance, keys"),
    sa.Column("value", sa.String(200), nullable=False),
)
cursor = sa.Table(
    "cursor",
    metadata,
    tenant(),
    sa.Column("installation_id", Key, primary_key=True),
    sa.Column("port", sa.String(20), primary_key=True, comment="participation or directory"),
    sa.Column("value", sa.Text),
    sa.Column("collect_at", Instant, comment="when to read again"),
)
