"""Does the database still hold what the audit chain proves: the chain, every document, and what lists show of them?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from sqlalchemy import Column, Connection, Engine, Row, func, select

from xiaobao.store.audit import AuditReport, ChainHead, read_head, read_rows, walk
from xiaobao.store.engine import read_transaction
from xiaobao.store.projection import bad_projections
from xiaobao.store.rows import event_sha256
from xiaobao.store.schema import audit, call, judgment, ticket, ticket_event

_STREAM_ROWS = 500
"""Documents fetched at a time (a few kB each)."""


@dataclass(frozen=True, slots=True)
class _Proof:
    """How the records of one table are bound to the chain."""

    action: str
    zh: str
    seq: Column[Any]
    columns: tuple[Column[Any], ...]
    object_and_sha256: Callable[[Row[Any]], tuple[str, str]]


_PROOFS = (
    _Proof(
        "call.received",
        "通话",
        call.c.audit_seq,
        (call.c.call_id, call.c.transcript),
        lambda row: (row.call_id, sha256(row.transcript).hexdigest()),
    ),
    _Proof(
        "judgment.stored",
        "判定",
        judgment.c.judgment_id,
        (judgment.c.call_id, judgment.c.revision, judgment.c.document),
        lambda row: (f"{row.call_id}#{row.revision}", sha256(row.document).hexdigest()),
    ),
    _Proof(
        "ticket.drafted",
        "工单",
        ticket.c.audit_seq,
        (ticket.c.ticket_id, ticket.c.document),
        lambda row: (row.ticket_id, sha256(row.document).hexdigest()),
    ),
    _Proof(
        "ticket.moved",
        "工单流转",
        ticket_event.c.audit_seq,
        tuple(ticket_event.c),
        lambda row: (row.ticket_id, event_sha256(row._asdict())),
    ),
)


def verify_chain(engine: Engine, *, anchors: Iterable[ChainHead] = (), payloads: bool = True) -> AuditReport:
    """Verify the audit chain and, unless `payloads` is False, every stored document and what the lists show of it.

    Args:
        anchors: heads that were kept outside the database (`chain_head`); without them neither a cut tail together with
            its head row, nor a chain that was recomputed as a whole, nor an older copy of the database can be told.

    Raises:
        StoreError: the database cannot be read.
    """
    with read_transaction(engine) as connection:
        report = walk(read_rows(connection), anchors=anchors)
        head = read_head(connection)
        if report.ok and head != report.head:
            first_bad = min(head.seq, report.head.seq) + 1 if head.seq != report.head.seq else head.seq
            report = replace(report, ok=False, first_bad_seq=first_bad, reason="链尾与链头记录不符：有记录被截去或追加")
        if report.ok and payloads:
            # A document that is not the proven one says nothing about the columns beside it.
            bad = min(_bad_payloads(connection), default=None) or min(bad_projections(connection), default=None)
            if bad is not None:
                report = replace(report, ok=False, first_bad_seq=bad[0], reason=bad[1])
        return report


def _bad_payloads(connection: Connection) -> Iterator[tuple[int, str]]:
    for proof in _PROOFS:
        yield from _changed(connection, proof)
        lost = connection.scalar(
            select(func.min(audit.c.seq)).where(audit.c.action == proof.action, audit.c.seq.not_in(select(proof.seq)))
        )
        if lost is not None:
            yield lost, f"{proof.zh}记录缺失：链上有证，库中无此记录"


def _changed(connection: Connection, proof: _Proof) -> Iterator[tuple[int, str]]:
    """The first record of the table that the chain does not prove."""
    joined = proof.seq.table.outerjoin(audit, audit.c.seq == proof.seq)
    query = select(
        proof.seq.label("proof_seq"), audit.c.action, audit.c.object, audit.c.payload_sha256, *proof.columns
    ).select_from(joined)
    if proof.action == "ticket.moved":
        # The first state of a ticket is its draft, proven by the ticket's own row.
        query = query.where(ticket_event.c.position > 0)
    for row in connection.execution_options(yield_per=_STREAM_ROWS).execute(query.order_by(proof.seq)):
        if row.action is None:
            yield row.proof_seq, f"{proof.zh}记录不在审计链上"
            return
        try:
            stored = proof.object_and_sha256(row)
        except TypeError:
            stored = (None, None)  # text in place of bytes: SQLite keeps whatever a hand writes into a column
        if (row.action, row.object, row.payload_sha256) != (proof.action, *stored):
            yield row.proof_seq, f"{proof.zh}内容与审计链上的哈希不符"
            return
