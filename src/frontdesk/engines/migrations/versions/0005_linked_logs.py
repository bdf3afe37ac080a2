"""In a file of SQLite each entry names the one before it in its log, and the index on that goes: see `logs.py`.

An older frontdesk would append without links, so none can work on the file any more. PostgreSQL keeps its index, and
nothing changes there.

Revision ID: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_LINK = """
UPDATE entries SET previous_id = coalesce((
    SELECT before.entry_id FROM entries AS before
    WHERE before.interaction_id = entries.interaction_id AND before.seq = entries.seq - 1
), 0)
"""
_ENDS = """
INSERT INTO log_ends (interaction_id, entry_id)
SELECT interaction_id, entry_id FROM (SELECT interaction_id, entry_id, max(seq) FROM entries GROUP BY interaction_id)
"""
_MARK = "INSERT INTO marks (name, number) SELECT 'log_ends', coalesce(max(entry_id), 0) FROM entries"


def _is_file() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def upgrade() -> None:
    """Link what is there."""
    if not _is_file():
        return
    op.add_column("entries", sa.Column("previous_id", sa.BigInteger(), nullable=False, server_default="0"))
    op.create_table(
        "log_ends",
        sa.Column("interaction_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("entry_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("interaction_id"),
    )
    for step in (_LINK, _ENDS, _MARK, "UPDATE marks SET number = 5 WHERE name = 'oldest'"):
        op.execute(step)
    op.drop_index("ix_entries_log", table_name="entries")


def downgrade() -> None:
    """Find logs by an index again."""
    if not _is_file():
        return
    op.create_index("ix_entries_log", "entries", ["interaction_id", "seq"], unique=True)
    op.drop_table("log_ends")
    op.drop_column("entries", "previous_id")
    op.execute("DELETE FROM marks WHERE name = 'log_ends'")
    op.execute("UPDATE marks SET number = 2 WHERE name = 'oldest'")
