"""What every loader returns, and the refusals they share."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from xiaobao.errors import InputError

_DATE = re.compile(r"^\s*(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?(?:\s|T|$)")
DIVISION = re.compile(r"^第\s*[零〇一二两三四五六七八九十百\d]+\s*[编章节][\s　]*\S{0,40}$")
"""A line that is only the heading of a part, chapter or section."""


class RefusedFileError(InputError):
    """A file that is not imported; the message says why, in Chinese."""

    code = "document_refused"


@dataclass(frozen=True, slots=True)
class Line:
    """One paragraph, table row or heading."""

    text: str
    level: int = 0
    """0: running text; 1 to 6: heading of that level."""


@dataclass(frozen=True, slots=True)
class Record:
    """One row of a table or one JSON line: an entry of its own, never split."""

    title: str
    text: str
    id: str | None = None
    effective: date | None = None
    expiry: date | None = None


@dataclass(frozen=True)
class Source:
    """The readable content of one file."""

    title: str = ""
    """As the file itself states it; empty where it does not."""
    meta: Mapping[str, str] = field(default_factory=dict)
    """Front matter, keys lower case."""
    lines: tuple[Line, ...] = ()
    records: tuple[Record, ...] = ()
    warnings: tuple[str, ...] = ()
    """What could not be read, for the person who imports (unreadable pages, bad rows)."""


def parse_day(value: object) -> date | None:
    """`2026-02-01`, `2026年2月1日`, a date: the day; None for an empty value.

    Raises:
        ValueError: something else.
    """
    if value is None or not str(value).strip():
        return None
    if isinstance(value, date):
        return date(value.year, value.month, value.day)
    match = _DATE.match(str(value))
    if not match:
        raise ValueError(f"not a date: {value!r}")
    return date(int(match[1]), int(match[2]), int(match[3]))


def heading_level(text: str) -> int:
    """1 for a line that is only 第X章/节…, else 0: formats without heading marks."""
    return 1 if DIVISION.match(text) else 0
