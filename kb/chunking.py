"""Content of a file → passages: one a row, one an article, else paragraphs packed under their headings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from kb.articles import label_of, split_articles
from kb.loaders import Line, Source

TARGET_CHARS = 350
"""A paragraph or two: read at a glance, and short enough for its topic to show in a vector."""
MAX_CHARS = 700
_MIN_ARTICLES = 3
"""Fewer 第X条 at the start of a line are quotations, not the structure of the document."""
_STOPS = "。！？；\n"


@dataclass(frozen=True, slots=True)
class Passage:
    """One searchable piece of a document. `effective` and `expiry` only where the row has its own."""

    id: str
    title: str
    text: str
    effective: date | None = None
    expiry: date | None = None
    article: str | None = None
    """Article number, where the document is split by articles."""


def split_source(source: Source, *, key: str, title: str) -> tuple[Passage, ...]:
    """Passages with ids that stay the same while the document's structure does; `key` prefixes those made here."""
    if source.records:
        return _rows(source, key, title)
    articles = split_articles([line.text for line in source.lines], "article")
    if len(articles) >= _MIN_ARTICLES:
        return tuple(
            Passage(
                id=f"{key}#{article.number}",
                title=" ".join(part for part in (title, article.heading, label_of(article.number, "article")) if part),
                text=article.text,
                article=article.number,
            )
            for article in articles
        )
    return _packed(source.lines, key, title)


def _rows(source: Source, key: str, title: str) -> tuple[Passage, ...]:
    out: dict[str, Passage] = {}
    for place, record in enumerate(source.records, start=1):
        name = record.id or f"#{place}"
        # A row number means nothing outside its file; an id of the author's own is kept as it is.
        name = f"{key}{name}" if name.startswith("#") else name
        out[name] = Passage(name, record.title or title, record.text, record.effective, record.expiry)
    return tuple(out.values())


def _packed(lines: Sequence[Line], key: str, title: str) -> tuple[Passage, ...]:
    passages: list[Passage] = []
    path: list[Line] = []
    held: list[str] = []

    def flush() -> None:
        if held:
            heads = [line.text for line in path if line.text != title]
            passages.append(Passage(f"{key}#{len(passages) + 1}", " / ".join([title, *heads]), "\n".join(held)))
            held.clear()

    for line in lines:
        if line.level:
            flush()
            path = [head for head in path if head.level < line.level] + [line]
            continue
        for piece in _pieces(line.text):
            if held and sum(map(len, held)) + len(piece) > TARGET_CHARS:
                flush()
            held.append(piece)
    flush()
    return tuple(passages)


def _pieces(text: str) -> list[str]:
    """A paragraph cut at sentence ends where it is longer than a passage may be."""
    if len(text) <= MAX_CHARS:
        return [text]
    out: list[str] = []
    while len(text) > MAX_CHARS:
        cut = max(text.rfind(stop, TARGET_CHARS // 2, MAX_CHARS) for stop in _STOPS) + 1
        cut = cut if cut > 0 else MAX_CHARS
        out.append(text[:cut])
        text = text[cut:]
    return [*out, text] if text else out
