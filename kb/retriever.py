"""Hybrid search: BM25 and vectors, fused by reciprocal rank, over what is valid on the day of the call."""

from __future__ import annotations

import hashlib
import logging
import shutil
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from kb.bm25 import KeywordIndex
from kb.embedding import NgramEmbedder
from kb.entries import Entry, snapshot_of
from kb.index_dir import IndexDirectory
from kb.tokenize import tokenizer_fingerprint
from kb.vectors import Neighbours, VectorStore, valid_rows, validity

logger = logging.getLogger(__name__)

CANDIDATES = 100
"""Rows each arm hands to the fusion."""
RANK_OFFSET = 10
"""`k` of reciprocal rank fusion (Cormack et al., SIGIR 2009: 60 for thousands of results; ten fits lists of ten)."""
KEYWORD_WEIGHT = 0.6
"""Share of the keyword arm; benchmarks/retrieval.py: 0.6 to 0.8 differ by less than the noise, 0.5 loses at rank 1."""
RELEVANT_SIMILARITY = 0.2
"""Below this cosine of the best hit the collection holds no answer. On the shipped clauses and answers it keeps 98 % of
64 supervisors' questions and turns away 97 % of 500 opening lines of chats on films, music and travel."""
_KIND = "keywords"
_BATCH = 256
"""Queries handed to the vector store at once."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One entry found. Ranks are 1-based; None where that arm did not find it."""

    id: str
    title: str
    text: str
    score: float
    """Fused, 0 to 1; 1 means first in both arms. Orders hits of one query; not comparable between queries."""
    keyword_rank: int | None
    vector_rank: int | None
    keyword_score: float
    """BM25."""
    similarity: float
    """Cosine, 0 to 1; 0 where the vector arm did not find it."""
    coverage: float
    """Share of the question's weight that the entry contains, 0 to 1."""
    clause_id: str | None
    cites: tuple[str, ...]
    """Clause ids that support the text."""
    source: str
    effective: date
    expiry: date
    """First day no longer valid; `date.max` when open."""
    sample: bool

    @property
    def relevant(self) -> bool:
        """Whether the entry is near enough to answer at all; if the first hit is not, say "资料中没有"."""
        return self.similarity >= RELEVANT_SIMILARITY


@dataclass(frozen=True)
class _Loaded:
    entries: Sequence[Entry]
    keywords: KeywordIndex
    days: np.ndarray
    key: str


class Retriever:
    """Searches collections; each is indexed when first asked for, and again when its content changed."""

    def __init__(
        self,
        entries_of: Callable[[str], Sequence[Entry]],
        vectors: VectorStore,
        directory: IndexDirectory | None = None,
    ) -> None:
        """`directory` keeps the keyword indexes between runs; without it they are made in memory."""
        self._entries_of = entries_of
        self._vectors = vectors
        self._directory = directory
        self._loaded: dict[str, _Loaded] = {}
        # Chroma's client and the table of loaded collections are shared by the server's threads.
        self._lock = threading.RLock()

    def search(self, query: str, *, collection: str, day: date | None = None, top_k: int = 10) -> list[Hit]:
        """Best entries for a question, best first; those not valid on `day` are left out (None: every day's)."""
        return self.search_many([query], collection=collection, day=day, top_k=top_k)[0]

    def search_many(
        self, queries: Sequence[str], *, collection: str, day: date | None = None, top_k: int = 10
    ) -> list[list[Hit]]:
        """`search` for many questions at once."""
        with self._lock:
            loaded = self._load(collection)
            allowed = None if day is None else valid_rows(loaded.days, day)
            out: list[list[Hit]] = []
            for start in range(0, len(queries), _BATCH):
                part = queries[start : start + _BATCH]
                neighbours = self._vectors.query(collection, part, day, CANDIDATES)
                for query, near in zip(part, neighbours, strict=True):
                    out.append(_fuse(loaded, query, near, allowed, top_k))
            return out

    def forget(self, collection: str) -> None:
        """The collection's content changed: index it again at the next search."""
        with self._lock:
            self._loaded.pop(collection, None)

    def close(self) -> None:
        with self._lock:
            self._loaded.clear()
            self._vectors.close()

    def _load(self, collection: str) -> _Loaded:
        loaded = self._loaded.get(collection)
        if loaded is None:
            entries = list(self._entries_of(collection))
            snapshot = f"{tokenizer_fingerprint()}:{snapshot_of(entries)}"
            keywords = self._keywords(collection, entries, hashlib.sha256(snapshot.encode()).hexdigest())
            embedder = NgramEmbedder(keywords.document_frequency, len(entries))
            key = hashlib.sha256(f"{embedder.model_id}:{snapshot}".encode()).hexdigest()
            self._vectors.open(collection, entries, embedder, key)
            loaded = self._loaded[collection] = _Loaded(entries, keywords, validity(entries), key)
        return loaded

    def _keywords(self, collection: str, entries: Sequence[Entry], key: str) -> KeywordIndex:
        directory = self._directory
        if directory is None:
            return KeywordIndex.build([entry.search_text for entry in entries])
        place = directory.place(collection, _KIND, key)
        reason = directory.damage(place, key)
        if reason is None:
            return KeywordIndex.load(place, len(entries))
        logger.info("keyword index of %r is built: %s", collection, reason)
        index = KeywordIndex.build([entry.search_text for entry in entries])
        draft = directory.begin(collection, _KIND)
        index.save(draft)
        shutil.rmtree(place, ignore_errors=True)
        directory.publish(draft, collection, _KIND, key)
        return index


def _fuse(loaded: _Loaded, query: str, near: Neighbours, allowed: np.ndarray | None, top_k: int) -> list[Hit]:
    scores = loaded.keywords.scores(query)
    if allowed is not None:
        scores = np.where(allowed, scores, 0.0)
    order = [int(row) for row in np.argsort(-scores, kind="stable")[:CANDIDATES] if scores[row] > 0]
    keyword_rank = {row: rank for rank, row in enumerate(order, start=1)}
    vector_rank = {row: rank for rank, (row, _) in enumerate(near, start=1)}
    similarity = dict(near)
    best = RANK_OFFSET + 1

    def fused(row: int) -> float:
        keyword = KEYWORD_WEIGHT / (RANK_OFFSET + keyword_rank[row]) if row in keyword_rank else 0.0
        vector = (1 - KEYWORD_WEIGHT) / (RANK_OFFSET + vector_rank[row]) if row in vector_rank else 0.0
        return best * (keyword + vector)

    rows = sorted(keyword_rank.keys() | vector_rank.keys(), key=lambda row: (-fused(row), -scores[row], row))[:top_k]
    shares = loaded.keywords.coverage(query, rows)
    return [
        _hit(
            loaded.entries[row],
            fused(row),
            keyword_rank.get(row),
            vector_rank.get(row),
            float(scores[row]),
            near_by,
            share,
        )
        for row, share in zip(rows, shares, strict=True)
        for near_by in (similarity.get(row, 0.0),)
    ]


def _hit(
    entry: Entry,
    score: float,
    keyword_rank: int | None,
    vector_rank: int | None,
    keyword_score: float,
    similarity: float,
    coverage: float,
) -> Hit:
    return Hit(
        id=entry.id,
        title=entry.title,
        text=entry.text,
        score=round(score, 6),
        keyword_rank=keyword_rank,
        vector_rank=vector_rank,
        keyword_score=round(keyword_score, 4),
        similarity=round(similarity, 4),
        coverage=round(coverage, 4),
        clause_id=entry.clause_id,
        cites=entry.cites,
        source=entry.source,
        effective=entry.effective,
        expiry=entry.expiry,
        sample=entry.sample,
    )
