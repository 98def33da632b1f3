"""Excel workbooks: sheets of turns, and a sheet `calls` with one row a call."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

from openpyxl import DEFUSEDXML, load_workbook

from xiaobao.errors import IntakeError
from xiaobao.intake.aliases import CALL_FIELDS, fold
from xiaobao.intake.limits import IntakeLimits
from xiaobao.intake.record import IntakeRecord, rejected
from xiaobao.intake.sources import Source, bomb_fault
from xiaobao.intake.tables import Columns, Row, fitted, last_rows, read_rows

_CALL_SHEETS = frozenset(fold(name) for name in ("calls", "call", "通话", "通话信息", "通话列表"))
_EXACT_DIGITS = 1e15
"""Excel keeps 15 digits; a longer number has already lost its last ones."""


def read_xlsx(source: Source, limits: IntakeLimits) -> Iterator[IntakeRecord]:
    """Every sheet but `calls` holds turns; calls that only `calls` knows are reported as calls without turns."""
    sheets = _load(source, limits)
    details = {fold(title): rows for title, rows in sheets if fold(title) in _CALL_SHEETS}
    tables = [(title, rows) for title, rows in sheets if fold(title) not in _CALL_SHEETS]
    calls: dict[str, dict[str, str]] = {}
    lines: dict[str, int] = {}
    for rows in details.values():
        for record in _call_rows(rows, source.name, calls, lines):
            yield record
    if not tables:
        raise IntakeError("工作簿里没有对话表", file=source.name)
    seen: set[str] = set()
    for title, rows in tables:
        name = f"{source.name}[{title}]" if len(tables) > 1 else source.name
        try:
            columns = Columns(rows[0], file=name)
            body = [fitted(row, columns.width) for row in rows[1:]]
            last = last_rows(body, columns)
            if not last:
                raise IntakeError("只有表头，没有对话", file=name)
            for record in read_rows(body, columns, last, file=name, stem=source.stem, calls=calls):
                seen.add(record.call_id or "")
                yield record
        except IntakeError as exc:
            yield rejected(exc)
    for call_id, line in lines.items():
        if call_id not in seen:
            error = IntakeError("calls 表里的通话没有对话轮次", file=source.name, line=line)
            yield IntakeRecord(source.name, line, error=error, call_id=call_id)


def _call_rows(
    rows: list[Row], file: str, calls: dict[str, dict[str, str]], lines: dict[str, int]
) -> Iterator[IntakeRecord]:
    names = [cell.strip() for cell in rows[0].cells]
    folded = [fold(name) for name in names]
    at = next((folded.index(word) for word in CALL_FIELDS["call_id"] if word in folded), None)
    if at is None:
        yield rejected(IntakeError("calls 表没有通话编号列", file=file, line=rows[0].line))
        return
    for raw in rows[1:]:
        row = fitted(raw, len(names))
        call_id = row.cells[at].strip() if at < len(row.cells) else ""
        if not any(row.cells) and not row.fault:
            continue
        if row.fault or not call_id or call_id in calls:
            reason = row.fault[0] if row.fault else "没有通话编号" if not call_id else f"通话编号 {call_id!r} 重复"
            column = row.fault[1] if row.fault else at + 1
            yield rejected(IntakeError(f"calls 表：{reason}", file=file, line=row.line, column=column))
            continue
        calls[call_id] = {name: row.cells[i] for i, name in enumerate(names) if name and i != at}
        lines[call_id] = row.line


def _load(source: Source, limits: IntakeLimits) -> list[tuple[str, list[Row]]]:
    """Title and non-empty rows of every sheet."""
    if not DEFUSEDXML:
        raise IntakeError("服务器缺少 defusedxml，出于安全不读取 xlsx", file=source.name)
    with source.open() as handle:
        data = handle.read(limits.max_workbook_bytes + 1)
    if not data:
        raise IntakeError("文件是空的", file=source.name)
    if len(data) > limits.max_workbook_bytes:
        reason = f"xlsx 超过 {limits.max_workbook_bytes:,} 字节的上限，请改用 CSV"
        raise IntakeError(reason, file=source.name)
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        raise IntakeError("xlsx 已加密，或是旧版 .xls；请去掉密码或另存为 .xlsx", file=source.name)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            fault = bomb_fault(entries, limits, packed=len(data))
            if fault is None and sum(e.file_size for e in entries) > limits.max_workbook_unpacked_bytes:
                fault = f"xlsx 解开后超过 {limits.max_workbook_unpacked_bytes:,} 字节的上限"
        if fault:
            raise IntakeError(fault, file=source.name)
        workbook = load_workbook(io.BytesIO(data), read_only=True, data_only=False, keep_links=False)
        try:
            budget = limits.max_table_rows
            sheets: list[tuple[str, list[Row]]] = []
            for sheet in workbook.worksheets:
                rows = _sheet_rows(sheet, source.name, budget, limits)
                budget -= len(rows)
                if rows:
                    sheets.append((sheet.title, rows))
        finally:
            workbook.close()
    except IntakeError:
        raise
    except Exception as exc:  # openpyxl raises whatever a malformed part makes it trip over
        raise IntakeError(f"xlsx 不完整、已损坏或含不安全的 XML（{type(exc).__name__}）", file=source.name) from exc
    if not sheets:
        raise IntakeError("文件是空的", file=source.name)
    return sheets


def _sheet_rows(sheet: Any, file: str, budget: int, limits: IntakeLimits) -> list[Row]:
    sheet.reset_dimensions()  # the stored dimension is often wrong
    rows: list[Row] = []
    blank = 0
    for number, cells in enumerate(sheet.iter_rows(max_col=limits.max_columns + 1), 1):
        if len(cells) > limits.max_columns and cells[limits.max_columns].value is not None:
            raise IntakeError(f"超过 {limits.max_columns} 列的上限", file=file, line=number)
        if all(cell.value is None for cell in cells):
            blank += 1
            if blank > limits.max_table_rows:
                raise IntakeError(f"空行超过 {limits.max_table_rows:,} 行的上限", file=file, line=number)
            continue
        if len(rows) >= budget:
            raise IntakeError(f"超过 {limits.max_table_rows:,} 行的上限，请改用 CSV", file=file, line=number)
        rows.append(_row(number, cells))
    width = max((len(row.cells) for row in rows[:1]), default=0)
    return [row if row.fault or len(row.cells) >= width else _padded(row, width) for row in rows]


def _padded(row: Row, width: int) -> Row:
    """Cells that were never filled do not exist in the file; unlike in CSV, nothing can have shifted."""
    return Row(row.line, row.cells + ("",) * (width - len(row.cells)))


def _row(number: int, cells: tuple[Any, ...]) -> Row:
    texts: list[str] = []
    fault: tuple[str, int | None] | None = None
    for column, cell in enumerate(cells, 1):
        text, reason = _cell(cell)
        texts.append(text)
        if reason and fault is None:
            fault = (reason, column)
    while texts and not texts[-1]:
        texts.pop()
    return Row(number, tuple(texts), fault)


def _cell(cell: Any) -> tuple[str, str | None]:
    """Text of a cell, or why it has none that can be trusted."""
    value = cell.value
    if value is None:
        return "", None
    if cell.data_type == "f":
        return "", "单元格是公式，没有可引用的原文；请复制后按“数值”粘贴"
    if cell.data_type == "e":
        return "", f"单元格是错误值 {value}"
    if isinstance(value, str):
        return value, None
    if isinstance(value, bool):
        return ("true" if value else "false"), None
    if isinstance(value, int | float):
        if abs(value) >= _EXACT_DIGITS:
            return "", "数字超过 15 位，Excel 已丢失精度；编号请用文本格式"
        return (str(int(value)) if value == int(value) else repr(value)), None
    if isinstance(value, datetime):
        dated = value.time() == time(0) and "h" not in (cell.number_format or "").lower()
        return (value.date() if dated else value).isoformat(), None
    if isinstance(value, date):
        return value.isoformat(), None
    if isinstance(value, time):
        return value.isoformat(), None
    if isinstance(value, timedelta):
        return repr(value.total_seconds()), None
    return "", f"单元格类型 {type(value).__name__} 不支持"
