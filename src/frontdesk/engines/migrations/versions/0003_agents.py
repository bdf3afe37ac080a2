"""Agents: users and what they were granted, routing status, assignments, what an organization sets up, the audit log.

Only adds: a frontdesk of revision 0002 can work on beside it, and hands nothing to agents.

Revision ID: 0003
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _text(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.String(), nullable=False)


def _long(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=False)


def _ms(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger(), server_default="0", nullable=False)


def _index(name: str, table: str, columns: list[str], where: str = "") -> None:
    condition = sa.text(where) if where else None
    op.create_index(name, table, columns, sqlite_where=condition, postgresql_where=condition)


def upgrade() -> None:
    """Add what agents need."""
    op.add_column("work_types", sa.Column("rules", sa.Text(), nullable=False, server_default=""))
    op.add_column("work_types", _ms("removed_ms"))
    for name in ("owner", "for_agent"):
        op.add_column("interactions", sa.Column(name, sa.String(), nullable=False, server_default=""))
    op.add_column("interactions", sa.Column("priority", sa.Integer(), nullable=False, server_default="0"))
    _people()
    _work()


def _people() -> None:
    op.create_table(
        "users",
        _text("org_id"), _text("user_id"), _text("login"), _text("name"), _long("roles"), _ms("created_ms"),
        _text("password"), _text("subject"), _text("team_id"), _long("skills"), _long("work_type_ids"),
        _long("capacity"), _ms("valid_from_ms"), _ms("disabled_ms"),
        sa.PrimaryKeyConstraint("org_id", "user_id"),
    )  # fmt: skip
    op.create_table(
        "clients",
        _text("org_id"), _text("client_id"), _text("name"), _long("scopes"), _ms("created_ms"), _text("digest"),
        _long("redirect_uris"), _ms("revoked_ms"),
        sa.PrimaryKeyConstraint("org_id", "client_id"),
    )  # fmt: skip
    op.create_table(
        "grants",
        _text("digest"), _text("org_id"), _text("kind"), _text("family"), _text("user_id"), _text("client_id"),
        _long("scope"), _ms("created_ms"), _ms("expires_ms"), _text("challenge"), _long("redirect_uri"),
        sa.Column("used", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest"),
    )  # fmt: skip
    _index("ix_grants_family", "grants", ["family"])
    _index("ix_grants_expires", "grants", ["expires_ms"])
    op.create_table(
        "audit",
        sa.Column("audit_id", _BIG, nullable=False, autoincrement=False),
        _text("org_id"), _ms("time_ms"), _text("actor"), _text("act"), _text("subject"), _long("detail"),
        sa.PrimaryKeyConstraint("audit_id"),
    )  # fmt: skip
    _index("ix_audit_time", "audit", ["org_id", "time_ms"])


def _work() -> None:
    op.create_table(
        "items",
        _text("org_id"), _text("kind"), _text("item_id"), _long("body"), _ms("created_ms"),
        _ms("removed_ms"),
        sa.PrimaryKeyConstraint("org_id", "kind", "item_id"),
    )  # fmt: skip
    op.create_table(
        "agent_statuses",
        _text("org_id"), _text("user_id"), _text("state"), _text("reason_id"), _long("memo"), _ms("since_ms"),
        _ms("idle_ms"), _long("work_type_ids"), sa.Column("maximum", sa.Integer(), nullable=False), _ms("lost_ms"),
        sa.PrimaryKeyConstraint("org_id", "user_id"),
    )  # fmt: skip
    op.create_table(
        "assignments",
        sa.Column("assignment_id", _BIG, nullable=False, autoincrement=False),
        _text("org_id"), sa.Column("interaction_id", sa.BigInteger(), nullable=False), _text("user_id"), _text("part"),
        _text("stage"), _text("work_type_id"), _text("channel"), sa.Column("load", sa.Integer(), nullable=False),
        _ms("offered_ms"), _ms("due_ms"), _ms("accepted_ms"), _ms("wrap_ms"), _ms("ended_ms"), _text("reason"),
        _text("disposition_id"), _long("memo"), _text("contact_key"),
        sa.PrimaryKeyConstraint("assignment_id"),
    )  # fmt: skip
    _index("ix_assignments_interaction", "assignments", ["interaction_id"])
    _index("ix_assignments_live", "assignments", ["org_id"], "ended_ms = 0")
    _index("ix_assignments_contact", "assignments", ["org_id", "contact_key", "ended_ms"], "contact_key <> ''")
    op.create_table("switchboards", _text("org_id"), _text("node"), sa.PrimaryKeyConstraint("org_id"))


def downgrade() -> None:
    """Go back to scripts alone."""
    for table in ("switchboards", "assignments", "agent_statuses", "items", "audit", "grants", "clients", "users"):
        op.drop_table(table)
    for name in ("priority", "for_agent", "owner"):
        op.drop_column("interactions", name)
    for name in ("removed_ms", "rules"):
        op.drop_column("work_types", name)
