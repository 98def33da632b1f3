"""CSV, Excel and JSON Lines: one row, one entry."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from kb.loaders.base import Record, RefusedFileError, Source, parse_day
from kb.loaders.text import decode

MAX_ROWS = 200_000
_ID = ("id", "doc_id", "编号", "序号id")
_QUESTION = ("title", "question", "问题", "标准问", "标准问题", "标题", "问")
_ANSWER = ("text", "answer", "答案", "回答", "标准答案", "内容", "答")
_EFFECTIVE = ("effective", "effective_date", "生效日期", "生效日")
_EXPIRY = ("expiry", "expires", "expiry_date", "失效日期", "失效日", "有效期至")
_BAD_ROWS_SHOWN = 20


def load_csv(path: Path) -> Source:
    """The first row names the columns; comma, semicolon or tab between them."""
    text = decode(path.read_bytes())
    first = text.splitlines()[0] if text.strip() else ""
    delimiter = max(",;\t", key=first.count)
    rows = csv.reader(io.StringIO(text), delimiter=delimiter)
    return _table([("", rows)])


def load_xlsx(path: Path) -> Source:
    """Every sheet; formulas give their last computed value."""
    from openpyxl import load_workbook

    try:
        book = load_workbook(path, read_only=True, data_only=True, keep_links=False)
    except Exception as exc:
        raise RefusedFileError(f"Excel 文件无法读取：{type(exc).__name__}") from exc
    try:
        sheets = [(sheet.title, sheet.iter_rows(values_only=True)) for sheet in book.worksheets]
        return _table(sheets if len(sheets) > 1 else [("", rows) for _, rows in sheets])
    finally:
        book.close()


def load_jsonl(path: Path) -> Source:
    """`{"id", "title", "text"}` a line; `effective` and `expiry` optional. A bad line is listed, the rest kept."""
    records: list[Record] = []
    warnings: list[str] = []
    for number, line in enumerate(decode(path.read_bytes()).splitlines(), start=1):
        if not line.strip():
            continue
        try:
            records.append(_json_record(json.loads(line)))
        except json.JSONDecodeError:
            warnings.append(f"第 {number} 行：不是合法 JSON，未导入")
        except (ValueError, AttributeError, TypeError) as exc:
            reason = str(exc) if isinstance(exc, ValueError) else "不是 JSON 对象"
            warnings.append(f"第 {number} 行：{reason}，未导入")
        if len(records) > MAX_ROWS:
            raise RefusedFileError(f"超过 {MAX_ROWS} 行，请拆分后导入")
    return Source(records=tuple(records), warnings=_shorten(warnings))


def _json_record(row: dict[str, Any]) -> Record:
    name = _pick(row, _ID)
    text = _pick(row, _ANSWER)
    if not text.strip():
        raise ValueError("缺少 text")
    effective, expiry = _days(row)
    return Record(id=name or None, title=_pick(row, _QUESTION), text=text, effective=effective, expiry=expiry)


def _days(row: dict[str, Any]) -> tuple[date | None, date | None]:
    try:
        return parse_day(_pick(row, _EFFECTIVE)), parse_day(_pick(row, _EXPIRY))
    except ValueError as exc:
        raise ValueError("日期无法识别") from exc


def _pick(row: dict[str, Any], names: Sequence[str]) -> str:
    return next((str(row[name]) for name in names if row.get(name) not in (None, "")), "")


def _table(sheets: Iterable[tuple[str, Iterable[Sequence[Any]]]]) -> Source:
    records: list[Record] = []
    warnings: list[str] = []
    for sheet, rows in sheets:
        header: list[str] | None = None
        for number, cells in enumerate(rows, start=1):
            values = ["" if cell is None else str(cell).strip() for cell in cells]
            if not any(values):
                continue
            if header is None:
                header = values
                continue
            try:
                records.append(_row_record(sheet, header, values, number))
            except ValueError as exc:
                warnings.append(f"{sheet or '表'}第 {number} 行：{exc}，未导入")
            if len(records) > MAX_ROWS:
                raise RefusedFileError(f"超过 {MAX_ROWS} 行，请拆分后导入")
    return Source(records=tuple(records), warnings=_shorten(warnings))


def _row_record(sheet: str, header: list[str], values: list[str], number: int) -> Record:
    row = {name.lower(): value for name, value in zip(header, values, strict=False) if name}
    title, answer = _pick(row, _QUESTION), _pick(row, _ANSWER)
    special = {*_ID, *_EFFECTIVE, *_EXPIRY, *(_QUESTION if title else ()), *(_ANSWER if answer else ())}
    rest = [
        f"{name}：{value}" for name, value in zip(header, values, strict=False) if value and name.lower() not in special
    ]
    text = "\n".join(part for part in (answer, "；".join(rest)) if part)
    if not text:
        raise ValueError("没有内容")
    effective, expiry = _days(row)
    place = f"{sheet}-{number}" if sheet else str(number)
    return Record(
        id=_pick(row, _ID) or f"#{place}", title=title or sheet, text=text, effective=effective, expiry=expiry
    )


def _shorten(warnings: list[str]) -> tuple[str, ...]:
    if len(warnings) <= _BAD_ROWS_SHOWN:
        return tuple(warnings)
    return (*warnings[:_BAD_ROWS_SHOWN], f"……另有 {len(warnings) - _BAD_ROWS_SHOWN} 行未导入")
