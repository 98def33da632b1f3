"""The ledger of batches: at every moment received = judged + needs_human + rejected + duplicate + pending."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

from sqlalchemy import Connection, Engine, func, insert, select, update

from xiaobao.errors import StoreError
from xiaobao.store.audit import lock_writers
from xiaobao.store.engine import read_transaction, write_transaction
from xiaobao.store.schema import batch, batch_item, rejected_record

DUPLICATE = "duplicate"
"""`RejectedRecord.code` of a record identical to an earlier one of its batch: counted apart, listed with the rest."""


@dataclass(frozen=True, slots=True)
class RejectedRecord:
    """A record of a batch that could not be judged, with the reason for the person who sent it."""

    item: int
    """0-based place in the batch."""
    file: str
    line: int | None
    """1-based; None where lines make no sense."""
    code: str
    """Stable, for programs: `IntakeError.code` and its kin."""
    reason: str
    """Chinese."""


@dataclass(frozen=True, slots=True)
class BatchCounts:
    """What became of the records of a batch, counted row by row in the database."""

    received: int
    judged: int
    needs_human: int
    rejected: int
    duplicate: int

    @property
    def pending(self) -> int:
        """Received and not yet settled; negative only if the ledger is wrong."""
        return self.received - self.judged - self.needs_human - self.rejected - self.duplicate

    @property
    def balanced(self) -> bool:
        """Whether every received record ended in exactly one state."""
        return self.pending == 0


def _now() -> datetime:
    return datetime.now(UTC)


class BatchLedger:
    """Opens batches, counts what they received, lists what they rejected."""

    def __init__(self, engine: Engine, *, clock: Callable[[], datetime] = _now) -> None:
        self._engine = engine
        self._clock = clock

    def open(self, source: str) -> str:
        """Open a batch; `source` says in words where its records come from. Returns its id."""
        batch_id = uuid4().hex
        with write_transaction(self._engine) as connection:
            row = {"batch_id": batch_id, "started_at": self._clock(), "source": source, "received": 0}
            connection.execute(insert(batch), row)
        return batch_id

    def record_received(self, batch_id: str, received: int) -> None:
        """Note how many records have been read so far in all; may be repeated, a smaller number changes nothing.

        Raises:
            StoreError: no such batch.
        """
        with write_transaction(self._engine) as connection:
            lock_writers(connection)
            _require(connection, batch_id)
            connection.execute(
                update(batch).where(batch.c.batch_id == batch_id, batch.c.received < received).values(received=received)
            )

    def reject(self, batch_id: str, records: Sequence[RejectedRecord]) -> None:
        """List records that cannot be judged; one that is settled already is left as it is.

        Raises:
            StoreError: no such batch.
        """
        with write_transaction(self._engine) as connection:
            lock_writers(connection)
            _require(connection, batch_id)
            settled = set(connection.scalars(select(batch_item.c.item).where(batch_item.c.batch_id == batch_id)))
            fresh = {record.item: record for record in records if record.item not in settled}
            if not fresh:
                return
            connection.execute(
                insert(batch_item),
                [
                    {
                        "batch_id": batch_id,
                        "item": record.item,
                        "state": "duplicate" if record.code == DUPLICATE else "rejected",
                        "call_id": None,
                    }
                    for record in fresh.values()
                ],
            )
            connection.execute(
                insert(rejected_record),
                [
                    {
                        "batch_id": batch_id,
                        "item": record.item,
                        "file": record.file,
                        "line": record.line,
                        "code": record.code,
                        "reason": record.reason,
                    }
                    for record in fresh.values()
                ],
            )

    def rejected(self, batch_id: str) -> tuple[RejectedRecord, ...]:
        """The rejected records of a batch in the order they came."""
        columns = (getattr(rejected_record.c, name) for name in RejectedRecord.__slots__)
        query = select(*columns).where(rejected_record.c.batch_id == batch_id).order_by(rejected_record.c.item)
        with read_transaction(self._engine) as connection:
            return tuple(RejectedRecord(*row) for row in connection.execute(query))

    def reconcile(self, batch_id: str) -> BatchCounts:
        """Count what became of every record of the batch.

        Raises:
            StoreError: no such batch.
        """
        by_state = (
            select(batch_item.c.state, func.count())
            .where(batch_item.c.batch_id == batch_id)
            .group_by(batch_item.c.state)
        )
        with read_transaction(self._engine) as connection:
            received = _require(connection, batch_id)
            states = dict(connection.execute(by_state).all())
        return BatchCounts(
            received=received,
            judged=states.get("judged", 0),
            needs_human=states.get("needs_human", 0),
            rejected=states.get("rejected", 0),
            duplicate=states.get("duplicate", 0),
        )


def _require(connection: Connection, batch_id: str) -> int:
    """How many records the batch has received."""
    received = connection.scalar(select(batch.c.received).where(batch.c.batch_id == batch_id))
    if received is None:
        raise StoreError(f"批次不存在：{batch_id!r}")
    return received
