"""Moves tickets from state to state; every move keeps its actor, time and note, and is proven by the audit chain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Engine, func, insert, select, update

from xiaobao.domain import TicketState
from xiaobao.errors import StoreError
from xiaobao.store.audit import ChainWriter
from xiaobao.store.engine import read_transaction, write_transaction
from xiaobao.store.rows import event_sha256
from xiaobao.store.schema import ticket, ticket_event, utc_text

_S = TicketState
MOVES: dict[TicketState, frozenset[TicketState]] = {
    _S.DRAFT: frozenset({_S.OPEN, _S.RETURNED}),
    _S.OPEN: frozenset({_S.IN_PROGRESS, _S.RETURNED}),
    _S.IN_PROGRESS: frozenset({_S.TO_VERIFY, _S.RETURNED}),
    _S.TO_VERIFY: frozenset({_S.CLOSED, _S.IN_PROGRESS}),
    _S.RETURNED: frozenset({_S.OPEN, _S.CLOSED}),
    _S.CLOSED: frozenset({_S.OPEN}),
}
"""待派 → 处理中 → 待复核 → 已关闭 | 退回; a repeated finding re-opens a closed ticket."""


@dataclass(frozen=True, slots=True)
class TicketEvent:
    """One state a ticket entered."""

    position: int
    """0 is the draft."""
    at: datetime
    actor: str
    state: TicketState
    note: str


def _now() -> datetime:
    return datetime.now(UTC)


class TicketDesk:
    """State changes of stored tickets and their history."""

    def __init__(self, engine: Engine, *, clock: Callable[[], datetime] = _now) -> None:
        self._engine = engine
        self._clock = clock

    def move(self, ticket_id: str, *, seen: TicketState, to: TicketState, actor: str, note: str = "") -> None:
        """Move a ticket from the state its mover saw; of two people who move at once, one wins.

        Raises:
            StoreError: no such ticket, it has left the `seen` state, or `to` does not follow it.
        """
        if to not in MOVES[seen]:
            raise StoreError(f"工单不能由“{seen.value}”转为“{to.value}”")
        at = self._clock()
        with write_transaction(self._engine) as connection:
            chain = ChainWriter(connection, at=utc_text(at), actor=actor)
            state = connection.scalar(select(ticket.c.state).where(ticket.c.ticket_id == ticket_id))
            if state is None:
                raise StoreError(f"工单不存在：{ticket_id!r}")
            if state != seen.value:
                raise StoreError(f"工单 {ticket_id!r} 已由他人转为“{state}”")
            last = connection.scalar(
                select(func.max(ticket_event.c.position)).where(ticket_event.c.ticket_id == ticket_id)
            )
            event = {
                "ticket_id": ticket_id,
                "position": (last or 0) + 1,
                "at": at,
                "actor": actor,
                "state": to.value,
                "note": note,
            }
            seq = chain.append("ticket.moved", ticket_id, event_sha256(event))
            connection.execute(insert(ticket_event), event | {"audit_seq": seq})
            connection.execute(update(ticket).where(ticket.c.ticket_id == ticket_id).values(state=to.value))
            chain.flush()

    def history(self, ticket_id: str) -> tuple[TicketEvent, ...]:
        """Every state the ticket entered, in order; empty for an unknown ticket."""
        query = (
            select(
                ticket_event.c.position,
                ticket_event.c.at,
                ticket_event.c.actor,
                ticket_event.c.state,
                ticket_event.c.note,
            )
            .where(ticket_event.c.ticket_id == ticket_id)
            .order_by(ticket_event.c.position)
        )
        with read_transaction(self._engine) as connection:
            return tuple(
                TicketEvent(row.position, row.at, row.actor, TicketState(row.state), row.note)
                for row in connection.execute(query)
            )
