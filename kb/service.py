"""`KnowledgeBase`: the one object other packages use. Cheap to make; the search libraries load at the first search."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from kb.clauses import ClauseBook, load_clause_book
from kb.entries import Entry, without_repeats
from xiaobao.errors import InputError

if TYPE_CHECKING:
    from kb.documents import Document, DocumentStore
    from kb.importer import AddReport
    from kb.index_dir import IndexDirectory
    from kb.retriever import Hit, Retriever

logger = logging.getLogger(__name__)

REGULATIONS = "regulations"
FAQ = "faq"
EVERYTHING = "*"
"""Search over all collections at once."""
INDEX_FOLDER = "kb-index"
DOCUMENTS_FILE = "kb.sqlite3"
_SHANGHAI = timezone(timedelta(hours=8))


@dataclass(frozen=True)
class CollectionInfo:
    """One collection as `kb list` shows it."""

    name: str
    entries: int
    """What can be found in it, on any day."""
    documents: tuple[Document, ...]
    """Imported files, all versions; official texts stand under `regulations`."""


def today() -> date:
    """The calendar day in Shanghai."""
    return datetime.now(_SHANGHAI).date()


class KnowledgeBase:
    """Clauses, imported documents and search over one data directory.

    Judging needs only `clauses`: neither chromadb nor bm25s is imported before the first search. One process owns the
    index folder; in a second one search works all the same, with exact vectors held in memory.
    """

    def __init__(self, data_dir: Path, *, clock: Callable[[], date] = today) -> None:
        self._data_dir = data_dir
        self._clock = clock
        self._book: ClauseBook | None = None
        self._documents: DocumentStore | None = None
        self._directory: IndexDirectory | None = None
        self._retriever: Retriever | None = None
        self._lock = threading.RLock()

    @property
    def clauses(self) -> ClauseBook:
        """Every clause that can be cited, official texts included."""
        with self._lock:
            if self._book is None:
                store = self._store(create=False)
                self._book = load_clause_book(store.official_texts() if store else None)
            return self._book

    @property
    def retriever(self) -> Retriever:
        """The search over this knowledge base."""
        with self._lock:
            if self._retriever is None:
                self._retriever = self._make_retriever()
            return self._retriever

    def add(self, paths: Sequence[Path | str], collection: str | None = None) -> AddReport:
        """Import files or folders; each refused file is in the report with its reason.

        Args:
            collection: None puts official texts of known regulations to their clauses and the rest into `documents`.

        Raises:
            StoreError: the document database refused.
        """
        from kb.importer import add_files

        with self._lock:
            store = self._store(create=True)
            assert store is not None
            report = add_files([Path(path) for path in paths], collection, store=store, book=self.clauses)
            if report.touched:
                self._book = None
                if self._retriever is not None:
                    for name in (*report.touched, EVERYTHING):
                        self._retriever.forget(name)
            return report

    def list(self) -> tuple[CollectionInfo, ...]:
        """Every collection with what it holds."""
        store = self._store(create=False)
        documents = store.documents() if store else []
        return tuple(
            CollectionInfo(name, len(self.entries(name)), tuple(d for d in documents if d.collection == name))
            for name in self.collections()
        )

    def collections(self) -> tuple[str, ...]:
        """Names: the two shipped ones, then those made by imports."""
        store = self._store(create=False)
        own = {document.collection for document in store.documents()} if store else set()
        return (REGULATIONS, FAQ, *sorted(own - {REGULATIONS, FAQ}))

    def search(
        self, query: str, *, collection: str | None = None, day: date | None = None, top_k: int = 10
    ) -> list[Hit]:
        """Best entries valid on `day` (today when None), best first; over everything when no collection is named.

        Raises:
            InputError: no such collection.
        """
        return self.batch_search([query], collection=collection, day=day, top_k=top_k)[0]

    def batch_search(
        self, queries: Sequence[str], *, collection: str | None = None, day: date | None = None, top_k: int = 10
    ) -> list[list[Hit]]:
        """`search` for many questions: one list of hits a question, in their order."""
        if collection not in (None, EVERYTHING) and collection not in self.collections():
            raise InputError(f"知识库没有集合 {collection!r}；现有：{'、'.join(self.collections())}")
        return self.retriever.search_many(
            queries, collection=collection or EVERYTHING, day=day or self._clock(), top_k=top_k
        )

    def entries(self, collection: str) -> list[Entry]:
        """What a collection holds: the content its indexes are made from."""
        if collection == EVERYTHING:
            return _each_clause_once(entry for name in self.collections() for entry in self.entries(name))
        shipped: list[Entry] = []
        if collection == REGULATIONS:
            shipped = clause_entries(self.clauses)
        elif collection == FAQ:
            from kb.faq import load_faq

            shipped = load_faq()
        store = self._store(create=False)
        return without_repeats([*shipped, *(store.entries(collection) if store else [])])

    def close(self) -> None:
        """Give back the index folder and the database."""
        with self._lock:
            if self._retriever is not None:
                self._retriever.close()
            if self._directory is not None:
                self._directory.close()
            if self._documents is not None:
                self._documents.close()
            self._retriever = self._directory = self._documents = None

    def _store(self, *, create: bool) -> DocumentStore | None:
        with self._lock:
            if self._documents is None and (create or (self._data_dir / DOCUMENTS_FILE).exists()):
                from kb.documents import DocumentStore

                self._documents = DocumentStore(self._data_dir / DOCUMENTS_FILE)
            return self._documents

    def _make_retriever(self) -> Retriever:
        from kb.index_dir import IndexDirectory, IndexOwnedError
        from kb.retriever import Retriever
        from kb.vectors import ExactVectors

        try:
            self._directory = IndexDirectory.own(self._data_dir / INDEX_FOLDER)
        except (IndexOwnedError, PermissionError) as exc:
            # Chroma allows one process a folder; stale reads and crashes follow otherwise (chroma-core/chroma#3792).
            logger.warning("%s；本进程改用内存中的精确检索", exc)
            return Retriever(self.entries, ExactVectors())
        from kb.index import ChromaVectors

        return Retriever(self.entries, ChromaVectors(self._directory), self._directory)


def _each_clause_once(entries: Iterable[Entry]) -> list[Entry]:
    """An official article that was also put into a collection of one's own is still one thing to find."""
    seen: set[str] = set()
    kept: list[Entry] = []
    for entry in entries:
        if entry.clause_id is None:
            kept.append(entry)
        elif entry.clause_id not in seen:
            seen.add(entry.clause_id)
            kept.append(entry)
    return kept


def clause_entries(book: ClauseBook) -> list[Entry]:
    """The clauses as entries: found by their official text, our summary and its keywords alike."""
    return [
        Entry(
            id=clause.clause_id,
            title=f"{clause.regulation.short_title} {clause.label} {clause.title}".strip(),
            text=clause.text,
            extra="\n".join(
                part
                for part in (
                    " ".join(clause.keywords),
                    book.summary(clause.clause_id) if clause.text_origin == "official" else "",
                )
                if part
            ),
            effective=clause.effective,
            expiry=clause.repealed or date.max,
            clause_id=clause.clause_id,
            cites=(clause.clause_id,),
            source=clause.regulation.title,
            sample=clause.regulation.sample,
        )
        for clause in book
    ]
