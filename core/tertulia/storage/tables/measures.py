"""Published measures, who was counted in them, employment, and ratings from outside."""

from __future__ import annotations

import sqlalchemy as sa

from tertulia.storage.tables.columns import Document, Instant, Key, metadata, tenant

measure_period = sa.Table(
    "measure_period",
    metadata,
    tenant(),
    sa.Column("workspace_id", Key, sa.ForeignKey("workspace.id"), primary_key=True),
    sa.Column("family", sa.String(20), primary_key=True),
    sa.Column("period", sa.String(10), primary_key=True, comment="2026-W47 or 2026-Q4"),
    sa.Column("ended_at", Instant, nullable=False),
    sa.Column("published_at", Instant, nullable=False),
)
"""One row per period that is published as a whole."""
measure_release = sa.Table(
    "measure_release",
    metadata,
    tenant(),
    sa.Column("workspace_id", Key, sa.ForeignKey("workspace.id"), primary_key=True),
    sa.Column("family", sa.String(20), primary_key=True),
    sa.Column("period", sa.String(10), primary_key=True),
    sa.Column("population", sa.String(140), primary_key=True),
    sa.Column("series", sa.String(180), nullable=False, comment="what is audited together"),
    sa.Column("asked", sa.String(64), nullable=False, comment="digest of the people before any were left out"),
    sa.Column("roster_id", Key, nullable=False, comment="who was counted, and in which groups"),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("k", sa.Integer, nullable=False),
    sa.Column("gate", sa.String(20), nullable=False),
    sa.Column("cells", Document, nullable=False, comment="what was published of which group, for the look-back"),
    sa.Column("published_at", Instant, nullable=False),
    sa.Index("ix_measure_release_series", "organization_id", "family", "series"),
)
measure_figure = sa.Table(
    "measure_figure",
    metadata,
    tenant(),
    sa.Column("workspace_id", Key, sa.ForeignKey("workspace.id"), primary_key=True),
    sa.Column("family", sa.String(20), primary_key=True),
    sa.Column("period", sa.String(10), primary_key=True),
    sa.Column("key", sa.String(60), primary_key=True),
    sa.Column("about", sa.String(140), primary_key=True),
    sa.Column("group_key", sa.String(1000), primary_key=True, comment="attributes and values"),
    sa.Column("group_family", sa.String(20), nullable=False),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("unit", sa.String(20), nullable=False),
    sa.Column("value", sa.Float),
    sa.Column("low", sa.Float),
    sa.Column("high", sa.Float),
    sa.Column("n", sa.Integer, nullable=False, comment="rounded down to 5"),
    sa.Column("numerator", sa.Integer, comment="rounded"),
    sa.Column("denominator", sa.Integer, comment="rounded"),
    sa.Column("least", sa.Integer),
    sa.Column("most", sa.Integer),
    sa.Column("withheld", sa.String(200), comment="why there is no number, in words"),
    sa.Column("formula", sa.String(60), nullable=False),
    sa.Column("source", sa.String(200), nullable=False),
)
"""Everything that any screen, export, API or plugin may know of participation, ties and turnover."""
measure_roster = sa.Table(
    "measure_roster",
    metadata,
    tenant(),
    sa.Column("id", Key, primary_key=True, comment="derived from what is in it"),
    sa.Column("person_id", Key, primary_key=True, comment="who was counted, for the look-back; no time, no order"),
    sa.Column("atom", Document, nullable=False, comment="the groups the person was counted in"),
    sa.Column("used_at", Instant, nullable=False, comment="when figures were last published of the whole roster"),
    sa.Index("ix_measure_roster_person", "organization_id", "person_id"),
    sqlite_with_rowid=False,
)
employment = sa.Table(
    "employment",
    metadata,
    tenant(),
    sa.Column("id", Key, primary_key=True),
    sa.Column("person_id", Key, sa.ForeignKey("person.id"), nullable=False),
    sa.Column("start_date", sa.String(10), nullable=False, comment="a local date"),
    sa.Column("end_date", sa.String(10), comment="the last day; null while it lasts"),
    sa.Column("end_reason", sa.String(20), comment="voluntary, involuntary, contract_end or other"),
    sa.Column("worker_type", sa.String(20), nullable=False),
    sa.Column("fte", sa.Float, nullable=False),
    sa.Column("origin", sa.String(10), nullable=False, comment="import or directory"),
    sa.Index("ix_employment_person", "organization_id", "person_id"),
)
outside_rating = sa.Table(
    "outside_rating",
    metadata,
    tenant(),
    sa.Column("workspace_id", Key, sa.ForeignKey("workspace.id"), primary_key=True),
    sa.Column("site", sa.String(60), primary_key=True),
    sa.Column("day", sa.String(10), primary_key=True, comment="when it was read"),
    sa.Column("rating", sa.Float, nullable=False),
    sa.Column("largest", sa.Float, nullable=False, comment="the best that the site can give"),
    sa.Column("reviews", sa.Integer, comment="how many it is the mean of"),
    sa.Column("link", sa.String(400), comment="where it was read"),
)
"""What sites outside say about the organization: shown beside our figures, and never mixed with them."""
