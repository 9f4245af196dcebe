"""What people say of a document's fields, what is still wanted of it, and who has it before them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("documents") as documents:
        documents.add_column(sa.Column("checks", sa.JSON()))
        documents.add_column(sa.Column("wanted", sa.JSON()))
    where = sa.text("review IN ('needed', 'claimed')")
    op.create_index(
        "ix_documents_review",
        "documents",
        ["received_at", "document_id"],
        sqlite_where=where,
        postgresql_where=where,
    )
    op.create_table(
        "claims",
        sa.Column("document_id", sa.String(26), nullable=False),
        sa.Column("actor", sa.String, nullable=False),
        sa.Column("claimed_at", sa.BigInteger(), nullable=False),
        sa.Column("claimed_until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("document_id", name="pk_claims"),
        sa.ForeignKeyConstraint(
            ["document_id"],
            ["documents.document_id"],
            name="fk_claims_document_id_documents",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_claims_claimed_until", "claims", ["claimed_until"])
