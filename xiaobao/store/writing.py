"""Stores judged calls: everything about them in one transaction, or nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Column, Connection, Table, select, update

from xiaobao.errors import DuplicateCallError, StoreError
from xiaobao.store import schema
from xiaobao.store.audit import ChainHead, ChainWriter
from xiaobao.store.bulk import insert_rows
from xiaobao.store.rows import JudgedCall, Prepared

_IN_LIST = 5000
"""Values in one IN list; SQLite's limit on parameters is 32,766, PostgreSQL's 65,535."""
_INSERT_ORDER = (
    schema.provenance,
    schema.call,
    schema.judgment,
    schema.finding,
    schema.signal,
    schema.ticket,
    schema.ticket_event,
    schema.batch_item,
    schema.rejected_record,
)
"""Parents before children: foreign keys are checked at once."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A call that was not stored; the others of its batch were."""

    call_id: str
    code: str
    """`duplicate_call`: the same call_id is stored with other content; `not_storable`: what no database can hold."""
    reason: str


@dataclass(frozen=True, slots=True)
class SaveResult:
    """What became of each call, in the order given."""

    stored: tuple[str, ...]
    """Calls that have a new judgment."""
    unchanged: tuple[str, ...]
    """Calls already judged on the same content by the same rules, models, prompts and knowledge."""
    refused: tuple[Refusal, ...]
    head: ChainHead

    @property
    def conflicts(self) -> tuple[Refusal, ...]:
        """Refused because the same call_id is stored with other content."""
        return tuple(refusal for refusal in self.refused if refusal.code == DuplicateCallError.code)


@dataclass(slots=True)
class _Known:
    """What the database holds of one call_id."""

    content_sha256: str
    revision: int
    latest_judgment: int
    judged: set[tuple[str, str]]
    """(transcript_sha256, provenance_sha256) of its judgments."""


class Writer:
    """Places the calls of one save; lives as long as its write transaction."""

    def __init__(self, connection: Connection, *, at: datetime, actor: str, batch_id: str | None) -> None:
        self._connection = connection
        self._at = schema.utc_text(at)
        self._actor = actor
        self._batch_id = batch_id
        # First of all: on PostgreSQL this takes the lock that makes the look-ups below final.
        self._chain = ChainWriter(connection, at=self._at, actor=actor)
        self._rows: dict[Table, list[dict[str, Any]]] = {table: [] for table in _INSERT_ORDER}
        self._superseded: list[tuple[int, int]] = []
        self._stored: list[str] = []
        self._unchanged: list[str] = []
        self._refused: list[Refusal] = []

    def write(self, calls: Sequence[Prepared], unstorable: Sequence[tuple[JudgedCall, str]]) -> SaveResult:
        """Place every call, then insert all rows."""
        self._load(calls, unstorable)
        for prepared in calls:
            self._place(prepared)
        for source, reason in unstorable:
            self._refuse(source, "not_storable", reason)
        head = self._chain.flush()
        self._insert()
        return SaveResult(tuple(self._stored), tuple(self._unchanged), tuple(self._refused), head)

    def _load(self, calls: Sequence[Prepared], unstorable: Sequence[tuple[JudgedCall, str]]) -> None:
        self._known = self._known_calls([prepared.call["call_id"] for prepared in calls])
        tickets = schema.ticket
        self._tickets: dict[str, str] = dict(
            self._lookup(
                (tickets.c.ticket_id, tickets.c.call_id),
                tickets.c.ticket_id,
                [row["ticket_id"] for prepared in calls for row, _ in prepared.tickets],
            )
        )
        ids = {prepared.provenance["provenance_sha256"] for prepared in calls}
        column = schema.provenance.c.provenance_sha256
        self._provenances: set[str] = {row[0] for row in self._lookup((column,), column, ids)}
        self._items: set[int] = set()
        if self._batch_id is not None:
            sources = [prepared.source for prepared in calls] + [source for source, _ in unstorable]
            items = schema.batch_item
            self._items = {
                row[0]
                for row in self._lookup(
                    (items.c.item,), items.c.item, [s.item for s in sources], where=items.c.batch_id == self._batch_id
                )
            }

    def _lookup(
        self, columns: tuple[Column[Any], ...], key: Column[Any], values: Iterable[Any], where: Any = None
    ) -> Iterator[Any]:
        wanted = list(values)
        for start in range(0, len(wanted), _IN_LIST):
            query = select(*columns).where(key.in_(wanted[start : start + _IN_LIST]))
            yield from self._connection.execute(query if where is None else query.where(where))

    def _known_calls(self, call_ids: list[str]) -> dict[str, _Known]:
        calls, judgments = schema.call, schema.judgment
        known = {
            row.call_id: _Known(row.content_sha256, 0, 0, set())
            for row in self._lookup((calls.c.call_id, calls.c.content_sha256), calls.c.call_id, call_ids)
        }
        columns = (
            judgments.c.call_id,
            judgments.c.judgment_id,
            judgments.c.revision,
            judgments.c.transcript_sha256,
            judgments.c.provenance_sha256,
        )
        for row in self._lookup(columns, judgments.c.call_id, list(known)):
            entry = known[row.call_id]
            entry.judged.add((row.transcript_sha256, row.provenance_sha256))
            if row.revision > entry.revision:
                entry.revision, entry.latest_judgment = row.revision, row.judgment_id
        return known

    def _place(self, prepared: Prepared) -> None:
        source, row = prepared.source, prepared.judgment
        call_id = row["call_id"]
        identity = (row["transcript_sha256"], row["provenance_sha256"])
        known = self._known.get(call_id)
        if known is None:
            seq = self._chain.append("call.received", call_id, prepared.call_payload)
            self._rows[schema.call].append(prepared.call | {"received_at": self._at, "audit_seq": seq})
            known = self._known[call_id] = _Known(source.content_sha256, 0, 0, set())
        elif known.content_sha256 != source.content_sha256:
            reason = f"通话编号 {call_id!r} 已存有内容不同的记录，未覆盖"
            self._refuse(source, DuplicateCallError.code, reason)
            return
        if identity in known.judged:
            self._unchanged.append(call_id)
            self._settle(source, "duplicate")
            return
        self._judge(prepared, known)
        known.judged.add(identity)
        self._stored.append(call_id)
        self._settle(source, "needs_human" if row["needs_review"] else "judged")

    def _judge(self, prepared: Prepared, known: _Known) -> None:
        call_id = prepared.judgment["call_id"]
        revision = known.revision + 1
        seq = self._chain.append("judgment.stored", f"{call_id}#{revision}", prepared.judgment_payload)
        if known.latest_judgment:
            self._superseded.append((known.latest_judgment, seq))
        known.revision, known.latest_judgment = revision, seq
        provenance_id = prepared.provenance["provenance_sha256"]
        if provenance_id not in self._provenances:
            self._provenances.add(provenance_id)
            self._rows[schema.provenance].append(prepared.provenance)
        ids = {"judgment_id": seq}
        self._rows[schema.judgment].append(
            prepared.judgment | ids | {"revision": revision, "batch_id": self._batch_id, "superseded_by": None}
        )
        self._rows[schema.finding] += [finding | ids for finding in prepared.findings]
        self._rows[schema.signal] += [signal | ids for signal in prepared.signals]
        for ticket, payload_sha256 in prepared.tickets:
            self._draft(ticket, payload_sha256, judgment_id=seq)

    def _draft(self, ticket: dict[str, Any], payload_sha256: str, *, judgment_id: int) -> None:
        ticket_id = ticket["ticket_id"]
        if ticket_id in self._tickets:
            # A person may be working on it: the first draft stays, whatever a later judgment would write.
            if self._tickets[ticket_id] != ticket["call_id"]:
                raise StoreError(f"工单编号 {ticket_id!r} 已属于另一通话")
            return
        self._tickets[ticket_id] = ticket["call_id"]
        seq = self._chain.append("ticket.drafted", ticket_id, payload_sha256)
        self._rows[schema.ticket].append(ticket | {"judgment_id": judgment_id, "audit_seq": seq})
        self._rows[schema.ticket_event].append(
            {
                "ticket_id": ticket_id,
                "position": 0,
                "at": self._at,
                "actor": self._actor,
                "state": ticket["state"],
                "note": "",
                "audit_seq": seq,
            }
        )

    def _refuse(self, source: JudgedCall, code: str, reason: str) -> None:
        call_id = _printable(source.transcript.call_id)
        self._refused.append(Refusal(source.transcript.call_id, code, reason))
        if source.item in self._items:
            return
        # The refused content is not stored, so the chain keeps what can prove later which content was offered.
        self._chain.append("call.refused", call_id, sha256(source.content_sha256.encode()).hexdigest())
        if self._settle(source, "rejected"):
            self._rows[schema.rejected_record].append(
                {
                    "batch_id": self._batch_id,
                    "item": source.item,
                    "file": source.file,
                    "line": source.line,
                    "code": code,
                    "reason": reason,
                }
            )

    def _settle(self, source: JudgedCall, state: str) -> bool:
        """Note what became of the record in its batch; False without a batch or when it was noted before."""
        if self._batch_id is None or source.item is None or source.item in self._items:
            return False
        self._items.add(source.item)
        self._rows[schema.batch_item].append(
            {
                "batch_id": self._batch_id,
                "item": source.item,
                "state": state,
                "call_id": _printable(source.transcript.call_id),
            }
        )
        return True

    def _insert(self) -> None:
        for table in _INSERT_ORDER:
            insert_rows(self._connection, table, self._rows[table])
        for old, new in self._superseded:
            self._connection.execute(
                update(schema.judgment).where(schema.judgment.c.judgment_id == old).values(superseded_by=new)
            )


def _printable(call_id: str) -> str:
    """The id with a NUL or a lone surrogate spelled out, so that a refusal for just that can be recorded."""
    return call_id.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode()[:200]
