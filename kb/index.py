"""Vectors in Chroma: embedded, one owner, our own embedding function, nothing sent anywhere.

The server of chromadb ≤ 1.5.9 has open advisories (CVE-2026-45829, CVE-2026-45833); only the embedded client is used.
Policy and knowledge text only: deleting from Chroma does not erase (chroma-core/chroma#3793).
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import chromadb
from chromadb.api.types import Documents, EmbeddingFunction, Embeddings
from chromadb.config import Settings

from kb.embedding import DIMENSIONS, NgramEmbedder
from kb.entries import Entry, day_number
from kb.index_dir import IndexDirectory
from kb.vectors import Neighbours
from xiaobao.errors import StoreError

logger = logging.getLogger(__name__)

_KIND = "vectors"
_COLLECTION = "entries"
"""Each KB collection lives in a Chroma folder of its own, so that rebuilding one leaves no deleted text behind."""
_HNSW = {
    "space": "cosine",
    "ef_construction": 200,
    "ef_search": 200,
    # One thread: insertion order, and with it the graph, is the same in every build.
    "num_threads": 1,
    "batch_size": 1000,
    "sync_threshold": 1000,
}


class NgramEmbeddingFunction(EmbeddingFunction[Documents]):
    """`NgramEmbedder` as Chroma calls it."""

    def __init__(self, embedder: NgramEmbedder | None = None) -> None:
        self._embedder = embedder

    def __call__(self, input: Documents) -> Embeddings:  # noqa: A002 - Chroma passes it by this name
        if self._embedder is None:
            raise StoreError("向量模型须与知识库语料一同构建，不能单独从 Chroma 目录恢复")
        return list(self._embedder.embed(input))

    @staticmethod
    def name() -> str:
        return "xiaobao_ngram_hash"

    def get_config(self) -> dict[str, Any]:
        return {"dimensions": DIMENSIONS, "model": self._embedder.model_id if self._embedder else ""}

    @staticmethod
    def build_from_config(config: dict[str, Any]) -> EmbeddingFunction[Documents]:
        # Chroma restores a function by its name; ours needs the collection's frequencies, which Chroma does not hold.
        return NgramEmbeddingFunction()


class ChromaVectors:
    """The vector store on disk. Missing, damaged or mismatching collections are rebuilt when opened."""

    def __init__(self, directory: IndexDirectory) -> None:
        self._directory = directory
        self._open: dict[str, tuple[Any, chromadb.Collection, int]] = {}
        self.rebuilt: dict[str, str] = {}
        """Collections built by this process and why: for the status bar and the log."""

    def open(self, collection: str, entries: Sequence[Entry], embedder: NgramEmbedder, key: str) -> None:
        self._release(collection)
        function = NgramEmbeddingFunction(embedder)
        labels = {"collection": collection, "model": embedder.model_id, "dimensions": DIMENSIONS, "key": key}
        place = self._directory.place(collection, _KIND, key)
        reason = self._directory.damage(place, key)
        if reason is None:
            try:
                self._attach(collection, place, key, function, labels, entries)
                return
            except Exception as exc:  # Chroma raises types of its own, of its Rust core, of SQLite
                reason = f"not readable: {type(exc).__name__}: {exc}"
                self._release(collection)
        logger.info("vector index of %r is built: %s", collection, reason)
        self.rebuilt[collection] = reason
        draft = self._directory.begin(collection, _KIND)
        self._build(draft, function, labels, entries)
        shutil.rmtree(place, ignore_errors=True)
        place = self._directory.publish(draft, collection, _KIND, key)
        self._attach(collection, place, key, function, labels, entries)

    def query(self, collection: str, texts: Sequence[str], day: date | None, top: int) -> list[Neighbours]:
        _, stored, size = self._open[collection]
        if not size or not texts:
            return [[] for _ in texts]
        found = stored.query(
            query_texts=list(texts), n_results=min(top, size), where=_valid_on(day), include=["distances"]
        )
        distances = found["distances"] or []
        return [
            # Cosine distance is 1 - similarity; a text that shares nothing has similarity 0 and is no neighbour.
            [(int(name), 1.0 - float(distance)) for name, distance in zip(ids, row, strict=True) if distance < 1.0]
            for ids, row in zip(found["ids"], distances, strict=True)
        ]

    def close(self) -> None:
        for collection in list(self._open):
            self._release(collection)

    def _release(self, collection: str) -> None:
        held = self._open.pop(collection, None)
        if held is not None:
            held[0].close()

    def _build(
        self, folder: Path, function: NgramEmbeddingFunction, labels: dict[str, Any], entries: Sequence[Entry]
    ) -> None:
        client = _client(folder)
        try:
            stored = client.create_collection(
                _COLLECTION, embedding_function=function, metadata=labels, configuration={"hnsw": _HNSW}
            )
            step = client.get_max_batch_size()
            for start in range(0, len(entries), step):
                part = entries[start : start + step]
                stored.add(
                    ids=[str(row) for row in range(start, start + len(part))],
                    documents=[entry.search_text for entry in part],
                    metadatas=[
                        {"effective": day_number(entry.effective), "expiry": day_number(entry.expiry)} for entry in part
                    ],
                )
        finally:
            client.close()

    def _attach(
        self,
        collection: str,
        place: Path,
        key: str,
        function: NgramEmbeddingFunction,
        labels: dict[str, Any],
        entries: Sequence[Entry],
    ) -> None:
        """Open a verified generation; seal it again, because Chroma notes each opening in its database."""
        client = _client(place)
        try:
            stored = client.get_collection(_COLLECTION, embedding_function=function)
            if stored.metadata != labels:
                raise StoreError(f"stored for {stored.metadata!r}")
            if stored.count() != len(entries):
                raise StoreError(f"{stored.count()} entries stored, {len(entries)} expected")
            if entries:
                # The graph is read (and its lengths file rewritten) at the first query only.
                stored.query(query_texts=[entries[0].search_text], n_results=1, include=["distances"])
            self._directory.seal(place, key)
        except BaseException:
            client.close()
            raise
        self._open[collection] = (client, stored, len(entries))


def _client(folder: Path) -> Any:
    settings = Settings(
        anonymized_telemetry=False,
        # An environment variable or a .env file must not switch tracing on.
        chroma_otel_collection_endpoint="",
        allow_reset=False,
    )
    return chromadb.PersistentClient(path=str(folder), settings=settings)


def _valid_on(day: date | None) -> Any:
    if day is None:
        return None
    number = day_number(day)
    return {"$and": [{"effective": {"$lte": number}}, {"expiry": {"$gt": number}}]}
