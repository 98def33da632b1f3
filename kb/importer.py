"""`kb add`: files into the document store, official texts of known regulations to their clauses."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

from kb.articles import Article, split_articles
from kb.chunking import Passage, split_source
from kb.clauses import ClauseBook
from kb.documents import Document, DocumentStore, Draft
from kb.loaders import SUFFIXES, RefusedFileError, Source, load_file, parse_day
from kb.normalize import fold
from xiaobao.domain import Regulation

Status = Literal["added", "updated", "unchanged", "refused"]
REGULATIONS = "regulations"
DOCUMENTS = "documents"
"""Where files go that name no collection and are no known regulation."""

_EFFECTIVE = ("effective", "effective_date", "生效日期", "生效日", "施行日期")
_EXPIRY = ("expiry", "expires", "expiry_date", "repealed", "失效日期", "失效日", "废止日期")
_KEY = ("id", "slug", "编号", "文档编号")
_SHOWN = 5


@dataclass(frozen=True)
class AddedFile:
    """What became of one file."""

    file: str
    """Name as given, for display."""
    status: Status
    title: str = ""
    collections: tuple[str, ...] = ()
    """Where its text can be found now."""
    version: int = 0
    passages: int = 0
    official_clauses: int = 0
    """Clauses that now show their official text."""
    warnings: tuple[str, ...] = ()
    """For the person who publishes: unreadable pages, duplicates, conflicts, missing articles."""
    reason: str = ""
    """Why it was refused, in Chinese."""


@dataclass(frozen=True)
class AddReport:
    """What became of an import."""

    files: tuple[AddedFile, ...]

    @property
    def refused(self) -> tuple[AddedFile, ...]:
        return tuple(file for file in self.files if file.status == "refused")

    @property
    def touched(self) -> frozenset[str]:
        """Collections whose content changed."""
        changed = (file for file in self.files if file.status in ("added", "updated"))
        return frozenset(name for file in changed for name in file.collections)


def add_files(paths: Sequence[Path], collection: str | None, *, store: DocumentStore, book: ClauseBook) -> AddReport:
    """Import files, and folders with all they hold; a refused file does not stop the others.

    Args:
        collection: where to put the text. None: official texts of known regulations go to their clauses, everything
            else to `documents`. A name of one's own also gets the articles of an official text.
    """
    return AddReport(tuple(_add(path, name, collection, store, book) for path, name in _expand(paths)))


def _expand(paths: Iterable[Path]) -> Iterator[tuple[Path, str]]:
    for path in paths:
        if not path.is_dir():
            yield path, path.name
            continue
        for file in sorted(path.rglob("*")):
            if file.is_file() and file.suffix.lower() in SUFFIXES:
                yield file, str(file.relative_to(path))


def _add(path: Path, name: str, collection: str | None, store: DocumentStore, book: ClauseBook) -> AddedFile:
    try:
        if not path.exists():
            raise RefusedFileError("文件不存在")
        source = load_file(path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        regulation, articles = recognise(source, path.stem, book)
        parts: list[AddedFile] = []
        if regulation is not None:
            parts.append(_add_official(name, digest, source, regulation, articles, store, book))
        if regulation is None or collection not in (None, REGULATIONS):
            target = collection or DOCUMENTS
            parts.append(_add_document(name, path.stem, digest, source, target, regulation, store))
        return _together(parts)
    except RefusedFileError as exc:
        return AddedFile(file=name, status="refused", reason=str(exc))
    except OSError as exc:
        return AddedFile(file=name, status="refused", reason=f"文件无法读取：{exc.strerror or type(exc).__name__}")


def recognise(source: Source, stem: str, book: ClauseBook) -> tuple[Regulation | None, tuple[Article, ...]]:
    """The known regulation a file is the official text of, by front matter, title or file name, and its articles."""
    names = {_name(value) for value in (source.meta.get("slug"), source.meta.get("title"), source.title, stem) if value}
    # Files without marks for headings: the title stands alone among the first lines.
    names |= {_name(line.text) for line in source.lines[:5] if len(line.text) <= 80}
    for regulation in book.regulations.values():
        known = {
            _name(regulation.slug),
            _name(regulation.title),
            _name(regulation.title).removeprefix("中华人民共和国"),
        }
        if names & known:
            articles = split_articles([line.text for line in source.lines], regulation.unit)
            if articles:
                return regulation, articles
    return None, ()


def _name(text: str) -> str:
    return "".join(fold(text).split()).strip("《》<>")


def _add_official(
    name: str,
    digest: str,
    source: Source,
    regulation: Regulation,
    articles: Sequence[Article],
    store: DocumentStore,
    book: ClauseBook,
) -> AddedFile:
    warnings = list(source.warnings)
    present = {article.number for article in articles}
    cited = [clause for clause in book if clause.regulation.slug == regulation.slug and book.summary(clause.clause_id)]
    missing = [clause.label for clause in cited if clause.article not in present]
    if missing:
        warnings.append(f"规则引用的条款在原文中未找到：{'、'.join(missing[:_SHOWN])}（共 {len(missing)} 条）")
    stated = _day(source.meta, _EFFECTIVE, [])
    if stated is not None and stated != regulation.effective:
        warnings.append(f"原文标注生效日 {stated}，登记为 {regulation.effective}：请核对是否同一版本")
    draft = Draft(
        collection=REGULATIONS,
        key=regulation.slug,
        kind="official",
        title=regulation.title,
        sha256=digest,
        source_name=name,
        passages=[
            Passage(f"{regulation.slug}#{article.number}", regulation.title, article.text, article=article.number)
            for article in articles
        ],
        clause_ids=[f"{regulation.slug}#{article.number}" for article in articles],
    )
    return _store(name, draft, warnings, store, official=len(articles))


def _add_document(
    name: str,
    stem: str,
    digest: str,
    source: Source,
    collection: str,
    regulation: Regulation | None,
    store: DocumentStore,
) -> AddedFile:
    warnings = list(source.warnings)
    title = regulation.title if regulation else (source.title or stem)
    key = regulation.slug if regulation else next((source.meta[k] for k in _KEY if source.meta.get(k)), Path(name).name)
    passages = split_source(source, key=key, title=title)
    if not passages:
        raise RefusedFileError("没有可导入的文字")
    clause_ids = [f"{regulation.slug}#{item.article}" if regulation and item.article else None for item in passages]
    draft = Draft(
        collection=collection,
        key=key,
        kind="document",
        title=title,
        sha256=digest,
        source_name=name,
        passages=passages,
        clause_ids=clause_ids,
        effective=regulation.effective if regulation else _day(source.meta, _EFFECTIVE, warnings),
        expiry=regulation.repealed if regulation else _day(source.meta, _EXPIRY, warnings),
    )
    return _store(name, draft, warnings, store)


def _store(name: str, draft: Draft, warnings: list[str], store: DocumentStore, official: int = 0) -> AddedFile:
    same = store.same_content(draft.collection, draft.kind, draft.sha256)
    if same is not None:
        if same.key != draft.key:
            warnings.append(f"内容与已导入的《{same.title}》（{same.source_name}）完全相同")
        return _added(name, "unchanged", same, warnings, official)
    if draft.kind == "document":
        warnings.extend(_conflicts(draft, store))
    document = store.save(draft)
    return _added(name, "added" if document.version == 1 else "updated", document, warnings, official)


def _added(name: str, status: Status, document: Document, warnings: Sequence[str], official: int) -> AddedFile:
    return AddedFile(
        file=name,
        status=status,
        title=document.title,
        collections=(document.collection,),
        version=document.version,
        passages=document.passages,
        official_clauses=official,
        warnings=tuple(warnings),
    )


def _conflicts(draft: Draft, store: DocumentStore) -> list[str]:
    """The same question answered differently by another document that is in use."""
    others = {_name(e.title): e for e in store.entries(draft.collection) if e.source != draft.source_name}
    clashes = [
        f"“{passage.title[:30]}”与 {other.source} 的答复不同"
        for passage in draft.passages
        if (other := others.get(_name(passage.title))) is not None
        and passage.title != draft.title
        and _plain(other.text) != _plain(passage.text)
    ]
    if len(clashes) > _SHOWN:
        return [*clashes[:_SHOWN], f"……另有 {len(clashes) - _SHOWN} 处答复不同"]
    return clashes


def _plain(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split())


def _day(meta: Mapping[str, str], names: Sequence[str], warnings: list[str]) -> date | None:
    for name in names:
        if meta.get(name):
            try:
                return parse_day(meta[name])
            except ValueError:
                warnings.append(f"{name} 无法识别为日期：{meta[name]!r}，按未填写处理")
    return None


def _together(parts: Sequence[AddedFile]) -> AddedFile:
    if len(parts) == 1:
        return parts[0]
    official, document = parts
    statuses = {official.status, document.status}
    return AddedFile(
        file=official.file,
        status="added" if "added" in statuses else "updated" if "updated" in statuses else "unchanged",
        title=official.title,
        collections=(*official.collections, *document.collections),
        version=document.version,
        passages=document.passages,
        official_clauses=official.official_clauses,
        warnings=tuple(dict.fromkeys((*official.warnings, *document.warnings))),
    )
