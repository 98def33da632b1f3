"""The tables. A change here needs a migration in `migrations/versions`; a test compares the two.

Documents (transcript, judgment, ticket) are kept as the exact JSON bytes that were hashed into the audit chain; the
other columns repeat parts of them for filters and joins. `audit_seq` names the row of the chain that proves a record.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.engine import Dialect

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


@lru_cache(maxsize=4096)
def utc_text(moment: datetime) -> str:
    """Fixed-width UTC text, `2026-05-12T02:03:00.000000Z`: sorts as text in the order of time."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


class UtcTimestamp(TypeDecorator[datetime]):
    """An instant: `timestamptz` on PostgreSQL, fixed-width UTC text on SQLite. Read back in UTC."""

    impl = String(27)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(TIMESTAMP(timezone=True))
        return dialect.type_descriptor(String(27))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None or dialect.name == "postgresql":
            return value
        return utc_text(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.astimezone(UTC) if isinstance(value, datetime) else datetime.fromisoformat(value)


# `INTEGER PRIMARY KEY` is SQLite's row id; a BIGINT key would be a second index.
_Seq = BigInteger().with_variant(Integer(), "sqlite")
_Sha256 = String(64)
_CallId = String(200)

batch = Table(
    "batch",
    metadata,
    Column("batch_id", String(64), primary_key=True),
    Column("started_at", UtcTimestamp, nullable=False),
    Column("source", Text, nullable=False),
    Column("received", Integer, nullable=False),
)
"""One intake run; `received` counts the records that were read, whatever became of them."""

call = Table(
    "call",
    metadata,
    Column("call_id", _CallId, primary_key=True),
    Column("content_sha256", Text, nullable=False),
    Column("received_at", UtcTimestamp, nullable=False),
    Column("business", String(32), nullable=False),
    Column("channel", String(32), nullable=False),
    Column("direction", String(32), nullable=False),
    Column("agent_id", Text, nullable=False),
    Column("agent_team", Text),
    Column("customer_id", Text, nullable=False),
    Column("started_at", UtcTimestamp),
    # Contact-hour rules use the clock on the wall of the call, which UTC alone has lost.
    Column("started_offset_min", Integer),
    Column("turn_count", Integer, nullable=False),
    Column("transcript", LargeBinary, nullable=False),
    Column("notes", LargeBinary, nullable=False),
    Column("audit_seq", _Seq, nullable=False),
    Index(None, "agent_id"),
    Index(None, "customer_id"),
    Index(None, "started_at"),
)

provenance = Table(
    "provenance",
    metadata,
    Column("provenance_sha256", _Sha256, primary_key=True),
    Column("ruleset", Text, nullable=False),
    Column("models", Text, nullable=False),
    Column("prompts", Text, nullable=False),
    Column("kb_snapshot", Text, nullable=False),
    Column("product_version", Text, nullable=False),
)
"""By what calls were judged: a handful of rows that many judgments share. `models`, `prompts`: canonical JSON."""

judgment = Table(
    "judgment",
    metadata,
    # The audit seq of its `judgment.stored` row: allocated under the write lock, so never reused, and every judgment
    # points at its own proof.
    Column("judgment_id", _Seq, primary_key=True, autoincrement=False),
    Column("call_id", _CallId, ForeignKey(call.c.call_id), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("superseded_by", _Seq),
    Column("batch_id", String(64), ForeignKey(batch.c.batch_id)),
    Column("judged_at", UtcTimestamp, nullable=False),
    Column("transcript_sha256", Text, nullable=False),
    Column("provenance_sha256", _Sha256, ForeignKey(provenance.c.provenance_sha256), nullable=False),
    Column("total", Float, nullable=False),
    Column("auto_fail", Boolean, nullable=False),
    Column("needs_review", Boolean, nullable=False),
    Column("document", LargeBinary, nullable=False),
    UniqueConstraint("call_id", "revision"),
    # Judging again under another policy is a new row; judging again identically is none.
    UniqueConstraint("call_id", "transcript_sha256", "provenance_sha256"),
)

finding = Table(
    "finding",
    metadata,
    Column("judgment_id", _Seq, ForeignKey(judgment.c.judgment_id), primary_key=True, autoincrement=False),
    Column("finding_id", Text, primary_key=True),
    Column("rule_id", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("severity", String(16), nullable=False),
    Column("origin", String(16), nullable=False),
    Column("confidence", Float, nullable=False),
    Column("turns", Text, nullable=False),
    Index(None, "category", "outcome"),
    sqlite_with_rowid=False,
)
"""`turns`: JSON list of 0-based turns."""

signal = Table(
    "signal",
    metadata,
    Column("judgment_id", _Seq, ForeignKey(judgment.c.judgment_id), primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("signal", Text, nullable=False),
    Column("rule_id", Text, nullable=False),
    Column("turns", Text, nullable=False),
    Index(None, "signal"),
    sqlite_with_rowid=False,
)

ticket = Table(
    "ticket",
    metadata,
    Column("ticket_id", Text, primary_key=True),
    Column("call_id", _CallId, ForeignKey(call.c.call_id), nullable=False),
    Column("judgment_id", _Seq, ForeignKey(judgment.c.judgment_id), nullable=False),
    Column("category", Text, nullable=False),
    Column("severity", String(16), nullable=False),
    Column("owner_role", String(32), nullable=False),
    Column("due_at", UtcTimestamp, nullable=False),
    Column("state", String(16), nullable=False),
    Column("document", LargeBinary, nullable=False),
    Column("audit_seq", _Seq, nullable=False),
    Index(None, "call_id"),
    Index(None, "state", "due_at"),
)
"""`document` is the ticket as drafted and never changes; `state` is the present one, its history is in ticket_event."""

ticket_event = Table(
    "ticket_event",
    metadata,
    Column("ticket_id", Text, ForeignKey(ticket.c.ticket_id), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("at", UtcTimestamp, nullable=False),
    Column("actor", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("note", Text, nullable=False),
    Column("audit_seq", _Seq, nullable=False),
    sqlite_with_rowid=False,
)

batch_item = Table(
    "batch_item",
    metadata,
    Column("batch_id", String(64), ForeignKey(batch.c.batch_id), primary_key=True),
    # 0-based place of the record in the batch: the key is what makes a repeated save count once.
    Column("item", Integer, primary_key=True, autoincrement=False),
    Column("state", String(16), nullable=False),
    Column("call_id", _CallId),
    sqlite_with_rowid=False,
)
"""What became of each record: judged | needs_human | rejected | duplicate; exactly one row a record."""

rejected_record = Table(
    "rejected_record",
    metadata,
    Column("batch_id", String(64), primary_key=True),
    Column("item", Integer, primary_key=True, autoincrement=False),
    Column("file", Text, nullable=False),
    Column("line", Integer),
    Column("code", String(64), nullable=False),
    Column("reason", Text, nullable=False),
    ForeignKeyConstraint(["batch_id", "item"], [batch_item.c.batch_id, batch_item.c.item]),
)

audit = Table(
    "audit",
    metadata,
    Column("seq", _Seq, primary_key=True, autoincrement=False),
    # Text on every database: it is hashed, so it must read back byte for byte.
    Column("at", String(27), nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", String(64), nullable=False),
    Column("object", Text, nullable=False),
    Column("payload_sha256", _Sha256, nullable=False),
    Column("prev_hash", _Sha256, nullable=False),
    Column("hash", _Sha256, nullable=False),
)

audit_head = Table(
    "audit_head",
    metadata,
    Column("head_id", Integer, primary_key=True, autoincrement=False),
    Column("seq", _Seq, nullable=False),
    Column("hash", _Sha256, nullable=False),
)
"""One row (head_id 1): the end of the chain, and the row PostgreSQL writers lock before they append."""
