"""Do the columns that lists and counts are made of still say what the stored documents say?

The chain proves documents only. Who hides a violation from every list by editing the `finding` table is found here.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

import orjson
from sqlalchemy import Connection, func, select

from xiaobao.store.schema import finding, judgment, ticket, ticket_event

_STREAM_ROWS = 500
"""Documents fetched at a time (a few kB each)."""
_SHOWN = ("finding_id", "rule_id", "category", "outcome", "severity", "origin")


def bad_projections(connection: Connection) -> Iterator[tuple[int, str]]:
    """Audit seq and reason of the first judgment, and the first ticket, that is shown otherwise than it is proven."""
    for judgment_id, row, findings in _judgments(connection):
        if row is None:
            yield judgment_id, "判定项没有所属的判定"
            break
        document = orjson.loads(row.document)
        columns = (row.total, row.auto_fail, row.needs_review)
        if columns != (document["score"]["total"], document["score"]["auto_fail"], document["needs_review"]):
            yield judgment_id, "判定表的分数或复核标记与判定原文不符"
            break
        if findings != sorted(tuple(item[name] for name in _SHOWN) for item in document["findings"]):
            yield judgment_id, "判定项表与判定原文不符"
            break
    present = (
        select(ticket_event.c.state)
        .where(ticket_event.c.ticket_id == ticket.c.ticket_id)
        .order_by(ticket_event.c.position.desc())
        .limit(1)
        .scalar_subquery()
    )
    strayed = connection.scalar(select(func.min(ticket.c.audit_seq)).where(ticket.c.state.is_distinct_from(present)))
    if strayed is not None:
        yield strayed, "工单状态与其流转记录不符"


def _judgments(connection: Connection) -> Iterator[tuple[int, Any, list[tuple[Any, ...]]]]:
    """Every judgment with its findings, in one pass over both tables; a None row for findings without a judgment."""
    stream = connection.execution_options(yield_per=_STREAM_ROWS)
    columns = (judgment.c.total, judgment.c.auto_fail, judgment.c.needs_review, judgment.c.document)
    judgments = stream.execute(select(judgment.c.judgment_id, *columns).order_by(judgment.c.judgment_id))
    found = stream.execute(
        select(finding.c.judgment_id, *(finding.c[name] for name in _SHOWN)).order_by(finding.c.judgment_id)
    )
    groups = groupby(found, key=lambda row: row.judgment_id)
    group = next(groups, None)
    for row in judgments:
        if group is not None and group[0] < row.judgment_id:
            break
        findings: list[tuple[Any, ...]] = []
        if group is not None and group[0] == row.judgment_id:
            findings = sorted(tuple(item[1:]) for item in group[1])
            group = next(groups, None)
        yield row.judgment_id, row, findings
    if group is not None:
        yield group[0], None, []
