"""Keep how members' sessions began, and which sign-ins with Entra were taken."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Make the two tables."""
    op.create_table(
        "session_origin",
        sa.Column("organization_id", sa.String(length=32), nullable=False),
        sa.Column(
            "digest", sa.String(length=64), nullable=False, comment="of the session's secret, as in web_session"
        ),
        sa.Column(
            "id", sa.String(length=32), nullable=False, comment="what the person's own page names the session by"
        ),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("way", sa.String(length=10), nullable=False, comment="code, link or entra"),
        sa.Column(
            "device", sa.String(length=60), nullable=False, comment="browser and system in words; empty: not told"
        ),
        sa.Column("began_at", sa.BigInteger(), nullable=False),
        sa.Column("used_hour", sa.BigInteger(), nullable=False, comment="the hour of its last use that prolonged it"),
        sa.Column("ends_at", sa.BigInteger(), nullable=False, comment="when it ends however much it is used"),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_session_origin")),
        sa.UniqueConstraint("organization_id", "id", name=op.f("uq_session_origin_organization_id_id")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "spent_sign_in",
        sa.Column("digest", sa.String(length=64), nullable=False, comment="of the state, which comes back once"),
        sa.Column("until", sa.BigInteger(), nullable=False, comment="when the state would have ended by itself"),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_spent_sign_in")),
        sqlite_with_rowid=False,
    )
