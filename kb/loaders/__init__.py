"""File → readable content, by suffix. Nothing is fetched; a file that must not be opened is refused with its reason."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from kb.loaders.base import Line, Record, RefusedFileError, Source, parse_day
from kb.loaders.guard import check_file
from kb.loaders.office import load_docx, load_pdf
from kb.loaders.tables import load_csv, load_jsonl, load_xlsx
from kb.loaders.text import load_html, load_markdown, load_plain

__all__ = ["SUFFIXES", "Line", "Record", "RefusedFileError", "Source", "load_file", "parse_day"]

_LOADERS: dict[str, Callable[[Path], Source]] = {
    ".md": load_markdown,
    ".markdown": load_markdown,
    ".txt": load_plain,
    ".html": load_html,
    ".htm": load_html,
    ".jsonl": load_jsonl,
    ".csv": load_csv,
    ".xlsx": load_xlsx,
    ".docx": load_docx,
    ".pdf": load_pdf,
}
SUFFIXES = frozenset(_LOADERS)


def load_file(path: Path) -> Source:
    """Read one file.

    Raises:
        RefusedFileError: unknown format, encrypted, too large, macros, a scan, unreadable; the message says which.
    """
    check_file(path)
    loader = _LOADERS.get(path.suffix.lower())
    if loader is None:
        known = "、".join(sorted(suffix.lstrip(".") for suffix in SUFFIXES))
        raise RefusedFileError(f"不支持的格式 {path.suffix or '（无后缀）'}；可导入：{known}")
    source = loader(path)
    if not source.lines and not source.records:
        raise RefusedFileError("没有可导入的文字")
    return source
