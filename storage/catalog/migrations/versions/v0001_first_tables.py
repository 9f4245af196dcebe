"""The first tables: documents, pages, jobs, outbox, leases, tokens, idempotency keys, counters."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "counters",
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_counters"),
    )
    op.create_table(
        "documents",
        sa.Column("document_id", sa.String(26), nullable=False),
        sa.Column("office", sa.String(), nullable=False),
        sa.Column("dossier", sa.String()),
        sa.Column("source_name", sa.String(), nullable=False),
        sa.Column("source", sa.JSON(), nullable=False),
        sa.Column("original_sha256", sa.String(64), nullable=False),
        sa.Column("original_size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("media_type", sa.String(64), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("code", sa.String(64)),
        sa.Column("stage", sa.String(16)),
        sa.Column("detail", sa.String()),
        sa.Column("review", sa.String(16), nullable=False),
        sa.Column("pages_total", sa.Integer()),
        sa.Column("pages_pending", sa.Integer(), nullable=False),
        sa.Column("pages_failed", sa.JSON(), nullable=False),
        sa.Column("warnings", sa.JSON(), nullable=False),
        sa.Column("external_id", sa.String()),
        sa.Column("declared", sa.JSON(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("archived_at", sa.BigInteger()),
        sa.Column("searchable_at", sa.BigInteger()),
        sa.Column("object_id", sa.String()),
        sa.Column("version", sa.Integer()),
        sa.Column("sequence", sa.BigInteger()),
        sa.Column("pdf_sha256", sa.String(64)),
        sa.Column("pdf_size_bytes", sa.BigInteger()),
        sa.Column("conformance", sa.String(32)),
        sa.Column("changed_seq", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("document_id", name="pk_documents"),
    )
    op.create_index("ix_documents_changed_at", "documents", ["changed_at", "changed_seq"])
    op.create_index("ix_documents_office", "documents", ["office", "changed_seq"])
    op.create_index("ix_documents_office_dossier", "documents", ["office", "dossier", "changed_seq"])
    op.create_index("ix_documents_office_external_id", "documents", ["office", "external_id", "changed_seq"])
    op.create_index("ix_documents_office_status", "documents", ["office", "status", "changed_seq"])
    op.create_index(
        "uq_documents_bytes_in_dossier",
        "documents",
        ["office", "dossier", "original_sha256"],
        unique=True,
        sqlite_where=sa.text("status != 'withdrawn' AND dossier IS NOT NULL"),
        postgresql_where=sa.text("status != 'withdrawn' AND dossier IS NOT NULL"),
    )
    op.create_index(
        "uq_documents_bytes_in_office",
        "documents",
        ["office", "original_sha256"],
        unique=True,
        sqlite_where=sa.text("status != 'withdrawn' AND dossier IS NULL"),
        postgresql_where=sa.text("status != 'withdrawn' AND dossier IS NULL"),
    )
    op.create_index("uq_documents_changed_seq", "documents", ["changed_seq"], unique=True)
    op.create_table(
        "idempotency_keys",
        sa.Column("token_id", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("request_digest", sa.String(64), nullable=False),
        sa.Column("response", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("token_id", "key", name="pk_idempotency_keys"),
    )
    op.create_index("ix_idempotency_keys_created_at", "idempotency_keys", ["created_at"])
    op.create_table(
        "leases",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("leased_until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
    )
    op.create_table(
        "tokens",
        sa.Column("token_id", sa.String(26), nullable=False),
        sa.Column("secret_sha256", sa.String(64), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("office", sa.String()),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger()),
        sa.Column("revoked_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("token_id", name="pk_tokens"),
    )
    op.create_index("uq_tokens_secret_sha256", "tokens", ["secret_sha256"], unique=True)
    op.create_table(
        "jobs",
        sa.Column("job_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("document_id", sa.String(26), nullable=False),
        sa.Column("page", sa.Integer(), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("run_after", sa.BigInteger(), nullable=False),
        sa.Column("owner", sa.String()),
        sa.Column("leased_until", sa.BigInteger()),
        sa.Column("last_code", sa.String(64)),
        sa.ForeignKeyConstraint(
            ["document_id"], ["documents.document_id"], name="fk_jobs_document_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("job_id", name="pk_jobs"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_jobs_leased",
        "jobs",
        ["leased_until"],
        sqlite_where=sa.text("state = 'leased'"),
        postgresql_where=sa.text("state = 'leased'"),
    )
    op.create_index(
        "ix_jobs_ready",
        "jobs",
        ["turn", "job_id", "run_after", "kind", "state"],
        sqlite_where=sa.text("state = 'ready'"),
        postgresql_where=sa.text("state = 'ready'"),
    )
    op.create_index(
        "ix_jobs_run_after",
        "jobs",
        ["run_after"],
        sqlite_where=sa.text("state = 'ready'"),
        postgresql_where=sa.text("state = 'ready'"),
    )
    op.create_index("uq_jobs_work", "jobs", ["document_id", "kind", "page"], unique=True)
    op.create_table(
        "outbox",
        sa.Column("outbox_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("document_id", sa.String(26), nullable=False),
        sa.Column("put_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"], ["documents.document_id"], name="fk_outbox_document_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("outbox_id", name="pk_outbox"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "pages",
        sa.Column("document_id", sa.String(26), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("code", sa.String(64)),
        sa.Column("lane", sa.String(16), nullable=False),
        sa.Column("recognise_ms", sa.Integer(), nullable=False),
        sa.Column("quality", sa.JSON(none_as_null=True)),
        sa.ForeignKeyConstraint(
            ["document_id"], ["documents.document_id"], name="fk_pages_document_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("document_id", "number", name="pk_pages"),
    )
    op.execute(sa.text("INSERT INTO counters (name, value) VALUES ('documents', 0)"))
