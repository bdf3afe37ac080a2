"""The first shape: organizations and keys, sessions, interactions and their logs, callbacks, usage.

Revision ID: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create every table."""
    op.create_table(
        "api_keys",
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("org_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("hint", sa.String(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("revoked_ms", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("key_id"),
        sa.UniqueConstraint("digest"),
    )
    op.create_table(
        "call_backs",
        sa.Column("call_back_id", sa.String(), nullable=False),
        sa.Column("interaction_id", sa.BigInteger(), nullable=False),
        sa.Column("org_id", sa.String(), nullable=False),
        sa.Column("work_type_id", sa.String(), nullable=False),
        sa.Column("contact", sa.Text(), nullable=False),
        sa.Column("digits", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("due_ms", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("created_ms", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("call_back_id"),
    )
    op.create_index("ix_call_backs_due", "call_backs", ["org_id", "state", "due_ms"], unique=False)
    op.create_table(
        "entries",
        sa.Column("entry_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("interaction_id", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("stream_seq", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("time_ms", sa.BigInteger(), nullable=False),
        sa.Column("answers", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("entry_id"),
    )
    op.create_index("ix_entries_log", "entries", ["interaction_id", "seq"], unique=True)
    op.create_table(
        "interactions",
        sa.Column(
            "interaction_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("org_id", sa.String(), nullable=False),
        sa.Column("session_id", sa.String(), nullable=False),
        sa.Column("work_type_id", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("contact", sa.Text(), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("script", sa.String(), nullable=False),
        sa.Column("script_state", sa.Text(), nullable=False),
        sa.Column("script_seq", sa.BigInteger(), nullable=False),
        sa.Column("grace_until_ms", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("created_ms", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("closed_ms", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("closed_reason", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("interaction_id"),
    )
    op.create_index(
        "ix_interactions_open",
        "interactions",
        ["state"],
        unique=False,
        sqlite_where=sa.text("closed_ms = 0 AND channel = 'chat'"),
        postgresql_where=sa.text("closed_ms = 0 AND channel = 'chat'"),
    )
    op.create_index("ix_interactions_session", "interactions", ["session_id"], unique=False)
    op.create_table(
        "organizations",
        sa.Column("org_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("allowed_origins", sa.Text(), nullable=False),
        sa.Column("grace_seconds", sa.Integer(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("org_id"),
    )
    op.create_table(
        "repeats",
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("scope", "key"),
    )
    op.create_index("ix_repeats_created", "repeats", ["created_ms"], unique=False)
    op.create_table(
        "sessions",
        sa.Column("session_id", sa.String(), nullable=False),
        sa.Column("org_id", sa.String(), nullable=False),
        sa.Column("first_id", sa.String(), nullable=False),
        sa.Column("inactivity_delay", sa.Integer(), nullable=False),
        sa.Column("require_acknowledgement", sa.Boolean(), nullable=False),
        sa.Column("stream_seq", sa.BigInteger(), nullable=False),
        sa.Column("cursor", sa.BigInteger(), nullable=False),
        sa.Column("disposed", sa.Boolean(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("ended_ms", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("session_id"),
    )
    op.create_index(
        "ix_sessions_alive",
        "sessions",
        ["session_id"],
        unique=False,
        sqlite_where=sa.text("ended_ms = 0"),
        postgresql_where=sa.text("ended_ms = 0"),
    )
    op.create_index(
        "ix_sessions_ended",
        "sessions",
        ["ended_ms"],
        unique=False,
        sqlite_where=sa.text("ended_ms > 0"),
        postgresql_where=sa.text("ended_ms > 0"),
    )
    op.create_table(
        "signing_keys",
        sa.Column("kid", sa.String(), nullable=False),
        sa.Column("secret", sa.String(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("retired_ms", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("kid"),
    )
    op.create_table(
        "usage",
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("endpoint", sa.String(), nullable=False),
        sa.Column("day", sa.String(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key_id", "endpoint", "day"),
    )
    op.create_table(
        "work_types",
        sa.Column("org_id", sa.String(), nullable=False),
        sa.Column("work_type_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("channels", sa.String(), nullable=False),
        sa.Column("script", sa.String(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("org_id", "work_type_id"),
    )


def downgrade() -> None:
    """Drop every table: nothing was there before."""
    for table in (
        "api_keys",
        "call_backs",
        "entries",
        "interactions",
        "organizations",
        "repeats",
        "sessions",
        "signing_keys",
        "usage",
        "work_types",
    ):
        op.drop_table(table)
