"""The lists that pages and the API show: filters, keyset paging, one row a call."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, Select, case, func, literal_column, select

from xiaobao.domain import Business, Channel, Outcome, Severity, Ticket, TicketState
from xiaobao.store.schema import call, finding, judgment, signal, ticket


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFilter:
    """What the calls of a list have in common; an absent condition holds for every call.

    The conditions on findings hold for one and the same finding of the latest judgment.
    """

    business: Business | None = None
    channel: Channel | None = None
    agent_id: str | None = None
    agent_team: str | None = None
    customer_id: str | None = None
    started_from: datetime | None = None
    """Inclusive, aware."""
    started_before: datetime | None = None
    """Exclusive, aware."""
    batch_id: str | None = None
    """Batch that brought the latest judgment."""
    category: str | None = None
    rule_id: str | None = None
    outcome: Outcome | None = None
    severity: Severity | None = None
    signal: str | None = None
    needs_review: bool | None = None
    auto_fail: bool | None = None
    score_from: float | None = None
    """Inclusive, 0–100."""
    score_below: float | None = None
    """Exclusive, 0–100."""


@dataclass(frozen=True, slots=True)
class CallRow:
    """One line of the list of calls."""

    call_id: str
    business: Business
    channel: Channel
    agent_id: str
    agent_team: str | None
    customer_id: str
    started_at: datetime | None
    """UTC; `started_offset_min` gives the wall clock of the call."""
    started_offset_min: int | None
    turn_count: int
    revision: int
    judged_at: datetime
    total: float
    auto_fail: bool
    needs_review: bool
    violated: int
    """Findings with outcome violated."""
    undetermined: int
    worst: Severity | None
    """Worst severity among the violated findings."""
    tickets: int


@dataclass(frozen=True, slots=True)
class CallPage:
    rows: tuple[CallRow, ...]
    next_cursor: int | None
    """None on the last page."""


@dataclass(frozen=True, slots=True)
class TicketPage:
    rows: tuple[Ticket, ...]
    next_cursor: int | None


@dataclass(frozen=True, slots=True)
class StoredCall:
    call_id: str
    content_sha256: str
    received_at: datetime
    notes: tuple[str, ...]
    revisions: int
    """Number of judgments; the latest has this revision."""


@dataclass(frozen=True, slots=True)
class StoreCounts:
    calls: int
    judgments: int
    needs_review: int
    findings: dict[Outcome, int] = field(default_factory=dict)
    tickets: dict[TicketState, int] = field(default_factory=dict)


def stored_call(connection: Connection, call_id: str) -> StoredCall | None:
    row = connection.execute(
        select(call.c.content_sha256, call.c.received_at, call.c.notes).where(call.c.call_id == call_id)
    ).one_or_none()
    if row is None:
        return None
    revisions = connection.scalar(select(func.max(judgment.c.revision)).where(judgment.c.call_id == call_id))
    return StoredCall(call_id, row.content_sha256, row.received_at, tuple(orjson.loads(row.notes)), revisions or 0)


def calls(connection: Connection, where: CallFilter, *, cursor: int | None, limit: int) -> CallPage:
    """One page of calls, by the judgment id of their latest judgment, downwards."""
    ranks = case({severity.value: severity.rank for severity in Severity}, value=finding.c.severity)
    is_violated = finding.c.outcome == Outcome.VIOLATED.value
    of_judgment = finding.c.judgment_id == judgment.c.judgment_id
    one = literal_column("1")
    query = (
        select(
            judgment.c.judgment_id,
            call.c.call_id,
            call.c.business,
            call.c.channel,
            call.c.agent_id,
            call.c.agent_team,
            call.c.customer_id,
            call.c.started_at,
            call.c.started_offset_min,
            call.c.turn_count,
            judgment.c.revision,
            judgment.c.judged_at,
            judgment.c.total,
            judgment.c.auto_fail,
            judgment.c.needs_review,
            select(func.count(one)).where(of_judgment, is_violated).scalar_subquery().label("violated"),
            select(func.count(one))
            .where(of_judgment, finding.c.outcome == Outcome.UNDETERMINED.value)
            .scalar_subquery()
            .label("undetermined"),
            select(func.min(ranks)).where(of_judgment, is_violated).scalar_subquery().label("worst"),
            select(func.count(one)).where(ticket.c.call_id == call.c.call_id).scalar_subquery().label("tickets"),
        )
        .join(call, call.c.call_id == judgment.c.call_id)
        .where(judgment.c.superseded_by.is_(None))
        .order_by(judgment.c.judgment_id.desc())
        .limit(limit + 1)
    )
    if cursor is not None:
        query = query.where(judgment.c.judgment_id < cursor)
    rows = connection.execute(_narrow(query, where)).all()
    return CallPage(
        tuple(_call_row(row._asdict()) for row in rows[:limit]),
        rows[limit - 1].judgment_id if len(rows) > limit else None,
    )


def _call_row(values: dict[str, Any]) -> CallRow:
    worst = values.pop("worst")
    del values["judgment_id"]
    return CallRow(
        **values
        | {
            "business": Business(values["business"]),
            "channel": Channel(values["channel"]),
            "worst": None if worst is None else list(Severity)[worst],
        }
    )


def _narrow(query: Select[*tuple[Any, ...]], where: CallFilter) -> Select[*tuple[Any, ...]]:
    plain = {
        call.c.business: where.business and where.business.value,
        call.c.channel: where.channel and where.channel.value,
        call.c.agent_id: where.agent_id,
        call.c.agent_team: where.agent_team,
        call.c.customer_id: where.customer_id,
        judgment.c.batch_id: where.batch_id,
        judgment.c.needs_review: where.needs_review,
        judgment.c.auto_fail: where.auto_fail,
    }
    query = query.where(*(column == value for column, value in plain.items() if value is not None))
    if where.started_from is not None:
        query = query.where(call.c.started_at >= where.started_from)
    if where.started_before is not None:
        query = query.where(call.c.started_at < where.started_before)
    if where.score_from is not None:
        query = query.where(judgment.c.total >= where.score_from)
    if where.score_below is not None:
        query = query.where(judgment.c.total < where.score_below)
    of_finding = {
        finding.c.category: where.category,
        finding.c.rule_id: where.rule_id,
        finding.c.outcome: where.outcome and where.outcome.value,
        finding.c.severity: where.severity and where.severity.value,
    }
    conditions = [column == value for column, value in of_finding.items() if value is not None]
    if conditions:
        # IN rather than EXISTS: a rare category is then found by its index instead of by a walk over all calls.
        query = query.where(judgment.c.judgment_id.in_(select(finding.c.judgment_id).where(*conditions)))
    if where.signal is not None:
        shown = select(signal.c.judgment_id).where(signal.c.signal == where.signal)
        query = query.where(judgment.c.judgment_id.in_(shown))
    return query


def tickets(
    connection: Connection,
    *,
    call_id: str | None,
    state: TicketState | None,
    owner_role: str | None,
    cursor: int | None,
    limit: int,
) -> TicketPage:
    """One page of tickets by the order they were drafted in, downwards."""
    query = select(ticket.c.audit_seq, ticket.c.document, ticket.c.state).order_by(ticket.c.audit_seq.desc())
    plain = {ticket.c.call_id: call_id, ticket.c.state: state and state.value, ticket.c.owner_role: owner_role}
    query = query.where(*(column == value for column, value in plain.items() if value is not None))
    if cursor is not None:
        query = query.where(ticket.c.audit_seq < cursor)
    rows = connection.execute(query.limit(limit + 1)).all()
    drafted = (Ticket.model_validate_json(row.document) for row in rows[:limit])
    return TicketPage(
        tuple(
            draft.model_copy(update={"state": TicketState(row.state)})
            for draft, row in zip(drafted, rows, strict=False)
        ),
        rows[limit - 1].audit_seq if len(rows) > limit else None,
    )
