"""Keep candles, feedback and comments, each sealed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make the tables of what is said in confidence."""
    _reporting_line()
    _candle_key()
    _candle()
    _candle_quarter()
    _care_line()
    _feedback()
    _feedback_message()
    _feedback_right()
    _feedback_spent()
    _comment()


def _reporting_line() -> None:
    op.create_table(
        "reporting_line",
        sa.Column("organization_id", sa.String(length=32), nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("manager_id", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["manager_id"], ["person.id"], name=op.f("fk_reporting_line_manager_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_reporting_line_person_id")),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_reporting_line")),
    )
    op.create_index("ix_reporting_line_manager", "reporting_line", ["organization_id", "manager_id"], unique=False)


def _candle_key() -> None:
    op.create_table(
        "candle_key",
        sa.Column("organization_id", sa.String(length=32), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=False, comment="a responder"),
        sa.Column("public", sa.LargeBinary(), nullable=False, comment="X25519; the private key is in no database"),
        sa.Column("made_at", sa.BigInteger(), nullable=False, comment="the newest seals"),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_candle_key_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_candle_key")),
    )
    op.create_index("ix_candle_key_person", "candle_key", ["organization_id", "person_id"], unique=False)


def _candle() -> None:
    op.create_table(
        "candle",
        sa.Column("organization_id", sa.String(length=32), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("workspace_id", sa.String(length=32), nullable=False),
        sa.Column("reference", sa.String(length=40), nullable=False, comment="what alerts call it; tells nothing"),
        sa.Column(
            "owner", sa.String(length=64), nullable=False, comment="keyed hash of the member, who alone looks for it"
        ),
        sa.Column("responder_id", sa.String(length=32), nullable=False),
        sa.Column("responder_key", sa.String(length=32), nullable=False),
        sa.Column(
            "responder_box",
            sa.LargeBinary(),
            nullable=True,
            comment="sealed to that key, constant length; null once withdrawn",
        ),
        sa.Column("deputy_id", sa.String(length=32), nullable=True),
        sa.Column("deputy_key", sa.String(length=32), nullable=True),
        sa.Column("deputy_box", sa.LargeBinary(), nullable=True),
        sa.Column(
            "state", sa.String(length=12), nullable=False, comment="waiting, opened, acknowledged, closed, withdrawn"
        ),
        sa.Column(
            "step", sa.SmallInteger(), nullable=False, comment="0 to alert, 1 alerted, 2 handed over, 3 overdue"
        ),
        sa.Column(
            "next_at",
            sa.BigInteger(),
            nullable=True,
            comment="the end of a working day or of quiet hours, never when it was lit",
        ),
        sa.Column("lit_on", sa.BigInteger(), nullable=False, comment="a day, no time"),
        sa.Column("changed_on", sa.BigInteger(), nullable=False, comment="a day, no time"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], name=op.f("fk_candle_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_candle")),
        sa.UniqueConstraint("organization_id", "reference", name=op.f("uq_candle_organization_id_reference")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_candle_deputy", "candle", ["organization_id", "deputy_id"], unique=False)
    op.create_index("ix_candle_next_at", "candle", ["next_at"], unique=False)
    op.create_index("ix_candle_owner", "candle", ["organization_id", "owner"], unique=False)
    op.create_index("ix_candle_responder", "candle", ["organization_id", "responder_id"], unique=False)


def _candle_quarter() -> None:
    op.create_table(
        "candle_quarter",
        sa.Column("organization_id", sa.String(length=32), nullable=False),
        sa.Column("id", sa.String(length=48), nullable=False, comment="organization and quarter, like …:2026-Q4"),
        sa.Column("lit", sa.Integer(), nullable=False, comment="shown after the quarter only, as a band of five"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_candle_quarter")),
    )


def _care_line() -> None:
    op.create_table(
        "care_line",
        sa.Column("organization_id", sa.String(length=32), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("workspace_id", sa.String(length=32), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False, comment="ISO 3166 code, or empty for everywhere"),
        sa.Column("label", sa.String(length=200), nullable=False),
        sa.Column("number", sa.String(length=60), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], name=op.f("fk_care_line_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_care_line")),
    )
    op.create_index("ix_care_line_workspace", "care_line", ["organization_id", "workspace_id"], unique=False)


def _feedback() -> None:
    op.create_table(
        "feedback",
        sa.Column("organization_id", sa.String(length=32), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("workspace_id", sa.String(length=32), nullable=False),
        sa.Column(
            "digest", sa.String(length=64), nullable=False, comment="SHA-256 of the receipt that the author holds"
        ),
        sa.Column("locked", sa.Boolean(), nullable=False),
        sa.Column("hidden", sa.Boolean(), nullable=False),
        sa.Column("week", sa.BigInteger(), nullable=False, comment="the Monday of the week of its last message"),
        sa.Column("passed_on", sa.Boolean(), nullable=False, comment="whether responders may read it too"),
        sa.Column(
            "tell_at",
            sa.BigInteger(),
            nullable=True,
            comment="the end of a responder's quiet hours, never when it was passed on",
        ),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], name=op.f("fk_feedback_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feedback")),
        sa.UniqueConstraint("digest", name=op.f("uq_feedback_digest")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_feedback_tell_at", "feedback", ["tell_at"], unique=False)
    op.create_index("ix_feedback_workspace", "feedback", ["organization_id", "workspace_id"], unique=False)


def _feedback_message() -> None:
    op.create_table(
        "feedback_message",
        sa.Column("organization_id", sa.String(length=32), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("feedback_id", sa.String(length=32), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False, comment="the order within one conversation only"),
        sa.Column("author", sa.String(length=6), nullable=False, comment="author or team; nobody in particular"),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("week", sa.BigInteger(), nullable=False, comment="the Monday of its week"),
        sa.ForeignKeyConstraint(["feedback_id"], ["feedback.id"], name=op.f("fk_feedback_message_feedback_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feedback_message")),
        sa.UniqueConstraint("feedback_id", "position", name=op.f("uq_feedback_message_feedback_id_position")),
        sqlite_with_rowid=False,
    )


def _feedback_right() -> None:
    op.create_table(
        "feedback_right",
        sa.Column("organization_id", sa.String(length=32), nullable=False),
        sa.Column("week", sa.String(length=8), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False, comment="keyed hash of week and person"),
        sa.Column("used", sa.Integer(), nullable=False, comment="rights handed out; no message knows which"),
        sa.PrimaryKeyConstraint("week", "digest", name=op.f("pk_feedback_right")),
        sqlite_with_rowid=False,
    )


def _feedback_spent() -> None:
    op.create_table(
        "feedback_spent",
        sa.Column("organization_id", sa.String(length=32), nullable=False),
        sa.Column(
            "digest", sa.String(length=64), nullable=False, comment="of a right that was used; it names nobody"
        ),
        sa.Column(
            "until", sa.BigInteger(), nullable=False, comment="the end of the week after which rights are void"
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_feedback_spent")),
        sqlite_with_rowid=False,
    )


def _comment() -> None:
    op.create_table(
        "comment",
        sa.Column("organization_id", sa.String(length=32), nullable=False),
        sa.Column("round_id", sa.String(length=32), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False, comment="random: the rows lie shuffled"),
        sa.Column(
            "node", sa.String(length=450), nullable=False, comment="where in the organization tree it is shown"
        ),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["round_id"], ["round.id"], name=op.f("fk_comment_round_id")),
        sa.PrimaryKeyConstraint("round_id", "id", name=op.f("pk_comment")),
        sqlite_with_rowid=False,
    )
