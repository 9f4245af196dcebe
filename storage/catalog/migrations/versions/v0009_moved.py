"""Where parts of the store lie no longer, or not yet."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "moved",
        sa.Column("part", sa.String(16), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("lies_at", sa.String(), nullable=False),
        sa.Column("moved_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("part", "place", name="pk_moved"),
    )
