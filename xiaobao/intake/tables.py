"""Tables with one row a turn: which column is what, and which rows make one call."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import isfinite, nan
from typing import Any

from xiaobao.domain import MAX_TURNS
from xiaobao.errors import IntakeError
from xiaobao.intake.aliases import CALL_FIELDS, TURN_FIELDS, TURN_NUMBER, fold
from xiaobao.intake.hygiene import text_fault
from xiaobao.intake.normalise import parse_transcript
from xiaobao.intake.record import IntakeRecord


@dataclass(frozen=True)
class Row:
    """One row as read; `cells` are text, "" where empty."""

    line: int
    """1-based row, or line of a CSV where the row begins."""
    cells: tuple[str, ...]
    fault: tuple[str, int | None] | None = None
    """Reason (Chinese) and 1-based column of something wrong with the row as a whole."""


class Columns:
    """The header row of a table of turns, understood.

    Raises:
        IntakeError: no column of text, or the same column twice.
    """

    def __init__(self, header: Row, *, file: str) -> None:
        self.width = len(header.cells)
        names = [cell.strip() for cell in header.cells]
        folded = [fold(name) for name in names]
        twice = next((i for i, name in enumerate(folded) if name and name in folded[:i]), None)
        if twice is not None:
            raise IntakeError(f"表头 {names[twice][:30]!r} 重复", file=file, line=header.line, column=twice + 1)
        self.call_id = _first(folded, CALL_FIELDS["call_id"])
        self.number = _first(folded, TURN_NUMBER)
        self.turn = {name: at for name, words in TURN_FIELDS.items() if (at := _first(folded, words)) is not None}
        if "text" not in self.turn:
            reason = "表头里没有文本列（text / 内容 / 文本）"
            raise IntakeError(reason, file=file, line=header.line)
        if "speaker" not in self.turn:
            reason = "表头里没有说话人列（speaker / 说话人 / 角色）"
            raise IntakeError(reason, file=file, line=header.line)
        used = {self.call_id, self.number, *self.turn.values()}
        self.call = {at: name for at, name in enumerate(names) if name and at not in used}
        self.turn_keys = {at: names[at] for at in self.turn.values()}


def _first(folded: Sequence[str], words: Iterable[str]) -> int | None:
    return next((folded.index(word) for word in words if word in folded), None)


@dataclass
class _Group:
    line: int
    call_id: str | None
    rows: list[Row] = field(default_factory=list)
    count: int = 0
    fault: IntakeError | None = None


def fitted(row: Row, width: int) -> Row:
    """`row` with exactly `width` cells; a row that does not fit carries a fault instead of shifting its cells."""
    if row.fault or len(row.cells) == width or not any(row.cells):
        return row
    if len(row.cells) > width and not any(row.cells[width:]):
        return Row(row.line, row.cells[:width])
    return Row(row.line, row.cells, (f"有 {len(row.cells)} 列，表头有 {width} 列", min(len(row.cells), width) + 1))


def last_rows(rows: Iterable[Row], columns: Columns) -> dict[str | None, int]:
    """Line of the last row of every call, so that calls can be closed while reading and not at the end."""
    last: dict[str | None, int] = {}
    current: str | None = None
    for row in rows:
        if any(row.cells) or row.fault:
            current = _row_call(row, columns) or current
            last[current] = row.line
    return last


def _row_call(row: Row, columns: Columns) -> str | None:
    at = columns.call_id
    return row.cells[at].strip() or None if at is not None and at < len(row.cells) else None


def read_rows(
    rows: Iterable[Row],
    columns: Columns,
    last: Mapping[str | None, int],
    *,
    file: str,
    stem: str | None,
    calls: Mapping[str, Mapping[str, str]] | None = None,
    extra: tuple[str, ...] = (),
) -> Iterator[IntakeRecord]:
    """Gather rows into calls and read each; holds only the calls whose last row has not come yet.

    A row that is broken or has no id rejects the call it stands in: a call with a turn missing must not be judged.

    Args:
        stem: id of the one call of a table that has no id column.
        calls: columns of a second sheet by call id.
        extra: notes for every call.
    """
    opened: dict[str | None, _Group] = {}
    current: str | None = None
    for row in rows:
        if not any(row.cells) and not row.fault:
            continue
        call_id = _row_call(row, columns)
        key = call_id or current
        group = opened.get(key)
        if group is None:
            group = opened[key] = _Group(row.line, key)
        current = key
        group.count += 1
        if group.fault is None:
            group.fault = _row_fault(row, columns, call_id, file)
            if group.count <= MAX_TURNS:
                group.rows.append(row)
        if row.line >= last[key]:
            del opened[key]
            yield _read_group(group, columns, file, stem, calls or {}, extra)


def _row_fault(row: Row, columns: Columns, call_id: str | None, file: str) -> IntakeError | None:
    if row.fault:
        return IntakeError(row.fault[0], file=file, line=row.line, column=row.fault[1])
    if columns.call_id is not None and call_id is None:
        reason = "此行没有通话编号（合并单元格请取消合并并逐行填写）"
        return IntakeError(reason, file=file, line=row.line, column=columns.call_id + 1)
    for at, cell in enumerate(row.cells):
        fault = text_fault(cell)
        if fault:
            return IntakeError(f"单元格{fault[0]}", file=file, line=row.line, column=at + 1)
    return None


def _read_group(
    group: _Group,
    columns: Columns,
    file: str,
    stem: str | None,
    calls: Mapping[str, Mapping[str, str]],
    extra: tuple[str, ...],
) -> IntakeRecord:
    notes: list[str] = []
    try:
        if group.fault:
            raise group.fault
        if group.count > MAX_TURNS:
            raise IntakeError(f"有 {group.count:,} 轮，上限 {MAX_TURNS:,} 轮", file=file, line=group.line)
        rows = _in_order(group.rows, columns, file, notes)
        obj: dict[str, Any] = {"call_id": group.call_id} if group.call_id else {}
        obj |= _call_columns(group.rows, columns, notes)
        for name, value in calls.get(group.call_id or "", {}).items():
            if value and obj.setdefault(name, value) != value:
                notes.append(f"列 {name[:30]!r} 与 calls 表不同，取对话表的值")
        obj["turns"] = [
            {key: row.cells[at] for at, key in columns.turn_keys.items() if row.cells[at] or at == columns.turn["text"]}
            for row in rows
        ]
        call, more = parse_transcript(
            obj,
            file=file,
            line=group.line,
            fallback_call_id=stem if columns.call_id is None else None,
            turn_lines=[row.line for row in rows],
        )
    except IntakeError as exc:
        return IntakeRecord(file, exc.line, error=exc, call_id=group.call_id)
    return IntakeRecord(file, group.line, call, (*notes, *more, *extra), call_id=call.call_id)


def _in_order(rows: list[Row], columns: Columns, file: str, notes: list[str]) -> list[Row]:
    at = columns.number
    if at is None:
        return rows
    numbers: list[float] = []
    for row in rows:
        try:
            numbers.append(float(row.cells[at]))
        except ValueError:
            numbers.append(nan)
        if not isfinite(numbers[-1]):
            raise IntakeError(f"轮次 {row.cells[at][:20]!r} 不是数字", file=file, line=row.line, column=at + 1)
    order = sorted(range(len(rows)), key=numbers.__getitem__)
    for before, after in pairwise(order):
        if numbers[before] == numbers[after]:
            reason = f"轮次 {rows[after].cells[at][:20]!r} 重复（另见第 {rows[before].line} 行）"
            raise IntakeError(reason, file=file, line=rows[after].line, column=at + 1)
    if order != list(range(len(rows))):
        notes.append("各行未按轮次排列，已按轮次排序")
    if numbers[order[-1]] - numbers[order[0]] != len(rows) - 1:
        notes.append("轮次编号不连续，可能缺行")
    return [rows[i] for i in order]


def _call_columns(rows: Sequence[Row], columns: Columns, notes: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for at, name in columns.call.items():
        for row in rows:
            value = row.cells[at].strip()
            if not value:
                continue
            if found.setdefault(name, value) != value:
                notes.append(f"列 {name[:30]!r} 在同一通话内不一致，取首个值（第 {row.line} 行不同）")
                break
    return found
