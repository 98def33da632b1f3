"""First schema: calls, judgments, tickets, batches, and the append-only audit chain."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TIMESTAMP

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Written out rather than imported from schema.py: a migration must keep doing what it did when schema.py moves on.
MOMENT = sa.String(27).with_variant(TIMESTAMP(timezone=True), "postgresql")
SEQ = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
SHA256 = sa.String(64)
CALL_ID = sa.String(200)
GENESIS = "0" * 64

SQLITE_TRIGGERS = (
    """CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
       BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END""",
    """CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
       BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END""",
    # INSERT OR REPLACE deletes without firing the trigger above.
    """CREATE TRIGGER audit_no_replace BEFORE INSERT ON audit WHEN EXISTS (SELECT 1 FROM audit WHERE seq = NEW.seq)
       BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END""",
)
POSTGRESQL_TRIGGERS = (
    """CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN RAISE EXCEPTION 'audit is append-only'; END $$""",
    "CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION audit_refuse()",
    "CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()",
)


def upgrade() -> None:
    _create_batches()
    _create_calls()
    _create_judgments()
    _create_tickets()
    _create_audit()


def _create_batches() -> None:
    op.create_table(
        "batch",
        sa.Column("batch_id", sa.String(64), nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("received", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("batch_id", name="pk_batch"),
    )
    op.create_table(
        "batch_item",
        sa.Column("batch_id", sa.String(64), nullable=False),
        sa.Column("item", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("call_id", CALL_ID),
        sa.PrimaryKeyConstraint("batch_id", "item", name="pk_batch_item"),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.batch_id"], name="fk_batch_item_batch_id_batch"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "rejected_record",
        sa.Column("batch_id", sa.String(64), nullable=False),
        sa.Column("item", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("line", sa.Integer()),
        sa.Column("code", sa.String(64), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("batch_id", "item", name="pk_rejected_record"),
        sa.ForeignKeyConstraint(
            ["batch_id", "item"],
            ["batch_item.batch_id", "batch_item.item"],
            name="fk_rejected_record_batch_id_item_batch_item",
        ),
    )


def _create_calls() -> None:
    op.create_table(
        "call",
        sa.Column("call_id", CALL_ID, nullable=False),
        sa.Column("content_sha256", sa.Text(), nullable=False),
        sa.Column("received_at", MOMENT, nullable=False),
        sa.Column("business", sa.String(32), nullable=False),
        sa.Column("channel", sa.String(32), nullable=False),
        sa.Column("direction", sa.String(32), nullable=False),
        sa.Column("agent_id", sa.Text(), nullable=False),
        sa.Column("agent_team", sa.Text()),
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("started_at", MOMENT),
        sa.Column("started_offset_min", sa.Integer()),
        sa.Column("turn_count", sa.Integer(), nullable=False),
        sa.Column("transcript", sa.LargeBinary(), nullable=False),
        sa.Column("notes", sa.LargeBinary(), nullable=False),
        sa.Column("audit_seq", SEQ, nullable=False),
        sa.PrimaryKeyConstraint("call_id", name="pk_call"),
    )
    for column in ("agent_id", "customer_id", "started_at"):
        op.create_index(f"ix_call_{column}", "call", [column])


def _create_judgments() -> None:
    op.create_table(
        "provenance",
        sa.Column("provenance_sha256", SHA256, nullable=False),
        sa.Column("ruleset", sa.Text(), nullable=False),
        sa.Column("models", sa.Text(), nullable=False),
        sa.Column("prompts", sa.Text(), nullable=False),
        sa.Column("kb_snapshot", sa.Text(), nullable=False),
        sa.Column("product_version", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("provenance_sha256", name="pk_provenance"),
    )
    op.create_table(
        "judgment",
        sa.Column("judgment_id", SEQ, autoincrement=False, nullable=False),
        sa.Column("call_id", CALL_ID, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("superseded_by", SEQ),
        sa.Column("batch_id", sa.String(64)),
        sa.Column("judged_at", MOMENT, nullable=False),
        sa.Column("transcript_sha256", sa.Text(), nullable=False),
        sa.Column("provenance_sha256", SHA256, nullable=False),
        sa.Column("total", sa.Float(), nullable=False),
        sa.Column("auto_fail", sa.Boolean(), nullable=False),
        sa.Column("needs_review", sa.Boolean(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("judgment_id", name="pk_judgment"),
        sa.ForeignKeyConstraint(["call_id"], ["call.call_id"], name="fk_judgment_call_id_call"),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.batch_id"], name="fk_judgment_batch_id_batch"),
        sa.ForeignKeyConstraint(
            ["provenance_sha256"], ["provenance.provenance_sha256"], name="fk_judgment_provenance_sha256_provenance"
        ),
        sa.UniqueConstraint("call_id", "revision", name="uq_judgment_call_id_revision"),
        sa.UniqueConstraint(
            "call_id",
            "transcript_sha256",
            "provenance_sha256",
            name="uq_judgment_call_id_transcript_sha256_provenance_sha256",
        ),
    )
    op.create_table(
        "finding",
        sa.Column("judgment_id", SEQ, autoincrement=False, nullable=False),
        sa.Column("finding_id", sa.Text(), nullable=False),
        sa.Column("rule_id", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("severity", sa.String(16), nullable=False),
        sa.Column("origin", sa.String(16), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("turns", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("judgment_id", "finding_id", name="pk_finding"),
        sa.ForeignKeyConstraint(["judgment_id"], ["judgment.judgment_id"], name="fk_finding_judgment_id_judgment"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_finding_category_outcome", "finding", ["category", "outcome"])
    op.create_table(
        "signal",
        sa.Column("judgment_id", SEQ, autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("signal", sa.Text(), nullable=False),
        sa.Column("rule_id", sa.Text(), nullable=False),
        sa.Column("turns", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("judgment_id", "position", name="pk_signal"),
        sa.ForeignKeyConstraint(["judgment_id"], ["judgment.judgment_id"], name="fk_signal_judgment_id_judgment"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_signal_signal", "signal", ["signal"])


def _create_tickets() -> None:
    op.create_table(
        "ticket",
        sa.Column("ticket_id", sa.Text(), nullable=False),
        sa.Column("call_id", CALL_ID, nullable=False),
        sa.Column("judgment_id", SEQ, nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("severity", sa.String(16), nullable=False),
        sa.Column("owner_role", sa.String(32), nullable=False),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("audit_seq", SEQ, nullable=False),
        sa.PrimaryKeyConstraint("ticket_id", name="pk_ticket"),
        sa.ForeignKeyConstraint(["call_id"], ["call.call_id"], name="fk_ticket_call_id_call"),
        sa.ForeignKeyConstraint(["judgment_id"], ["judgment.judgment_id"], name="fk_ticket_judgment_id_judgment"),
    )
    op.create_index("ix_ticket_call_id", "ticket", ["call_id"])
    op.create_index("ix_ticket_state_due_at", "ticket", ["state", "due_at"])
    op.create_table(
        "ticket_event",
        sa.Column("ticket_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("audit_seq", SEQ, nullable=False),
        sa.PrimaryKeyConstraint("ticket_id", "position", name="pk_ticket_event"),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.ticket_id"], name="fk_ticket_event_ticket_id_ticket"),
        sqlite_with_rowid=False,
    )


def _create_audit() -> None:
    op.create_table(
        "audit",
        sa.Column("seq", SEQ, autoincrement=False, nullable=False),
        sa.Column("at", sa.String(27), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("payload_sha256", SHA256, nullable=False),
        sa.Column("prev_hash", SHA256, nullable=False),
        sa.Column("hash", SHA256, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_audit"),
    )
    head = op.create_table(
        "audit_head",
        sa.Column("head_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seq", SEQ, nullable=False),
        sa.Column("hash", SHA256, nullable=False),
        sa.PrimaryKeyConstraint("head_id", name="pk_audit_head"),
    )
    op.execute(head.insert().values(head_id=1, seq=0, hash=GENESIS))
    is_sqlite = op.get_context().dialect.name == "sqlite"
    for statement in SQLITE_TRIGGERS if is_sqlite else POSTGRESQL_TRIGGERS:
        op.execute(statement)
