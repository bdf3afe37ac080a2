"""Lines of resumed sessions are found by their beginning: on another node they are in nobody's memory.

Only adds an index: a frontdesk of any revision since 0002 can work on beside it.

Revision ID: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the index."""
    living = sa.text("ended_ms = 0 AND first_id <> ''")
    op.create_index("ix_sessions_line", "sessions", ["first_id"], sqlite_where=living, postgresql_where=living)


def downgrade() -> None:
    """Take it away again."""
    op.drop_index("ix_sessions_line", table_name="sessions")
