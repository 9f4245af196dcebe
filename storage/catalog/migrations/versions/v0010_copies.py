"""When the catalogue was last backed up and the archive last copied."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "copies",
        sa.Column("of", sa.String(16), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("made_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("of", "place", name="pk_copies"),
    )
