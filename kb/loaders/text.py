"""Plain text, Markdown and HTML."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import yaml
from charset_normalizer import from_bytes

from kb.loaders.base import Line, RefusedFileError, Source, heading_level

_FRONT = re.compile(r"\A---\s*\n(.*?)\n---\s*(?:\n|\Z)", re.DOTALL)
_HEADING = re.compile(r"^(#{1,6})\s+(.*?)\s*#*$")
_IMAGE = re.compile(r"!\[[^\]]*\]\([^)]*\)")
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
_EMPHASIS = re.compile(r"(\*\*|__)(.+?)\1")
_TABLE_RULE = re.compile(r"^\|?[\s:|-]+\|[\s:|-]*$")
_BLOCKS = frozenset({"p", "div", "li", "section", "article", "br", "table", "ul", "ol", "body", "title", "dt", "dd"})
_NULLS = frozenset({"", "null", "none", "~"})
_SILENT = frozenset({"script", "style", "noscript", "template", "svg"})


def decode(raw: bytes) -> str:
    """UTF-8, else GB 18030 (what Chinese office software writes), else the best guess.

    Raises:
        RefusedFileError: no encoding fits.
    """
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    best = from_bytes(raw).best()
    if best is None:
        raise RefusedFileError("无法识别文字编码")
    return str(best)


def load_plain(path: Path) -> Source:
    """One line, one paragraph."""
    lines = [line.strip() for line in decode(path.read_bytes()).splitlines()]
    kept = tuple(Line(line, heading_level(line)) for line in lines if line)
    return Source(title=kept[0].text if kept and len(kept[0].text) <= 60 else "", lines=kept)


def load_markdown(path: Path) -> Source:
    """Front matter, headings, paragraphs; a table row becomes 列：值；列：值."""
    text = decode(path.read_bytes()).replace("\r\n", "\n")
    meta, warnings = {}, []
    front = _FRONT.match(text)
    if front:
        text = text[front.end() :]
        try:
            meta = _front_matter(front.group(1))
        except (yaml.YAMLError, TypeError):
            warnings.append("文件头（front matter）无法解析，已忽略")
    lines: list[Line] = []
    header: list[str] | None = None
    for raw in text.split("\n"):
        line = raw.strip()
        if not line.startswith("|"):
            header = None
        if not line or _TABLE_RULE.match(line) or line.startswith("```"):
            continue
        heading = _HEADING.match(line)
        if heading:
            lines.append(Line(_inline(heading.group(2)), len(heading.group(1))))
        elif line.startswith("|"):
            cells = [_inline(cell.strip()) for cell in line.strip("|").split("|")]
            if header is None:
                header = cells
            else:
                lines.append(Line(table_row(header, cells)))
        elif shown := _inline(line):
            lines.append(Line(shown, heading_level(shown)))
    title = meta.get("title") or next((line.text for line in lines if line.level == 1), "")
    return Source(title=title, meta=meta, lines=tuple(lines), warnings=tuple(warnings))


def load_html(path: Path) -> Source:
    """Headings, paragraphs and table rows; scripts and links are not followed, nothing is fetched."""
    reader = _HtmlReader()
    reader.feed(decode(path.read_bytes()))
    reader.close()
    reader.end_block()
    return Source(title=reader.title, lines=tuple(reader.lines))


def table_row(header: list[str], cells: list[str]) -> str:
    """列：值；列：值, empty cells left out."""
    named = [f"{name}：{value}" if name else value for name, value in zip(header, cells, strict=False) if value]
    return "；".join(named)


def _front_matter(text: str) -> dict[str, str]:
    # BaseLoader reads every scalar as text: a date stays as written, and nothing is constructed.
    raw = yaml.load(text, yaml.BaseLoader)  # noqa: S506 - BaseLoader knows only text, lists and mappings
    if not isinstance(raw, dict):
        raise TypeError("front matter is not a mapping")
    scalars = {str(key).strip().lower(): value.strip() for key, value in raw.items() if isinstance(value, str)}
    return {key: value for key, value in scalars.items() if value.lower() not in _NULLS}


def _inline(text: str) -> str:
    text = _LINK.sub(r"\1", _IMAGE.sub("", text))
    return _EMPHASIS.sub(r"\2", text).replace("`", "").strip()


class _HtmlReader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.title = ""
        self.lines: list[Line] = []
        self._text: list[str] = []
        self._level = 0
        self._silent = 0
        self._in_title = False
        self._header: list[str] | None = None
        self._row: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SILENT:
            self._silent += 1
        elif tag == "title":
            self._in_title = True
        elif tag == "tr":
            self.end_block()
            self._row = []
        elif tag == "table":
            self.end_block()
            self._header = None
        elif re.fullmatch(r"h[1-6]", tag):
            self.end_block()
            self._level = int(tag[1])
        elif tag in _BLOCKS and self._row is None:
            self.end_block()

    def handle_endtag(self, tag: str) -> None:
        if tag in _SILENT:
            self._silent = max(0, self._silent - 1)
        elif tag == "title":
            self._in_title = False
        elif tag in ("td", "th") and self._row is not None:
            self._row.append(self._take())
        elif tag == "tr" and self._row is not None:
            row, self._row = self._row, None
            if self._header is None:
                self._header = row
            elif any(row):
                self.lines.append(Line(table_row(self._header, row)))
        elif (tag in _BLOCKS and self._row is None) or re.fullmatch(r"h[1-6]", tag):
            self.end_block()

    def handle_data(self, data: str) -> None:
        if self._silent:
            return
        if self._in_title:
            self.title += data.strip()
        else:
            self._text.append(data)

    def end_block(self) -> None:
        text = self._take()
        if text:
            self.lines.append(Line(text, self._level or heading_level(text)))
        self._level = 0

    def _take(self) -> str:
        text = " ".join("".join(self._text).split())
        self._text.clear()
        return text
