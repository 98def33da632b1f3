"""What was imported, by version: the source from which every index of imported text is made again."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import (
    LABEL_STYLE_TABLENAME_PLUS_COL,
    Boolean,
    Column,
    Connection,
    Date,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Row,
    Select,
    String,
    Table,
    Text,
    func,
    select,
)

from kb.chunking import Passage
from kb.entries import Entry, without_repeats
from xiaobao.store.engine import create_store_engine, read_transaction, sqlite_url, write_transaction

Kind = Literal["document", "official"]

_metadata = MetaData()
_documents = Table(
    "documents",
    _metadata,
    Column("id", String(32), primary_key=True),
    Column("collection", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("title", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("effective", Date),
    Column("expiry", Date),
    Column("source_name", Text, nullable=False),
    Column("imported_at", String(40), nullable=False),
    Column("superseded", Boolean, nullable=False, default=False),
    Index("documents_version", "collection", "kind", "key", "version", unique=True),
)
_passages = Table(
    "passages",
    _metadata,
    Column("document_id", ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True),
    Column("ordinal", Integer, primary_key=True),
    Column("entry_id", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("effective", Date),
    Column("expiry", Date),
    Column("clause_id", Text),
)


@dataclass(frozen=True, slots=True)
class Document:
    """One version of an imported file."""

    id: str
    collection: str
    key: str
    """What makes two files versions of one document: the id in the front matter, else the file name."""
    kind: Kind
    title: str
    version: int
    sha256: str
    effective: date | None
    expiry: date | None
    """First day no longer valid; set by the file, or by a newer version that starts on that day."""
    source_name: str
    imported_at: datetime
    superseded: bool
    """True: replaced on every day, no longer searched."""
    passages: int


@dataclass(frozen=True, slots=True)
class Draft:
    """A document about to be stored; `clause_ids` beside `passages` where they are official texts."""

    collection: str
    key: str
    kind: Kind
    title: str
    sha256: str
    source_name: str
    passages: Sequence[Passage]
    clause_ids: Sequence[str | None]
    effective: date | None = None
    expiry: date | None = None


class DocumentStore:
    """The imported documents of one data directory, in an SQLite file of their own."""

    def __init__(self, path: Path) -> None:
        self._engine = create_store_engine(sqlite_url(path))
        with write_transaction(self._engine) as connection:
            _metadata.create_all(connection)

    def close(self) -> None:
        self._engine.dispose()

    def same_content(self, collection: str, kind: Kind, sha256: str) -> Document | None:
        """The document in use that was made from exactly these bytes, if any."""
        query = _listing().where(
            _documents.c.collection == collection,
            _documents.c.kind == kind,
            _documents.c.sha256 == sha256,
            _documents.c.superseded.is_(False),
        )
        with read_transaction(self._engine) as connection:
            row = connection.execute(query.order_by(_documents.c.version.desc())).first()
            return _document(row) if row else None

    def save(self, draft: Draft) -> Document:
        """Store a new version and end the older ones: at once, or on the day the new one takes effect."""
        same = (
            _documents.c.collection == draft.collection,
            _documents.c.kind == draft.kind,
            _documents.c.key == draft.key,
        )
        document_id = uuid.uuid4().hex
        with write_transaction(self._engine) as connection:
            latest = connection.execute(select(func.max(_documents.c.version)).where(*same)).scalar()
            for old in connection.execute(select(_documents).where(*same, _documents.c.superseded.is_(False))).all():
                _end(connection, old, draft)
            connection.execute(
                _documents.insert().values(
                    id=document_id,
                    collection=draft.collection,
                    key=draft.key,
                    kind=draft.kind,
                    title=draft.title,
                    version=(latest or 0) + 1,
                    sha256=draft.sha256,
                    effective=draft.effective,
                    expiry=draft.expiry,
                    source_name=draft.source_name,
                    # Microseconds: two imports within a second must still have an order.
                    imported_at=datetime.now(UTC).isoformat(timespec="microseconds"),
                    superseded=False,
                )
            )
            connection.execute(
                _passages.insert(),
                [
                    {
                        "document_id": document_id,
                        "ordinal": ordinal,
                        "entry_id": passage.id,
                        "title": passage.title,
                        "text": passage.text,
                        "effective": passage.effective,
                        "expiry": passage.expiry,
                        "clause_id": clause_id,
                    }
                    for ordinal, (passage, clause_id) in enumerate(
                        zip(draft.passages, draft.clause_ids, strict=True), start=1
                    )
                ],
            )
            row = connection.execute(_listing().where(_documents.c.id == document_id)).one()
            return _document(row)

    def documents(self, collection: str | None = None) -> list[Document]:
        """All versions, by collection, document and version."""
        query = _listing().order_by(_documents.c.collection, _documents.c.key, _documents.c.version)
        if collection is not None:
            query = query.where(_documents.c.collection == collection)
        with read_transaction(self._engine) as connection:
            return [_document(row) for row in connection.execute(query)]

    def entries(self, collection: str) -> list[Entry]:
        """What of a collection is searched; an id that two documents use belongs to the newer import."""
        query = (
            select(_documents, _passages)
            .join_from(_documents, _passages)
            .where(
                _documents.c.collection == collection,
                _documents.c.kind == "document",
                _documents.c.superseded.is_(False),
            )
            .order_by(_documents.c.imported_at, _documents.c.version, _documents.c.id, _passages.c.ordinal)
            .set_label_style(LABEL_STYLE_TABLENAME_PLUS_COL)
        )
        with read_transaction(self._engine) as connection:
            return without_repeats([_entry(row) for row in connection.execute(query)])

    def official_texts(self) -> dict[str, str]:
        """Clause id → official text, from the newest import of each regulation."""
        query = (
            select(_passages.c.clause_id, _passages.c.text)
            .join_from(_passages, _documents)
            .where(_documents.c.kind == "official", _documents.c.superseded.is_(False))
            .order_by(_documents.c.key, _documents.c.version, _passages.c.ordinal)
        )
        with read_transaction(self._engine) as connection:
            return {row.clause_id: row.text for row in connection.execute(query)}


def _end(connection: Connection, old: Row[Any], draft: Draft) -> None:
    starts = draft.effective
    later = draft.kind == "document" and starts is not None and starts > (old.effective or date.min)
    values: dict[str, object] = {"superseded": True}
    if later and starts is not None:
        # Calls before the new version takes effect are still answered from the old one.
        values = {"expiry": min(old.expiry or date.max, starts)}
    connection.execute(_documents.update().where(_documents.c.id == old.id).values(**values))


def _listing() -> Select[Any]:
    count = (
        select(func.count())
        .select_from(_passages)
        .where(_passages.c.document_id == _documents.c.id)
        .scalar_subquery()
        .label("passages")
    )
    return select(_documents, count)


def _document(row: Row[Any]) -> Document:
    return Document(
        id=row.id,
        collection=row.collection,
        key=row.key,
        kind=row.kind,
        title=row.title,
        version=row.version,
        sha256=row.sha256,
        effective=row.effective,
        expiry=row.expiry,
        source_name=row.source_name,
        imported_at=datetime.fromisoformat(row.imported_at),
        superseded=row.superseded,
        passages=row.passages,
    )


def _entry(row: Row[Any]) -> Entry:
    effective = max(day for day in (row.documents_effective, row.passages_effective, date.min) if day is not None)
    expiry = min(day for day in (row.documents_expiry, row.passages_expiry, date.max) if day is not None)
    return Entry(
        id=row.passages_entry_id,
        title=row.passages_title,
        text=row.passages_text,
        effective=effective,
        expiry=expiry,
        clause_id=row.passages_clause_id,
        cites=(row.passages_clause_id,) if row.passages_clause_id else (),
        source=row.documents_source_name,
    )
