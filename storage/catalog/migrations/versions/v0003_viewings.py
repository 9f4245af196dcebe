"""Viewings that wait to be entered in the audit, and the audit's entry that was written last."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "viewings",
        sa.Column("viewing_id", sa.String(26), nullable=False),
        sa.Column("viewed_at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String, nullable=False),
        sa.Column("through", sa.String(8), nullable=False),
        sa.Column("what", sa.String(32), nullable=False),
        sa.Column("page", sa.Integer),
        sa.Column("documents", sa.JSON, nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.PrimaryKeyConstraint("viewing_id", name="pk_viewings"),
    )
    op.create_table(
        "audit_head",
        sa.Column("chain", sa.String(16), nullable=False),
        sa.Column("key", sa.String, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("chain", name="pk_audit_head"),
    )
