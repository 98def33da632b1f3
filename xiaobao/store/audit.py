"""The audit chain: every act is a row whose hash covers the row before it.

`hash = SHA-256(prev_hash ‖ seq ‖ body)`, where `prev_hash` is 64 hex digits (64 zeros for the first row), `seq` is
decimal and `body` is canonical JSON (sorted keys, no spaces, UTF-8: RFC 8785 for these string values) of `at`, `actor`,
`action`, `object`, `payload_sha256`. Personal data never enters the chain: a payload is present as its SHA-256 only.

A chain cannot show that its end was cut or that all of it was computed anew. For that, keep heads `(seq, hash)` where
the owner of the database cannot write and hand them to `verify_chain` as anchors.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, Engine, select, update

from xiaobao.errors import StoreError
from xiaobao.store.bulk import insert_rows
from xiaobao.store.engine import read_transaction
from xiaobao.store.schema import audit, audit_head

GENESIS = "0" * 64
"""`prev_hash` of the first row."""
_STREAM_ROWS = 2000
"""Rows fetched at a time while reading the whole chain."""


class AuditRow(NamedTuple):
    """One row of the chain, in the order of the table's columns."""

    seq: int
    """1-based, without gaps."""
    at: str
    actor: str
    action: str
    object: str
    payload_sha256: str
    prev_hash: str
    hash: str


class ChainHead(NamedTuple):
    """The end of the chain at some moment; `seq` 0 is the empty chain."""

    seq: int
    hash: str


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What verification found.

    `first_bad_seq` is the first row that does not stand, None when all do; a row that is missing is named by the seq it
    should have. `reason` is Chinese, empty when `ok`.
    """

    rows: int
    ok: bool
    head: ChainHead
    first_bad_seq: int | None = None
    reason: str = ""


def row_hash(prev_hash: str, seq: int, at: str, actor: str, action: str, obj: str, payload_sha256: str) -> str:
    """Hash of one row, as 64 hex digits."""
    body = orjson.dumps(
        {"action": action, "actor": actor, "at": at, "object": obj, "payload_sha256": payload_sha256},
        option=orjson.OPT_SORT_KEYS,
    )
    return sha256(f"{prev_hash}{seq}".encode() + body).hexdigest()


def lock_writers(connection: Connection) -> ChainHead:
    """Read the head and let no other writer past until this transaction ends; what is read after it is final.

    On SQLite `write_transaction` already holds the database's only write lock, and FOR UPDATE is left out.
    """
    head = connection.execute(select(audit_head.c.seq, audit_head.c.hash).with_for_update()).one_or_none()
    if head is None:
        raise StoreError("审计链头缺失：数据库未初始化或已被改动")
    return ChainHead(*head)


class ChainWriter:
    """Appends to the chain inside a write transaction; nothing is written before `flush`."""

    def __init__(self, connection: Connection, *, at: str, actor: str) -> None:
        """
        Args:
            at: UTC time of the act, as `utc_text` gives it.
            actor: who acts.

        Raises:
            StoreError: the database has no chain head.
        """
        self._connection = connection
        self._at = at
        self._actor = actor
        self._seq, self._hash = lock_writers(connection)
        self._rows: list[dict[str, Any]] = []

    def append(self, action: str, obj: str, payload_sha256: str) -> int:
        """Queue one row; returns its seq."""
        seq, prev = self._seq + 1, self._hash
        self._hash = row_hash(prev, seq, self._at, self._actor, action, obj, payload_sha256)
        self._seq = seq
        self._rows.append(
            {
                "seq": seq,
                "at": self._at,
                "actor": self._actor,
                "action": action,
                "object": obj,
                "payload_sha256": payload_sha256,
                "prev_hash": prev,
                "hash": self._hash,
            }
        )
        return seq

    def flush(self) -> ChainHead:
        """Write the queued rows and the new head."""
        if self._rows:
            insert_rows(self._connection, audit, self._rows)
            self._connection.execute(update(audit_head).values(seq=self._seq, hash=self._hash))
            self._rows = []
        return ChainHead(self._seq, self._hash)


def chain_head(engine: Engine) -> ChainHead:
    """The present end of the chain, to be kept as an anchor outside the database."""
    with read_transaction(engine) as connection:
        return read_head(connection)


def read_head(connection: Connection) -> ChainHead:
    row = connection.execute(select(audit_head.c.seq, audit_head.c.hash)).one_or_none()
    return ChainHead(0, GENESIS) if row is None else ChainHead(*row)


def read_rows(connection: Connection) -> Iterator[AuditRow]:
    """The chain in order, streamed."""
    result = connection.execution_options(yield_per=_STREAM_ROWS).execute(select(audit).order_by(audit.c.seq))
    return (AuditRow(*row) for row in result)


def walk(rows: Iterable[AuditRow], *, anchors: Iterable[ChainHead] = ()) -> AuditReport:
    """Check a chain against itself and against heads that were kept elsewhere; stops at the first bad row."""
    kept = {anchor.seq: anchor.hash for anchor in anchors if anchor.seq > 0}
    count, prev = 0, GENESIS
    for row in rows:
        expected = count + 1
        bad: tuple[int, str] | None = None
        if row.seq < expected:
            bad = row.seq, "序号重复"
        elif row.seq > expected:
            bad = expected, "该序号的记录缺失"
        elif row.prev_hash != prev:
            bad = row.seq, "与上一条记录不相连"
        elif row.hash != row_hash(prev, *row[:6]):
            bad = row.seq, "记录内容与其哈希不符"
        elif kept.get(row.seq, row.hash) != row.hash:
            bad = row.seq, "与库外保存的锚点不符：此处或更早的记录被整体重算"
        if bad is not None:
            return AuditReport(count, False, ChainHead(count, prev), *bad)
        count, prev = expected, row.hash
    report = AuditReport(count, True, ChainHead(count, prev))
    if kept and max(kept) > count:
        return replace(
            report, ok=False, first_bad_seq=count + 1, reason=f"锚点记有 {max(kept)} 条，链只到此处：链尾被截去"
        )
    return report


def export_chain(engine: Engine) -> Iterator[bytes]:
    """The chain as JSON lines (each with its newline): enough to verify it elsewhere without the database."""
    with read_transaction(engine) as connection:
        for row in read_rows(connection):
            yield orjson.dumps(row._asdict(), option=orjson.OPT_APPEND_NEWLINE)


def verify_export(lines: Iterable[bytes], *, anchors: Iterable[ChainHead] = ()) -> AuditReport:
    """Check an exported chain, offline.

    Raises:
        StoreError: a line is not a row of an export.
    """
    return walk(_parse(lines), anchors=anchors)


def _parse(lines: Iterable[bytes]) -> Iterator[AuditRow]:
    for number, line in enumerate(lines, start=1):
        try:
            yield AuditRow(**orjson.loads(line))
        except (orjson.JSONDecodeError, TypeError) as exc:
            raise StoreError(f"导出文件第 {number} 行不是审计记录") from exc
