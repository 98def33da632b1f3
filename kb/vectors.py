"""The port to a vector store, and the exact one in memory that needs no files and no library but NumPy."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Protocol

import numpy as np

from kb.embedding import NgramEmbedder
from kb.entries import Entry, day_number

Neighbours = list[tuple[int, float]]
"""(row of the entry, cosine similarity), nearest first."""


class VectorStore(Protocol):
    """Nearest entries by meaning, one index a collection."""

    def open(self, collection: str, entries: Sequence[Entry], embedder: NgramEmbedder, key: str) -> None:
        """Make the collection searchable; `key` names exactly this content (entries, model, what it is fitted to)."""
        ...

    def query(self, collection: str, texts: Sequence[str], day: date | None, top: int) -> list[Neighbours]:
        """Nearest entries valid on `day` (all days when None), at most `top` for each text."""
        ...

    def close(self) -> None: ...


class ExactVectors:
    """Every similarity computed: the stand-in when another process owns the index folder."""

    def __init__(self) -> None:
        self._matrix: dict[str, np.ndarray] = {}
        self._days: dict[str, np.ndarray] = {}
        self._embedder: dict[str, NgramEmbedder] = {}

    def open(self, collection: str, entries: Sequence[Entry], embedder: NgramEmbedder, key: str) -> None:
        self._matrix[collection] = embedder.embed([entry.search_text for entry in entries])
        self._days[collection] = validity(entries)
        self._embedder[collection] = embedder

    def query(self, collection: str, texts: Sequence[str], day: date | None, top: int) -> list[Neighbours]:
        similarity = self._embedder[collection].embed(texts) @ self._matrix[collection].T
        if day is not None:
            similarity[:, ~valid_rows(self._days[collection], day)] = 0.0
        return [_nearest(row, top) for row in similarity]

    def close(self) -> None:
        self._matrix.clear()


def validity(entries: Sequence[Entry]) -> np.ndarray:
    """Day numbers (n, 2): first day valid, first day no longer valid."""
    pairs = [(day_number(entry.effective), day_number(entry.expiry)) for entry in entries]
    return np.array(pairs, dtype=np.int64).reshape(len(pairs), 2)


def valid_rows(days: np.ndarray, day: date) -> np.ndarray:
    """Which rows of `validity` hold on `day`."""
    number = day_number(day)
    return (days[:, 0] <= number) & (number < days[:, 1])


def _nearest(similarity: np.ndarray, top: int) -> Neighbours:
    order = np.argsort(-similarity, kind="stable")[:top]
    return [(int(row), float(similarity[row])) for row in order if similarity[row] > 0]
