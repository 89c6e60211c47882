"""Make all tables, as they were at the first release. Written by a script; never edited by hand."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    """Make all tables, what others point to first."""
    _audit()
    _ballot()
    _budget()
    _cursor()
    _inbox()
    _interaction()
    _lease()
    _link()
    _organization()
    _outbox()
    _participation()
    _person()
    _rate()
    _respondent()
    _ritual_memory()
    _seen()
    _stamp()
    _store()
    _tombstone()
    _web_session()
    _worker()
    _workspace()
    _code()
    _identity()
    _identity_merge()
    _installation()
    _membership()
    _opt_out()
    _place()
    _program()
    _role()
    _round()
    _identity_change()
    _response()
    _session()
    _shard()
    _subscription()
    _delivery()


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("organization_id", sa.String(length=32), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("verb", sa.String(length=60), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("detail", DOCUMENT, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False, comment="HMAC over the row and the one before"),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_audit")),
    )


def _ballot() -> None:
    op.create_table(
        "ballot",
        sa.Column("round_id", sa.String(length=32), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False, comment="HMAC(round secret, person)"),
        sa.Column("sealed", sa.LargeBinary(), nullable=False, comment="sealed to the round's key, constant length"),
        sa.PrimaryKeyConstraint("round_id", "id", name=op.f("pk_ballot")),
        sqlite_with_rowid=False,
    )


def _budget() -> None:
    op.create_table(
        "budget",
        sa.Column("organization_id", sa.String(length=32), nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("week", sa.String(length=8), nullable=False, comment="the person's own ISO week, 2026-W47"),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("person_id", "week", name=op.f("pk_budget")),
    )


def _cursor() -> None:
    op.create_table(
        "cursor",
        sa.Column("organization_id", sa.String(length=32), nullable=False),
        sa.Column("installation_id", sa.String(length=32), nullable=False),
        sa.Column("port", sa.String(length=20), nullable=False, comment="participation or directory"),
        sa.Column("value", sa.Text(), nullable=True),
        sa.Column("collect_at", sa.BigInteger(), nullable=True, comment="when to read again"),
        sa.PrimaryKeyConstraint("installation_id", "port", name=op.f("pk_cursor")),
    )


def _inbox() -> None:
    op.create_table(
        "inbox",
        sa.Column("organization_id", sa.String(length=32), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("subscription_id", sa.String(length=32), nullable=False),
        sa.Column("event", sa.String(length=64), nullable=False, comment="keyed hash of the platform's event id"),
        sa.Column("sealed", sa.LargeBinary(), nullable=True, comment="the raw request, sealed; null once processed"),
        sa.Column("state", sa.String(length=10), nullable=False, comment="received, done, failed"),
        sa.Column("attempts", sa.SmallInteger(), nullable=False),
        sa.Column("next_at", sa.Float(), nullable=False, comment="real time, seconds: lease or back-off"),
        sa.Column("reason", sa.String(length=200), nullable=True),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbox")),
        sa.UniqueConstraint(
            "organization_id", "subscription_id", "event", name=op.f("uq_inbox_organization_id_subscription_id_event")
        ),
    )
    op.create_index(
        "ix_inbox_todo",
        "inbox",
        ["next_at"],
        unique=False,
        sqlite_where=sa.text("state = 'received'"),
        postgresql_where=sa.text("state = 'received'"),
    )


def _interaction() -> None:
    op.create_table(
        "interaction",
        sa.Column("organization_id", sa.String(length=32), nullable=False),
        sa.Column("workspace_id", sa.String(length=32), nullable=False),
        sa.Column("week", sa.String(length=8), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("source_id", sa.String(length=32), nullable=False),
        sa.Column("target_id", sa.String(length=32), nullable=False),
        sa.Column("platform", sa.String(length=50), nullable=False),
        sa.Column("weight", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint(
            "workspace_id", "week", "kind", "source_id", "target_id", "platform", name=op.f("pk_interaction")
        ),
    )


def _lease() -> None:
    op.create_table(
        "lease",
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("owner", sa.String(length=80), nullable=False),
        sa.Column("until", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_lease")),
    )


def _link() -> None:
    op.create_table(
        "link",
        sa.Column("organization_id", sa.String(length=32), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False, comment="SHA-256 of the 128-bit secret"),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("round_id", sa.String(length=32), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_link")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_link_round", "link", ["round_id"], unique=False)


def _organization() -> None:
    op.create_table(
        "organization",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("domains", DOCUMENT, nullable=False, comment="declared e-mail domains: identities link by them"),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organization")),
        sa.UniqueConstraint("name", name=op.f("uq_organization_name")),
    )


def _outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("organization_id", sa.String(length=32), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("installation_id", sa.String(length=32), nullable=False),
        sa.Column("purpose", sa.String(length=20), nullable=False, comment="reply, code, alert, refresh"),
        sa.Column("sealed", sa.LargeBinary(), nullable=True, comment="what to send and where; null once sent"),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("attempts", sa.SmallInteger(), nullable=False),
        sa.Column("next_at", sa.Float(), nullable=False, comment="real time, seconds: lease or back-off"),
        sa.Column("reason", sa.String(length=200), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
    )
    op.create_index(
        "ix_outbox_todo",
        "outbox",
        ["next_at"],
        unique=False,
        sqlite_where=sa.text("state = 'planned'"),
        postgresql_where=sa.text("state = 'planned'"),
    )


def _participation() -> None:
    op.create_table(
        "participation",
        sa.Column("organization_id", sa.String(length=32), nullable=False),
        sa.Column(
            "id", sa.String(length=32), nullable=False, comment="derived from installation, event key and position"
        ),
        sa.Column("workspace_id", sa.String(length=32), nullable=False),
        sa.Column("round_id", sa.String(length=32), nullable=True),
        sa.Column("place_id", sa.String(length=32), nullable=True),
        sa.Column("person_id", sa.String(length=32), nullable=True, comment="null: unresolved, counted only"),
        sa.Column("identity_id", sa.String(length=32), nullable=True),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("platform", sa.String(length=50), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_participation")),
    )
    op.create_index("ix_participation_person", "participation", ["organization_id", "person_id"], unique=False)
    op.create_index("ix_participation_round", "participation", ["round_id"], unique=False)


def _person() -> None:
    op.create_table(
        "person",
        sa.Column("organization_id", sa.String(length=32), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=True),
        sa.Column("zone", sa.String(length=64), nullable=False),
        sa.Column("languages", DOCUMENT, nullable=False),
        sa.Column("worker_type", sa.String(length=20), nullable=False),
        sa.Column("team", sa.String(length=200), nullable=True),
        sa.Column("location", sa.String(length=200), nullable=True),
        sa.Column("work_start", sa.String(length=5), nullable=False),
        sa.Column("work_end", sa.String(length=5), nullable=False),
        sa.Column("quiet_start", sa.String(length=5), nullable=False),
        sa.Column("quiet_end", sa.String(length=5), nullable=False),
        sa.Column("message_budget", sa.Integer(), nullable=True),
        sa.Column("preferred_channel", sa.String(length=50), nullable=True),
        sa.Column("snoozed_until", sa.BigInteger(), nullable=True),
        sa.Column(
            "merged_into", sa.String(length=32), nullable=True, comment="the person that this one turned out to be"
        ),
        sa.Column("erased_at", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person")),
        sa.UniqueConstraint("organization_id", "email", name=op.f("uq_person_organization_id_email")),
    )


def _rate() -> None:
    op.create_table(
        "rate",
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("tat", sa.Float(), nullable=False, comment="theoretical arrival time, real seconds"),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_rate")),
    )


def _respondent() -> None:
    op.create_table(
        "respondent",
        sa.Column("organization_id", sa.String(length=32), nullable=False),
        sa.Column("round_id", sa.String(length=32), nullable=False),
        sa.Column(
            "person_id",
            sa.String(length=32),
            nullable=False,
            comment="who answered, for the look-back; no time, no order",
        ),
        sa.PrimaryKeyConstraint("round_id", "person_id", name=op.f("pk_respondent")),
        sqlite_with_rowid=False,
    )


def _ritual_memory() -> None:
    op.create_table(
        "ritual_memory",
        sa.Column("organization_id", sa.String(length=32), nullable=False),
        sa.Column("workspace_id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=100), nullable=False),
        sa.Column(
            "group_key", sa.String(length=64), nullable=False, comment="the practice's audience, or a live group"
        ),
        sa.Column("item", sa.String(length=100), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "kind", "group_key", "item", name=op.f("pk_ritual_memory")),
    )


def _seen() -> None:
    op.create_table(
        "seen",
        sa.Column("organization_id", sa.String(length=32), nullable=False),
        sa.Column("installation_id", sa.String(length=32), nullable=False),
        sa.Column("event", sa.String(length=64), nullable=False, comment="keyed hash of an Inbox key"),
        sa.Column("at", sa.Float(), nullable=False, comment="real time, seconds"),
        sa.PrimaryKeyConstraint("installation_id", "event", name=op.f("pk_seen")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_seen_at", "seen", ["at"], unique=False)


def _stamp() -> None:
    op.create_table(
        "stamp",
        sa.Column("name", sa.String(length=40), nullable=False, comment="mode, instance, keys"),
        sa.Column("value", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_stamp")),
    )


def _store() -> None:
    op.create_table(
        "store",
        sa.Column("organization_id", sa.String(length=32), nullable=False),
        sa.Column("installation_id", sa.String(length=32), nullable=False),
        sa.Column("key", sa.String(length=300), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("installation_id", "key", name=op.f("pk_store")),
    )


def _tombstone() -> None:
    op.create_table(
        "tombstone",
        sa.Column("organization_id", sa.String(length=32), nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("erased_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_tombstone")),
    )


def _web_session() -> None:
    op.create_table(
        "web_session",
        sa.Column("organization_id", sa.String(length=32), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column(
            "round_id",
            sa.String(length=32),
            nullable=True,
            comment="the one round a link's session may see; null: signed in by a code",
        ),
        sa.Column(
            "fresh_until",
            sa.BigInteger(),
            nullable=True,
            comment="my data and erase ask for a code given before this",
        ),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_web_session")),
        sqlite_with_rowid=False,
    )


def _worker() -> None:
    op.create_table(
        "worker",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("beat", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_worker")),
    )


def _workspace() -> None:
    op.create_table(
        "workspace",
        sa.Column("organization_id", sa.String(length=32), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("zone", sa.String(length=64), nullable=False),
        sa.Column("language", sa.String(length=35), nullable=False),
        sa.Column("message_budget", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workspace")),
        sa.UniqueConstraint("organization_id", "name", name=op.f("uq_workspace_organization_id_name")),
    )


def _code() -> None:
    op.create_table(
        "code",
        sa.Column("organization_id", sa.String(length=32), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("purpose", sa.String(length=20), nullable=False, comment="sign_in or link"),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_code_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_code")),
    )


def _identity() -> None:
    op.create_table(
        "identity",
        sa.Column("organization_id", sa.String(length=32), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=True, comment="null: an unresolved actor"),
        sa.Column("platform", sa.String(length=50), nullable=False),
        sa.Column("realm", sa.String(length=200), nullable=False),
        sa.Column("user", sa.String(length=200), nullable=False),
        sa.Column(
            "verified", sa.String(length=20), nullable=True, comment="directory_id, directory_email, code, import"
        ),
        sa.Column("address", DOCUMENT, nullable=True),
        sa.Column("reachable", sa.Boolean(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_identity_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity")),
        sa.UniqueConstraint(
            "organization_id",
            "platform",
            "realm",
            "user",
            name=op.f("uq_identity_organization_id_platform_realm_user"),
        ),
    )
    op.create_index("ix_identity_person", "identity", ["organization_id", "person_id"], unique=False)


def _identity_merge() -> None:
    op.create_table(
        "identity_merge",
        sa.Column("organization_id", sa.String(length=32), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("kept", sa.String(length=32), nullable=False),
        sa.Column("gone", sa.String(length=32), nullable=False),
        sa.Column(
            "sealed",
            sa.LargeBinary(),
            nullable=True,
            comment="every row as it was and as it became; null once undone",
        ),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("undone_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["gone"], ["person.id"], name=op.f("fk_identity_merge_gone")),
        sa.ForeignKeyConstraint(["kept"], ["person.id"], name=op.f("fk_identity_merge_kept")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_merge")),
    )


def _installation() -> None:
    op.create_table(
        "installation",
        sa.Column("organization_id", sa.String(length=32), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("workspace_id", sa.String(length=32), nullable=False),
        sa.Column("plugin", sa.String(length=50), nullable=False),
        sa.Column("settings", sa.LargeBinary(), nullable=False, comment="sealed JSON"),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False, comment="raised by every change; processes reload by it"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], name=op.f("fk_installation_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_installation")),
        sa.UniqueConstraint(
            "organization_id",
            "workspace_id",
            "plugin",
            name=op.f("uq_installation_organization_id_workspace_id_plugin"),
        ),
    )


def _membership() -> None:
    op.create_table(
        "membership",
        sa.Column("organization_id", sa.String(length=32), nullable=False),
        sa.Column("workspace_id", sa.String(length=32), nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("joined_at", sa.BigInteger(), nullable=False),
        sa.Column("left_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_membership_person_id")),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], name=op.f("fk_membership_workspace_id")),
        sa.PrimaryKeyConstraint("workspace_id", "person_id", name=op.f("pk_membership")),
    )
    op.create_index("ix_membership_person", "membership", ["organization_id", "person_id"], unique=False)


def _opt_out() -> None:
    op.create_table(
        "opt_out",
        sa.Column("organization_id", sa.String(length=32), nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("practice", sa.String(length=100), nullable=False, comment="* stands for every practice"),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_opt_out_person_id")),
        sa.PrimaryKeyConstraint("person_id", "practice", name=op.f("pk_opt_out")),
    )


def _place() -> None:
    op.create_table(
        "place",
        sa.Column("organization_id", sa.String(length=32), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("workspace_id", sa.String(length=32), nullable=False),
        sa.Column("platform", sa.String(length=50), nullable=False),
        sa.Column("ref", sa.String(length=400), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("origin", sa.String(length=20), nullable=False, comment="program or host: who registered it"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], name=op.f("fk_place_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_place")),
        sa.UniqueConstraint(
            "organization_id",
            "workspace_id",
            "platform",
            "ref",
            name=op.f("uq_place_organization_id_workspace_id_platform_ref"),
        ),
    )


def _program() -> None:
    op.create_table(
        "program",
        sa.Column("organization_id", sa.String(length=32), nullable=False),
        sa.Column("workspace_id", sa.String(length=32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False, comment="the TOML as written"),
        sa.Column("parsed", DOCUMENT, nullable=False, comment="the same as data: old versions stay readable"),
        sa.Column("applied_by", sa.String(length=200), nullable=False),
        sa.Column("applied_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], name=op.f("fk_program_workspace_id")),
        sa.PrimaryKeyConstraint("workspace_id", "version", name=op.f("pk_program")),
    )


def _role() -> None:
    op.create_table(
        "role",
        sa.Column("organization_id", sa.String(length=32), nullable=False),
        sa.Column("workspace_id", sa.String(length=32), nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("granted_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_role_person_id")),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], name=op.f("fk_role_workspace_id")),
        sa.PrimaryKeyConstraint("workspace_id", "person_id", "role", name=op.f("pk_role")),
    )


def _round() -> None:
    op.create_table(
        "round",
        sa.Column("organization_id", sa.String(length=32), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("workspace_id", sa.String(length=32), nullable=False),
        sa.Column("practice", sa.String(length=100), nullable=False),
        sa.Column("kind", sa.String(length=100), nullable=False),
        sa.Column("program_version", sa.Integer(), nullable=False),
        sa.Column(
            "occurrence", sa.String(length=40), nullable=False, comment="local wall time, or host:<id> for a live one"
        ),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=True, comment="why it was cancelled or withheld"),
        sa.Column("next_action", sa.String(length=20), nullable=True),
        sa.Column("next_at", sa.BigInteger(), nullable=True),
        sa.Column(
            "step", sa.Integer(), server_default="0", nullable=False, comment="raised whenever the timer is set"
        ),
        sa.Column("opens_at", sa.BigInteger(), nullable=False),
        sa.Column("closes_at", sa.BigInteger(), nullable=True),
        sa.Column("confidential", sa.Boolean(), nullable=False),
        sa.Column("counted", sa.Integer(), nullable=True, comment="ballots on *counted_day*, rounded down to 5"),
        sa.Column("counted_day", sa.String(length=10), nullable=True),
        sa.Column("content", DOCUMENT, nullable=True),
        sa.Column(
            "summary", DOCUMENT, nullable=True, comment="figures of the closed round; rounded where confidential"
        ),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], name=op.f("fk_round_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_round")),
        sa.UniqueConstraint(
            "organization_id",
            "workspace_id",
            "practice",
            "occurrence",
            name=op.f("uq_round_organization_id_workspace_id_practice_occurrence"),
        ),
    )
    op.create_index("ix_round_due", "round", ["next_at"], unique=False)


def _identity_change() -> None:
    op.create_table(
        "identity_change",
        sa.Column("organization_id", sa.String(length=32), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("identity_id", sa.String(length=32), nullable=False),
        sa.Column("from_person", sa.String(length=32), nullable=True),
        sa.Column("to_person", sa.String(length=32), nullable=True),
        sa.Column("method", sa.String(length=20), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("undone_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["identity_id"], ["identity.id"], name=op.f("fk_identity_change_identity_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_change")),
    )


def _response() -> None:
    op.create_table(
        "response",
        sa.Column("organization_id", sa.String(length=32), nullable=False),
        sa.Column("round_id", sa.String(length=32), nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("values", DOCUMENT, nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.Column("visibility", sa.String(length=10), nullable=False),
        sa.Column("platform", sa.String(length=50), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("given_at", sa.BigInteger(), nullable=False),
        sa.Column(
            "keys", DOCUMENT, nullable=True, comment="hashes of the last Inbox keys: a repeated one changes nothing"
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_response_person_id")),
        sa.ForeignKeyConstraint(["round_id"], ["round.id"], name=op.f("fk_response_round_id")),
        sa.PrimaryKeyConstraint("round_id", "person_id", name=op.f("pk_response")),
    )
    op.create_index("ix_response_person", "response", ["organization_id", "person_id"], unique=False)


def _session() -> None:
    op.create_table(
        "session",
        sa.Column("organization_id", sa.String(length=32), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("round_id", sa.String(length=32), nullable=False),
        sa.Column("place_id", sa.String(length=32), nullable=False),
        sa.Column("host_id", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("groups", DOCUMENT, nullable=True),
        sa.ForeignKeyConstraint(["round_id"], ["round.id"], name=op.f("fk_session_round_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_session")),
    )


def _shard() -> None:
    op.create_table(
        "shard",
        sa.Column("organization_id", sa.String(length=32), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("round_id", sa.String(length=32), nullable=False),
        sa.Column("purpose", sa.String(length=20), nullable=False),
        sa.Column("origin", sa.BigInteger(), nullable=False),
        sa.Column("due", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False, comment="planned, started, done"),
        sa.Column("epoch", sa.Integer(), nullable=False, comment="fencing token: raised by whoever takes the lease"),
        sa.Column("lease_until", sa.Float(), nullable=False, comment="real time, seconds"),
        sa.ForeignKeyConstraint(["round_id"], ["round.id"], name=op.f("fk_shard_round_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shard")),
    )
    op.create_index("ix_shard_round", "shard", ["round_id"], unique=False)


def _subscription() -> None:
    op.create_table(
        "subscription",
        sa.Column("organization_id", sa.String(length=32), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("installation_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("secrets", sa.LargeBinary(), nullable=False, comment="sealed JSON list"),
        sa.ForeignKeyConstraint(
            ["installation_id"], ["installation.id"], name=op.f("fk_subscription_installation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscription")),
        sa.UniqueConstraint(
            "organization_id",
            "installation_id",
            "name",
            name=op.f("uq_subscription_organization_id_installation_id_name"),
        ),
    )


def _delivery() -> None:
    op.create_table(
        "delivery",
        sa.Column("organization_id", sa.String(length=32), nullable=False),
        sa.Column("shard_id", sa.String(length=32), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("round_id", sa.String(length=32), nullable=False),
        sa.Column("purpose", sa.String(length=20), nullable=False),
        sa.Column(
            "recipient", sa.String(length=32), nullable=False, comment="a person, or a place where target says so"
        ),
        sa.Column("target", sa.String(length=6), nullable=False, comment="person or place"),
        sa.Column("identity_id", sa.String(length=32), nullable=True),
        sa.Column("installation_id", sa.String(length=32), nullable=True),
        sa.Column("platform", sa.String(length=50), nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("attempts", sa.SmallInteger(), nullable=False),
        sa.Column("next_at", sa.Float(), nullable=False, comment="real time, seconds: not before"),
        sa.Column("ref", sa.String(length=400), nullable=True, comment="what the platform calls the message"),
        sa.Column(
            "reason", sa.String(length=200), nullable=True, comment="why skipped, failed or ambiguous; never content"
        ),
        sa.ForeignKeyConstraint(["shard_id"], ["shard.id"], name=op.f("fk_delivery_shard_id")),
        sa.PrimaryKeyConstraint("shard_id", "seq", name=op.f("pk_delivery")),
        sa.UniqueConstraint("round_id", "purpose", "recipient", name=op.f("uq_delivery_round_id_purpose_recipient")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_delivery_recipient", "delivery", ["recipient"], unique=False)
    op.create_index(
        "ix_delivery_todo",
        "delivery",
        ["shard_id", "seq"],
        unique=False,
        sqlite_where=sa.text("state = 'planned'"),
        postgresql_where=sa.text("state = 'planned'"),
    )
