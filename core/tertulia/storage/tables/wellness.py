"""Hard weeks, in which the playful practices rest, and groups that members found for themselves."""

from __future__ import annotations

import sqlalchemy as sa

from tertulia.storage.tables.columns import Instant, Key, metadata, tenant

hard_weeks = sa.Table(
    "hard_weeks",
    metadata,
    tenant(),
    sa.Column("id", Key, primary_key=True),
    sa.Column("workspace_id", Key, sa.ForeignKey("workspace.id"), nullable=False),
    sa.Column("team", sa.String(200), comment="null: the whole workspace"),
    sa.Column("word", sa.String(600), nullable=False, comment="what the members are told"),
    sa.Column("begins_at", Instant, nullable=False),
    sa.Column("resumes_at", Instant, nullable=False),
    sa.Column("ended_at", Instant, comment="somebody ended it before its date"),
    sa.Index("ix_hard_weeks_workspace", "organization_id", "workspace_id", "resumes_at"),
)
affinity_group = sa.Table(
    "affinity_group",
    metadata,
    tenant(),
    sa.Column("id", Key, primary_key=True),
    sa.Column("workspace_id", Key, sa.ForeignKey("workspace.id"), nullable=False),
    sa.Column("slug", sa.String(64), nullable=False, comment="what a program calls it"),
    sa.Column("name", sa.String(80), nullable=False),
    sa.Column("about", sa.String(600), nullable=False),
    sa.Column("private", sa.Boolean, nullable=False, comment="a keeper lets people in, and only members see members"),
    sa.Column("closed_at", Instant, comment="nobody finds it any more, and none of its rituals is held"),
    sa.UniqueConstraint("organization_id", "workspace_id", "slug"),
)
affinity_member = sa.Table(
    "affinity_member",
    metadata,
    tenant(),
    sa.Column("group_id", Key, sa.ForeignKey("affinity_group.id"), primary_key=True),
    sa.Column("person_id", Key, sa.ForeignKey("person.id"), primary_key=True),
    sa.Column("keeper", sa.Boolean, nullable=False),
    sa.Column("shown", sa.Boolean, nullable=False, comment="wishes to be named to the whole workspace"),
    sa.Column("asked_at", Instant, nullable=False),
    sa.Column("joined_at", Instant, comment="null: waits to be let in"),
    sa.Index("ix_affinity_member_person", "organization_id", "person_id"),
)
