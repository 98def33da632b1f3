"""Word and PDF, by the optional `documents` extra."""

from __future__ import annotations

import re
from pathlib import Path

from kb.articles import starts_article
from kb.loaders.base import Line, RefusedFileError, Source, heading_level
from kb.loaders.text import table_row

MAX_PAGES = 3000
_MIN_PAGE_CHARS = 8
"""A page with fewer characters holds a scan, a stamp or nothing."""
_SCANNED_SHARE = 0.8
_HEADING_STYLE = re.compile(r"^(?:heading|标题)\s*([1-6])$", re.IGNORECASE)
_ENDS = "。；：！？”）.;:!?"
_PAGE_NUMBER = re.compile(r"^[-—–\s]*(?:第\s*)?\d{1,4}(?:\s*/\s*\d{1,4})?(?:\s*页)?[-—–\s]*$")
_MISSING = "未安装 documents 组件，无法读取该格式（安装：pip install 'xiaobao[documents]'）"


def load_docx(path: Path) -> Source:
    """Paragraphs and headings in order; a table row becomes 列：值；列：值."""
    try:
        from docx import Document
        from docx.table import Table
    except ImportError as exc:
        raise RefusedFileError(_MISSING) from exc
    try:
        document = Document(str(path))
    except Exception as exc:
        raise RefusedFileError(f"Word 文件无法读取：{type(exc).__name__}") from exc
    lines: list[Line] = []
    for block in document.iter_inner_content():
        if isinstance(block, Table):
            rows = [[cell.text.strip().replace("\n", " ") for cell in row.cells] for row in block.rows]
            lines.extend(Line(table_row(rows[0], cells)) for cells in rows[1:] if any(cells))
            continue
        text = block.text.strip()
        if text:
            style = _HEADING_STYLE.match(block.style.name or "") if block.style is not None else None
            titled = block.style is not None and block.style.name in ("Title", "标题")
            lines.append(Line(text, int(style[1]) if style else 1 if titled else heading_level(text)))
    title = (document.core_properties.title or "").strip() or next((line.text for line in lines if line.level == 1), "")
    return Source(title=title or (lines[0].text if lines and len(lines[0].text) <= 60 else ""), lines=tuple(lines))


def load_pdf(path: Path) -> Source:
    """The text layer, with wrapped lines joined; a file of scans is refused, single scanned pages are listed."""
    try:
        from pypdf import PdfReader
        from pypdf.errors import PyPdfError
    except ImportError as exc:
        raise RefusedFileError(_MISSING) from exc
    try:
        reader = PdfReader(path)
        if reader.is_encrypted:
            raise RefusedFileError("文件已加密，请解除密码后再导入")
        if len(reader.pages) > MAX_PAGES:
            raise RefusedFileError(f"超过 {MAX_PAGES} 页，请拆分后导入")
        pages = [page.extract_text() or "" for page in reader.pages]
    except (PyPdfError, ValueError, KeyError, TypeError, RecursionError) as exc:
        raise RefusedFileError(f"PDF 无法读取：{type(exc).__name__}") from exc
    empty = [number for number, text in enumerate(pages, start=1) if len("".join(text.split())) < _MIN_PAGE_CHARS]
    if not pages or len(empty) >= _SCANNED_SHARE * len(pages):
        raise RefusedFileError("没有文字层（扫描件），需要 OCR 后再导入")
    warnings = (f"第 {'、'.join(map(str, empty))} 页没有文字层，需要 OCR，未导入",) if empty else ()
    lines = tuple(Line(text, heading_level(text)) for text in _join_wrapped(pages))
    return Source(title=lines[0].text if lines and len(lines[0].text) <= 60 else "", lines=lines, warnings=warnings)


def _join_wrapped(pages: list[str]) -> list[str]:
    """Undo the line breaks of the page: a line goes on until it ends a sentence or the next one starts something."""
    out: list[str] = []
    width = max((len(line.strip()) for page in pages for line in page.splitlines()), default=0)
    open_line = False
    for line in (raw.strip() for page in pages for raw in page.splitlines()):
        if not line or _PAGE_NUMBER.match(line):
            continue
        starts = starts_article(line) or heading_level(line) or line.startswith(("（一", "(一", "一、"))
        if out and open_line and not starts:
            out[-1] += line
        else:
            out.append(line)
        # A short line that ends without a full stop is a heading or a title, not a wrapped one.
        open_line = line[-1] not in _ENDS and len(line) >= 0.6 * width
    return out
