"""Many nodes on one database: who is at home where, who may write, what counts over all of them.

Only adds: a frontdesk of revision 0001 could work on beside it. From here on mark `oldest` says who can: a step that
takes something away, or gives it another meaning, raises it to the oldest revision whose code can live with that.

Revision ID: 0002
"""

from __future__ import annotations

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add what nodes need, and the place in a queue."""
    op.create_table(
        "nodes",
        sa.Column("node", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("slot", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("beat", sa.BigInteger(), nullable=False),
        sa.Column("started_ms", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("node"),
        sa.UniqueConstraint("slot"),
    )
    marks = op.create_table(
        "marks",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    names = {"directory": 0, "orphans": 0, "slot": 0, "cluster": secrets.randbits(62), "oldest": 2}
    op.bulk_insert(marks, [{"name": name, "number": number} for name, number in names.items()])
    op.create_table(
        "rates",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("whole_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    if op.get_bind().dialect.name == "postgresql":
        # Worth nothing after a crash: not worth the log either.
        op.execute("ALTER TABLE rates SET UNLOGGED")
    op.add_column("sessions", sa.Column("node", sa.String(), nullable=False, server_default=""))
    op.create_index(
        "ix_sessions_home",
        "sessions",
        ["node"],
        sqlite_where=sa.text("ended_ms = 0"),
        postgresql_where=sa.text("ended_ms = 0"),
    )
    op.add_column("interactions", sa.Column("queued_ms", sa.BigInteger(), nullable=False, server_default="0"))
    op.execute("UPDATE interactions SET queued_ms = created_ms WHERE state = 'queued'")


def downgrade() -> None:
    """Go back to one process."""
    op.drop_column("interactions", "queued_ms")
    op.drop_index("ix_sessions_home", "sessions")
    op.drop_column("sessions", "node")
    for table in ("rates", "marks", "nodes"):
        op.drop_table(table)
