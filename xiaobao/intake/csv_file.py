"""CSV and TSV, one row a turn, streamed in two passes: where each call ends, then the calls."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from xiaobao.errors import IntakeError
from xiaobao.intake.encoding import DAMAGED, Encoding, detect_encoding
from xiaobao.intake.limits import IntakeLimits
from xiaobao.intake.record import IntakeRecord
from xiaobao.intake.sources import Source
from xiaobao.intake.tables import Columns, Row, fitted, last_rows, read_rows

_DELIMITERS = ",\t;|"


def read_csv(source: Source, limits: IntakeLimits) -> Iterator[IntakeRecord]:
    """The calls of one CSV; `,`, tab, `;` or `|`, whichever the header row uses most."""
    encoding = detect_encoding(source.open, file=source.name)
    rows = _rows(source, encoding, limits)
    header = next(rows, None)
    if header is None:
        raise IntakeError("文件是空的", file=source.name)
    if header.fault:
        raise IntakeError(f"表头{header.fault[0]}", file=source.name, line=header.line)
    if len(header.cells) > limits.max_columns:
        reason = f"有 {len(header.cells):,} 列，上限 {limits.max_columns}"
        raise IntakeError(reason, file=source.name, line=header.line)
    columns = Columns(header, file=source.name)
    last = last_rows(rows, columns)
    if not last:
        raise IntakeError("只有表头，没有对话", file=source.name)
    second_pass = _rows(source, encoding, limits)
    next(second_pass)
    yield from read_rows(
        (fitted(row, columns.width) for row in second_pass),
        columns,
        last,
        file=source.name,
        stem=source.stem,
        extra=(encoding.note,) if encoding.note else (),
    )


def _rows(source: Source, encoding: Encoding, limits: IntakeLimits) -> Iterator[Row]:
    # The csv module has one field limit for the whole process; its default (131,072) is below our longest turn.
    csv.field_size_limit(limits.max_record_bytes)
    with source.open() as handle:
        text = io.TextIOWrapper(handle, encoding=encoding.codec, errors=DAMAGED, newline="")
        lines = _Lines(text, limits.max_record_bytes)
        sample = lines.peek()
        delimiter = max(_DELIMITERS, key=sample.count)
        while True:
            # A new reader after every fault: the state of a broken one would run into the rows that follow.
            reader = csv.reader(lines, delimiter=delimiter, strict=True)
            begins = lines.number + 1
            try:
                for cells in reader:
                    yield Row(begins, tuple(cells))
                    begins, lines.held = lines.number + 1, ""
                if not lines.cut:
                    return
                fault = f"单行超过 {limits.max_record_bytes:,} 个字符的上限"
            except csv.Error as exc:
                fault = f"单行超过 {limits.max_record_bytes:,} 个字符的上限" if lines.cut else _reason(str(exc))
            # Split by hand, only to learn which call the broken row belongs to.
            yield Row(begins, tuple(part.strip('" \r\n') for part in lines.held.split(delimiter)), (fault, None))
            lines.held, lines.cut = "", False


def _reason(message: str) -> str:
    if "unexpected end of data" in message:
        return "引号没有闭合，直到文件末尾"
    if "field larger" in message:
        return "单元格过长（可能引号没有闭合）"
    return "引号或换行不符合 CSV 格式"


class _Lines:
    """Lines of text for `csv.reader`, bounded, with the beginning of the present row at hand for error reports."""

    def __init__(self, text: io.TextIOWrapper, limit: int) -> None:
        self._text = text
        self._limit = limit
        self._first: str | None = None
        self.number = 0
        """Lines handed out so far."""
        self.held = ""
        self.cut = False
        """Whether the last line was above the limit; it was skipped, and the reader was told that the file ends."""

    def peek(self) -> str:
        """The first line."""
        self._first = self._text.readline(self._limit).removeprefix("\ufeff")
        return self._first

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line, self._first = (self._text.readline(self._limit), None) if self._first is None else (self._first, None)
        if not line:
            raise StopIteration
        self.number += 1
        if len(self.held) < 4096:
            self.held += line[:4096]
        if len(line) >= self._limit:
            self.cut = True
            while line and not line.endswith("\n"):
                line = self._text.readline(self._limit)
            raise StopIteration
        return line
