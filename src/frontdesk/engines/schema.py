"""The tables, once for every engine. Alembic's migrations (`migrations/`) bring a database to this shape.

`entries` is append-only, and its order is that of time: clustering it by interaction halves the rate of writing, and
an index on the stream costs a third of it. A contact's stream is read through its session's interactions instead,
which is needed only for what is no longer in memory. How the log of an interaction is found: `logs.py`.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    text,
)

metadata = MetaData()


def _ms(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default="0")


organizations = Table(
    "organizations",
    metadata,
    Column("org_id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("allowed_origins", Text, nullable=False),
    Column("grace_seconds", Integer, nullable=False),
    _ms("created_ms"),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("key_id", String, primary_key=True),
    Column("org_id", String, nullable=False),
    Column("name", String, nullable=False),
    Column("digest", String, nullable=False, unique=True),
    Column("hint", String, nullable=False),
    _ms("created_ms"),
    _ms("revoked_ms"),
)

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("kid", String, primary_key=True),
    Column("secret", String, nullable=False),
    _ms("created_ms"),
    _ms("retired_ms"),
)

work_types = Table(
    "work_types",
    metadata,
    Column("org_id", String, nullable=False),
    Column("work_type_id", String, nullable=False),
    Column("name", String, nullable=False),
    Column("channels", String, nullable=False),
    Column("script", String, nullable=False),
    _ms("created_ms"),
    Column("rules", Text, nullable=False, server_default=""),
    _ms("removed_ms"),
    PrimaryKeyConstraint("org_id", "work_type_id"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("session_id", String, primary_key=True),
    Column("org_id", String, nullable=False),
    Column("first_id", String, nullable=False),
    Column("inactivity_delay", Integer, nullable=False),
    Column("require_acknowledgement", Boolean, nullable=False),
    Column("stream_seq", BigInteger, nullable=False),
    Column("cursor", BigInteger, nullable=False),
    Column("disposed", Boolean, nullable=False),
    _ms("created_ms"),
    _ms("ended_ms"),
    # The node that it is at home on; "" for nobody, and where one process has all the data.
    Column("node", String, nullable=False, server_default=""),
    # Small whatever the table grows to: a restart reads the living only.
    Index("ix_sessions_alive", "session_id", sqlite_where=text("ended_ms = 0"), postgresql_where=text("ended_ms = 0")),
    # By home: what a node that died or stopped leaves behind.
    Index("ix_sessions_home", "node", sqlite_where=text("ended_ms = 0"), postgresql_where=text("ended_ms = 0")),
    # Lines of resumed sessions: who names an old one again is led to the one that goes on.
    Index(
        "ix_sessions_line",
        "first_id",
        sqlite_where=text("ended_ms = 0 AND first_id <> ''"),
        postgresql_where=text("ended_ms = 0 AND first_id <> ''"),
    ),
    Index("ix_sessions_ended", "ended_ms", sqlite_where=text("ended_ms > 0"), postgresql_where=text("ended_ms > 0")),
)

interactions = Table(
    "interactions",
    metadata,
    Column("interaction_id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("org_id", String, nullable=False),
    Column("session_id", String, nullable=False),
    Column("work_type_id", String, nullable=False),
    Column("channel", String, nullable=False),
    Column("state", String, nullable=False),
    Column("contact", Text, nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("script", String, nullable=False),
    Column("script_state", Text, nullable=False),
    Column("script_seq", BigInteger, nullable=False),
    _ms("grace_until_ms"),
    _ms("created_ms"),
    _ms("closed_ms"),
    Column("closed_reason", String, nullable=False),
    _ms("queued_ms"),
    Column("owner", String, nullable=False, server_default=""),
    Column("for_agent", String, nullable=False, server_default=""),
    Column("priority", Integer, nullable=False, server_default="0"),
    Index("ix_interactions_session", "session_id"),
    Index(
        "ix_interactions_open",
        "state",
        sqlite_where=text("closed_ms = 0 AND channel = 'chat'"),
        postgresql_where=text("closed_ms = 0 AND channel = 'chat'"),
    ),
)

entries = Table(
    "entries",
    metadata,
    Column("entry_id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("interaction_id", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("stream_seq", BigInteger, nullable=False),
    Column("kind", String, nullable=False),
    Column("author", String, nullable=False),
    Column("payload", Text, nullable=False),
    Column("time_ms", BigInteger, nullable=False),
    Column("answers", BigInteger, nullable=False),
    Index("ix_entries_log", "interaction_id", "seq", unique=True),
)

call_backs = Table(
    "call_backs",
    metadata,
    Column("call_back_id", String, primary_key=True),
    Column("interaction_id", BigInteger, nullable=False),
    Column("org_id", String, nullable=False),
    Column("work_type_id", String, nullable=False),
    Column("contact", Text, nullable=False),
    Column("digits", String, nullable=False),
    Column("state", String, nullable=False),
    _ms("due_ms"),
    _ms("created_ms"),
    Index("ix_call_backs_due", "org_id", "state", "due_ms"),
)

repeats = Table(
    "repeats",
    metadata,
    Column("scope", String, nullable=False),
    Column("key", String, nullable=False),
    Column("digest", String, nullable=False),
    Column("status", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    _ms("created_ms"),
    PrimaryKeyConstraint("scope", "key"),
    Index("ix_repeats_created", "created_ms"),
)

usage = Table(
    "usage",
    metadata,
    Column("key_id", String, nullable=False),
    Column("endpoint", String, nullable=False),
    Column("day", String, nullable=False),
    Column("count", BigInteger, nullable=False),
    PrimaryKeyConstraint("key_id", "endpoint", "day"),
)

users = Table(
    "users",
    metadata,
    Column("org_id", String, nullable=False),
    Column("user_id", String, nullable=False),
    Column("login", String, nullable=False),
    Column("name", String, nullable=False),
    Column("roles", Text, nullable=False),
    _ms("created_ms"),
    Column("password", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("team_id", String, nullable=False),
    Column("skills", Text, nullable=False),
    Column("work_type_ids", Text, nullable=False),
    Column("capacity", Text, nullable=False),
    _ms("valid_from_ms"),
    _ms("disabled_ms"),
    PrimaryKeyConstraint("org_id", "user_id"),
)

clients = Table(
    "clients",
    metadata,
    Column("org_id", String, nullable=False),
    Column("client_id", String, nullable=False),
    Column("name", String, nullable=False),
    Column("scopes", Text, nullable=False),
    _ms("created_ms"),
    Column("digest", String, nullable=False),
    Column("redirect_uris", Text, nullable=False),
    _ms("revoked_ms"),
    PrimaryKeyConstraint("org_id", "client_id"),
)

grants = Table(
    "grants",
    metadata,
    Column("digest", String, primary_key=True),
    Column("org_id", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("family", String, nullable=False),
    Column("user_id", String, nullable=False),
    Column("client_id", String, nullable=False),
    Column("scope", Text, nullable=False),
    _ms("created_ms"),
    _ms("expires_ms"),
    Column("challenge", String, nullable=False),
    Column("redirect_uri", Text, nullable=False),
    Column("used", BigInteger, nullable=False),
    Index("ix_grants_family", "family"),
    Index("ix_grants_expires", "expires_ms"),
)

items = Table(
    "items",
    metadata,
    Column("org_id", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("item_id", String, nullable=False),
    Column("body", Text, nullable=False),
    _ms("created_ms"),
    _ms("removed_ms"),
    PrimaryKeyConstraint("org_id", "kind", "item_id"),
)

audit = Table(
    "audit",
    metadata,
    Column("audit_id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("org_id", String, nullable=False),
    _ms("time_ms"),
    Column("actor", String, nullable=False),
    Column("act", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("detail", Text, nullable=False),
    Index("ix_audit_time", "org_id", "time_ms"),
)

agent_statuses = Table(
    "agent_statuses",
    metadata,
    Column("org_id", String, nullable=False),
    Column("user_id", String, nullable=False),
    Column("state", String, nullable=False),
    Column("reason_id", String, nullable=False),
    Column("memo", Text, nullable=False),
    _ms("since_ms"),
    _ms("idle_ms"),
    Column("work_type_ids", Text, nullable=False),
    Column("maximum", Integer, nullable=False),
    _ms("lost_ms"),
    PrimaryKeyConstraint("org_id", "user_id"),
)

assignments = Table(
    "assignments",
    metadata,
    Column("assignment_id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("org_id", String, nullable=False),
    Column("interaction_id", BigInteger, nullable=False),
    Column("user_id", String, nullable=False),
    Column("part", String, nullable=False),
    Column("stage", String, nullable=False),
    Column("work_type_id", String, nullable=False),
    Column("channel", String, nullable=False),
    Column("load", Integer, nullable=False),
    _ms("offered_ms"),
    _ms("due_ms"),
    _ms("accepted_ms"),
    _ms("wrap_ms"),
    _ms("ended_ms"),
    Column("reason", String, nullable=False),
    Column("disposition_id", String, nullable=False),
    Column("memo", Text, nullable=False),
    Column("contact_key", String, nullable=False),
    Index("ix_assignments_interaction", "interaction_id"),
    # Small whatever the table grows to: what agents hold right now.
    Index("ix_assignments_live", "org_id", sqlite_where=text("ended_ms = 0"), postgresql_where=text("ended_ms = 0")),
    Index(
        "ix_assignments_contact",
        "org_id",
        "contact_key",
        "ended_ms",
        sqlite_where=text("contact_key <> ''"),
        postgresql_where=text("contact_key <> ''"),
    ),
)

# Where an organization's agents, offers and queues are at home: only that node decides over them. "" for nobody.
switchboards = Table(
    "switchboards",
    metadata,
    Column("org_id", String, primary_key=True),
    Column("node", String, nullable=False),
)

# The processes of a cluster. A row is its node's right to write: every commit looks for it, and whoever removes it
# has shut the node out.
nodes = Table(
    "nodes",
    metadata,
    Column("node", String, primary_key=True),
    # Host and process, for people.
    Column("name", String, nullable=False),
    # A number that no other living node has: in every id that the node makes.
    Column("slot", Integer, nullable=False, unique=True),
    # Rises whenever the node reads its state anew: what it sent to the database before is not taken any more.
    Column("epoch", BigInteger, nullable=False),
    # Rises while the node lives. Its own measure of time: no two clocks are compared.
    Column("beat", BigInteger, nullable=False),
    _ms("started_ms"),
)

# Numbers that all nodes look at: "directory" and "orphans" rise with each change of those, "slot" with each start of
# a node; "cluster" names this database, "oldest" is the oldest revision whose code still works on this shape.
marks = Table(
    "marks",
    metadata,
    Column("name", String, primary_key=True),
    Column("number", BigInteger, nullable=False),
)

# Limits that count over all nodes: when each caller's allowance is whole again (GCRA). May be lost in a crash.
rates = Table(
    "rates",
    metadata,
    Column("key", String, primary_key=True),
    # Microseconds since the epoch, by the database's clock: a millisecond is too coarse for a thousand a second.
    Column("whole_us", BigInteger, nullable=False),
)

# What differs in a file of SQLite: the logs are found by links between entries, and not by an index (`logs.py`).
file_metadata = MetaData()
for _table in metadata.sorted_tables:
    _table.to_metadata(file_metadata)

_linked = file_metadata.tables["entries"]
_linked.indexes.clear()
# The entry before this one in its log; 0: it is the first.
_linked.append_column(Column("previous_id", BigInteger, nullable=False, server_default="0"))

# The newest entry of each log, but for those that came after the entry that mark "log_ends" names.
Table(
    "log_ends",
    file_metadata,
    Column("interaction_id", Integer, primary_key=True, autoincrement=False),
    Column("entry_id", BigInteger, nullable=False),
)
