"""The store of judgments: save judged calls, read them back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from orjson import JSONEncodeError
from sqlalchemy import Engine, func, select

from xiaobao.domain import Judgment, Outcome, TicketState, Transcript
from xiaobao.errors import StoreError
from xiaobao.store import queries, schema
from xiaobao.store.engine import read_transaction, write_transaction
from xiaobao.store.queries import CallFilter, CallPage, StoreCounts, StoredCall, TicketPage
from xiaobao.store.rows import JudgedCall, Prepared, prepare
from xiaobao.store.writing import Refusal, SaveResult, Writer

__all__ = [
    "CallFilter",
    "CallPage",
    "JudgedCall",
    "JudgmentStore",
    "Refusal",
    "SaveResult",
    "StoreCounts",
    "StoredCall",
    "TicketPage",
]

MAX_PAGE = 500
"""Rows in one page of a list."""


def _now() -> datetime:
    return datetime.now(UTC)


class JudgmentStore:
    """Calls and their judgments in one database; safe to share between threads."""

    def __init__(self, engine: Engine, *, clock: Callable[[], datetime] = _now) -> None:
        """
        Args:
            engine: from `create_store_engine`, after `upgrade`.
            clock: gives aware times; they order nothing (the audit seq does), they only tell.
        """
        self._engine = engine
        self._clock = clock

    def save(self, batch: Sequence[JudgedCall], *, batch_id: str | None = None, actor: str = "system") -> SaveResult:
        """Store judged calls with findings, signals, tickets and audit rows in ONE transaction.

        A call that is stored with other content is refused and reported, never overwritten; the others are stored.
        Saving the same again changes nothing.

        Args:
            batch_id: an open batch (`BatchLedger.open`) in whose ledger every call is settled; each then needs `item`.
            actor: who did it, for the audit chain.

        Raises:
            StoreError: the database refused; nothing of `batch` was stored.
            ValueError: a call without `item` in a save that names a batch.
        """
        if batch_id is not None and any(source.item is None for source in batch):
            raise ValueError("save with batch_id needs the item of every call")
        ready: list[Prepared] = []
        unstorable: list[tuple[JudgedCall, str]] = []
        for source in batch:
            try:
                ready.append(prepare(source))
            except (ValueError, JSONEncodeError) as exc:
                unstorable.append((source, f"无法存储：{exc}"))
        with write_transaction(self._engine) as connection:
            writer = Writer(connection, at=self._clock(), actor=actor, batch_id=batch_id)
            return writer.write(ready, unstorable)

    def get_judgment(self, call_id: str, revision: int | None = None) -> Judgment | None:
        """The latest judgment of a call, or its 1-based `revision`; None when there is none."""
        document = self.get_document(call_id, revision)
        return None if document is None else Judgment.model_validate_json(document)

    def get_document(self, call_id: str, revision: int | None = None) -> bytes | None:
        """The judgment as the JSON bytes that were stored and hashed."""
        table = schema.judgment
        query = select(table.c.document).where(table.c.call_id == call_id)
        query = query.where(table.c.superseded_by.is_(None) if revision is None else table.c.revision == revision)
        with read_transaction(self._engine) as connection:
            return connection.scalar(query)

    def get_transcript(self, call_id: str) -> Transcript | None:
        """The call as it was judged; None when it is not stored."""
        with read_transaction(self._engine) as connection:
            raw = connection.scalar(select(schema.call.c.transcript).where(schema.call.c.call_id == call_id))
        return None if raw is None else Transcript.model_validate_json(raw)

    def get_call(self, call_id: str) -> StoredCall | None:
        """What is known about a call beside its transcript, with the notes of intake."""
        with read_transaction(self._engine) as connection:
            return queries.stored_call(connection, call_id)

    def list_calls(self, where: CallFilter | None = None, *, cursor: int | None = None, limit: int = 50) -> CallPage:
        """Calls with their latest judgment, latest judged first.

        Args:
            cursor: `CallPage.next_cursor` of the page before.
            limit: at most this many, 1–500.
        """
        with read_transaction(self._engine) as connection:
            return queries.calls(connection, where or CallFilter(), cursor=cursor, limit=_page(limit))

    def list_tickets(
        self,
        *,
        call_id: str | None = None,
        state: TicketState | None = None,
        owner_role: str | None = None,
        cursor: int | None = None,
        limit: int = 50,
    ) -> TicketPage:
        """Tickets in their present state, newest first; `cursor` and `limit` as in `list_calls`."""
        with read_transaction(self._engine) as connection:
            return queries.tickets(
                connection, call_id=call_id, state=state, owner_role=owner_role, cursor=cursor, limit=_page(limit)
            )

    def counts(self) -> StoreCounts:
        """How much is stored; findings and review needs count the latest judgment of each call only."""
        judgments, findings, tickets = schema.judgment, schema.finding, schema.ticket
        latest = judgments.c.superseded_by.is_(None)
        with read_transaction(self._engine) as connection:
            by_outcome = dict(
                connection.execute(
                    select(findings.c.outcome, func.count())
                    .join(judgments, judgments.c.judgment_id == findings.c.judgment_id)
                    .where(latest)
                    .group_by(findings.c.outcome)
                ).all()
            )
            by_state = dict(connection.execute(select(tickets.c.state, func.count()).group_by(tickets.c.state)).all())
            return StoreCounts(
                calls=connection.scalar(select(func.count()).select_from(schema.call)) or 0,
                judgments=connection.scalar(select(func.count()).select_from(judgments)) or 0,
                needs_review=connection.scalar(
                    select(func.count()).select_from(judgments).where(latest, judgments.c.needs_review)
                )
                or 0,
                findings={outcome: by_outcome.get(outcome.value, 0) for outcome in Outcome},
                tickets={state: by_state.get(state.value, 0) for state in TicketState},
            )


def _page(limit: int) -> int:
    if not 1 <= limit <= MAX_PAGE:
        raise StoreError(f"每页条数须在 1 至 {MAX_PAGE} 之间：{limit!r}")
    return limit
