"""Organizations, workspaces, persons, identities and what they wish."""

from __future__ import annotations

import sqlalchemy as sa

from tertulia.storage.tables.columns import Document, Instant, Key, metadata, tenant

organization = sa.Table(
    "organization",
    metadata,
    sa.Column("id", Key, primary_key=True),
    sa.Column("name", sa.String(200), nullable=False, unique=True),
    sa.Column("domains", Document, nullable=False, comment="declared e-mail domains: identities link by them"),
    sa.Column("created_at", Instant, nullable=False),
)
workspace = sa.Table(
    "workspace",
    metadata,
    tenant(),
    sa.Column("id", Key, primary_key=True),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("zone", sa.String(64), nullable=False),
    sa.Column("language", sa.String(35), nullable=False),
    sa.Column("message_budget", sa.Integer, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.UniqueConstraint("organization_id", "name"),
)
person = sa.Table(
    "person",
    metadata,
    tenant(),
    sa.Column("id", Key, primary_key=True),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("email", sa.String(254)),
    sa.Column("zone", sa.String(64), nullable=False),
    sa.Column("languages", Document, nullable=False),
    sa.Column("worker_type", sa.String(20), nullable=False),
    sa.Column("team", sa.String(200)),
    sa.Column("location", sa.String(200)),
    sa.Column("work_start", sa.String(5), nullable=False),
    sa.Column("work_end", sa.String(5), nullable=False),
    sa.Column("quiet_start", sa.String(5), nullable=False),
    sa.Column("quiet_end", sa.String(5), nullable=False),
    sa.Column("message_budget", sa.Integer),
    sa.Column("preferred_channel", sa.String(50)),
    sa.Column("snoozed_until", Instant),
    sa.Column("merged_into", Key, comment="the person that this one turned out to be"),
    sa.Column("erased_at", Instant),
    sa.Column("created_at", Instant, nullable=False),
    sa.UniqueConstraint("organization_id", "email"),
)
membership = sa.Table(
    "membership",
    metadata,
    tenant(),
    sa.Column("workspace_id", Key, sa.ForeignKey("workspace.id"), primary_key=True),
    sa.Column("person_id", Key, sa.ForeignKey("person.id"), primary_key=True),
    sa.Column("joined_at", Instant, nullable=False),
    sa.Column("left_at", Instant),
    sa.Index("ix_membership_person", "organization_id", "person_id"),
)
role = sa.Table(
    "role",
    metadata,
    tenant(),
    sa.Column("workspace_id", Key, sa.ForeignKey("workspace.id"), primary_key=True),
    sa.Column("person_id", Key, sa.ForeignKey("person.id"), primary_key=True),
    sa.Column("role", sa.String(20), primary_key=True),
    sa.Column("granted_at", Instant, nullable=False),
)
identity = sa.Table(
    "identity",
    metadata,
    tenant(),
    sa.Column("id", Key, primary_key=True),
    sa.Column("person_id", Key, sa.ForeignKey("person.id"), comment="null: an unresolved actor"),
    sa.Column("platform", sa.String(50), nullable=False),
    sa.Column("realm", sa.String(200), nullable=False),
    sa.Column("user", sa.String(200), nullable=False),
    sa.Column("verified", sa.String(20), comment="directory_id, directory_email, code, import"),
    sa.Column("address", Document),
    sa.Column("reachable", sa.Boolean, nullable=False),
    sa.Column("seen_at", Instant, nullable=False),
    sa.UniqueConstraint("organization_id", "platform", "realm", "user"),
    sa.Index("ix_identity_person", "organization_id", "person_id"),
)
identity_change = sa.Table(
    "identity_change",
    metadata,
    tenant(),
    sa.Column("id", Key, primary_key=True),
    sa.Column("identity_id", Key, sa.ForeignKey("identity.id"), nullable=False),
    sa.Column("from_person", Key),
    sa.Column("to_person", Key),
    sa.Column("method", sa.String(20), nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("undone_at", Instant),
)
identity_merge = sa.Table(
    "identity_merge",
    metadata,
    tenant(),
    sa.Column("id", Key, primary_key=True),
    sa.Column("kept", Key, sa.ForeignKey("person.id"), nullable=False),
    sa.Column("gone", Key, sa.ForeignKey("person.id"), nullable=False),
    sa.Column("sealed", sa.LargeBinary, comment="every row as it was and as it became; null once undone"),
    sa.Column("at", Instant, nullable=False),
    sa.Column("undone_at", Instant),
)
place = sa.Table(
    "place",
    metadata,
    tenant(),
    sa.Column("id", Key, primary_key=True),
    sa.Column("workspace_id", Key, sa.ForeignKey("workspace.id"), nullable=False),
    sa.Column("platform", sa.String(50), nullable=False),
    sa.Column("ref", sa.String(400), nullable=False),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("origin", sa.String(20), nullable=False, comment="program or host: who registered it"),
    sa.UniqueConstraint("organization_id", "workspace_id", "platform", "ref"),
)
opt_out = sa.Table(
    "opt_out",
    metadata,
    tenant(),
    sa.Column("person_id", Key, sa.ForeignKey("person.id"), primary_key=True),
    sa.Column("practice", sa.String(100), primary_key=True, comment="* stands for every practice"),
    sa.Column("at", Instant, nullable=False),
)
code = sa.Table(
    "code",
    metadata,
    tenant(),
    sa.Column("id", Key, primary_key=True),
    sa.Column("person_id", Key, sa.ForeignKey("person.id"), nullable=False),
    sa.Column("purpose", sa.String(20), nullable=False, comment="sign_in or link"),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("expires_at", Instant, nullable=False),
)
tombstone = sa.Table(
    "tombstone",
    metadata,
    tenant(),
    sa.Column("person_id", Key, primary_key=True),
    sa.Column("erased_at", Instant, nullable=False),
)
